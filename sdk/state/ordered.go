package state

import (
	"errors"
	"iter"
	"slices"
	"unsafe"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/mtime"
)

var errNoCombineFn = errors.New("state: the cell has no CombineFn: make it with state.NewCombining")

// OrderedList is a cell of Ts in the order of their times; those of one time in the order in which they were added
// (Beam: OrderedListState).
type OrderedList[T any] struct{ c *orderedColumn[T] }

// Timed is a value and its time.
type Timed[T any] struct {
	Time  mtime.Time
	Value T
}

type orderedColumn[T any] struct {
	at    *uint32
	v     [][]Timed[T]
	n     int
	sizer coder.Sizer[T]
}

// Bind implements [Field].
func (l *OrderedList[T]) Bind(at *uint32) Column {
	l.c = &orderedColumn[T]{at: at, sizer: coder.SizerFor[T]()}
	return l.c
}

// Check implements [Field].
func (l *OrderedList[T]) Check() (string, error) { return check[T]("ordered list") }

// Add adds a value at a time.
func (l *OrderedList[T]) Add(t mtime.Time, v T) {
	p := &l.c.v[*l.c.at]
	i := len(*p)
	if i > 0 && (*p)[i-1].Time > t { // mostly they come in order
		i, _ = slices.BinarySearchFunc(*p, t, func(x Timed[T], t mtime.Time) int {
			if x.Time <= t {
				return -1
			}
			return 1
		})
	}
	*p = slices.Insert(*p, i, Timed[T]{t, v})
	l.c.n++
}

func (c *orderedColumn[T]) bounds(from, to mtime.Time) (lo, hi int) {
	v := c.v[*c.at]
	at := func(t mtime.Time) int {
		i, _ := slices.BinarySearchFunc(v, t, func(x Timed[T], t mtime.Time) int {
			if x.Time < t {
				return -1
			}
			return 1
		})
		return i
	}
	lo = at(from)
	return lo, max(lo, at(to))
}

// Range returns the values with from <= time < to. The sequence is valid during the call, and until the list changes.
func (l *OrderedList[T]) Range(from, to mtime.Time) iter.Seq2[mtime.Time, T] {
	lo, hi := l.c.bounds(from, to)
	return pairs(l.c.v[*l.c.at][lo:hi])
}

// All returns all values. The sequence is valid during the call, and until the list changes.
func (l *OrderedList[T]) All() iter.Seq2[mtime.Time, T] { return pairs(l.c.v[*l.c.at]) }

func pairs[T any](v []Timed[T]) iter.Seq2[mtime.Time, T] {
	return func(yield func(mtime.Time, T) bool) {
		for _, x := range v {
			if !yield(x.Time, x.Value) {
				return
			}
		}
	}
}

// Len is the number of values.
func (l *OrderedList[T]) Len() int { return len(l.c.v[*l.c.at]) }

// First returns the earliest value.
func (l *OrderedList[T]) First() (t mtime.Time, v T, ok bool) {
	if s := l.c.v[*l.c.at]; len(s) > 0 {
		return s[0].Time, s[0].Value, true
	}
	return 0, v, false
}

// ClearRange removes the values with from <= time < to.
func (l *OrderedList[T]) ClearRange(from, to mtime.Time) {
	lo, hi := l.c.bounds(from, to)
	p := &l.c.v[*l.c.at]
	l.c.n -= hi - lo
	switch {
	case hi-lo == len(*p):
		*p = nil
	case lo == 0: // as when the oldest go: moving the others each time would be work for each of them
		clear((*p)[:hi])
		*p = (*p)[hi:]
	default:
		*p = slices.Delete(*p, lo, hi)
	}
}

// Clear empties the list.
func (l *OrderedList[T]) Clear() { l.c.Clear(*l.c.at) }

func (c *orderedColumn[T]) Grow(slot uint32) {
	for int(slot) >= len(c.v) {
		c.v = append(c.v, nil)
	}
}

func (c *orderedColumn[T]) Clear(slot uint32) {
	c.n -= len(c.v[slot])
	c.v[slot] = nil
}

func (c *orderedColumn[T]) Empty(slot uint32) bool { return len(c.v[slot]) == 0 }

func (c *orderedColumn[T]) Save(slot uint32) func() {
	v := slices.Clone(c.v[slot])
	return func() {
		c.n += len(v) - len(c.v[slot])
		c.v[slot] = v
	}
}

func (c *orderedColumn[T]) Size() int64 {
	size := int64(c.n)*int64(unsafe.Sizeof(Timed[T]{}))*3/2 + int64(cap(c.v))*24
	if !c.sizer.Fixed() {
		for i := 0; i < len(c.v); i += max(len(c.v)/64, 1) {
			if len(c.v[i]) > 0 {
				return size + c.sizer.Size(&c.v[i][0].Value)*int64(c.n)
			}
		}
	}
	return size
}
