package trigger_test

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/trigger"
	"github.com/millrace-go/millrace/sdk/window"
)

// A sim is the pane logic of one key on top of a Machine: the least that a runner has to do around it. Elements are
// their own timestamps, in milliseconds.
type sim struct {
	fn           window.Fn
	machine      *trigger.Machine
	accumulating bool
	stamp        func(w window.Window, t mtime.Time) mtime.Time // an element's share of the pane's timestamp
	latest       bool                                           // the pane has the greatest of these, not the least
	lateness     mtime.Time
	emitEmpty    bool // a last pane is emitted even if it is empty (Beam's EMIT_ALWAYS)

	watermark, processing mtime.Time
	windows               map[window.Window]*simWindow
	out                   []pane
}

type simWindow struct {
	state   []int64
	values  []int64
	pending int  // elements that no pane has emitted
	onTime  bool // of these, one came before the end of the window
	held    bool
	hold    mtime.Time

	index, nonSpeculative int64
}

type pane struct {
	window                window.Window
	values                []int64
	timestamp             mtime.Time
	timing                window.Timing
	final                 bool
	index, nonSpeculative int64
}

func (p pane) String() string {
	s := fmt.Sprintf("pane [%d, %d) %v index=%d", p.window.Start, p.window.End, p.timing, p.index)
	if p.window.IsGlobal() {
		s = fmt.Sprintf("pane global %v index=%d", p.timing, p.index)
	}
	if p.final {
		s += " final"
	}
	return s + fmt.Sprintf(" %v", p.values)
}

func newSim(fn window.Fn, t trigger.Trigger) *sim {
	s := &sim{
		fn: fn, machine: trigger.Compile(t), accumulating: true, watermark: mtime.Min,
		stamp:   func(w window.Window, _ mtime.Time) mtime.Time { return w.MaxTimestamp() },
		windows: map[window.Window]*simWindow{},
	}
	if s.merger() != nil {
		s.machine = trigger.CompileMerging(t)
	}
	return s
}

func (s *sim) merger() window.Merger {
	m, _ := s.fn.(window.Merger)
	return m
}

func (s *sim) clock(w window.Window) trigger.Clock {
	return trigger.Clock{Watermark: s.watermark, EndOfWindow: w.MaxTimestamp(), Processing: s.processing, Synchronized: s.processing}
}

func (s *sim) sorted() []window.Window {
	var ws []window.Window
	for w := range s.windows {
		ws = append(ws, w)
	}
	slices.SortFunc(ws, func(a, b window.Window) int { return cmp.Or(cmp.Compare(a.End, b.End), a.Compare(b)) })
	return ws
}

// expires is the watermark from which on nothing is taken into w any more.
func (s *sim) expires(w window.Window) mtime.Time {
	return min(w.MaxTimestamp()+s.lateness, mtime.Max-1) + 1
}

// elements are one batch.
func (s *sim) elements(ts ...int64) {
	arrived := map[window.Window][]int64{}
	for _, t := range ts {
		for _, w := range s.fn.AssignWindows(nil, mtime.Time(t)) {
			arrived[w] = append(arrived[w], t)
		}
	}
	if s.merger() != nil {
		arrived = s.merge(arrived)
	}
	var order []window.Window
	for w := range arrived {
		order = append(order, w)
	}
	slices.SortFunc(order, window.Window.Compare)
	for _, w := range order {
		s.arrive(w, arrived[w])
	}
}

func (s *sim) arrive(w window.Window, ts []int64) {
	if s.watermark >= s.expires(w) {
		return // too late
	}
	c, sw := s.clock(w), s.windows[w]
	if sw == nil {
		sw = &simWindow{state: make([]int64, s.machine.StateLen())}
		s.windows[w] = sw
	}
	if s.machine.Finished(sw.state) {
		return
	}
	s.machine.OnElements(sw.state, int64(len(ts)), c)
	for _, t := range ts {
		sw.values = append(sw.values, t)
		// An element behind the watermark cannot hold it.
		if at := s.stamp(w, mtime.Time(t)); at >= s.watermark {
			s.holdAt(sw, at)
		}
	}
	sw.pending += len(ts)
	sw.onTime = sw.onTime || !c.Passed()
	if s.machine.ShouldFire(sw.state, c) {
		s.fire(w, false)
	}
}

func (s *sim) holdAt(sw *simWindow, t mtime.Time) {
	if !sw.held || s.latest == (t > sw.hold) {
		sw.held, sw.hold = true, t
	}
}

// merge merges what arrived with the windows that are there, and returns what arrived by the new windows.
func (s *sim) merge(arrived map[window.Window][]int64) map[window.Window][]int64 {
	all := s.sorted()
	for w := range arrived {
		if s.windows[w] == nil {
			all = append(all, w)
		}
	}
	slices.SortFunc(all, window.Window.Compare)
	for _, m := range s.merger().MergeWindows(all) {
		to := &simWindow{state: make([]int64, s.machine.StateLen())}
		var states [][]int64
		var ts []int64
		for _, w := range m.From {
			ts = append(ts, arrived[w]...)
			delete(arrived, w)
			sw := s.windows[w]
			if sw == nil {
				continue // it has no state to merge
			}
			delete(s.windows, w)
			states = append(states, sw.state)
			to.values = append(to.values, sw.values...)
			to.pending += sw.pending
			to.onTime = to.onTime || sw.onTime
			if sw.held {
				s.holdAt(to, max(sw.hold, s.stamp(m.To, sw.hold)))
			}
			if w == m.To { // otherwise it is a window that never had a pane
				to.index, to.nonSpeculative = sw.index, sw.nonSpeculative
			}
		}
		if ts != nil {
			arrived[m.To] = ts
		}
		if states != nil {
			s.machine.Merge(to.state, states, s.clock(m.To))
			s.windows[m.To] = to
		}
	}
	return arrived
}

func (s *sim) advanceWatermark(t mtime.Time) {
	type due struct {
		window window.Window
		event  mtime.Time
	}
	var dues []due
	for _, w := range s.sorted() {
		event, _ := s.machine.NextTimes(s.windows[w].state, s.clock(w))
		dues = append(dues, due{w, event})
	}
	s.watermark = t
	for _, d := range dues {
		sw, c := s.windows[d.window], s.clock(d.window)
		if d.event <= t && s.machine.ShouldFire(sw.state, c) {
			s.fire(d.window, true)
		}
		if t >= s.expires(d.window) {
			s.expire(d.window)
		}
	}
}

func (s *sim) advanceProcessing(t mtime.Time) {
	type due struct {
		window     window.Window
		processing mtime.Time
	}
	var dues []due
	for _, w := range s.sorted() {
		_, processing := s.machine.NextTimes(s.windows[w].state, s.clock(w))
		dues = append(dues, due{w, processing})
	}
	s.processing = t
	for _, d := range dues {
		if d.processing <= t && s.machine.ShouldFire(s.windows[d.window].state, s.clock(d.window)) {
			s.fire(d.window, false)
		}
	}
}

func (s *sim) fire(w window.Window, end bool) {
	sw, c := s.windows[w], s.clock(w)
	s.machine.OnFire(sw.state, c)
	finished := s.machine.Finished(sw.state)
	// Without allowed lateness the pane at the end is the last.
	s.emit(w, end, finished || c.Passed() && s.lateness == 0)
	if finished {
		sw.values = nil
	}
}

// expire emits what is left and forgets the window.
func (s *sim) expire(w window.Window) {
	sw := s.windows[w]
	if !s.machine.Finished(sw.state) && (sw.pending > 0 || s.emitEmpty && s.lateness > 0) {
		s.emit(w, false, true)
	}
	delete(s.windows, w)
}

// emit emits the pane, end saying whether because the watermark passed the end of the window.
func (s *sim) emit(w window.Window, end, final bool) {
	sw := s.windows[w]
	p := pane{window: w, final: final, index: sw.index, nonSpeculative: -1, timestamp: w.MaxTimestamp()}
	if s.clock(w).Passed() {
		p.timing, p.nonSpeculative = window.Late, sw.nonSpeculative
		if sw.nonSpeculative == 0 && (end || sw.onTime) {
			p.timing = window.OnTime
		}
	}
	if sw.pending == 0 && p.timing != window.OnTime && (!final || !s.emitEmpty) {
		return
	}
	if sw.held {
		p.timestamp = sw.hold
	}
	p.values = slices.Sorted(slices.Values(sw.values))
	s.out = append(s.out, p)
	sw.index++
	if p.timing != window.Early {
		sw.nonSpeculative++
	}
	sw.pending, sw.onTime, sw.held = 0, false, false
	if !s.accumulating {
		sw.values = nil
	}
}
