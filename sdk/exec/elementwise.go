package exec

import (
	"iter"

	"github.com/millrace-go/millrace/sdk/window"
)

// lifeless is embedded by operators that hold nothing between batches.
type lifeless struct{}

func (lifeless) StartBundle() error  { return nil }
func (lifeless) FinishBundle() error { return nil }
func (lifeless) Close(bool) error    { return nil }

// user is what the operators that call a plain function share.
type user[I any] struct {
	step *Step
	in   *Batch[I]
}

func (u *user[I]) enter(b *Batch[I]) *Step {
	u.in = b
	u.step.In.Add(int64(len(b.V)))
	return u.step.Host.Pulse.enter(u.step)
}

func (u *user[I]) describe(row int) (key, element string, w window.Window) {
	if u.in == nil || row >= len(u.in.V) {
		return
	}
	return "", show(u.in.V[row]), u.in.Windows(row)[0]
}

type mapOp[I, O any] struct {
	user[I]
	f  func(I) O
	to Sink[O]
	b  Batch[O]
}

// NewMap adds a one-to-one function to b and returns its input.
func NewMap[I, O any](b *Build, step *Step, f func(I) O, to Sink[O]) Sink[I] {
	m := &mapOp[I, O]{user: user[I]{step: step}, f: f, to: to}
	step.describe = m.describe
	b.Add(m)
	return m
}

func (m *mapOp[I, O]) Push(b *Batch[I]) (err error) {
	outer := m.enter(b)
	mine := true
	row := 0
	defer func() {
		if mine { // a panic downstream has been turned into an error there
			if r := recover(); r != nil {
				m.step.row.set(row)
				err = m.step.failure(recovered(r), 1)
			}
		}
		m.in = nil
		m.step.Host.Pulse.leave(outer)
	}()
	if cap(m.b.V) < len(b.V) {
		m.b.V = make([]O, max(len(b.V), m.step.Host.Rows()))
	}
	out := m.b.V[:len(b.V)]
	apply(m.f, b.V, out, &row)
	mine = false
	m.step.Out.Add(int64(len(out)))
	m.step.Host.Pulse.leave(outer)
	m.b.V, m.b.Meta = out, b.Meta
	return m.to.Push(&m.b)
}

// apply is a function of its own so that nothing but what the loop needs is reloaded after each call of f.
//
//go:noinline
func apply[I, O any](f func(I) O, in []I, out []O, row *int) {
	out = out[:len(in)]
	for i := range in {
		*row = i
		out[i] = f(in[i])
	}
}

func (m *mapOp[I, O]) StartBundle() error { return nil }

// FinishBundle forgets the elements of the last batch, which may hold much.
func (m *mapOp[I, O]) FinishBundle() error {
	clear(m.b.V[:cap(m.b.V)])
	m.b.Meta = Meta{}
	return nil
}

func (m *mapOp[I, O]) Close(bool) error { return nil }

type filterOp[T any] struct {
	user[T]
	keep func(T) bool
	out  *Out[T]
	sel  []uint32
}

// NewFilter adds a filter to b and returns its input.
func NewFilter[T any](b *Build, step *Step, keep func(T) bool, to Sink[T]) Sink[T] {
	f := &filterOp[T]{user: user[T]{step: step}, keep: keep, out: NewOut(b, step, to, true)}
	step.describe = f.describe
	b.Add(f)
	return f
}

func (f *filterOp[T]) Push(b *Batch[T]) (err error) {
	outer := f.enter(b)
	row := 0
	defer func() {
		if r := recover(); r != nil {
			f.step.row.set(row)
			err = f.step.failure(recovered(r), 1)
		}
		f.in = nil
		f.step.Host.Pulse.leave(outer)
	}()
	o, keep := f.out, f.keep
	em := Emitter[T]{o}
	o.begin(&b.Meta)
	if o.cols == 0 {
		for i, v := range b.V {
			row = i
			if keep(v) {
				em.Emit(v)
			}
		}
		o.mark = len(o.v)
		return o.endBatch()
	}
	f.sel = f.sel[:0]
	for i, v := range b.V {
		row = i
		if keep(v) {
			f.sel = append(f.sel, uint32(i))
		}
	}
	o.gather(b, f.sel)
	return o.endBatch()
}

func (f *filterOp[T]) StartBundle() error  { return nil }
func (f *filterOp[T]) FinishBundle() error { return f.out.finish() }
func (f *filterOp[T]) Close(bool) error    { return nil }

type flatMapOp[I, O any] struct {
	user[I]
	f    func(I) iter.Seq[O]
	out  *Out[O]
	emit func(O) bool
}

// NewFlatMap adds a one-to-many function to b and returns its input.
func NewFlatMap[I, O any](b *Build, step *Step, f func(I) iter.Seq[O], to Sink[O]) Sink[I] {
	m := &flatMapOp[I, O]{user: user[I]{step: step}, f: f, out: NewOut(b, step, to, true)}
	em := Emitter[O]{m.out}
	m.emit = func(v O) bool { // made once: a closure per element would be an allocation
		em.Emit(v)
		return m.out.err == nil
	}
	step.describe = m.describe
	b.Add(m)
	return m
}

func (m *flatMapOp[I, O]) Push(b *Batch[I]) (err error) {
	outer := m.enter(b)
	row := 0
	defer func() {
		if r := recover(); r != nil {
			m.step.row.set(row)
			err = m.step.failure(recovered(r), 1)
		}
		m.in = nil
		m.step.Host.Pulse.leave(outer)
	}()
	o, f := m.out, m.f
	o.begin(&b.Meta)
	for i, v := range b.V {
		row, o.row = i, i
		if s := f(v); s != nil {
			s(m.emit)
		}
		if o.err != nil {
			return o.err
		}
		o.end(i)
	}
	return o.endBatch()
}

func (m *flatMapOp[I, O]) StartBundle() error  { return nil }
func (m *flatMapOp[I, O]) FinishBundle() error { return m.out.finish() }
func (m *flatMapOp[I, O]) Close(bool) error    { return nil }
