package iotest

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/graph"
)

// splitter is a runner: direct, but it cuts the work of sources when the test says so, and not when a worker
// happens to be idle. It is for one job.
type splitter struct {
	direct.Runner
	pieces atomic.Int64 // of work that sources have run

	mu      sync.Mutex
	running map[*pieceRoot]bool
}

// newSplitter returns a runner whose batches have one row, so that what is downstream of a source runs between
// its claims.
func newSplitter(t *testing.T, workers int) *splitter {
	return &splitter{
		running: map[*pieceRoot]bool{},
		Runner: direct.Runner{
			Workers: workers, BatchSize: 1, Budget: -1, TempDir: t.TempDir(), Log: slog.New(slog.DiscardHandler),
		},
	}
}

// Start implements [sdk.Runner].
func (s *splitter) Start(ctx context.Context, g *graph.Graph) (sdk.Job, error) {
	for _, n := range g.Nodes {
		if inbox := n.Inbox; inbox != nil && !s.Strict { // a strict run cuts bundles at the root itself
			n.Inbox = func(node int) graph.Inbox { return &pieceInbox{inbox(node), s} }
		}
	}
	return s.Runner.Start(ctx, g)
}

// split asks all work of sources that is running to keep only fraction of what it has not claimed.
func (s *splitter) split(fraction float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for r := range s.running {
		if sp, ok := r.Root.(exec.Splitter); ok {
			sp.RequestSplit(fraction)
		}
	}
}

type pieceInbox struct {
	graph.Inbox
	s *splitter
}

func (x *pieceInbox) NewRoot(b *exec.Build, step *exec.Step, sinks []exec.Sink) (exec.Root, error) {
	r, err := x.Inbox.NewRoot(b, step, sinks)
	return &pieceRoot{r, x.s}, err
}

// pieceRoot runs pieces of a source's work. It is no [exec.Splitter], so that the runner leaves it alone. Bundles
// begin and end at the root it wraps, which is an operator of the plan.
type pieceRoot struct {
	exec.Root
	s *splitter
}

func (r *pieceRoot) Run(w exec.Work) error {
	r.s.pieces.Add(1)
	r.mark(true)
	defer r.mark(false)
	return r.Root.Run(w)
}

func (r *pieceRoot) mark(running bool) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	if running {
		r.s.running[r] = true
	} else {
		delete(r.s.running, r)
	}
}
