package model

import (
	"cmp"
	"maps"
	"slices"
)

// Cells are the state of a DoFn for one key and window. A cell is made empty when it is first named; a name belongs to one
// kind of cell.
type Cells struct {
	values   map[string]*Value
	bags     map[string]*Bag
	sums     map[string]*Sum
	maps     map[string]*MapCell
	sets     map[string]*SetCell
	ordereds map[string]*OrderedList
}

func cell[C any](cells *map[string]*C, name string) *C {
	if *cells == nil {
		*cells = map[string]*C{}
	}
	if (*cells)[name] == nil {
		(*cells)[name] = new(C)
	}
	return (*cells)[name]
}

// Value returns a value cell.
func (c *Cells) Value(name string) *Value { return cell(&c.values, name) }

// Bag returns a bag cell.
func (c *Cells) Bag(name string) *Bag { return cell(&c.bags, name) }

// Sum returns a combining cell whose combine function is the sum.
func (c *Cells) Sum(name string) *Sum { return cell(&c.sums, name) }

// Map returns a map cell.
func (c *Cells) Map(name string) *MapCell { return cell(&c.maps, name) }

// Set returns a set cell.
func (c *Cells) Set(name string) *SetCell { return cell(&c.sets, name) }

// OrderedList returns an ordered-list cell.
func (c *Cells) OrderedList(name string) *OrderedList { return cell(&c.ordereds, name) }

// Value is a value cell: at most one value.
type Value struct {
	v  int64
	ok bool
}

// Read returns the value, and whether there is one.
func (c *Value) Read() (v int64, ok bool) { return c.v, c.ok }

// Write replaces the value.
func (c *Value) Write(v int64) { c.v, c.ok = v, true }

// Clear removes it.
func (c *Value) Clear() { *c = Value{} }

// Bag is a bag cell: a multiset.
type Bag struct{ vs []int64 }

// Add adds a value.
func (c *Bag) Add(v int64) { c.vs = append(c.vs, v) }

// Read returns the values, ascending.
func (c *Bag) Read() []int64 { return ascending(c.vs) }

// Clear removes all values.
func (c *Bag) Clear() { c.vs = nil }

// Sum is a combining cell.
type Sum struct{ vs []int64 }

// Add adds a value.
func (c *Sum) Add(v int64) { c.vs = append(c.vs, v) }

// Read returns the sum, 0 of nothing.
func (c *Sum) Read() int64 { return combine("sum", c.vs) }

// Clear makes the sum 0.
func (c *Sum) Clear() { c.vs = nil }

// MapCell is a map cell.
type MapCell struct{ m map[int64]int64 }

// Put sets the value of a key.
func (c *MapCell) Put(k, v int64) {
	if c.m == nil {
		c.m = map[int64]int64{}
	}
	c.m[k] = v
}

// Get returns the value of a key, and whether there is one.
func (c *MapCell) Get(k int64) (v int64, ok bool) { v, ok = c.m[k]; return v, ok }

// Remove removes a key.
func (c *MapCell) Remove(k int64) { delete(c.m, k) }

// Keys returns the keys, ascending.
func (c *MapCell) Keys() []int64 { return slices.Sorted(maps.Keys(c.m)) }

// Clear removes all keys.
func (c *MapCell) Clear() { c.m = nil }

// SetCell is a set cell.
type SetCell struct{ m map[int64]bool }

// Add adds a value, and reports whether it was not in the set.
func (c *SetCell) Add(v int64) (added bool) {
	if c.m == nil {
		c.m = map[int64]bool{}
	}
	added = !c.m[v]
	c.m[v] = true
	return added
}

// Contains reports whether a value is in the set.
func (c *SetCell) Contains(v int64) bool { return c.m[v] }

// Remove removes a value.
func (c *SetCell) Remove(v int64) { delete(c.m, v) }

// Read returns the values, ascending.
func (c *SetCell) Read() []int64 { return slices.Sorted(maps.Keys(c.m)) }

// Clear removes all values.
func (c *SetCell) Clear() { c.m = nil }

// Timed is a value of an ordered list.
type Timed struct{ Time, Value int64 }

// OrderedList is an ordered-list cell: values by their sort key, a time; those of one time in the order they were added.
type OrderedList struct{ vs []Timed }

// Add adds a value.
func (c *OrderedList) Add(t, v int64) {
	c.vs = append(c.vs, Timed{t, v})
	slices.SortStableFunc(c.vs, func(a, b Timed) int { return cmp.Compare(a.Time, b.Time) })
}

// ReadRange returns the values with from <= time < to.
func (c *OrderedList) ReadRange(from, to int64) []Timed {
	var in []Timed
	for _, v := range c.vs {
		if from <= v.Time && v.Time < to {
			in = append(in, v)
		}
	}
	return in
}

// ClearRange removes the values with from <= time < to.
func (c *OrderedList) ClearRange(from, to int64) {
	c.vs = slices.DeleteFunc(c.vs, func(v Timed) bool { return from <= v.Time && v.Time < to })
}
