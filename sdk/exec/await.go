package exec

import (
	"slices"

	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// await keeps rows, of which each is in one window, until the views that their reader needs have something to say for
// the window (invariant I9).
type await[T any] struct {
	lifeless
	views []LiveView
	to    Sink[T]
	wait  map[window.Window]*Batch[T]
	v     []T
	b     Batch[T]
	t     []mtime.Time
	s     []uint32
	p     []window.Pane
}

// NewAwait adds to b what lets rows wait for views, and returns its input. Rows that need not wait pass those that do.
func NewAwait[T any](b *Build, views []int, to Sink[T]) Sink[T] {
	a := &await[T]{to: to, wait: map[window.Window]*Batch[T]{}}
	for _, id := range views {
		a.views = append(a.views, b.Host.Live(id))
	}
	b.Add(a)
	b.AddWaiter(a)
	return a
}

func (a *await[T]) ready(w window.Window) bool {
	for _, v := range a.views {
		if !v.Ready(w) {
			return false
		}
	}
	return true
}

// Push implements Sink.
func (a *await[T]) Push(b *Batch[T]) error {
	if b.S == nil {
		if w := b.Windows(0)[0]; !a.ready(w) {
			for i := range b.V {
				a.keep(w, b, i)
			}
			return nil
		}
		return a.to.Push(b)
	}
	kept := 0
	a.v, a.t, a.s, a.p = a.v[:0], a.t[:0], a.s[:0], a.p[:0]
	last, ok := window.Window{}, false
	for i := range b.V {
		if w := b.Windows(i)[0]; i == 0 || w != last {
			last, ok = w, a.ready(w)
		}
		if !ok {
			a.keep(last, b, i)
			kept++
			continue
		}
		a.v = append(a.v, b.V[i])
		a.t, a.s, a.p = append(a.t, b.Time(i)), append(a.s, b.S[i]), append(a.p, b.Pane(i))
	}
	switch kept {
	case 0:
		return a.to.Push(b)
	case len(b.V):
		return nil
	}
	a.b.V, a.b.Meta = a.v, Meta{T: a.t, P: a.p, Sets: b.Sets, S: a.s}
	return a.to.Push(&a.b)
}

func (a *await[T]) keep(w window.Window, b *Batch[T], i int) {
	k := a.wait[w]
	if k == nil {
		k = &Batch[T]{}
		if !w.IsGlobal() {
			k.Sets = NewWindowSets(w)
		}
		a.wait[w] = k
	}
	k.V = append(k.V, b.V[i])
	k.T, k.P = append(k.T, b.Time(i)), append(k.P, b.Pane(i))
}

// Hold implements Waiter.
func (a *await[T]) Hold() mtime.Time {
	t := mtime.Max
	for _, k := range a.wait {
		t = min(t, slices.Min(k.T))
	}
	return t
}

// Ready implements Waiter.
func (a *await[T]) Ready() bool {
	for w := range a.wait {
		if a.ready(w) {
			return true
		}
	}
	return false
}

// Release implements Waiter.
func (a *await[T]) Release() error {
	for w, k := range a.wait {
		if !a.ready(w) {
			continue
		}
		delete(a.wait, w)
		for lo := 0; lo < len(k.V); lo += BatchSize {
			hi := min(lo+BatchSize, len(k.V))
			a.b.V, a.b.Meta = k.V[lo:hi], k.Slice(lo, hi)
			if err := a.to.Push(&a.b); err != nil {
				return err
			}
		}
	}
	return nil
}
