package model

import (
	"cmp"
	"maps"
	"slices"
)

// grouping is the part that GroupByKey, CombinePerKey, CoGroupByKey and views have in common: it buffers elements by key and
// window and decides when a pane fires. It follows Java's ReduceFnRunner, WatermarkHold and PaneInfoTracker where their tests
// pin something, but holds every element for as long as its window lives and computes everything else from these.
type grouping struct {
	windowing Windowing
	rules     Rules
	by        func(Element) string // what to group by
	keys      map[string]*groupedKey
}

type groupedKey struct {
	open   map[Window]*groupedWindow
	closed map[Window]bool // the trigger finished: nothing more is taken until the window expires
}

type groupedWindow struct {
	key      string
	window   Window
	elements []*buffered
	trigger  *machine
	last     *Pane // the pane that fired last, nil before the first
}

type buffered struct {
	Element
	input int
	fired bool // it was in a pane
	held  bool // it came in time to hold the output watermark, at time output
	// output is what the timestamp combiner makes of its time
	output int64
}

// pane is a firing.
type pane struct {
	key    string
	window Window
	time   int64
	pane   Pane
	of     []*buffered // in the order they came
}

func newGrouping(w Windowing, r Rules, by func(Element) string) *grouping {
	return &grouping{windowing: w, rules: r, by: by, keys: map[string]*groupedKey{}}
}

func byKey(e Element) string { return e.Key }

func byNothing(Element) string { return "" }

func (g *grouping) key(k string) *groupedKey {
	if g.keys[k] == nil {
		g.keys[k] = &groupedKey{open: map[Window]*groupedWindow{}, closed: map[Window]bool{}}
	}
	return g.keys[k]
}

func (g *grouping) moment(w Window, c clock) moment {
	return moment{window: w, watermark: c.input, now: c.now, after: g.rules.TimersAfter, merging: g.windowing.merges()}
}

func (g *grouping) expired(w Window, c clock) bool { return g.windowing.Expiry(w) < c.input }

// bundle takes the elements of one bundle of one input, and fires what is ready after it.
func (g *grouping) bundle(c clock, input int, elements []Element) (panes []pane, dropped []Dropped) {
	groups := map[string][]Element{}
	for _, e := range elements {
		k := g.by(e)
		groups[k] = append(groups[k], e)
	}
	for _, k := range slices.Sorted(maps.Keys(groups)) {
		key := g.key(k)
		into := map[Window]Window{}
		if g.windowing.merges() {
			into = g.merge(key, k, groups[k], c)
		}
		touched := map[Window]*groupedWindow{}
		for _, e := range groups[k] {
			w, merged := into[e.Window]
			if !merged {
				w = e.Window
			}
			early := g.rules.DropBeforeMerge && g.expired(e.Window, c)
			switch {
			case early || g.expired(w, c):
				dropped = append(dropped, Dropped{Element: e, Reason: Expired})
				continue
			case key.closed[w]:
				dropped = append(dropped, Dropped{Element: e, Reason: Closed})
				continue
			}
			if key.open[w] == nil {
				key.open[w] = &groupedWindow{key: k, window: w, trigger: newMachine(g.windowing.Trigger)}
			}
			gw := key.open[w]
			gw.elements = append(gw.elements, g.buffer(gw, c, input, e))
			gw.trigger.element(g.moment(w, c))
			touched[w] = gw
		}
		for _, w := range slices.SortedFunc(maps.Keys(touched), compareWindows) {
			panes = g.evaluate(touched[w], c.input, c, panes)
		}
	}
	return panes, dropped
}

// buffer decides whether an element holds the output watermark: not if the hold would be behind it, nor if the window has
// ended (WatermarkHold.addElementHold; transcripts known_late_data_*). A hold that only keeps a window from expiring
// downstream before its last pane is not needed here, since a pane always arrives before the watermark that made it fire.
func (g *grouping) buffer(gw *groupedWindow, c clock, input int, e Element) *buffered {
	b := &buffered{Element: e, input: input, output: e.Time}
	switch g.windowing.Combiner {
	case EndOfWindow:
		b.output = gw.window.Max()
	case EarliestTransformed:
		if g.windowing.Fn.Shift != nil {
			b.output = g.windowing.Fn.Shift(gw.window, e.Time)
		}
	}
	b.held = b.output >= g.output(gw, c.input, c) && gw.window.Max() >= c.input
	return b
}

// merge merges the windows of a bundle's elements with each other and with the open windows of the key, and returns what
// became of which. Windows whose trigger has finished are not merged any more (ReduceFnRunnerTest
// testMergingWithClosedDoesNotPoison).
func (g *grouping) merge(key *groupedKey, k string, elements []Element, c clock) map[Window]Window {
	all := slices.Collect(maps.Keys(key.open))
	for _, e := range elements {
		if !g.rules.DropBeforeMerge || !g.expired(e.Window, c) {
			all = append(all, e.Window)
		}
	}
	into := map[Window]Window{}
	for _, set := range g.windowing.Fn.merge(all) {
		var from []*groupedWindow
		for _, w := range set.from {
			into[w] = set.into
			if gw := key.open[w]; gw != nil {
				from = append(from, gw)
				delete(key.open, w)
			}
		}
		if len(from) > 0 {
			key.open[set.into] = g.mergeWindows(k, set.into, from, c)
			// Bounds that were closed once are open again: otherwise what an open window held would be lost.
			delete(key.closed, set.into)
		}
	}
	return into
}

func (g *grouping) mergeWindows(k string, w Window, from []*groupedWindow, c clock) *groupedWindow {
	result := &groupedWindow{key: k, window: w, trigger: newMachine(g.windowing.Trigger)}
	var machines []*machine
	for _, f := range from {
		machines = append(machines, f.trigger)
		result.elements = append(result.elements, f.elements...)
		if f.window == w {
			result.last = f.last // a window that is merged away takes its panes with it, the result starts at index 0
		}
	}
	result.trigger.merge(machines, g.moment(w, c))
	if g.windowing.Combiner == EndOfWindow {
		// The holds were at the ends of windows that are no more (WatermarkHold.onMerge).
		for _, b := range result.elements {
			b.output = w.Max()
			b.held = b.held && w.Max() >= c.input
		}
	}
	return result
}

// advance fires what is ready now that time has changed, in the order of the windows' ends, and lets windows expire.
func (g *grouping) advance(before, c clock) (panes []pane) {
	type due struct {
		gw   *groupedWindow
		time int64
	}
	var all []due
	for _, k := range g.keys {
		for w, gw := range k.open {
			d := due{gw, w.Max()}
			if g.expired(w, c) {
				d.time = g.windowing.Expiry(w)
			}
			all = append(all, d)
		}
		maps.DeleteFunc(k.closed, func(w Window, _ bool) bool { return g.expired(w, c) })
	}
	slices.SortFunc(all, func(a, b due) int {
		return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.gw.key, b.gw.key), compareWindows(a.gw.window, b.gw.window))
	})
	for _, d := range all {
		switch {
		case g.expired(d.gw.window, c):
			// One last pane, also if the end of the window and its expiry are passed in one step
			// (ReduceFnRunnerTest.testCombiningAccumulatingEventTime).
			panes = g.emit(d.gw, before.input, c, true, panes)
			delete(g.keys[d.gw.key].open, d.gw.window)
		case !g.rules.OnlyWhenDue || g.due(d.gw, before, c):
			panes = g.evaluate(d.gw, before.input, c, panes)
		}
	}
	return panes
}

func (g *grouping) due(gw *groupedWindow, before, c clock) bool {
	endPassed := before.input <= gw.window.Max() && c.input > gw.window.Max()
	return endPassed || gw.trigger.waits(g.moment(gw.window, before), g.moment(gw.window, c))
}

func (g *grouping) evaluate(gw *groupedWindow, before int64, c clock, panes []pane) []pane {
	at := g.moment(gw.window, c)
	if !gw.trigger.ready(at) {
		return panes
	}
	gw.trigger.fire(at)
	final := gw.trigger.finished
	panes = g.emit(gw, before, c, final, panes)
	if final {
		delete(g.keys[gw.key].open, gw.window)
		g.keys[gw.key].closed[gw.window] = true
	}
	return panes
}

// emit makes the pane of a firing, if it is to be seen (ReduceFnRunner.needToEmit): one with nothing new only if it is the
// on-time one or the last one and the windowing wants it. An unseen firing is not counted in the indices.
func (g *grouping) emit(gw *groupedWindow, before int64, c clock, last bool, panes []pane) []pane {
	p := pane{key: gw.key, window: gw.window, time: gw.window.Max()}
	p.pane = next(gw.last, gw.window, c.input, g.output(gw, before, c), last)
	empty := true
	for _, b := range gw.elements {
		if !b.fired || g.windowing.Accumulating {
			p.of = append(p.of, b)
		}
		empty = empty && b.fired
	}
	if hold, ok := g.hold(gw); ok {
		p.time = hold
	}
	for _, b := range gw.elements {
		b.fired = true
	}
	if empty && (p.pane.Timing != OnTime || g.windowing.OnTimeIfAny) && (!last || !g.windowing.ClosingAlways) {
		return panes
	}
	gw.last = &p.pane
	return append(panes, p)
}

// output returns the output watermark that counts for a window: that of the last step, in which the input watermark was input.
func (g *grouping) output(gw *groupedWindow, input int64, c clock) int64 {
	if !g.rules.OwnOutput {
		return c.output
	}
	if at, ok := g.hold(gw); ok {
		return min(at, input)
	}
	return input
}

// hold returns the timestamp that the next pane of a window will have, if its elements hold the output watermark.
func (g *grouping) hold(gw *groupedWindow) (at int64, ok bool) {
	for _, b := range gw.elements {
		if b.fired || !b.held {
			continue
		}
		switch {
		case !ok:
			at = b.output
		case g.windowing.Combiner == Latest:
			at = max(at, b.output)
		default:
			at = min(at, b.output)
		}
		ok = true
	}
	return at, ok
}

// holds returns the earliest hold of all, MaxTime if there is none.
func (g *grouping) holds() int64 {
	h := MaxTime
	for _, k := range g.keys {
		for _, gw := range k.open {
			if at, ok := g.hold(gw); ok {
				h = min(h, at)
			}
		}
	}
	return h
}
