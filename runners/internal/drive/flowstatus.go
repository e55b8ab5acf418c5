package drive

import (
	"fmt"

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
			for _, x := range p.p.Splits() {
				if x.Watermark <= p.watermark() && !x.Idle {
					ss.Holder = fmt.Sprintf("split %d", x.Number)
					if !x.Running && x.Resume > now {
						ss.Holder += " that has nothing to read"
					}
					break
				}
			}
			p.mu.Unlock()
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
