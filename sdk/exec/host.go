package exec

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millrace-go/millrace/sdk/exec/budget"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// Host is what a running stage needs from whoever runs it: the engine, or a Fn API worker. One Host serves one
// instance of a stage, on one goroutine at a time; a Host with Worker -1 serves what belongs to the whole job.
type Host struct {
	Ctx     context.Context // ends when the job is cancelled
	Log     *slog.Logger
	JobID   string
	Worker  int // which instance of the stage this is, from 0
	Workers int // how many there may be

	Budget  *budget.Budget // memory of the job
	TempDir string         // where spill files go; exists; removed by the host at the end of the job

	BatchSize int  // rows per batch; BatchSize if 0
	Strict    bool // check mutation and encoding on every edge (runners/ptest)

	// View returns the contents of a view, made by its ViewStore, for one of its windows.
	View func(id int) any
	// Live returns a view of a streaming job; nil in batch jobs.
	Live func(id int) LiveView
	// Post takes work that a splittable operator finds while it runs: for the stage rooted at node.
	Post func(node int, w Work)

	// Now is the clock of the job for user code; nil: time.Now.
	Now func() time.Time
	// Fired is told of each timer just before its OnTimer is called; nil: nobody is. For tests.
	Fired func(Firing)

	// Pulse tells a watcher on another goroutine what the instance is doing.
	Pulse Pulse
}

// Firing is a timer that fires: whose it is, and when it was set to.
type Firing struct {
	Transform string // the path
	Key       any
	Window    window.Window
	Family    string // the name of the field
	Tag       string
	At        mtime.Time
	Output    mtime.Time // the timestamp of what OnTimer emits
}

// Clock is the processing time: the host's, or the wall clock.
func (h *Host) Clock() time.Time {
	if h.Now != nil {
		return h.Now()
	}
	return time.Now()
}

// Rows is the number of rows of a batch.
func (h *Host) Rows() int {
	if h.BatchSize > 0 {
		return h.BatchSize
	}
	return BatchSize
}

// Cancelled returns the cause once the job has been cancelled, else nil. It is cheap enough for every batch.
func (h *Host) Cancelled() error {
	select {
	case <-h.Ctx.Done():
		return context.Cause(h.Ctx)
	default:
		return nil
	}
}

// Pulse is where a stage instance shows that it lives: the step whose user code runs, and a counter that moves
// with every batch. It is written by the instance and read by anyone.
type Pulse struct {
	beats atomic.Uint64
	step  atomic.Pointer[Step]
}

// Beats is a number that changes while the instance makes progress.
func (p *Pulse) Beats() uint64 { return p.beats.Load() }

// Step is the step whose code is running, or nil.
func (p *Pulse) Step() *Step { return p.step.Load() }

func (p *Pulse) enter(s *Step) (outer *Step) {
	outer = p.step.Load()
	p.step.Store(s)
	p.beats.Add(1)
	return outer
}

func (p *Pulse) leave(outer *Step) { p.step.Store(outer) }

// Step is one transform inside one stage instance: who it is, and what it has counted.
type Step struct {
	Path string // the transform's path
	At   string // the user's file:line
	Host *Host

	// Elements in and out, counted once a batch. Read by anyone.
	In, Out atomic.Int64
	// Bytes is what a source says it has read.
	Bytes atomic.Int64

	// Metrics of the transform's user code: complete before the plan runs, but the job's status is asked for before.
	cellsMu sync.Mutex
	cells   map[string]*Cell // by name
	ordered []*Cell          // only for the instance's goroutine

	row      rowCell // the row of the batch that user code is at
	blind    bool    // row is set only when user code has failed
	with     []*mapping
	describe func(row int) (key, element string, w window.Window)
}

// Describe sets what tells of the element in a row of the batch, for errors: for operators of other packages.
func (s *Step) Describe(f func(row int) (key, element string, w window.Window)) { s.describe = f }

// With is the paths of transforms whose code runs in one loop with the step's: what is said of the step may be theirs.
func (s *Step) With() (paths []string) {
	for _, m := range s.with {
		paths = append(paths, m.step.Path)
	}
	return paths
}

// Where describes the element that the step's user code is at, if it keeps count: for a report about code that blocks. While
// the step makes progress the answer may be about a neighbour.
func (s *Step) Where() (key, element string) {
	if s.describe == nil || s.blind {
		return "", ""
	}
	defer func() { _ = recover() }() // a report must not fail on a value that cannot be printed
	k, e, _ := s.describe(s.row.get())
	return k, e
}
