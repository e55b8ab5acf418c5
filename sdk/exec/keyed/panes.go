package keyed

import (
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/trigger"
	"github.com/millrace-go/millrace/sdk/window"
)

// panes is what a core has more where panes are not one a window: the state of the trigger and of the pane, by slot.
type panes struct {
	c       *core
	m       *trigger.Machine
	words   int // of trigger state
	trigger []int64
	state   []pane
	due     queue // processing times at which a trigger may be ready
	holds   queue
	holding bool // what is pending holds the output watermark
	touched []uint32
}

// pane is the state of a slot's pane.
type pane struct {
	pending int64      // elements since the last firing
	arrived int64      // of them, those of this bundle
	ts      mtime.Time // of the pane, by the timestamp combiner, of what was not late
	alarm   mtime.Time // what the slot's entry in due says
	held    mtime.Time // what the slot's entry in holds says; Max: there is none
	index   int32
	spoken  int32 // firings that were not early
	flags   flags
}

type flags uint8

const (
	timed   flags = 1 << iota // ts is set
	touched                   // in the list of the bundle
	closed                    // the trigger has finished: nothing more is taken
	onTime                    // a pane that was not early has fired
	told                      // the trigger has seen elements
)

func newPanes(c *core, m *trigger.Machine) *panes {
	p := &panes{c: c, m: m, words: m.StateLen()}
	// A pane at the end of its window comes before the watermark passes there, unless the trigger lets it.
	p.holding = c.strategy.Combiner != window.EndOfWindow || !c.strategy.FiresAtEnd()
	return p
}

func (p *panes) grow() {
	p.state = append(p.state, pane{alarm: mtime.Max, held: mtime.Max})
	for range p.words {
		p.trigger = append(p.trigger, 0)
	}
}

func (p *panes) reset(slot uint32) {
	p.state[slot] = pane{alarm: mtime.Max, held: mtime.Max}
	clear(p.of(slot))
}

func (p *panes) of(slot uint32) []int64 {
	return p.trigger[int(slot)*p.words : (int(slot)+1)*p.words]
}

func (p *panes) closed(slot uint32) bool { return p.state[slot].flags&closed != 0 }

// add says that n elements have been added to a slot, the combined time of those which are not late being ts.
func (p *panes) add(slot uint32, n int64, ts mtime.Time) {
	s := &p.state[slot]
	s.pending += n
	s.arrived += n
	if s.flags&touched == 0 {
		s.flags |= touched
		p.touched = append(p.touched, slot)
	}
	p.stamp(slot, s, ts)
}

// output is the output watermark that a slot alone would make of the input watermark w. What is decided by it does not
// depend on which keys share a task, as it would by the task's; and it is never behind the task's.
func (s *pane) output(w mtime.Time) mtime.Time {
	if s.flags&timed != 0 {
		return min(w, s.ts)
	}
	return w
}

// stamp adds the time of an element to the pane's, and holds the output watermark there. What is behind the output watermark
// cannot hold it, though an element that is not may be behind the input's; and once the end of the window is passed nothing
// holds it (Beam: WatermarkHold.addElementHold).
func (p *panes) stamp(slot uint32, s *pane, ts mtime.Time) {
	c := p.c
	w := c.window(slot)
	ts = c.strategy.OutputTime(w, ts)
	if ts < s.output(c.clock.Watermark) || w.End <= c.clock.Watermark {
		return
	}
	p.holdAt(slot, s, ts)
}

// holdAt adds a time to the pane's.
func (p *panes) holdAt(slot uint32, s *pane, ts mtime.Time) {
	old := s.ts
	if s.flags&timed != 0 {
		s.ts = p.c.strategy.Combiner.Combine(old, ts)
		if s.ts == old {
			return
		}
	} else {
		s.ts = ts
		s.flags |= timed
	}
	if p.holding && s.ts < s.held { // an entry that is earlier moves when its turn has come
		s.held = s.ts
		p.holds.push(due{s.ts, slot, p.c.gen[slot]})
	}
}

// timestamp is the time of a pane: the end of the window if it has only late elements.
func (p *panes) timestamp(slot uint32) mtime.Time {
	if s := &p.state[slot]; s.flags&timed != 0 {
		return s.ts
	}
	return p.c.window(slot).MaxTimestamp()
}

func (p *panes) hold() mtime.Time {
	for p.holds.len() > 0 {
		d := p.holds.h[0]
		s := &p.state[d.id]
		current := p.c.home[d.id] != nil && p.c.gen[d.id] == d.gen && s.held == d.at
		waits := current && s.pending > 0 && s.flags&timed != 0
		if waits && s.ts == d.at {
			return d.at
		}
		p.holds.pop()
		switch {
		case waits: // the pane's time is another by now
			s.held = s.ts
			p.holds.push(due{s.ts, d.id, d.gen})
		case current:
			s.held = mtime.Max
		}
	}
	return mtime.Max
}

func (p *panes) clock(slot uint32) trigger.Clock {
	ck := p.c.clock
	return trigger.Clock{Watermark: ck.Watermark, EndOfWindow: p.c.window(slot).MaxTimestamp(), Processing: ck.Processing, Synchronized: ck.Processing}
}

// endBundle evaluates the trigger of every slot that the bundle has touched.
func (p *panes) endBundle() error {
	for _, slot := range p.touched {
		s := &p.state[slot]
		if s.flags&touched == 0 || p.c.home[slot] == nil {
			continue // merged into another, or given away
		}
		s.flags &^= touched
		n := s.arrived
		s.arrived = 0
		ck := p.clock(slot)
		p.m.OnElements(p.of(slot), n, ck)
		s.flags |= told
		p.evaluate(slot, ck, false)
		if len(p.c.fired) >= exec.BatchSize {
			if err := p.c.flush(); err != nil {
				return err
			}
		}
	}
	p.touched = p.touched[:0]
	return p.c.flush()
}

// evaluate fires a slot if its trigger is ready.
func (p *panes) evaluate(slot uint32, ck trigger.Clock, expiring bool) {
	s := &p.state[slot]
	if s.flags&closed != 0 {
		return
	}
	st := p.of(slot)
	ready := p.m.ShouldFire(st, ck)
	if ready {
		p.m.OnFire(st, ck)
	}
	finished := expiring || ready && p.m.Finished(st)
	if ready || expiring {
		p.fire(slot, s, finished)
	}
	if !finished && p.m.UsesProcessingTime() {
		if _, at := p.m.NextTimes(st, ck); at != mtime.Max && at < s.alarm {
			s.alarm = at
			p.due.push(due{at, slot, p.c.gen[slot]})
		}
	}
}

// shut closes a slot, or opens it again.
func (p *panes) shut(slot uint32, s *pane, shut bool) {
	if shut == (s.flags&closed != 0) {
		return
	}
	s.flags ^= closed
	if g := p.c.merged; g != nil {
		g.shut(g.key[slot], slot)
	}
}

// fire emits a pane, unless it is empty and nobody wants to hear that (Beam: ReduceFnRunner, PaneInfoTracker).
func (p *panes) fire(slot uint32, s *pane, finished bool) {
	c := p.c
	w := c.window(slot)
	timing := window.Late
	if s.flags&onTime == 0 && w.End > s.output(c.passed) {
		timing = window.OnTime
		if w.End > c.clock.Watermark {
			timing = window.Early
		}
	}
	wanted := s.pending > 0 ||
		timing == window.OnTime && c.strategy.OnTime == window.FireAlways ||
		finished && c.strategy.Closing == window.FireAlways
	if finished {
		p.shut(slot, s, true)
	}
	if !wanted {
		return
	}
	f := firing{slot: slot, w: w, ts: p.timestamp(slot), clear: finished || !c.strategy.Accumulating}
	f.pane = window.Pane{Timing: timing, First: s.index == 0, Last: finished, Index: int64(s.index), NonSpeculativeIndex: -1}
	s.index++
	if timing != window.Early {
		f.pane.NonSpeculativeIndex = int64(s.spoken)
		s.spoken++
		s.flags |= onTime
	}
	if timing == window.Late {
		c.tardy += s.pending
	}
	s.pending = 0
	s.flags &^= timed
	c.fired = append(c.fired, f)
}

// endOfWindow is called when the watermark has passed the end of a slot's window, and again when it has expired.
func (p *panes) endOfWindow(slot uint32, expiring bool) {
	ck := p.clock(slot)
	if !expiring {
		// Only a trigger that waits for this moment is asked: another may be ready at any time it is asked.
		before := ck
		before.Watermark = ck.EndOfWindow
		if at, _ := p.m.NextTimes(p.of(slot), before); at == mtime.Max {
			return
		}
	}
	p.evaluate(slot, ck, expiring)
}

// tick evaluates what the processing time has made due.
func (p *panes) tick() (more bool, err error) {
	c := p.c
	for range perStep {
		if !p.due.ready(c.clock.Processing) {
			return false, c.flush()
		}
		d := p.due.pop()
		if c.home[d.id] == nil || c.gen[d.id] != d.gen {
			continue
		}
		if s := &p.state[d.id]; s.alarm == d.at {
			s.alarm = mtime.Max
			p.evaluate(d.id, p.clock(d.id), false)
		}
		if len(c.fired) >= exec.BatchSize {
			if err := c.flush(); err != nil {
				return false, err
			}
		}
	}
	return true, c.flush()
}
