package trigger

import (
	"time"

	"github.com/millrace-go/millrace/sdk/mtime"
)

// elements: n elements have arrived. A finished step sees them too where windows merge, since it may come back.
func (s *step) elements(st []int64, n int64, c Clock) {
	switch s.kind {
	case kindCount:
		if s.finished.get(st) == 0 {
			s.add(st, n)
		}
	case kindProcessing, kindSynchronized:
		if s.value.get(st) == 0 && s.finished.get(st) == 0 {
			s.value.set(st, toDeadline(s.target(c.Processing)))
		}
	case kindWatermark:
		past := s.past(st)
		if s.early() != nil && (!past || s.merging) {
			s.early().elements(st, n, c)
		}
		if s.late() != nil && past {
			s.late().elements(st, n, c)
		}
	case kindEach:
		if !s.merging {
			s.current(st).elements(st, n, c)
			return
		}
		for _, k := range s.subs {
			k.elements(st, n, c)
		}
	default:
		for _, k := range s.subs {
			if s.merging || k.finished.get(st) == 0 {
				k.elements(st, n, c)
			}
		}
	}
}

// add counts no further than the trigger does, which bounds the field and cannot overflow.
func (s *step) add(st []int64, n int64) {
	v := s.value.get(st)
	s.value.set(st, v+min(n, s.count-v))
}

// past reports whether the on-time firing of an AfterWatermark has been.
func (s *step) past(st []int64) bool {
	if s.late() != nil {
		return s.passed.get(st) != 0
	}
	return s.finished.get(st) != 0
}

// current is the part of an AfterEach whose turn it is, or nil.
func (s *step) current(st []int64) *step {
	for _, k := range s.subs {
		if k.finished.get(st) == 0 {
			return k
		}
	}
	return nil
}

// ready: the step is not finished.
func (s *step) ready(st []int64, c Clock) bool {
	switch s.kind {
	case kindDefault:
		return c.Passed()
	case kindAlways:
		return true
	case kindCount:
		return s.value.get(st) >= s.count
	case kindProcessing, kindSynchronized:
		v := s.value.get(st)
		return v != 0 && s.now(c) >= fromDeadline(v)
	case kindWatermark:
		if s.past(st) {
			return s.late() != nil && s.late().ready(st, c)
		}
		return c.Passed() || s.early() != nil && s.early().ready(st, c)
	case kindEach:
		k := s.current(st)
		return k != nil && k.ready(st, c)
	case kindAny, kindRepeat, kindOrFinally:
		for _, k := range s.subs {
			if k.finished.get(st) != 0 || k.ready(st, c) {
				return true
			}
		}
	case kindAll:
		for _, k := range s.subs {
			if k.finished.get(st) == 0 && !k.ready(st, c) {
				return false
			}
		}
		return true
	}
	return false
}

// fire moves a step that is ready on and reports whether it has finished by it.
func (s *step) fire(st []int64, c Clock) bool {
	if !s.advance(st, c) {
		return false
	}
	if s.merging {
		s.paneGone(st)
	} else {
		s.reset(st) // others may use these bits next
	}
	s.finished.set(st, 1)
	return true
}

func (s *step) advance(st []int64, c Clock) bool {
	switch s.kind {
	case kindCount, kindProcessing, kindSynchronized:
		return true
	case kindWatermark:
		return s.advanceWatermark(st, c)
	case kindEach:
		return s.advanceEach(st, c)
	case kindAny:
		one := false
		for _, k := range s.subs {
			if k.ready(st, c) {
				one = k.fire(st, c) || one
			} else {
				k.paneGone(st)
			}
		}
		return one
	case kindAll:
		all := true
		for _, k := range s.subs {
			if k.finished.get(st) == 0 {
				all = k.fire(st, c) && all
			}
		}
		return all
	case kindRepeat:
		if s.subs[0].fire(st, c) {
			s.subs[0].reset(st)
		}
	case kindOrFinally:
		main, finally := s.subs[0], s.subs[1]
		if !finally.ready(st, c) {
			// What finally has counted stays: it counts over all panes.
			return main.fire(st, c)
		}
		finally.fire(st, c)
		return true
	}
	return false
}

func (s *step) advanceWatermark(st []int64, c Clock) bool {
	early, late := s.early(), s.late()
	switch {
	case s.past(st):
		// The late trigger is repeated.
		late.fire(st, c)
		late.reset(st)
		if s.merging && early != nil {
			early.reset(st)
		}
	case c.Passed():
		if early != nil {
			early.reset(st)
		}
		if late == nil {
			return true
		}
		late.reset(st)
		s.passed.set(st, 1)
	default:
		early.fire(st, c)
		early.reset(st)
	}
	return false
}

func (s *step) advanceEach(st []int64, c Clock) bool {
	k := s.current(st)
	finished := k.fire(st, c)
	if s.merging {
		// The others saw the elements of the pane, in case a merge brings them back.
		before := true
		for _, o := range s.subs {
			switch {
			case o == k:
				before = false
			case before:
				o.paneGone(st)
			default:
				o.reset(st)
			}
		}
	}
	return finished && k == s.subs[len(s.subs)-1]
}

// paneGone forgets what the step knew of the pane, which has been emitted because of another: its elements and the
// time of the first. It keeps how far the step is.
func (s *step) paneGone(st []int64) {
	switch s.kind {
	case kindCount, kindProcessing, kindSynchronized:
		s.value.set(st, 0)
	case kindOrFinally:
		s.subs[0].paneGone(st)
	case kindWatermark:
		past := s.past(st)
		if s.early() != nil && (!past || s.merging) {
			s.early().paneGone(st)
		}
		if s.late() != nil && past {
			s.late().paneGone(st)
		}
	case kindEach:
		if !s.merging {
			s.current(st).paneGone(st) // and of no other, they share its bits
			return
		}
		fallthrough
	default:
		for _, k := range s.subs {
			k.paneGone(st)
		}
	}
}

// reset makes s and all below it as they were in the beginning.
func (s *step) reset(st []int64) {
	s.finished.set(st, 0)
	s.passed.set(st, 0)
	s.value.set(st, 0)
	for _, k := range s.subs {
		if k != nil {
			k.reset(st)
		}
	}
}

type times struct{ event, processing mtime.Time }

// next lowers t to the times at which s may become ready; s is not finished.
func (s *step) next(st []int64, c Clock, t *times) {
	switch s.kind {
	case kindDefault:
		t.passes(c)
	case kindProcessing:
		if v := s.value.get(st); v != 0 {
			if d := fromDeadline(v); d > c.Processing {
				t.processing = min(t.processing, d)
			}
		}
	case kindSynchronized:
		if v := s.value.get(st); v != 0 {
			if d := fromDeadline(v); d > c.Synchronized {
				t.processing = min(t.processing, max(d, c.Processing+1))
			}
		}
	case kindWatermark:
		switch {
		case !s.past(st):
			t.passes(c)
			if s.early() != nil {
				s.early().next(st, c, t)
			}
		case s.late() != nil:
			s.late().next(st, c, t)
		}
	case kindEach:
		if k := s.current(st); k != nil {
			k.next(st, c, t)
		}
	default:
		for _, k := range s.subs {
			if k.finished.get(st) == 0 {
				k.next(st, c, t)
			}
		}
	}
}

// passes: the watermark passes the end of the window at the millisecond after it.
func (t *times) passes(c Clock) {
	if !c.Passed() {
		t.event = min(t.event, c.EndOfWindow+1)
	}
}

func (s *step) now(c Clock) mtime.Time {
	if s.kind == kindSynchronized {
		return c.Synchronized
	}
	return c.Processing
}

// target is when the step is to fire if the first element of its pane arrives at t.
func (s *step) target(t mtime.Time) mtime.Time {
	for _, tr := range s.transforms {
		if !tr.align {
			t = t.Add(tr.delay)
			continue
		}
		period := mtime.Time(tr.period / time.Millisecond)
		over := (t - mtime.Time(tr.offset/time.Millisecond)) % period
		if over < 0 {
			over += period
		}
		if over > 0 {
			t = (t + period - over).Clamp()
		}
	}
	return t.Clamp()
}

// Deadlines are stored as milliseconds since mtime.Min plus one, so that 0 is "none".
const deadlineBits = 55

func toDeadline(t mtime.Time) int64 { return int64(t-mtime.Min) + 1 }

func fromDeadline(v int64) mtime.Time { return mtime.Time(v-1) + mtime.Min }
