package exec

import "github.com/millrace-go/millrace/sdk/window"

// mapOp is a one-to-one function, and up to two functions from its output type to itself behind it: what is passed from
// one to the next in one loop need not go through memory, which is half the price of a cheap function.
type mapOp[I, O any] struct {
	m    mapping // not embedded: each of its methods would be compiled for each type again
	f    func(I) O
	g, h func(O) O // or nil
	to   Sink[O]
	b    Batch[O]
}

// mapping is the part of a mapOp that does not depend on its types.
type mapping struct {
	user
	out  any // the *Batch it fills
	next []*mapping
}

// link is what a mapOp in front of another needs to take its place.
type link struct {
	m    *mapping
	f    any // func(I) O
	g, h any // func(O) O
	to   any
}

// NewMap adds a one-to-one function to b and returns its input.
func NewMap[I, O any](b *Build, step *Step, f func(I) O, to Sink[O]) Sink[I] {
	m := &mapOp[I, O]{f: f, to: to}
	if l := b.linkOf(to); l != nil && l.h == nil {
		if g, ok := l.f.(func(O) O); ok {
			m.g, m.to = g, l.to.(Sink[O])
			m.h, _ = l.g.(func(O) O)
			m.m.next = append([]*mapping{l.m}, l.m.next...)
		}
	}
	l := &link{m: &m.m, f: f, to: m.to}
	if m.g != nil {
		l.g = m.g
	}
	if m.h != nil {
		l.h = m.h
	}
	m.m.init(b, step, m, &m.b, l)
	return m
}

func (m *mapOp[I, O]) Push(b *Batch[I]) error {
	outer := m.m.enter(b, len(b.V))
	if cap(m.b.V) < len(b.V) {
		m.b.V = make([]O, max(len(b.V), m.m.step.Host.Rows()))
	}
	m.b.V, m.b.Meta = m.b.V[:len(b.V)], b.Meta
	err := apply(m, b.V, m.b.V)
	m.m.in = nil
	m.m.step.Host.Pulse.leave(outer)
	if err != nil {
		return err
	}
	m.m.passed(len(b.V))
	return m.to.Push(&m.b)
}

// apply is a function of its own so that nothing but what the loops need is reloaded after each call. A row's slot of
// out holds what the function that runs has been given, unless it is the first.
//
//go:noinline
func apply[I, O any](m *mapOp[I, O], in []I, out []O) (err error) {
	row, stage, done := 0, 0, false
	defer func() {
		if !done {
			err = m.m.panicked(recover(), row, stage)
		}
	}()
	f, g, h := m.f, m.g, m.h
	out = out[:len(in)]
	if g == nil {
		for i := range in {
			row = i
			out[i] = f(in[i])
		}
	} else {
		for i := range in {
			row, stage = i, 0
			v := f(in[i])
			out[i], stage = v, 1
			v = g(v)
			if h != nil {
				out[i], stage = v, 2
				v = h(v)
			}
			out[i] = v
		}
	}
	done = true
	return nil
}

// init adds op, a mapOp that fills the batch out, to b.
func (m *mapping) init(b *Build, step *Step, op, out any, l *link) {
	m.step, m.out = step, out
	m.describes()
	step.with = m.next
	b.Add(m)
	if b.links == nil {
		b.links = map[any]*link{}
	}
	b.links[op] = l
}

// panicked makes the failure of the function stage for a row out of what has been recovered.
func (m *mapping) panicked(r any, row, stage int) error {
	if r == nil {
		return nil // the goroutine is being ended
	}
	if stage == 0 {
		m.step.row.set(row)
		return m.step.failure(recovered(r), 1)
	}
	step, h := m.next[stage-1].step, headOf(m.out)
	step.row.set(row)
	own := step.describe
	defer func() { step.describe = own }()
	step.describe = func(int) (key, element string, w window.Window) {
		return "", showRow(m.out, row), h.Windows(row)[0]
	}
	return step.failure(recovered(r), 1)
}

// passed counts the rows of a batch that have gone through all functions.
func (m *mapping) passed(rows int) {
	n := int64(rows)
	m.step.Out.Add(n)
	for _, next := range m.next {
		next.step.In.Add(n)
		next.step.Out.Add(n)
	}
}

// StartBundle implements [Op].
func (m *mapping) StartBundle() error { return nil }

// FinishBundle forgets the elements of the last batch, which may hold much.
func (m *mapping) FinishBundle() error {
	forget(m.out)
	headOf(m.out).Meta = Meta{}
	return nil
}

// Close implements [Op].
func (m *mapping) Close(bool) error { return nil }
