// Package drive runs the engine's state machine on goroutines, with a real clock.
package drive

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/millrace-go/millrace/runners/internal/engine"
	"github.com/millrace-go/millrace/runners/internal/stage"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/exec/budget"
	"github.com/millrace-go/millrace/sdk/exec/spool"
	"github.com/millrace-go/millrace/sdk/graph"
)

// Config is how a run is driven.
type Config struct {
	JobID     string
	Workers   int
	Budget    *budget.Budget
	TempDir   string
	Log       *slog.Logger
	BatchSize int
	Strict    bool
	Seed      uint64 // of a strict run
	// Clock is the processing time of a streaming job; nil: the wall clock, or that of a test stream.
	Clock Clock
	// Fired is exec.Host.Fired.
	Fired func(exec.Firing)
	// StallAfter is how long user code may stay on one element before it is reported.
	StallAfter time.Duration
	// GraceAfterCancel is how long user code may ignore a cancelled Context before it is reported.
	GraceAfterCancel time.Duration
}

// Run is one run of a plan.
type Run struct {
	cfg    Config
	plan   *stage.Plan
	ctx    context.Context
	cancel context.CancelCauseFunc

	ledger

	exchanges map[*stage.Stage]exec.Exchange // by reader
	reader    map[*graph.Node]*stage.Stage   // of exchanges
	inboxes   map[*graph.Node]graph.Inbox
	views     []exec.ViewStore

	mu      sync.Mutex
	wake    *sync.Cond
	job     *engine.Job
	idle    int
	err     error
	workers []*worker
	ended   chan struct{}
}

// Start begins to run p. Wait for it with [Run.Wait].
func Start(ctx context.Context, p *stage.Plan, cfg Config) (*Run, error) {
	r := &Run{
		cfg: cfg, plan: p,
		exchanges: map[*stage.Stage]exec.Exchange{},
		reader:    map[*graph.Node]*stage.Stage{},
		inboxes:   map[*graph.Node]graph.Inbox{},
		job:       engine.New(p),
		ended:     make(chan struct{}),
	}
	r.wake = sync.NewCond(&r.mu)
	r.ctx, r.cancel = context.WithCancelCause(ctx)
	if err := r.open(); err != nil {
		r.cancel(err)
		return nil, errors.Join(err, r.release())
	}
	var wg sync.WaitGroup
	for i := range cfg.Workers {
		w := &worker{r: r, host: r.host(i), plans: map[*stage.Stage]*instance{}}
		r.workers = append(r.workers, w)
	}
	for _, w := range r.workers {
		wg.Go(guarded(w.loop, r.fail))
	}
	stop := context.AfterFunc(r.ctx, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.err == nil {
			r.err = context.Cause(r.ctx)
		}
		r.wake.Broadcast()
	})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		r.watch()
	}()
	go func() {
		wg.Wait()
		stop()
		r.finish()
		close(r.ended)
		<-watched
	}()
	return r, nil
}

func (r *Run) host(worker int) *exec.Host {
	return &exec.Host{
		Ctx: r.ctx, Log: r.cfg.Log.With("job", r.cfg.JobID), JobID: r.cfg.JobID,
		Worker: worker, Workers: r.cfg.Workers,
		Budget: r.cfg.Budget, TempDir: r.cfg.TempDir,
		BatchSize: r.cfg.batchSize(worker), Strict: r.cfg.Strict,
		View: func(id int) any { return r.views[id].Data() },
		Post: r.post,
	}
}

// open makes what belongs to the whole run.
func (r *Run) open() error {
	whole := r.host(-1)
	for _, s := range r.plan.Stages {
		var x exec.Exchange
		var err error
		switch {
		case s.Root == nil:
			if err = s.Spool.Elem.Err(); err == nil {
				x = spool.New(whole, s.Name(), s.Spool.Elem)
			}
		case s.Root.Kind == graph.Exchange:
			x, err = s.Root.Exchange(whole)
			r.reader[s.Root] = s
		case s.Root.Kind == graph.Splittable:
			r.inboxes[s.Root] = s.Root.Inbox(s.Root.ID)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s.Name(), err)
		}
		if x != nil {
			r.exchanges[s] = x
		}
	}
	for _, v := range r.plan.Graph.Views {
		store, err := v.New(whole)
		if err != nil {
			return fmt.Errorf("%s: %w", v.From.Path, err)
		}
		r.views = append(r.views, store)
	}
	return nil
}

// release gives back what open has made.
func (r *Run) release() error {
	var errs []error
	for _, x := range r.exchanges {
		errs = append(errs, x.Close())
	}
	for _, v := range r.views {
		errs = append(errs, v.Close())
	}
	return errors.Join(errs...)
}

func (r *Run) post(node int, w exec.Work) {
	r.mu.Lock()
	r.job.Post(node, w)
	r.mu.Unlock()
	r.wake.Signal()
}

// fail ends the run; the first failure is the one that is told.
func (r *Run) fail(err error) {
	r.mu.Lock()
	if r.err == nil {
		if cause := context.Cause(r.ctx); cause != nil {
			err = cause // what user code makes of its Context's end is not why the job ends
		}
		r.err = err
	}
	r.mu.Unlock()
	r.cancel(err)
	r.wake.Broadcast()
}

// next returns what a worker is to do, waiting for it; ok is false when there is nothing more.
func (r *Run) next(w *worker) (a engine.Action, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		if r.err != nil {
			return a, false
		}
		switch a = r.job.Next(); a.Kind {
		case engine.End:
			r.wake.Broadcast()
			return a, false
		case engine.Nothing:
			r.idle++
			r.wake.Wait()
			r.idle--
		default:
			w.stage = a.Stage
			return a, true
		}
	}
}

// finish closes everything after the workers have stopped.
func (r *Run) finish() {
	failed := r.err != nil
	var errs []error
	for _, w := range r.workers {
		for _, inst := range w.plans {
			errs = append(errs, apart(func() error { return inst.plan.Close(failed) }))
		}
	}
	errs = append(errs, r.release())
	r.mu.Lock()
	defer r.mu.Unlock()
	if !failed {
		r.err = errors.Join(errs...)
	} else if err := errors.Join(errs...); err != nil {
		r.cfg.Log.Warn("closing a failed job", "job", r.cfg.JobID, "error", err)
	}
}

// Wait returns when the run has ended: why, or nil.
func (r *Run) Wait() error {
	<-r.ended
	r.cancel(nil)
	return r.err
}

// Ended is closed when the run has ended.
func (r *Run) Ended() <-chan struct{} { return r.ended }

// Cancel ends the run early.
func (r *Run) Cancel(cause error) {
	if cause == nil {
		cause = context.Canceled
	}
	r.fail(cause)
}
