package exec

import "iter"

// lifeless is embedded by operators that hold nothing between batches.
type lifeless struct{}

func (lifeless) StartBundle() error  { return nil }
func (lifeless) FinishBundle() error { return nil }
func (lifeless) Close(bool) error    { return nil }

type filterOp[T any] struct {
	user
	keep func(T) bool
	out  *Out[T]
	sel  []uint32
}

// NewFilter adds a filter to b and returns its input.
func NewFilter[T any](b *Build, step *Step, keep func(T) bool, to Sink) Sink {
	f := &filterOp[T]{user: user{step: step}, keep: keep, out: NewOut[T](b, step, to, true)}
	f.describes()
	b.Add(f)
	return f
}

func (f *filterOp[T]) Push(batch any) (err error) {
	b := batch.(*Batch[T])
	outer := f.enter(b, len(b.V))
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
	user
	f    func(I) iter.Seq[O]
	out  *Out[O]
	emit func(O) bool
}

// NewFlatMap adds a one-to-many function to b and returns its input.
func NewFlatMap[I, O any](b *Build, step *Step, f func(I) iter.Seq[O], to Sink) Sink {
	m := &flatMapOp[I, O]{user: user{step: step}, f: f, out: NewOut[O](b, step, to, true)}
	em := Emitter[O]{m.out}
	m.emit = func(v O) bool { // made once: a closure per element would be an allocation
		em.Emit(v)
		return m.out.err == nil
	}
	m.describes()
	b.Add(m)
	return m
}

func (m *flatMapOp[I, O]) Push(batch any) (err error) {
	b := batch.(*Batch[I])
	outer := m.enter(b, len(b.V))
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
