package drive

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/mtime"
)

// report is what a task tells of itself after each step, for readers on other goroutines.
type report struct {
	mark   mtime.Time
	stats  exec.TaskStats
	holder string
	done   bool
}

// publish tells where the task stands.
func (t *flowTask) publish() {
	r := &report{mark: t.sent, done: t.done}
	if t.task != nil {
		r.stats = t.task.Stats()
		if t.done {
			r.stats.Bytes = 0
		}
		t.account.Charge(r.stats.Bytes - t.account.Held())
	}
	switch {
	case t.done:
	case t.task != nil && t.task.Hold() < t.clock.Watermark:
		r.holder = fmt.Sprintf("a hold of its own at %v", t.task.Hold())
	case t.task != nil && len(t.in) > 0:
		c := t.in[t.marks.Slowest()]
		r.holder = "input from " + c.from.s.Name()
	}
	t.told.Store(r)
}

// Status fills in what the run knows.
func (f *Flow) Status(st *sdk.Status) {
	f.report(f.plan.Graph, st)
	now := f.now()
	for _, s := range f.plan.Stages {
		row := sdk.StageStatus{Name: s.Name(), State: "running"}
		ss := &sdk.StreamStatus{Watermark: mtime.Max}
		done := 0
		for _, w := range f.workers {
			t := w.tasks[s.ID]
			ss.Busy += float64(t.busy.Load()) / float64(len(f.workers))
			ss.Blocked += float64(t.stuck.Load()) / float64(len(f.workers))
			r := t.told.Load()
			if r == nil {
				ss.Watermark = mtime.Min
				continue
			}
			if r.done {
				done++
			}
			if r.mark < ss.Watermark {
				ss.Watermark, ss.Holder = r.mark, r.holder
			}
			ss.Slots += r.stats.Slots
			ss.StateBytes += r.stats.Bytes
			ss.Droppable += r.stats.Dropped
		}
		if p := f.pools[s]; p != nil {
			p.mu.Lock()
			made, finished := p.p.Counts()
			row.Done, row.Remaining = finished, made-finished
			ss.Splits = p.splits(now)
			p.mu.Unlock()
			if len(ss.Splits) > 0 {
				switch x := ss.Splits[0]; {
				case x.Watermark > p.watermark():
				case x.State == sdk.SplitWaiting:
					ss.Holder = fmt.Sprintf("split %d that has nothing to read", x.Number)
				case x.State == sdk.SplitPaused:
					ss.Holder = fmt.Sprintf("split %d that waits for splits of %s", x.Number, f.furthestBehind(s.Root.Align))
				case x.State != sdk.SplitIdle:
					ss.Holder = fmt.Sprintf("split %d", x.Number)
				}
			}
		}
		if done == len(f.workers) {
			row.State, ss.Holder = "done", ""
		}
		if elapsed := float64(f.elapsed()); elapsed > 0 {
			ss.Busy, ss.Blocked = ss.Busy/elapsed, ss.Blocked/elapsed
		}
		if ss.Watermark > mtime.Min && ss.Watermark < mtime.EndOfGlobalWindow {
			ss.Lag = now.Sub(ss.Watermark)
		}
		row.Streaming = ss
		st.Stages = append(st.Stages, row)
	}
	st.Budget, st.Held, st.PeakHeld = f.cfg.Budget.Limit(), f.cfg.Budget.Used(), f.cfg.Budget.Peak()
	st.Plan = f.plan.String()
}

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
