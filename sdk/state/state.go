// Package state has the cells in which a stateful DoFn keeps what it knows of a key, per window (Beam programming
// guide, "State and timers").
//
// A cell is an exported field of the DoFn, found when the pipeline is built; sdk.StatefulParDo runs it:
//
//	type countFn struct {
//		Seen state.Value[int64]
//	}
//
// Its methods are valid during ProcessElement, OnTimer and OnWindowExpiration, and are about the key and window of the
// call. All cells of a key are cleared when its window has expired. What is read from a cell must not be changed:
// write a new value. A cell belongs to the goroutine of the call.
package state

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"unsafe"

	"github.com/millrace-go/millrace/sdk/coder"
)

// Field is what all cells implement, for runners.
type Field interface {
	// Bind makes the column that the cell reads and writes; *at is the slot of the call that is being made.
	Bind(at *uint32) Column
	// Check returns the kind and coder of the cell, which identify it in a checkpoint, or why it cannot be stored.
	Check() (id string, err error)
}

// Column is the cells of one field, one for each slot: each pair of key and window. For runners.
type Column interface {
	// Grow makes room for a slot.
	Grow(slot uint32)
	// Clear empties the cell of a slot.
	Clear(slot uint32)
	// Empty reports whether the cell of a slot has nothing.
	Empty(slot uint32) bool
	// Save returns what puts the cell of a slot back to what it is now.
	Save(slot uint32) (restore func())
	// Size estimates the memory of all cells, in bytes.
	Size() int64
}

func check[T any](kind string) (string, error) {
	c, err := coder.For[T]()
	if err != nil {
		return kind, err
	}
	return kind + " of " + c.ID(), nil
}

// Value is a cell of one T.
type Value[T any] struct{ c *valueColumn[T] }

type valueColumn[T any] struct {
	at    *uint32
	v     []T
	has   []bool
	sizer coder.Sizer[T]
	copy  func(T) T // of what is changed in place, or nil
}

// Bind implements [Field].
func (v *Value[T]) Bind(at *uint32) Column {
	v.c = &valueColumn[T]{at: at, sizer: coder.SizerFor[T]()}
	return v.c
}

// Check implements [Field].
func (v *Value[T]) Check() (string, error) { return check[T]("value") }

// Read returns the value; ok is false if none has been written.
func (v *Value[T]) Read() (value T, ok bool) { return v.c.v[*v.c.at], v.c.has[*v.c.at] }

// Get returns the value, or the zero value if none has been written.
func (v *Value[T]) Get() T { return v.c.v[*v.c.at] }

// Write sets the value.
func (v *Value[T]) Write(value T) {
	c, at := v.c, *v.c.at
	c.v[at], c.has[at] = value, true
}

// Clear removes the value.
func (v *Value[T]) Clear() { v.c.Clear(*v.c.at) }

func (c *valueColumn[T]) Grow(slot uint32) {
	for int(slot) >= len(c.v) {
		c.v, c.has = append(c.v, *new(T)), append(c.has, false)
	}
}

func (c *valueColumn[T]) Clear(slot uint32) {
	c.has[slot] = false
	clear(c.v[slot : slot+1])
}

func (c *valueColumn[T]) Empty(slot uint32) bool { return !c.has[slot] }

func (c *valueColumn[T]) Save(slot uint32) func() {
	v, has := c.v[slot], c.has[slot]
	if has && c.copy != nil {
		v = c.copy(v)
	}
	return func() { c.v[slot], c.has[slot] = v, has }
}

func (c *valueColumn[T]) Size() int64 {
	return int64(cap(c.v))*int64(unsafe.Sizeof(*new(T))+1) + sample(c.sizer, c.v)
}

// sample estimates what values lead to, by some of them.
func sample[T any](s coder.Sizer[T], vs []T) int64 {
	if s.Fixed() || len(vs) == 0 {
		return 0
	}
	const most = 64
	step := max(len(vs)/most, 1)
	var sum, k int64
	for i := 0; i < len(vs); i += step {
		sum += s.Size(&vs[i])
		k++
	}
	return sum * int64(len(vs)) / k
}

// Bag is a cell of any number of Ts, in the order in which they were added.
type Bag[T any] struct{ c *bagColumn[T] }

type bagColumn[T any] struct {
	at    *uint32
	v     [][]T
	n     int
	kept  uint32 // the slot, plus one, whose values a restore may still want
	sizer coder.Sizer[T]
}

// Bind implements [Field].
func (b *Bag[T]) Bind(at *uint32) Column {
	b.c = &bagColumn[T]{at: at, sizer: coder.SizerFor[T]()}
	return b.c
}

// Check implements [Field].
func (b *Bag[T]) Check() (string, error) { return check[T]("bag") }

// Add appends a value.
func (b *Bag[T]) Add(v T) {
	b.c.v[*b.c.at] = append(b.c.v[*b.c.at], v)
	b.c.n++
}

// All returns the values. The sequence is valid during the call, and until the bag is changed.
func (b *Bag[T]) All() iter.Seq[T] { return slices.Values(b.c.v[*b.c.at]) }

// Len is the number of values.
func (b *Bag[T]) Len() int { return len(b.c.v[*b.c.at]) }

// Clear empties the bag.
func (b *Bag[T]) Clear() { b.c.Clear(*b.c.at) }

func (c *bagColumn[T]) Grow(slot uint32) {
	for int(slot) >= len(c.v) {
		c.v = append(c.v, nil)
	}
}

// keptBytes is the memory that an empty bag may keep for the values to come.
const keptBytes = 128

func (c *bagColumn[T]) Clear(slot uint32) {
	v := c.v[slot]
	c.n -= len(v)
	if c.kept == slot+1 || cap(v)*int(unsafe.Sizeof(*new(T))) > keptBytes {
		c.v[slot], c.kept = nil, 0
		return
	}
	clear(v)
	c.v[slot] = v[:0]
}

func (c *bagColumn[T]) Empty(slot uint32) bool { return len(c.v[slot]) == 0 }

// Save copies nothing: a bag is only added to, or cleared.
func (c *bagColumn[T]) Save(slot uint32) func() {
	v := c.v[slot]
	c.kept = slot + 1
	return func() {
		c.n += len(v) - len(c.v[slot])
		if now := c.v[slot]; c.kept == slot+1 && len(now) > len(v) {
			clear(now[len(v):])
		}
		c.v[slot], c.kept = v, 0
	}
}

func (c *bagColumn[T]) Size() int64 {
	size := int64(c.n)*int64(unsafe.Sizeof(*new(T)))*3/2 + int64(cap(c.v))*24
	if !c.sizer.Fixed() {
		for i := 0; i < len(c.v); i += max(len(c.v)/64, 1) {
			if len(c.v[i]) > 0 {
				return size + c.sizer.Size(&c.v[i][0])*int64(c.n)
			}
		}
	}
	return size
}

// CombineFn is what a [Combining] cell folds with: see sdk.CombineFn.
type CombineFn[I, A, O any] interface {
	CreateAccumulator() A
	AddInput(acc A, in I) A
	MergeAccumulators(a, b A) A
	ExtractOutput(acc A) O
}

// Combining is a cell of one accumulator.
type Combining[I, A, O any] struct {
	fn CombineFn[I, A, O]
	c  *valueColumn[A]
}

// NewCombining returns a cell that combines with fn.
func NewCombining[I, A, O any, F CombineFn[I, A, O]](fn F) Combining[I, A, O] {
	return Combining[I, A, O]{fn: fn}
}

// Bind implements [Field].
func (x *Combining[I, A, O]) Bind(at *uint32) Column {
	x.c = &valueColumn[A]{at: at, sizer: coder.SizerFor[A]()}
	if c, err := coder.For[A](); err == nil && !x.c.sizer.Fixed() {
		x.c.copy = func(acc A) A { return clone(c, acc) } // AddInput may change it in place
	}
	return x.c
}

func clone[T any](c coder.Coder[T], v T) (w T) {
	b, err := c.Append(nil, &v)
	if err == nil {
		_, err = c.Decode(b, &w)
	}
	if err != nil {
		panic(fmt.Errorf("state: an accumulator does not survive encoding: %w", err))
	}
	return w
}

// Check implements [Field].
func (x *Combining[I, A, O]) Check() (string, error) {
	if x.fn == nil {
		return "", errNoCombineFn
	}
	return check[A]("combining")
}

// Add adds an input.
func (x *Combining[I, A, O]) Add(in I) {
	at := *x.c.at
	if !x.c.has[at] {
		x.c.v[at], x.c.has[at] = x.fn.CreateAccumulator(), true
	}
	x.c.v[at] = x.fn.AddInput(x.c.v[at], in)
}

// Read returns the output of what has been added; that of a fresh accumulator if nothing has.
func (x *Combining[I, A, O]) Read() O {
	if at := *x.c.at; x.c.has[at] {
		return x.fn.ExtractOutput(x.c.v[at])
	}
	return x.fn.ExtractOutput(x.fn.CreateAccumulator())
}

// Clear forgets what has been added.
func (x *Combining[I, A, O]) Clear() { x.c.Clear(*x.c.at) }

// Map is a cell of values by key. Keys are equal as Go values.
type Map[K comparable, V any] struct{ c *mapColumn[K, V] }

type mapColumn[K comparable, V any] struct {
	at     *uint32
	v      []map[K]V
	n      int
	keys   coder.Sizer[K]
	values coder.Sizer[V]
}

// Bind implements [Field].
func (m *Map[K, V]) Bind(at *uint32) Column {
	m.c = &mapColumn[K, V]{at: at, keys: coder.SizerFor[K](), values: coder.SizerFor[V]()}
	return m.c
}

// Check implements [Field].
func (m *Map[K, V]) Check() (string, error) { return check[map[K]V]("map") }

// Get returns the value of k.
func (m *Map[K, V]) Get(k K) (value V, ok bool) {
	value, ok = m.c.v[*m.c.at][k]
	return value, ok
}

// Put sets the value of k.
func (m *Map[K, V]) Put(k K, v V) {
	p := &m.c.v[*m.c.at]
	if *p == nil {
		*p = map[K]V{}
	}
	n := len(*p)
	(*p)[k] = v
	m.c.n += len(*p) - n
}

// Remove removes the value of k.
func (m *Map[K, V]) Remove(k K) {
	p := m.c.v[*m.c.at]
	n := len(p)
	delete(p, k)
	m.c.n += len(p) - n
}

// Len is the number of keys.
func (m *Map[K, V]) Len() int { return len(m.c.v[*m.c.at]) }

// All returns keys and values, in no particular order. The sequence is valid during the call.
func (m *Map[K, V]) All() iter.Seq2[K, V] { return maps.All(m.c.v[*m.c.at]) }

// Clear empties the map.
func (m *Map[K, V]) Clear() { m.c.Clear(*m.c.at) }

func (c *mapColumn[K, V]) Grow(slot uint32) {
	for int(slot) >= len(c.v) {
		c.v = append(c.v, nil)
	}
}

func (c *mapColumn[K, V]) Clear(slot uint32) {
	c.n -= len(c.v[slot])
	c.v[slot] = nil
}

func (c *mapColumn[K, V]) Empty(slot uint32) bool { return len(c.v[slot]) == 0 }

func (c *mapColumn[K, V]) Save(slot uint32) func() {
	v := maps.Clone(c.v[slot])
	return func() {
		c.n += len(v) - len(c.v[slot])
		c.v[slot] = v
	}
}

func (c *mapColumn[K, V]) Size() int64 {
	size := int64(c.n)*int64(unsafe.Sizeof(*new(K))+unsafe.Sizeof(*new(V))+1)*2 + int64(cap(c.v))*8
	if c.n == 0 || c.keys.Fixed() && c.values.Fixed() {
		return size
	}
	const most = 64 // entries that are looked at
	var sum, k int64
	for i := 0; i < len(c.v) && k < most; i += max(len(c.v)/most, 1) {
		for key, v := range c.v[i] {
			sum += c.keys.Size(&key) + c.values.Size(&v)
			if k++; k == most {
				break
			}
		}
	}
	return size + sum*int64(c.n)/max(k, 1)
}

// Multimap is a cell of any number of values by key.
type Multimap[K comparable, V any] struct{ m Map[K, []V] }

// Bind implements [Field].
func (m *Multimap[K, V]) Bind(at *uint32) Column { return m.m.Bind(at) }

// Check implements [Field].
func (m *Multimap[K, V]) Check() (string, error) { return check[map[K][]V]("multimap") }

// Get returns the values of k in the order in which they were added. The sequence is valid during the call.
func (m *Multimap[K, V]) Get(k K) iter.Seq[V] {
	v, _ := m.m.Get(k)
	return slices.Values(v)
}

// Add adds a value of k.
func (m *Multimap[K, V]) Add(k K, v V) {
	old, _ := m.m.Get(k)
	m.m.Put(k, append(old, v)) // behind what a saved map, or a sequence, sees
}

// Remove removes the values of k.
func (m *Multimap[K, V]) Remove(k K) { m.m.Remove(k) }

// Len is the number of keys.
func (m *Multimap[K, V]) Len() int { return m.m.Len() }

// Keys returns the keys, in no particular order. The sequence is valid during the call.
func (m *Multimap[K, V]) Keys() iter.Seq[K] { return maps.Keys(m.m.c.v[*m.m.c.at]) }

// Clear empties the multimap.
func (m *Multimap[K, V]) Clear() { m.m.Clear() }

// Set is a cell of distinct Ts, equal as Go values.
type Set[T comparable] struct{ m Map[T, struct{}] }

// Bind implements [Field].
func (s *Set[T]) Bind(at *uint32) Column { return s.m.Bind(at) }

// Check implements [Field].
func (s *Set[T]) Check() (string, error) { return check[[]T]("set") }

// Add adds a value and reports whether it is new.
func (s *Set[T]) Add(v T) bool {
	n := s.m.Len()
	s.m.Put(v, struct{}{})
	return s.m.Len() > n
}

// Has reports whether v is in the set.
func (s *Set[T]) Has(v T) bool {
	_, ok := s.m.Get(v)
	return ok
}

// Remove removes a value.
func (s *Set[T]) Remove(v T) { s.m.Remove(v) }

// Len is the number of values.
func (s *Set[T]) Len() int { return s.m.Len() }

// All returns the values, in no particular order. The sequence is valid during the call.
func (s *Set[T]) All() iter.Seq[T] { return maps.Keys(s.m.c.v[*s.m.c.at]) }

// Clear empties the set.
func (s *Set[T]) Clear() { s.m.Clear() }
