package model

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Model interprets a pipeline, one step after the other. It is used by one goroutine.
type Model struct {
	nodes    []*node // each after its inputs
	byName   map[string]*node
	now      int64
	before   int64 // processing time before the step
	draining bool
	step     int
	result   Result
	err      error
}

// node is a transform while it runs.
type node struct {
	Transform
	inputs    []*node
	consumers []edge
	run       runner
	pending   []bundle
	in        []int64 // the watermark of each input
	input     int64   // the least of those that hold the transform
	output    int64
	ended     bool // Source
}

type edge struct {
	to    *node
	input int
}

type bundle struct {
	input    int
	elements []Element
}

// clock is what a transform knows of time.
type clock struct {
	now      int64
	input    int64
	output   int64
	in       []int64
	draining bool
}

// of returns the clock of one input alone, for what has no output watermark of its own.
func (c clock) of(input int) clock {
	c.input, c.output = c.in[input], c.in[input]
	return c
}

// runner is what a kind of transform does.
type runner interface {
	// bundle takes one bundle of one input.
	bundle(c clock, input int, elements []Element) (out []Element, dropped []Dropped)
	// settled returns what must follow a bundle at once, as a bundle of its own.
	settled(c clock) []Element
	// clock is called when processing time has changed, advance when a watermark has.
	clock(before, c clock) []Element
	advance(before, c clock) []Element
	// holds returns the time beyond which the output watermark must not go, MaxTime for none.
	holds() int64
}

// New returns a model of the pipeline, with all watermarks at MinTime and processing time 0, or the pipeline's construction
// errors.
func New(p Pipeline, rules Rules) (*Model, error) {
	made, err := p.collections()
	if err != nil {
		return nil, err
	}
	m := &Model{byName: map[string]*node{}}
	for _, t := range p {
		n := &node{Transform: t, input: MinTime, output: MinTime, in: slices.Repeat([]int64{MinTime}, len(t.Inputs))}
		var in []Windowing
		for i, name := range t.Inputs {
			from := m.byName[name]
			n.inputs = append(n.inputs, from)
			from.consumers = append(from.consumers, edge{n, i})
			in = append(in, made[name].windowing)
		}
		n.run = newRunner(t, in, rules, &m.result.Counters)
		m.nodes = append(m.nodes, n)
		m.byName[t.Name] = n
	}
	return m, nil
}

func newRunner(t Transform, in []Windowing, rules Rules, counters *Counters) runner {
	switch t.Kind {
	case GroupByKey, CombinePerKey, CoGroupByKey:
		return &groupRun{transform: t, grouping: newGrouping(in[0], rules, byKey)}
	case Stateful:
		fn := t.Func
		if fn == nil {
			fn = t.Program.dofn()
		}
		return &statefulRun{fn: fn, windowing: in[0], rules: rules, counters: counters, cells: map[stateID]*Cells{}, timers: map[timerID]Timer{}}
	case SideInput:
		return &joinRun{how: t.Join, side: in[1], view: newGrouping(in[1], rules, byNothing), views: map[Window][]*buffered{}}
	}
	return &elementwise{t}
}

// Run interprets a pipeline under a script. Most scripts end every source; what is pending after one that does not stays so.
func Run(p Pipeline, steps []Step, rules Rules) (Result, error) {
	m, err := New(p, rules)
	if err != nil {
		return Result{}, err
	}
	for i, s := range steps {
		if err := m.Step(s); err != nil {
			return m.Result(), fmt.Errorf("step %d, %s: %w", i, s, err)
		}
	}
	return m.Result(), nil
}

// Result returns all that was made so far.
func (m *Model) Result() Result {
	r := m.result
	r.Outputs, r.Dropped = slices.Clone(r.Outputs), slices.Clone(r.Dropped)
	r.Watermarks = m.watermarks()
	return r
}

func (m *Model) watermarks() map[string]int64 {
	w := map[string]int64{}
	for _, n := range m.nodes {
		w[n.Name] = n.output
	}
	return w
}

// Step does one step of a script, all the way through the pipeline. A step that is not possible changes nothing; after an error of
// a DoFn, which every later step returns too, the model is of no use.
func (m *Model) Step(s Step) error {
	source := m.byName[s.Source]
	if s.Kind == Elements || s.Kind == AdvanceWatermark || s.Kind == End {
		switch {
		case source == nil || source.Kind != Source:
			return fmt.Errorf("no source %q", s.Source)
		case source.ended:
			return fmt.Errorf("source %q has ended", s.Source)
		}
	}
	m.before = m.now
	switch s.Kind {
	case Elements:
		bundle := slices.Clone(s.Elements)
		for i, e := range bundle {
			if e.Time < MinTime || e.Time >= MaxTime {
				return fmt.Errorf("an element with timestamp %s", timeString(e.Time))
			}
			bundle[i].Window, bundle[i].Pane = Global, NoFiring
		}
		m.deliver(source, bundle)
	case AdvanceWatermark:
		switch {
		case s.Time < source.output:
			return fmt.Errorf("the watermark goes back from %d to %d", source.output, s.Time)
		case s.Time >= MaxTime:
			return errors.New("a watermark of MaxTime is the step End")
		}
		source.output = s.Time
	case AdvanceProcessingTime:
		if s.Time < 0 {
			return fmt.Errorf("processing time goes back by %d", -s.Time)
		}
		m.now += s.Time
	case End:
		source.output, source.ended = MaxTime, true
	case Drain:
		m.draining = true
		for _, n := range m.nodes {
			if n.Kind == Source {
				n.output, n.ended = MaxTime, true
			}
		}
	}
	m.sweep(s.Kind == AdvanceProcessingTime)
	m.step++
	return m.err
}

// sweep lets each transform, inputs first, take the bundles that wait for it, look at the clock if it was changed, and then at
// its input watermark; only then its output watermark follows. So a watermark never overtakes an element.
func (m *Model) sweep(clockChanged bool) {
	for _, n := range m.nodes {
		if n.Kind == Source {
			continue
		}
		before := m.clock(n)
		for _, b := range n.bundles() {
			out, dropped := n.run.bundle(before, b.input, b.elements)
			m.drop(n, dropped)
			m.deliver(n, out)
			m.deliver(n, n.run.settled(before))
		}
		if clockChanged {
			then := before
			then.now = m.before
			m.deliver(n, n.run.clock(then, before))
		}
		for i, in := range n.inputs {
			n.in[i] = in.output
		}
		n.input = n.holding()
		if after := m.clock(n); after.input != before.input || !slices.Equal(after.in, before.in) {
			m.deliver(n, n.run.advance(before, after))
		}
		n.output = max(n.output, min(n.input, n.run.holds()))
		if s, ok := n.run.(*statefulRun); ok && s.err != nil && m.err == nil {
			m.err = fmt.Errorf("%s: %w", n.Name, s.err)
		}
	}
}

// bundles returns what waits for the transform and forgets it: the bundles of a side input first, then those of the other
// inputs in the order of the inputs.
func (n *node) bundles() []bundle {
	waiting := n.pending
	n.pending = nil
	slices.SortStableFunc(waiting, func(a, b bundle) int {
		if n.Kind == SideInput {
			return b.input - a.input
		}
		return a.input - b.input
	})
	return waiting
}

// holding returns the input watermark: a side input has no part in it.
func (n *node) holding() int64 {
	if n.Kind == SideInput {
		return n.in[0]
	}
	return slices.Min(n.in)
}

func (m *Model) clock(n *node) clock {
	return clock{now: m.now, input: n.input, output: n.output, in: slices.Clone(n.in), draining: m.draining}
}

// deliver records what a transform made, and makes it one bundle for each of its consumers.
func (m *Model) deliver(n *node, out []Element) {
	if len(out) == 0 {
		return
	}
	for _, e := range out {
		m.result.Outputs = append(m.result.Outputs, Output{Collection: n.Name, Step: m.step, Element: e})
	}
	for _, e := range n.consumers {
		e.to.pending = append(e.to.pending, bundle{e.input, out})
	}
}

func (m *Model) drop(n *node, dropped []Dropped) {
	for _, d := range dropped {
		d.Transform = n.Name
		m.result.Dropped = append(m.result.Dropped, d)
	}
}

// States returns the windows of a grouping that hold state, for each key: the open ones, and those whose trigger has finished.
// It is nil for other transforms.
func (m *Model) States(transform string) map[string]WindowStates {
	n := m.byName[transform]
	if n == nil {
		return nil
	}
	g, ok := n.run.(*groupRun)
	if !ok {
		return nil
	}
	states := map[string]WindowStates{}
	for name, k := range g.keys {
		states[name] = WindowStates{
			Open:   slices.SortedFunc(maps.Keys(k.open), compareWindows),
			Closed: slices.SortedFunc(maps.Keys(k.closed), compareWindows),
		}
	}
	return states
}

// WindowStates are the windows of a key that are known to a grouping.
type WindowStates struct {
	Open, Closed []Window
}
