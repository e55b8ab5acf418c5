package sideinput

import (
	"fmt"
	"sync"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/exec/budget"
	"github.com/millrace-go/millrace/sdk/window"
)

// rows collects a view's elements, by window. It is what all stores are made of.
type rows[T any] struct {
	name    string
	account *budget.Account
	sizer   coder.Sizer[T]

	mu       sync.Mutex
	byWindow map[window.Window][]T
}

func newRows[T any](h *exec.Host, name string) *rows[T] {
	return &rows[T]{
		name:     name,
		account:  h.Budget.Open(name, nil),
		sizer:    coder.SizerFor[T](),
		byWindow: map[window.Window][]T{},
	}
}

type writer[T any] struct {
	r    *rows[T]
	step *exec.Step
}

func (r *rows[T]) NewWriter(b *exec.Build, step *exec.Step) (any, error) {
	w := &writer[T]{r: r, step: step}
	b.Add(w)
	return w, nil
}

func (w *writer[T]) StartBundle() error  { return nil }
func (w *writer[T]) FinishBundle() error { return nil }
func (w *writer[T]) Close(bool) error    { return nil }

func (w *writer[T]) Push(b *exec.Batch[T]) error {
	w.step.In.Add(int64(len(b.V)))
	r := w.r
	r.mu.Lock()
	defer r.mu.Unlock()
	if b.S == nil {
		for _, win := range b.Windows(0) {
			r.byWindow[win] = append(r.byWindow[win], b.V...)
		}
	} else {
		for i, v := range b.V {
			for _, win := range b.Windows(i) {
				r.byWindow[win] = append(r.byWindow[win], v)
			}
		}
	}
	return nil
}

func (r *rows[T]) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byWindow = nil
	r.account.Close()
	return nil
}

// Singleton is the store of a view of one element per window.
type Singleton[T any] struct {
	*rows[T]
	Mapper
	values map[window.Window]T
}

// NewSingleton returns an empty store.
func NewSingleton[T any](h *exec.Host, name string, fn window.Fn) *Singleton[T] {
	return &Singleton[T]{rows: newRows[T](h, name), Mapper: NewMapper(fn)}
}

// Seal implements exec.ViewStore. More than one element in a window is an error.
func (s *Singleton[T]) Seal() error {
	s.values = map[window.Window]T{}
	for w, vs := range s.byWindow {
		if len(vs) > 1 {
			return fmt.Errorf("%s: a singleton view of %d elements in window %v: it takes exactly one; combine them, or use AsIterable", s.name, len(vs), w)
		}
		s.values[w] = vs[0]
	}
	return nil
}

// Data implements exec.ViewStore.
func (s *Singleton[T]) Data() any { return s }

// Get returns the element for c's window.
func (s *Singleton[T]) Get(c *exec.Context) (T, bool) {
	v, ok := s.values[of(c, s.Mapper)]
	return v, ok
}

// List is the store of a view of all elements of a window.
type List[T any] struct {
	*rows[T]
	Mapper
}

// NewList returns an empty store.
func NewList[T any](h *exec.Host, name string, fn window.Fn, _ coder.Coder[T]) *List[T] {
	return &List[T]{rows: newRows[T](h, name), Mapper: NewMapper(fn)}
}

// Seal implements exec.ViewStore.
func (l *List[T]) Seal() error { return nil }

// Data implements exec.ViewStore.
func (l *List[T]) Data() any { return l }

// Len is the number of elements in c's window.
func (l *List[T]) Len(c *exec.Context) int { return len(l.byWindow[of(c, l.Mapper)]) }

// At returns element i of c's window.
func (l *List[T]) At(c *exec.Context, i int) T { return l.byWindow[of(c, l.Mapper)][i] }

// All calls yield for the elements of c's window.
func (l *List[T]) All(c *exec.Context, yield func(T) bool) {
	for _, v := range l.byWindow[of(c, l.Mapper)] {
		if !yield(v) {
			return
		}
	}
}

// Multimap is the store of a view of the values of each key.
type Multimap[K, V any] struct {
	*rows[coder.KV[K, V]]
	Mapper
	key    coder.Coder[K]
	unique bool
	index  map[window.Window]map[string][]V
}

// NewMultimap returns an empty store. unique says that a key may have one value only.
func NewMultimap[K, V any](h *exec.Host, name string, fn window.Fn, k coder.Coder[K], _ coder.Coder[V], unique bool) *Multimap[K, V] {
	return &Multimap[K, V]{rows: newRows[coder.KV[K, V]](h, name), Mapper: NewMapper(fn), key: k, unique: unique}
}

// Seal implements exec.ViewStore.
func (m *Multimap[K, V]) Seal() error {
	m.index = map[window.Window]map[string][]V{}
	var buf []byte
	for w, kvs := range m.byWindow {
		idx := map[string][]V{}
		for i := range kvs {
			var err error
			if buf, err = m.key.Append(buf[:0], &kvs[i].Key); err != nil {
				return fmt.Errorf("%s: encoding a key of the view: %w", m.name, err)
			}
			vs := idx[string(buf)]
			if m.unique && len(vs) > 0 {
				return fmt.Errorf("%s: a map view with two values for key %v in window %v: use AsMultimap, or combine per key first", m.name, kvs[i].Key, w)
			}
			idx[string(buf)] = append(vs, kvs[i].Value)
		}
		m.index[w] = idx
	}
	m.byWindow = nil
	return nil
}

// Data implements exec.ViewStore.
func (m *Multimap[K, V]) Data() any { return m }

// Get calls yield for the values of k in c's window.
func (m *Multimap[K, V]) Get(c *exec.Context, k K, yield func(V) bool) error {
	var a [64]byte
	b, err := m.key.Append(a[:0], &k)
	if err != nil {
		return err
	}
	for _, v := range m.index[of(c, m.Mapper)][string(b)] {
		if !yield(v) {
			break
		}
	}
	return nil
}

// Signal is the store of a view that has no contents: it is complete when its input is.
type Signal[T any] struct{}

// NewWriter implements exec.ViewStore.
func (Signal[T]) NewWriter(b *exec.Build, step *exec.Step) (any, error) {
	return &sink[T]{step: step}, nil
}

type sink[T any] struct{ step *exec.Step }

func (s *sink[T]) Push(b *exec.Batch[T]) error {
	s.step.In.Add(int64(len(b.V)))
	return nil
}

// Seal implements exec.ViewStore.
func (Signal[T]) Seal() error { return nil }

// Data implements exec.ViewStore.
func (Signal[T]) Data() any { return nil }

// Close implements exec.ViewStore.
func (Signal[T]) Close() error { return nil }
