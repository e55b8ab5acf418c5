package launch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"

	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/graph"
)

// jobRun runs the job of a program and tells about it.
type jobRun struct {
	*program
	log    *slog.Logger
	cancel context.CancelCauseFunc
	job    atomic.Pointer[sdk.Job] // once it has started, if it may be drained
}

// drain drains the job, if that is wanted and it has started, and reports whether.
func (j *jobRun) drain() bool {
	job := j.job.Load()
	if job != nil {
		(*job).Drain()
	}
	return job != nil
}

// tell reports what ends the program.
func (j *jobRun) tell(what string, err error) {
	if j.ro.json() {
		j.log.Error(what, "error", err)
		return
	}
	_, _ = fmt.Fprintf(j.screen, "%s: %s:\n  %s\n", j.name, what, strings.ReplaceAll(err.Error(), "\n", "\n  "))
}

// run starts the job and waits for its end.
func (j *jobRun) run(ctx context.Context, g *graph.Graph) int {
	var status *server
	if j.ro.HTTP != "" {
		// Before the job starts: an address that is taken costs no work.
		var err error
		if status, err = listen(j.ro.HTTP); err != nil {
			return j.usage(fmt.Errorf("--http=%s: %w", j.ro.HTTP, err))
		}
		defer status.close()
	}
	job, err := j.direct.runner(j.log).Start(ctx, g)
	if err != nil {
		j.tell("the runner cannot run the pipeline", err)
		return ExitUsage
	}
	if j.ro.Drain && g.Streaming() {
		j.job.Store(&job)
	}
	j.log = j.log.With("job", job.Status().JobID)
	if !j.ro.Quiet {
		j.log.Info("starting", "runner", j.ro.Runner, "options", &j.set)
	}
	if status != nil {
		status.serve(job, j.log)
	}
	shown := func() {}
	if !j.ro.Quiet {
		shown = j.progress(job, newSources(g))
	}
	err = job.Wait()
	shown()
	if !j.ro.Quiet {
		j.summary(job.Status())
	}
	switch {
	case err == nil:
		return ExitDone
	case ctx.Err() != nil:
		// Whatever the job's code made of its cancelled Context: the interrupt is the cause.
		if !errors.Is(err, context.Cause(ctx)) {
			j.tell("interrupted, and the job has ended with", err)
			return ExitInterrupted
		}
		j.log.Warn("interrupted")
		return ExitInterrupted
	}
	j.tell("the job has failed", err)
	return ExitFailed
}

// progress shows how far job is until the returned function is called.
func (j *jobRun) progress(job sdk.Job, src sources) (stop func()) {
	return startProgress(job, src, j.screen, j.screen.terminal && !j.ro.json(), j.log)
}

// summary tells, at the end, what the job has done.
func (j *jobRun) summary(st sdk.Status) {
	if j.ro.json() {
		j.log.Info("job "+st.State, "elapsed", st.Elapsed.Seconds(), "budget_bytes", st.Budget, "peak_held_bytes", st.PeakHeld,
			"spilled_bytes", st.Spilled, "steps", st.Steps, "metrics", st.Metrics)
		return
	}
	writeTable(j.screen, st)
}
