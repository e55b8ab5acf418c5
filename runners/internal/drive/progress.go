package drive

import (
	"github.com/millrace-go/millrace/runners/internal/engine"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/graph"
)

// Status fills in what the run knows.
func (r *Run) Status(st *sdk.Status) {
	r.report(r.plan.Graph, st)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.plan.Stages {
		state, done, running, waiting := r.job.Progress(s)
		row := sdk.StageStatus{Name: s.Name(), State: state.String(), Done: int64(done), Remaining: int64(running + waiting)}
		if s.Root != nil && s.Root.Kind == graph.Splittable {
			row.LeftBytes += float64(r.job.Waiting(s))
		}
		if state == engine.Running {
			for _, w := range r.workers {
				if w.stage != s {
					continue
				}
				if inst := w.running.Load(); inst != nil {
					if sp, ok := inst.root.(exec.Splitter); ok {
						d, left := sp.Progress()
						row.DoneBytes += d
						row.LeftBytes += left
					}
				}
			}
		}
		st.Stages = append(st.Stages, row)
	}
	st.Budget, st.Held, st.PeakHeld = r.cfg.Budget.Limit(), r.cfg.Budget.Used(), r.cfg.Budget.Peak()
	st.Spilled = r.cfg.Budget.Disk().Written.Load()
	st.Unspilled = r.cfg.Budget.Disk().Read.Load()
	st.Plan = r.plan.String()
}
