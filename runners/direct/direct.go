// Package direct runs pipelines in this process, on all its cores: the default runner.
//
// It is the same engine that the cluster runner distributes. Memory is bounded by a budget, beyond which
// groups, joins, views and spools go to disk.
package direct

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/millrace-go/millrace/runners/internal/drive"
	"github.com/millrace-go/millrace/runners/internal/stage"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/exec/budget"
	"github.com/millrace-go/millrace/sdk/graph"
)

// Runner runs pipelines in this process. The zero value is ready to use; it may run several jobs at once.
type Runner struct {
	// Workers is how many goroutines run stages. 0: GOMAXPROCS.
	Workers int
	// Budget is how many bytes the job may hold in groups, joins, views, spools and buffers before it spills to
	// disk. 0: half of what GOMEMLIMIT, the cgroup or the machine allow. Negative: no limit. What the program and
	// its functions hold themselves is not counted. While a job with a budget runs, and unless the process has a
	// memory limit already, the garbage collector is given one of Budget plus 128 MiB (debug.SetMemoryLimit).
	Budget int64
	// TempDir is where spill files go, in a directory of the job's own that is removed at its end. Empty:
	// os.TempDir(). What jobs of dead processes left there is removed at the start of the next one.
	TempDir string
	// Log takes what the job has to say. nil: slog.Default().
	Log *slog.Logger
	// StallAfter is how long user code may stay on one element before it is reported, with its stack. 0: 60 s.
	StallAfter time.Duration

	// BatchSize is how many rows operators pass to each other at once. 0: 256.
	BatchSize int
	// Strict makes every edge check what remote runners would, in bundles whose sizes Seed decides: see package
	// ptest.
	Strict bool
	Seed   uint64
	// Clock is the processing time of streaming jobs, for tests: see [Clock]. nil: the wall clock. Batch jobs have no use
	// for it; a job with a test stream, whose time is its own, is refused.
	Clock Clock
	// Fired, for tests, is told of each timer just before its OnTimer is called, by the goroutine that calls it.
	Fired func(exec.Firing)
}

// Clock is a processing time that a test moves; package ptest has one. A job that lives by a clock runs on one goroutine,
// in an order that Seed decides, and tells the clock when it has nothing to do: so whoever moves the clock can wait until
// everything that is due has been done, and outcomes do not depend on the machine.
type Clock = drive.Clock

// Sleeper is a job that lives by a [Clock].
type Sleeper = drive.Sleeper

// Start implements [sdk.Runner].
func (d *Runner) Start(ctx context.Context, g *graph.Graph) (sdk.Job, error) {
	j := &job{id: newID(), started: time.Now(), graph: g}
	log := d.Log
	if log == nil {
		log = slog.Default()
	}
	dir, err := tempDir(d.TempDir, j.id, log)
	if err != nil {
		return nil, err
	}
	j.temp = dir
	limit := d.Budget
	if limit == 0 {
		limit = defaultBudget()
	}
	workers := d.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	stall := d.StallAfter
	if stall <= 0 {
		stall = time.Minute
	}
	unlimit, release := limitMemory(limit), holdBallast()
	j.unlimit = func() { unlimit(); release() }
	cfg := drive.Config{
		JobID: j.id, Workers: workers, Budget: budget.New(rowsOf(limit)), TempDir: dir, Log: log,
		BatchSize: d.BatchSize, Strict: d.Strict, Seed: d.Seed,
		Clock: d.Clock, Fired: d.Fired,
		StallAfter: stall, GraceAfterCancel: time.Second,
	}
	if g.Streaming() {
		j.run, err = drive.StartFlow(ctx, stage.NewStreaming(g), cfg)
	} else {
		j.run, err = drive.Start(ctx, stage.New(g), cfg)
	}
	if err != nil {
		return nil, errors.Join(err, j.end(err))
	}
	return j, nil
}

// Plan returns how the runner would run g: its stages, and why what is not fused is not.
func Plan(g *graph.Graph) string {
	if g.Streaming() {
		return stage.NewStreaming(g).String()
	}
	return stage.New(g).String()
}

// run is a job of either kind while it runs.
type run interface {
	Wait() error
	Ended() <-chan struct{}
	Cancel(cause error)
	Status(st *sdk.Status)
}

type job struct {
	id      string
	graph   *graph.Graph
	temp    string
	started time.Time
	run     run
	unlimit func()

	once sync.Once
	err  error

	mu    sync.Mutex
	ended time.Time
	last  *sdk.Status
}

// Wait implements [sdk.Job].
func (j *job) Wait() error {
	j.once.Do(func() {
		err := j.run.Wait()
		st := j.status(err)
		j.err = errors.Join(err, j.end(err))
		j.mu.Lock()
		j.ended, j.last = time.Now(), st
		j.mu.Unlock()
	})
	return j.err
}

// end runs the cleanups and removes the job's directory.
func (j *job) end(failure error) error {
	var errs []error
	for _, f := range slices.Backward(j.graph.Cleanups) {
		errs = append(errs, f(j.id, failure != nil))
	}
	errs = append(errs, os.RemoveAll(j.temp))
	liveJobs.Delete(j.temp)
	j.unlimit()
	return errors.Join(errs...)
}

// Cancel implements [sdk.Job].
func (j *job) Cancel(cause error) { j.run.Cancel(cause) }

// Drain implements [sdk.Job].
func (j *job) Drain() {
	if f, ok := j.run.(*drive.Flow); ok {
		f.Drain()
	}
}

// Status implements [sdk.Job].
func (j *job) Status() sdk.Status {
	j.mu.Lock()
	last := j.last
	j.mu.Unlock()
	if last != nil {
		return *last
	}
	return *j.status(nil)
}

func (j *job) status(err error) *sdk.Status {
	st := &sdk.Status{JobID: j.id, Started: j.started, Elapsed: time.Since(j.started), State: "running"}
	select {
	case <-j.run.Ended():
		switch {
		case err == nil:
			st.State = "done"
		case errors.Is(err, context.Canceled):
			st.State = "cancelled"
		default:
			st.State = "failed"
		}
	default:
	}
	j.run.Status(st)
	return st
}

func newID() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // never fails, see crypto/rand
	return time.Now().UTC().Format("20060102-150405-") + hex.EncodeToString(b[:])
}
