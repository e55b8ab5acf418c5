package exec

import (
	"slices"

	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// await keeps rows, of which each is in one window, until the views that their reader needs have something to say for
// the window (invariant I9).
type await struct {
	lifeless
	t      *ElementType
	views  []LiveView
	to     Sink
	wait   map[window.Window]any // batches
	b      any
	rows   []uint32 // of a batch, that go on
	kept   []uint32 // of a batch, that wait in one window
	ts     []mtime.Time
	s      []uint32
	p      []window.Pane
	places Places
}

// NewAwait adds to b what lets rows wait for views, and returns its input. Rows that need not wait pass those that do.
func NewAwait(b *Build, t *ElementType, views []int, to Sink) Sink {
	a := &await{t: t, to: to, wait: map[window.Window]any{}, b: t.New(0, Meta{})}
	for _, id := range views {
		a.views = append(a.views, b.Host.Live(id))
	}
	b.Add(a)
	b.AddWaiter(a)
	return a
}

func (a *await) ready(w window.Window) bool {
	for _, v := range a.views {
		if !v.Ready(w) {
			return false
		}
	}
	return true
}

// Push implements Sink.
func (a *await) Push(b any) error {
	m, n := a.t.Meta(b), a.t.Len(b)
	a.rows, a.ts, a.s, a.p = a.rows[:0], a.ts[:0], a.s[:0], a.p[:0]
	for i := 0; i < n; {
		w := m.Windows(i)[0]
		j := n // rows up to it are in the same window
		if m.S != nil {
			for j = i + 1; j < n && m.Windows(j)[0] == w; j++ {
			}
		}
		if !a.ready(w) {
			a.keep(w, b, m, i, j)
			i = j
			continue
		}
		if j-i == n {
			return a.to.Push(b)
		}
		for ; i < j; i++ {
			a.rows, a.ts, a.s, a.p = append(a.rows, uint32(i)), append(a.ts, m.Time(i)), append(a.s, m.S[i]), append(a.p, m.Pane(i))
		}
	}
	if len(a.rows) == 0 {
		return nil
	}
	if len(a.rows) == n {
		return a.to.Push(b)
	}
	a.t.Reset(a.b)
	a.t.Gather(a.b, b, a.rows, &a.places)
	*a.t.Meta(a.b) = Meta{T: a.ts, P: a.p, Sets: m.Sets, S: a.s}
	return a.to.Push(a.b)
}

// keep lets the rows from lo to hi wait, which are in w.
func (a *await) keep(w window.Window, b any, m *Meta, lo, hi int) {
	k := a.wait[w]
	if k == nil {
		k = a.t.New(0, Meta{})
		if !w.IsGlobal() {
			a.t.Meta(k).Sets = NewWindowSets(w)
		}
		a.wait[w] = k
	}
	a.kept = a.kept[:0]
	km := a.t.Meta(k)
	for i := lo; i < hi; i++ {
		a.kept = append(a.kept, uint32(i))
		km.T, km.P = append(km.T, m.Time(i)), append(km.P, m.Pane(i))
	}
	a.t.Gather(k, b, a.kept, &a.places)
}

// Hold implements Waiter.
func (a *await) Hold() mtime.Time {
	t := mtime.Max
	for _, k := range a.wait {
		t = min(t, slices.Min(a.t.Meta(k).T))
	}
	return t
}

// Ready implements Waiter.
func (a *await) Ready() bool {
	for w := range a.wait {
		if a.ready(w) {
			return true
		}
	}
	return false
}

// Release implements Waiter.
func (a *await) Release() error {
	for w, k := range a.wait {
		if !a.ready(w) {
			continue
		}
		delete(a.wait, w)
		part := a.t.New(0, Meta{})
		n, m := a.t.Len(k), a.t.Meta(k)
		for lo := 0; lo < n; lo += BatchSize {
			hi := min(lo+BatchSize, n)
			a.t.View(part, k, lo, hi)
			*a.t.Meta(part) = m.Slice(lo, hi)
			if err := a.to.Push(part); err != nil {
				return err
			}
		}
	}
	return nil
}
