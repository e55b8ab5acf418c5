package exec

import (
	"fmt"
	"time"

	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

type windowInto[T any] struct {
	lifeless
	user
	assign func(dst []window.Window, t mtime.Time, v *T) []window.Window
	plain  bool                             // assign looks at the time only
	slice  func(t mtime.Time) window.Window // for which times the windows of one hold, or nil
	to     Sink
	b      Batch[T]
	sets   WindowSets
	ids    []uint32
	buf    []window.Window
}

// NewWindowInto adds to b what assigns windows to rows, and returns its input. Without assign, which looks at the element too,
// fn says the windows of a time.
func NewWindowInto[T any](b *Build, step *Step, fn window.Fn, assign func(dst []window.Window, t mtime.Time, v *T) []window.Window, to Sink) Sink {
	w := &windowInto[T]{user: user{step: step}, assign: assign, to: to}
	if assign == nil {
		w.plain = true
		w.assign = func(dst []window.Window, t mtime.Time, _ *T) []window.Window { return fn.AssignWindows(dst, t) }
		w.slice = window.Slices(fn)
	}
	w.describes()
	b.Add(w)
	return w
}

func (w *windowInto[T]) Push(batch any) (err error) {
	b := batch.(*Batch[T])
	outer := w.enter(b, len(b.V))
	mine, row := true, 0
	defer func() {
		if mine {
			if r := recover(); r != nil {
				w.step.row.set(row)
				err = w.step.failure(recovered(r), 1)
			}
		}
		w.in = nil
		w.step.Host.Pulse.leave(outer)
	}()
	w.b.V, w.b.Meta = b.V, b.Meta
	w.sets.Reset()
	w.b.Meta.Sets, w.b.Meta.S = &w.sets, nil
	if w.plain && b.Meta.T == nil {
		if err := w.add(b.Meta.T0, nil); err != nil {
			return w.step.failure(err, 1)
		}
	} else {
		w.ids = w.ids[:0]
		var slice window.Window // times with the windows of the row before, mostly this one's too
		for i := range b.V {
			row = i
			t := b.Meta.Time(i)
			if !slice.Contains(t) {
				if err := w.add(t, &b.V[i]); err != nil {
					w.step.row.set(i)
					return w.step.failure(err, 1)
				}
				switch {
				case w.slice != nil:
					slice = w.slice(t)
				case w.plain:
					slice = window.Window{Start: t, End: t + 1}
				}
			}
			w.ids = append(w.ids, uint32(w.sets.Len()-1))
		}
		w.b.Meta.S = w.ids
	}
	mine = false
	w.step.Out.Add(int64(len(b.V)))
	return w.to.Push(&w.b)
}

func (w *windowInto[T]) add(t mtime.Time, v *T) error {
	w.buf = w.assign(w.buf[:0], t, v)
	if len(w.buf) == 0 {
		return fmt.Errorf("the window function assigned no window to an element at %v; each element needs one", t)
	}
	for i, win := range w.buf {
		if end := mtime.EndOfGlobalWindow + 1; win.End > end { // or the watermark would never pass it
			win.End = end
			w.buf[i] = win
		}
		if win.End <= win.Start {
			return fmt.Errorf("the window function assigned %v, which is empty, to an element at %v", win, t)
		}
	}
	w.sets.Add(w.buf...)
	return nil
}

type explode struct {
	lifeless
	t      *ElementType
	to     Sink
	b      any
	sets   WindowSets
	rows   []uint32
	ts     []mtime.Time
	s      []uint32
	p      []window.Pane
	places Places
}

// NewExplode returns a sink that gives each row on once for each of its windows: for user code that observes
// its window. Batches whose rows are in one window each pass as they are.
func NewExplode(b *Build, t *ElementType, to Sink) Sink {
	e := &explode{t: t, to: to, b: t.New(0, Meta{})}
	b.Add(e)
	return e
}

// Push implements Sink.
func (e *explode) Push(b any) error {
	m := e.t.Meta(b)
	if single(m) {
		return e.to.Push(b)
	}
	e.t.Reset(e.b)
	e.rows, e.ts, e.s, e.p = e.rows[:0], e.ts[:0], e.s[:0], e.p[:0]
	e.sets.Reset()
	for i := range e.t.Len(b) {
		for _, w := range m.Windows(i) {
			e.rows = append(e.rows, uint32(i))
			e.ts = append(e.ts, m.Time(i))
			e.s = append(e.s, e.sets.Add(w))
			e.p = append(e.p, m.Pane(i))
		}
	}
	e.t.Gather(e.b, b, e.rows, &e.places)
	*e.t.Meta(e.b) = Meta{T: e.ts, Sets: &e.sets, S: e.s, P: e.p}
	return e.to.Push(e.b)
}

func single(m *Meta) bool {
	if m.Sets == nil {
		return true
	}
	return m.Sets.Len() == len(m.Sets.win)
}

type stamp[T any] struct {
	lifeless
	user
	f    func(T) mtime.Time
	skew time.Duration
	to   Sink
	b    Batch[T]
	t    []mtime.Time
}

// NewWithTimestamps adds to b what gives rows new timestamps, and returns its input. A time more than skew
// before the row's own is an error; rows from a source without times are at [mtime.Min], so that any will do.
func NewWithTimestamps[T any](b *Build, step *Step, f func(T) mtime.Time, skew time.Duration, to Sink) Sink {
	s := &stamp[T]{user: user{step: step}, f: f, skew: skew, to: to}
	s.describes()
	b.Add(s)
	return s
}

func (s *stamp[T]) Push(batch any) (err error) {
	b := batch.(*Batch[T])
	outer := s.enter(b, len(b.V))
	mine, row := true, 0
	defer func() {
		if mine {
			if r := recover(); r != nil {
				s.step.row.set(row)
				err = s.step.failure(recovered(r), 1)
			}
		}
		s.in = nil
		s.step.Host.Pulse.leave(outer)
	}()
	s.t = s.t[:0]
	for i, v := range b.V {
		row = i
		t := s.f(v).Clamp()
		if own := b.Meta.Time(i); t < own.Add(-s.skew) {
			s.step.row.set(i)
			return s.step.failure(fmt.Errorf("timestamp %v is before the element's own, %v, by more than the allowed skew of %v", t, own, s.skew), 1)
		}
		s.t = append(s.t, t)
	}
	mine = false
	s.step.Out.Add(int64(len(b.V)))
	s.b.V, s.b.Meta = b.V, b.Meta
	s.b.Meta.T = s.t
	return s.to.Push(&s.b)
}
