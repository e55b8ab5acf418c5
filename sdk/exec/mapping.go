package exec

import (
	"reflect"
	"unsafe"

	"github.com/millrace-go/millrace/sdk/window"
)

// mapping is a one-to-one function, and up to two functions from its output type to itself behind it: what is passed from
// one to the next in one loop need not go through memory, which is half the price of a cheap function.
type mapping struct {
	user
	apply  mapLoop
	f      any // func(I) O
	g, h   any // func(O) O, or nil
	result *ElementType
	to     Sink
	b      any   // the *Batch[O] it fills
	out    *head // of b
	next   []*mapping

	row, stage int // that user code is at
}

// mapLoop applies the functions of m to the n values at in, and puts what they give to out. A row's place there holds what the
// function that runs has been given, unless it is the first.
type mapLoop func(m *mapping, in, out unsafe.Pointer, n int)

// Mapper is a one-to-one function without its types.
type Mapper struct {
	f     any
	apply mapLoop
}

// MapperOf returns f without its types: the loop is all that is compiled for each pair of them.
//
//go:noinline
func MapperOf[I, O any](f func(I) O) Mapper { // or the loop would be compiled for each caller again
	return Mapper{f, func(m *mapping, from, to unsafe.Pointer, n int) {
		f, in, out := f, unsafe.Slice((*I)(from), n), unsafe.Slice((*O)(to), n)
		if m.g == nil {
			for i := range in {
				m.row = i
				out[i] = f(in[i])
			}
			return
		}
		g := m.g.(func(O) O)
		h, _ := m.h.(func(O) O)
		for i := range in {
			m.row, m.stage = i, 0
			v := f(in[i])
			out[i], m.stage = v, 1
			v = g(v)
			if h != nil {
				out[i], m.stage = v, 2
				v = h(v)
			}
			out[i] = v
		}
	}}
}

// NewMap adds a one-to-one function to b, whose results are of a type, and returns its input.
func NewMap(b *Build, step *Step, f Mapper, result *ElementType, to Sink) Sink {
	m := &mapping{user: user{step: step}, f: f.f, apply: f.apply, result: result, to: to, b: result.New(0, Meta{})}
	m.out = headOf(m.b)
	if next, ok := to.(*mapping); ok && next.h == nil && next.endo(result.Type()) {
		m.g, m.h, m.to = next.f, next.g, next.to
		m.next = append([]*mapping{next}, next.next...)
	}
	m.describes()
	step.with = m.next
	b.Add(m)
	return m
}

// endo reports whether m is from t to itself.
func (m *mapping) endo(t reflect.Type) bool {
	f := reflect.TypeOf(m.f)
	return f.In(0) == t && f.Out(0) == t
}

// Push implements [Sink].
func (m *mapping) Push(b any) error {
	in, out := headOf(b), m.out
	outer := m.enter(b, in.len)
	if out.cap < in.len {
		m.grow(max(in.len, m.step.Host.Rows()))
	}
	out.len, out.Meta = in.len, in.Meta
	err := m.run(in.rows, out.rows, in.len)
	m.in = nil
	m.step.Host.Pulse.leave(outer)
	if err != nil {
		return err
	}
	m.passed(in.len)
	return m.to.Push(m.b)
}

func (m *mapping) grow(n int) {
	m.out.rows, m.out.len, m.out.cap = m.result.Make(n), n, n
}

// run calls the loop.
func (m *mapping) run(in, out unsafe.Pointer, n int) (err error) {
	done := false
	defer func() {
		if !done {
			err = m.panicked(recover())
		}
	}()
	m.row, m.stage = 0, 0
	m.apply(m, in, out, n)
	done = true
	return nil
}

// panicked makes the failure of the function that was running out of what has been recovered.
func (m *mapping) panicked(r any) error {
	if r == nil {
		return nil // the goroutine is being ended
	}
	row := m.row
	if m.stage == 0 {
		m.step.row.set(row)
		return m.step.failure(recovered(r), 1)
	}
	step := m.next[m.stage-1].step
	step.row.set(row)
	own := step.describe
	defer func() { step.describe = own }()
	step.describe = func(int) (key, element string, w window.Window) {
		return "", showRow(m.b, row), m.out.Windows(row)[0]
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
	forget(m.b)
	m.out.Meta = Meta{}
	return nil
}

// Close implements [Op].
func (m *mapping) Close(bool) error { return nil }
