package trigger

import (
	"fmt"

	"github.com/millrace-go/millrace/sdk/mtime"
)

// Clock is what a trigger sees of time and of its window when it is asked.
//
// The watermark has passed the end of the window when Watermark > EndOfWindow. A watermark w promises that no
// element before w is still to come, so the window [0ms, 10ms), whose EndOfWindow is 9ms, is on time from
// watermark 10ms on, when an element at 9ms can no longer be missing.
type Clock struct {
	Watermark   mtime.Time // the input watermark; it never goes back
	EndOfWindow mtime.Time // the window's MaxTimestamp
	Processing  mtime.Time // the wall clock where elements are grouped; it never goes back
	// Synchronized is the processing time that everything upstream has reached, at most Processing. An engine that
	// does not track it sets it to Processing.
	Synchronized mtime.Time
}

// Passed reports whether the watermark has passed the end of the window.
func (c Clock) Passed() bool { return c.Watermark > c.EndOfWindow }

// Machine is a trigger compiled to a state machine, for runner authors. It is immutable and may be used by
// any number of goroutines.
//
// The state of a window of a key is a slice of StateLen words that belongs to the caller, who may store it as
// integers; all zero is the state of a window that has no element yet. The layout depends on the trigger's text, on
// whether the machine is for windows that merge, and on nothing else, so that a stored state can be read
// by another process.
//
// What the caller does:
//   - when elements arrive: Finished (then they are dropped), OnElements, and ShouldFire once for the batch;
//   - when the watermark or the processing time reaches what NextTimes said: ShouldFire once;
//   - if ShouldFire says so: OnFire, then emit the pane;
//   - before windows that have state become one: Merge.
//
// ShouldFire need not be asked again after OnFire: Default stays ready when the watermark has passed, with or without
// elements. Whether an empty pane is emitted is not the machine's business. No method allocates.
type Machine struct {
	root  *step
	words int

	elementsMayFire, early, processing, perWindow bool // see traits.go
}

// A step is a node of the compiled trigger.
type step struct {
	kind       kind
	count      int64
	transforms []transform
	subs       []*step // AfterWatermark: early and late, either may be nil
	merging    bool    // whether the windows merge

	finished field // set once the step has finished, if anything asks for it later
	passed   field // AfterWatermark with late firings: the on-time firing has been
	value    field // AfterCount: elements in the pane, up to count; processing time: the deadline
}

// Compile makes the machine of t for windows that do not merge. A nil t is Default. t must be valid, or a
// continuation of a valid trigger; Compile panics if it is not.
func Compile(t Trigger) *Machine { return compile(t, false) }

// CompileMerging is Compile for windows that merge, such as sessions. Since merging may take a trigger back to a part
// that had finished, its state is often longer, and every part sees every element.
func CompileMerging(t Trigger) *Machine { return compile(t, true) }

func compile(t Trigger, merging bool) *Machine {
	if t == nil {
		t = Default()
	}
	n := t.tree()
	if bad, err := n.check(); err != nil {
		panic(fmt.Sprintf("trigger: compiling %v: %v: %v", t, bad, err))
	}
	m := &Machine{root: build(n, merging)}
	l := layout{merging: merging}
	used := l.place(m.root, m.root.canFinish(), nil)
	m.words = len(used)
	if m.words > maxNodes {
		panic(fmt.Sprintf("trigger: compiling a trigger of %d parts, more than Validate allows", n.size()))
	}
	m.elementsMayFire, m.early = m.root.elementsMayFire(), m.root.mayFireEarly()
	m.processing, m.perWindow = m.root.usesProcessingTime(), m.root.perWindow()
	return m
}

// build makes the steps of n, leaving out those that change nothing.
func build(n *node, merging bool) *step {
	s := &step{kind: n.kind, count: n.count, transforms: n.transforms, merging: merging}
	for i, sub := range n.subs {
		// A late trigger that never fires still keeps the window open, so it is not left out.
		if sub == nil || n.kind == kindWatermark && i == 0 && sub.kind == kindNever {
			s.subs = append(s.subs, nil)
			continue
		}
		built := build(sub, merging)
		s.subs = append(s.subs, built)
		if n.kind == kindEach && !built.canFinish() {
			break // the rest is never reached
		}
	}
	switch {
	case s.kind == kindRepeat && !s.subs[0].canFinish(),
		s.kind == kindEach && len(s.subs) == 1:
		return s.subs[0]
	case s.kind == kindWatermark && s.subs == nil:
		s.subs = make([]*step, 2)
	}
	return s
}

func (s *step) early() *step { return s.subs[0] }
func (s *step) late() *step  { return s.subs[1] }

// canFinish is mayFinish for steps.
func (s *step) canFinish() bool {
	switch s.kind {
	case kindCount, kindProcessing, kindSynchronized:
		return true
	case kindWatermark:
		return s.late() == nil
	case kindAny, kindOrFinally:
		for _, k := range s.subs {
			if k.canFinish() {
				return true
			}
		}
	case kindAll, kindEach:
		for _, k := range s.subs {
			if !k.canFinish() {
				return false
			}
		}
		return true
	}
	return false
}

// StateLen is the number of words of the state of one window of one key: 0 for Default, Always and Never, 1 for
// most others. A trigger that never finishes and has no count, deadline or late trigger needs none.
func (m *Machine) StateLen() int { return m.words }

// OnElements records that n elements arrived at processing time c.Processing. It does nothing if the
// trigger has finished or n is not positive.
func (m *Machine) OnElements(s []int64, n int64, c Clock) {
	if m.words > 0 && n > 0 && !m.Finished(s) {
		m.root.elements(s, n, c)
	}
}

// ShouldFire reports whether the pane is to be emitted now.
func (m *Machine) ShouldFire(s []int64, c Clock) bool {
	return !m.Finished(s) && m.root.ready(s, c)
}

// OnFire moves the trigger on, the pane having been emitted. It must follow a ShouldFire that said yes, with
// the same clock.
func (m *Machine) OnFire(s []int64, c Clock) {
	if m.words > 0 {
		m.root.fire(s, c)
	}
}

// Finished reports whether the trigger has come to its end. The window then takes no more elements, and its state
// must be kept for as long as elements for the window are not dropped as late.
func (m *Machine) Finished(s []int64) bool { return m.root.finished.get(s) != 0 }

// NextTimes returns the earliest event time and the earliest processing time, later than c's, at which time alone may
// make ShouldFire true, or mtime.Max where there is none. The first is a watermark: the window is ready when c.Watermark
// is at least that. They are estimates on the early side: ShouldFire decides. Once they are reached, and after OnElements,
// OnFire and Merge, they are others, and may be later than they were.
//
// A synchronized processing time counts as a processing time. If c.Processing is there already and c.Synchronized is
// not, the time is the next millisecond: look again at the next tick.
func (m *Machine) NextTimes(s []int64, c Clock) (event, processing mtime.Time) {
	t := times{mtime.Max, mtime.Max}
	if !m.Finished(s) {
		m.root.next(s, c, &t)
	}
	return t.event, t.processing
}
