package drive

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/millrace-go/millrace/sdk/mtime"
)

// Clock is a processing time that somebody moves: a test. Its methods, and those of what it returns, are safe for
// concurrent use.
type Clock interface {
	// Now is the time. It does not fall.
	Now() time.Time
	// Join says that a job begins to live by the clock.
	Join() Sleeper
}

// Sleeper is a job that lives by a Clock.
type Sleeper interface {
	// Sleep says that the job has nothing to do at the present time. due is when it will have, if nothing else happens; the
	// zero time if nothing waits for the clock. It returns when the time has moved, wake is sent to, or ctx has ended.
	Sleep(ctx context.Context, due time.Time, wake <-chan struct{})
	// Leave says that the job has ended.
	Leave()
}

// playClock runs a job that lives by a clock of its own: all workers on this goroutine, in an order that the seed
// decides, and when none has anything to do the clock is told.
func (f *Flow) playClock() error {
	rng := rand.New(rand.NewPCG(f.cfg.Seed, 1)) //nolint:gosec // a test's seed
	wake := make(chan struct{}, 1)
	id := goroutine()
	for _, w := range f.workers {
		w.wake, w.goroutine = wake, id
	}
	for {
		if err := f.settle(rng); err != nil || f.left.Load() == 0 {
			return err
		}
		// As in flowWorker.loop: what is told after idle is set wakes us, what came before is found by looking again.
		f.rouse(true)
		if err := f.settle(rng); err != nil || f.left.Load() == 0 {
			return err
		}
		f.sleeper.Sleep(f.ctx, f.due(), wake)
		f.rouse(false)
	}
}

func (f *Flow) rouse(idle bool) {
	for _, w := range f.workers {
		w.idle.Store(idle)
	}
}

// due is when a task wants to be woken; zero: none does.
func (f *Flow) due() time.Time {
	at := mtime.Max
	for _, w := range f.workers {
		for _, t := range w.tasks {
			at = min(at, t.wakeAt())
		}
	}
	if at == mtime.Max {
		return time.Time{}
	}
	return at.Time()
}
