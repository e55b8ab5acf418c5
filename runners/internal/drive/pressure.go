package drive

import (
	"fmt"
	"sync/atomic"
	"time"
)

// pressure is the state of a job that holds more than its budget: sources are not read until it holds less. If that
// does not help in time the job fails, with what holds the most.
type pressure struct{ since atomic.Int64 } // when it began, in ns since the epoch; 0: there is none

// relief is how long sources may rest before the job fails.
const relief = 10 * time.Second

// rest reports whether sources are to rest.
func (f *Flow) rest() (bool, error) {
	b := f.cfg.Budget
	if b.Limit() == 0 || b.Used() <= b.Limit() {
		f.over.since.Store(0)
		return false, nil
	}
	now := time.Now().UnixNano()
	if f.over.since.CompareAndSwap(0, now) {
		f.cfg.Log.Warn("the state of the job has reached its budget: sources rest until windows close or timers clear some", "job", f.cfg.JobID,
			"budget_bytes", b.Limit(), "held_bytes", b.Used())
	}
	if time.Duration(now-f.over.since.Load()) < relief {
		return true, nil
	}
	var most int64
	name := ""
	for _, s := range f.plan.Stages {
		var held int64
		for _, w := range f.workers {
			if r := w.tasks[s.ID].told.Load(); r != nil {
				held += r.stats.Bytes
			}
		}
		if held > most {
			most, name = held, s.Name()
		}
	}
	return true, fmt.Errorf("the state of the job holds %d bytes, more than the budget of %d, and has not shrunk in %v while its sources rested; %s holds most of it, %d bytes: raise the budget, shorten windows and lateness, or clear state with timers",
		b.Used(), b.Limit(), relief, name, most)
}
