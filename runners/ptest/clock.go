package ptest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/millrace-go/millrace/runners/direct"
)

// Clock is a processing time that the test moves. Give it to a run with [OnClock]; the run then lives by it: its
// processing-time timers and triggers, the pauses of its sources, and what user code asks [exec.Context.Now].
//
// A run that lives by a Clock works on one goroutine, in an order that the seed decides, until it has nothing to do, and
// then rests. Its outcome does not depend on how fast the machine is; but what is due at the same time is done in any order.
// A source that always has more to give never rests: give it a rate or an end. One that waits inside ProcessElement for what
// the clock does not know of is asked to give way after two seconds, by the wall clock. The methods are safe for concurrent use;
// several runs may share a Clock.
type Clock struct {
	mu      sync.Mutex
	changed *sync.Cond
	now     time.Time
	runs    []*sleeper
	auto    bool
}

// NewClock returns a clock that shows start, and moves only by [Clock.Advance] and [Clock.Set].
func NewClock(start time.Time) *Clock {
	c := &Clock{now: start}
	c.changed = sync.NewCond(&c.mu)
	return c
}

// NewSelfWindingClock returns a clock that shows start, and moves on by itself, to the next time at which something is due,
// whenever all the runs that live by it are at rest. So [Run] and [Collect] come to the end of what would take hours. It
// stands still when nothing waits for it.
func NewSelfWindingClock(start time.Time) *Clock {
	c := NewClock(start)
	c.auto = true
	return c
}

// Now is the time that the clock shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock on by d, as time passes: it waits until the runs are at rest, goes to the next time at which
// something is due, waits again, and so on. It returns when everything that is due by then has been done, or the runs
// have ended. A timer that sets itself again each second fires ten times in ten seconds. (In a test stream the step is one:
// it fires once.) It is not to be called from inside a pipeline.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moveTo(c.now.Add(d))
}

// Set moves the clock on to t, as [Clock.Advance] does. A t before Now moves nothing; Set then only waits until the runs
// are at rest.
func (c *Clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moveTo(t)
}

// Settle waits until the runs have done everything that is due now, or have ended.
func (c *Clock) Settle() { c.Set(time.Time{}) }

func (c *Clock) moveTo(end time.Time) {
	for {
		for !c.resting() {
			c.changed.Wait()
		}
		at := end
		if due := c.due(); due.After(c.now) && due.Before(end) {
			at = due
		}
		if !at.After(c.now) {
			return
		}
		c.move(at)
	}
}

// resting reports whether no run has anything to do.
func (c *Clock) resting() bool {
	return !slices.ContainsFunc(c.runs, func(r *sleeper) bool { return !r.rests })
}

// due is when the first of the runs, which all rest, has something to do; zero: never.
func (c *Clock) due() (first time.Time) {
	for _, r := range c.runs {
		if !r.due.IsZero() && (first.IsZero() || r.due.Before(first)) {
			first = r.due
		}
	}
	return first
}

// move shows t. Each run looks again what is to be done.
func (c *Clock) move(t time.Time) {
	c.now = t
	c.poke()
}

// poke lets each run look what is to be done.
func (c *Clock) poke() {
	for _, r := range c.runs {
		r.rests = false
		close(r.moved)
		r.moved = make(chan struct{})
	}
}

// wind moves a clock on that winds itself.
func (c *Clock) wind() {
	if !c.auto || len(c.runs) == 0 || !c.resting() {
		return
	}
	if due := c.due(); !due.IsZero() {
		c.move(later(due, c.now.Add(time.Millisecond))) // what is due and was not done is tried again
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Join implements [direct.Clock].
func (c *Clock) Join() direct.Sleeper {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := &sleeper{c: c, moved: make(chan struct{})}
	c.runs = append(c.runs, r)
	return r
}

// sleeper is a run that lives by a clock.
type sleeper struct {
	c     *Clock
	rests bool
	due   time.Time
	moved chan struct{}
}

// Sleep implements [direct.Sleeper].
func (r *sleeper) Sleep(ctx context.Context, due time.Time, wake <-chan struct{}) {
	c := r.c
	c.mu.Lock()
	r.rests, r.due = true, due
	moved := r.moved
	c.wind()
	c.changed.Broadcast()
	c.mu.Unlock()
	select {
	case <-moved:
	case <-wake:
	case <-ctx.Done():
	}
	c.mu.Lock()
	r.rests = false
	c.mu.Unlock()
}

// Leave implements [direct.Sleeper].
func (r *sleeper) Leave() {
	c := r.c
	c.mu.Lock()
	defer c.mu.Unlock()
	c.runs = slices.DeleteFunc(c.runs, func(o *sleeper) bool { return o == r })
	c.wind()
	c.changed.Broadcast()
}
