package drive

import (
	"fmt"

	"github.com/millrace-go/millrace/runners/internal/stage"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/mtime"
)

// report is what a task tells of itself after each step, for readers on other goroutines.
type report struct {
	mark  mtime.Time
	hold  mtime.Time   // that keeps the watermark, if it is before the input's; else Max
	slow  *stage.Stage // of the input that keeps it, or nil
	stats exec.TaskStats
	done  bool
}

// holder says what keeps the watermark where it is.
func (r *report) holder() string {
	switch {
	case r.hold < mtime.Max:
		return fmt.Sprintf("a hold of its own at %v", r.hold)
	case r.slow != nil:
		return "input from " + r.slow.Name()
	}
	return ""
}

// publish tells where the task stands.
func (t *flowTask) publish() {
	r := &report{mark: t.sent, hold: mtime.Max, done: t.done}
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
		r.hold = t.task.Hold()
	case t.task != nil && len(t.in) > 0:
		r.slow = t.in[t.marks.Slowest()].from.s
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
				ss.Watermark, ss.Holder = r.mark, r.holder()
			}
			ss.Slots += r.stats.Slots
			ss.StateBytes += r.stats.Bytes
			ss.Droppable += r.stats.Dropped
			ss.Late += r.stats.Late
			ss.Unfired += r.stats.Unfired
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
