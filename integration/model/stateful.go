package model

import (
	"cmp"
	"fmt"
	"slices"
)

// maxFirings is how many timers of a transform may fire in one step before the model calls the program an endless loop.
const maxFirings = 10_000

// statefulRun runs a stateful DoFn.
type statefulRun struct {
	fn        DoFn
	windowing Windowing
	rules     Rules
	counters  *Counters
	cells     map[stateID]*Cells // of every key and window that saw an element and has not expired
	timers    map[timerID]Timer
	err       error
}

type stateID struct {
	key    string
	window Window
}

func (s *statefulRun) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

func (s *statefulRun) bundle(c clock, _ int, elements []Element) (out []Element, dropped []Dropped) {
	for _, e := range elements {
		if s.windowing.Expiry(e.Window) < c.input {
			dropped = append(dropped, Dropped{Element: e, Reason: Expired})
			continue
		}
		id := stateID{e.Key, e.Window}
		if s.cells[id] == nil {
			s.cells[id] = &Cells{}
		}
		ctx := s.context(c, id, e.Time)
		ctx.Pane = e.Pane
		s.fn.ProcessElement(ctx, e)
		out = append(out, s.finish(ctx, id)...)
	}
	return out, dropped
}

// settled fires what a bundle has set in the past, or now: no time step is needed for it.
func (s *statefulRun) settled(c clock) []Element {
	return append(s.clock(c, c), s.advance(c, c)...)
}

func (s *statefulRun) context(c clock, id stateID, t int64) *Context {
	return &Context{
		Cells: *s.cells[id], Key: id.key, Window: id.window, Time: t, Pane: NoFiring,
		Now: c.now, Expiry: s.windowing.Expiry(id.window), Draining: c.draining, run: s,
	}
}

// finish ends a call: what it did to the state stays, and what it emitted is returned.
func (s *statefulRun) finish(ctx *Context, id stateID) []Element {
	*s.cells[id] = ctx.Cells
	return ctx.emitted
}

func (s *statefulRun) fire(c clock, t Timer) []Element {
	delete(s.timers, t.id())
	id := stateID{t.Key, t.Window}
	ctx := s.context(c, id, t.Output)
	ctx.FiredAt, ctx.inTimer = t.At, true
	s.fn.OnTimer(ctx, t.Tag)
	return s.finish(ctx, id)
}

func (s *statefulRun) expire(c clock, id stateID) []Element {
	var out []Element
	if s.fn.Expires() {
		ctx := s.context(c, id, id.window.Max())
		ctx.inTimer = true
		s.fn.OnWindowExpiration(ctx)
		out = s.finish(ctx, id)
	}
	delete(s.cells, id)
	for tid, t := range s.timers {
		if tid.key == id.key && tid.window == id.window {
			if t.Domain == ProcessingDomain {
				s.counters.ExpiredTimers++
			}
			delete(s.timers, tid)
		}
	}
	return out
}

func (s *statefulRun) reached(at, now int64) bool {
	return now > at || now == at && !s.rules.TimersAfter
}

// advance fires the event-time timers up to the input watermark, those they set included, and lets windows expire, in the
// order of time (I8; ParDoTest testEventTimeTimerOrdering, testTwoTimersSettingEachOther*, testOnWindowExpiration*).
func (s *statefulRun) advance(_, c clock) (out []Element) {
	type event struct {
		time    int64
		id      stateID
		expires bool
		timer   Timer
	}
	for range maxFirings {
		var all []event
		for tid, t := range s.timers {
			if t.Domain == EventTime && s.reached(t.At, c.input) {
				all = append(all, event{time: t.At, id: stateID{tid.key, tid.window}, timer: t})
			}
		}
		for id := range s.cells {
			if e := s.windowing.Expiry(id.window); e < c.input {
				all = append(all, event{time: e, id: id, expires: true})
			}
		}
		if len(all) == 0 || s.err != nil {
			return out
		}
		first := slices.MinFunc(all, func(a, b event) int {
			return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.id.key, b.id.key), compareWindows(a.id.window, b.id.window),
				compareBools(a.expires, b.expires), cmp.Compare(a.timer.Tag, b.timer.Tag))
		})
		if first.expires {
			out = append(out, s.expire(c, first.id)...)
		} else {
			out = append(out, s.fire(c, first.timer)...)
		}
	}
	s.fail(fmt.Errorf("%d timers fired in one step: an endless loop", maxFirings))
	return out
}

// clock fires the processing-time timers that are due, in the order of time. At the end of input and in a drain they do not
// fire (I8).
func (s *statefulRun) clock(_, c clock) (out []Element) {
	for range maxFirings {
		var due []Timer
		for _, t := range s.timers {
			if t.Domain == ProcessingDomain && s.reached(t.At, c.now) {
				due = append(due, t)
			}
		}
		if len(due) == 0 || s.err != nil {
			return out
		}
		out = append(out, s.fire(c, slices.MinFunc(due, func(a, b Timer) int {
			return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Key, b.Key), compareWindows(a.Window, b.Window), cmp.Compare(a.Tag, b.Tag))
		}))...)
	}
	s.fail(fmt.Errorf("%d timers fired in one step: an endless loop", maxFirings))
	return out
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// holds returns the earliest time the output watermark waits for, MaxTime if there is none.
func (s *statefulRun) holds() int64 {
	h := MaxTime
	for _, t := range s.timers {
		h = min(h, t.Output)
	}
	if s.fn.Expires() && !s.rules.NoExpirationHold {
		for id := range s.cells {
			h = min(h, id.window.Max())
		}
	}
	return h
}
