// Package spool keeps a collection's batches between two stages: where a side input must be complete before
// its reader runs, and where a pipeline asks for a reshuffle.
package spool

import (
	"slices"
	"sync"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/exec/budget"
)

// Spool is an exec.Exchange that gives back the rows it was given, with their times, windows and panes.
type Spool[T any] struct {
	name    string
	account *budget.Account
	coder   coder.Coder[T]
	sizer   coder.Sizer[T]

	mu      sync.Mutex
	batches []*exec.Batch[T]
}

// New returns an empty spool.
func New[T any](h *exec.Host, name string, c coder.Coder[T]) *Spool[T] {
	return &Spool[T]{name: name, account: h.Budget.Open(name, nil), coder: c, sizer: coder.SizerFor[T]()}
}

type writer[T any] struct {
	s    *Spool[T]
	step *exec.Step
}

// NewWriter implements exec.Exchange.
func (s *Spool[T]) NewWriter(b *exec.Build, step *exec.Step, _ int) (any, error) {
	w := &writer[T]{s: s, step: step}
	b.Add(w)
	return w, nil
}

func (w *writer[T]) Push(b *exec.Batch[T]) error {
	w.step.In.Add(int64(len(b.V)))
	c := &exec.Batch[T]{V: slices.Clone(b.V), Meta: b.Clone()}
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	w.s.batches = append(w.s.batches, c)
	return nil
}

func (w *writer[T]) StartBundle() error  { return nil }
func (w *writer[T]) FinishBundle() error { return nil }
func (w *writer[T]) Close(bool) error    { return nil }

// Seal implements exec.Exchange.
func (s *Spool[T]) Seal() error { return nil }

type piece struct{ lo, hi int }

func (p piece) Size() int64 { return int64(p.hi - p.lo) }

// Work implements exec.Feed.
func (s *Spool[T]) Work(workers int) ([]exec.Work, error) {
	n := len(s.batches)
	pieces := max(1, min(4*workers, n))
	var ws []exec.Work
	for i := range pieces {
		ws = append(ws, piece{i * n / pieces, (i + 1) * n / pieces})
	}
	return ws, nil
}

// NewRoot implements exec.Feed.
func (s *Spool[T]) NewRoot(b *exec.Build, step *exec.Step, sink any) (exec.Root, error) {
	return &root[T]{s: s, step: step, to: sink.(exec.Sink[T])}, nil
}

type root[T any] struct {
	s    *Spool[T]
	step *exec.Step
	to   exec.Sink[T]
}

func (r *root[T]) Run(w exec.Work) error {
	p := w.(piece)
	for i := p.lo; i < p.hi; i++ {
		if err := r.step.Host.Cancelled(); err != nil {
			return err
		}
		b := r.s.batches[i]
		r.step.Out.Add(int64(len(b.V)))
		if err := r.to.Push(b); err != nil {
			return err
		}
		r.s.batches[i] = nil
	}
	return nil
}

// Close implements exec.Exchange.
func (s *Spool[T]) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.batches = nil
	s.account.Close()
	return nil
}
