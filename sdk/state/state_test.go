package state_test

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/state"
)

var seedFlag = flag.Uint64("seed", 0, "of the random tests; 0: one that is drawn and printed")

func random(t *testing.T) *rand.Rand {
	t.Helper()
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("repeat with -seed %d", seed)
	return rand.New(rand.NewPCG(seed, 4))
}

// wordsFn gathers the distinct words that it is given, in one map that it changes in place.
type wordsFn struct{}

func (wordsFn) CreateAccumulator() map[string]int64 { return map[string]int64{} }
func (wordsFn) AddInput(a map[string]int64, w string) map[string]int64 {
	a[w]++
	return a
}

func (wordsFn) MergeAccumulators(a, b map[string]int64) map[string]int64 {
	for k, n := range b {
		a[k] += n
	}
	return a
}

func (wordsFn) ExtractOutput(a map[string]int64) string {
	var s []string
	for _, k := range slices.Sorted(maps.Keys(a)) {
		s = append(s, fmt.Sprint(k, a[k]))
	}
	return strings.Join(s, " ")
}

// cell is a cell of some kind under test, with what it should be: a plain value for each slot.
type cell interface {
	bind(at *uint32) state.Column
	// act changes the cell and the model of the slot alike, and checks what the methods return.
	act(r *rand.Rand, slot uint32) error
	// check compares all that can be read of the cell with the model of the slot.
	check(slot uint32) error
	// keep returns what puts the model of a slot back.
	keep(slot uint32) func()
	clear(slot uint32)
	empty(slot uint32) bool
}

func differ[T any](what string, got, want T) error {
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		return fmt.Errorf("%s is %s, want %s", what, g, w)
	}
	return nil
}

// modelled is the models of all slots.
type modelled[M any] struct {
	m     [slots]M
	clone func(M) M
	none  func(M) bool
}

const slots = 9

func (m *modelled[M]) keep(slot uint32) func() {
	v := m.clone(m.m[slot])
	return func() { m.m[slot] = v }
}

func (m *modelled[M]) clear(slot uint32)      { m.m[slot] = *new(M) }
func (m *modelled[M]) empty(slot uint32) bool { return m.none(m.m[slot]) }

type valueCell struct {
	modelled[*string]
	c state.Value[string]
}

func (x *valueCell) bind(at *uint32) state.Column { return x.c.Bind(at) }
func (x *valueCell) act(r *rand.Rand, slot uint32) error {
	if r.IntN(4) == 0 {
		x.c.Clear()
		x.m[slot] = nil
		return nil
	}
	s := strings.Repeat("v", r.IntN(4))
	x.c.Write(s)
	x.m[slot] = &s
	return nil
}

func (x *valueCell) check(slot uint32) error {
	v, ok := x.c.Read()
	want := ""
	if p := x.m[slot]; p != nil {
		want = *p
	}
	return errors.Join(differ("ok", ok, x.m[slot] != nil), differ("Read", v, want), differ("Get", x.c.Get(), want))
}

type bagCell struct {
	modelled[[]int64]
	c state.Bag[int64]
}

func (x *bagCell) bind(at *uint32) state.Column { return x.c.Bind(at) }
func (x *bagCell) act(r *rand.Rand, slot uint32) error {
	if r.IntN(12) == 0 {
		x.c.Clear()
		x.m[slot] = nil
		return nil
	}
	for range 1 + r.IntN(9) {
		v := r.Int64()
		x.c.Add(v)
		x.m[slot] = append(x.m[slot], v)
	}
	return nil
}

func (x *bagCell) check(slot uint32) error {
	return errors.Join(differ("Len", x.c.Len(), len(x.m[slot])), differ("All", slices.Collect(x.c.All()), x.m[slot]))
}

type combiningCell struct {
	modelled[[]string]
	c state.Combining[string, map[string]int64, string]
}

func (x *combiningCell) bind(at *uint32) state.Column {
	x.c = state.NewCombining[string, map[string]int64, string](wordsFn{})
	return x.c.Bind(at)
}

func (x *combiningCell) act(r *rand.Rand, slot uint32) error {
	if r.IntN(8) == 0 {
		x.c.Clear()
		x.m[slot] = nil
		return nil
	}
	w := string(rune('a' + r.IntN(4)))
	x.c.Add(w)
	x.m[slot] = append(x.m[slot], w)
	return nil
}

func (x *combiningCell) check(slot uint32) error {
	a := map[string]int64{}
	for _, w := range x.m[slot] {
		a[w]++
	}
	return differ("Read", x.c.Read(), wordsFn{}.ExtractOutput(a))
}

type mapCell struct {
	modelled[map[int64]string]
	c state.Map[int64, string]
}

func (x *mapCell) bind(at *uint32) state.Column { return x.c.Bind(at) }
func (x *mapCell) act(r *rand.Rand, slot uint32) error {
	k := r.Int64N(6)
	switch r.IntN(10) {
	case 0:
		x.c.Clear()
		x.m[slot] = nil
	case 1, 2, 3:
		x.c.Remove(k)
		delete(x.m[slot], k)
	default:
		v := strings.Repeat("v", r.IntN(4))
		x.c.Put(k, v)
		if x.m[slot] == nil {
			x.m[slot] = map[int64]string{}
		}
		x.m[slot][k] = v
	}
	return nil
}

func (x *mapCell) check(slot uint32) error {
	errs := []error{differ("Len", x.c.Len(), len(x.m[slot])), differ("All", maps.Collect(x.c.All()), x.m[slot])}
	for k := range int64(6) {
		v, ok := x.c.Get(k)
		want, there := x.m[slot][k]
		errs = append(errs, differ("Get", v, want), differ("ok of Get", ok, there))
	}
	return errors.Join(errs...)
}

type multimapCell struct {
	modelled[map[int64][]int64]
	c state.Multimap[int64, int64]
}

func (x *multimapCell) bind(at *uint32) state.Column { return x.c.Bind(at) }
func (x *multimapCell) act(r *rand.Rand, slot uint32) error {
	k := r.Int64N(4)
	switch r.IntN(10) {
	case 0:
		x.c.Clear()
		x.m[slot] = nil
	case 1:
		x.c.Remove(k)
		delete(x.m[slot], k)
	default:
		before := x.c.Get(k)
		want := slices.Collect(before)
		v := r.Int64N(100)
		x.c.Add(k, v)
		if x.m[slot] == nil {
			x.m[slot] = map[int64][]int64{}
		}
		x.m[slot][k] = append(x.m[slot][k], v)
		return differ("a sequence taken before Add", slices.Collect(before), want)
	}
	return nil
}

func (x *multimapCell) check(slot uint32) error {
	errs := []error{differ("Len", x.c.Len(), len(x.m[slot])), differ("Keys", slices.Sorted(x.c.Keys()), slices.Sorted(maps.Keys(x.m[slot])))}
	for k := range int64(4) {
		errs = append(errs, differ("Get", slices.Collect(x.c.Get(k)), x.m[slot][k]))
	}
	return errors.Join(errs...)
}

type setCell struct {
	modelled[map[string]bool]
	c state.Set[string]
}

func (x *setCell) bind(at *uint32) state.Column { return x.c.Bind(at) }
func (x *setCell) act(r *rand.Rand, slot uint32) error {
	v := string(rune('a' + r.IntN(5)))
	switch r.IntN(10) {
	case 0:
		x.c.Clear()
		x.m[slot] = nil
	case 1, 2, 3:
		x.c.Remove(v)
		delete(x.m[slot], v)
	default:
		isNew := x.c.Add(v)
		if x.m[slot] == nil {
			x.m[slot] = map[string]bool{}
		}
		was := x.m[slot][v]
		x.m[slot][v] = true
		return differ("Add", isNew, !was)
	}
	return nil
}

func (x *setCell) check(slot uint32) error {
	errs := []error{differ("Len", x.c.Len(), len(x.m[slot])), differ("All", slices.Sorted(x.c.All()), slices.Sorted(maps.Keys(x.m[slot])))}
	for _, v := range []string{"a", "b", "c", "d", "e", "f"} {
		errs = append(errs, differ("Has "+v, x.c.Has(v), x.m[slot][v]))
	}
	return errors.Join(errs...)
}

type orderedCell struct {
	modelled[[]state.Timed[int64]]
	c state.OrderedList[int64]
	n int64
}

func (x *orderedCell) bind(at *uint32) state.Column { return x.c.Bind(at) }

func drawTime(r *rand.Rand) mtime.Time {
	if r.IntN(20) == 0 {
		return []mtime.Time{mtime.Min, mtime.Max, mtime.EndOfGlobalWindow}[r.IntN(3)]
	}
	return mtime.Time(r.IntN(20))
}

func within(v []state.Timed[int64], from, to mtime.Time) (in, out []state.Timed[int64]) {
	for _, e := range v {
		if from <= e.Time && e.Time < to {
			in = append(in, e)
		} else {
			out = append(out, e)
		}
	}
	return in, out
}

func (x *orderedCell) act(r *rand.Rand, slot uint32) error {
	switch r.IntN(12) {
	case 0:
		x.c.Clear()
		x.m[slot] = nil
	case 1, 2:
		from, to := drawTime(r), drawTime(r) // often the wrong way round
		if r.IntN(2) == 0 {
			from = mtime.Min
		}
		x.c.ClearRange(from, to)
		_, x.m[slot] = within(x.m[slot], from, to)
	default:
		e := state.Timed[int64]{Time: drawTime(r), Value: x.n}
		x.n++
		x.c.Add(e.Time, e.Value)
		x.m[slot] = append(x.m[slot], e)
		slices.SortStableFunc(x.m[slot], func(a, b state.Timed[int64]) int { return cmp.Compare(a.Time, b.Time) })
	}
	if r.IntN(4) > 0 {
		return nil
	}
	from, to := drawTime(r), drawTime(r)
	var got []state.Timed[int64]
	for t, v := range x.c.Range(from, to) {
		got = append(got, state.Timed[int64]{Time: t, Value: v})
	}
	want, _ := within(x.m[slot], from, to)
	return differ(fmt.Sprintf("Range(%v, %v)", from, to), got, want)
}

func (x *orderedCell) check(slot uint32) error {
	var got []state.Timed[int64]
	for t, v := range x.c.All() {
		got = append(got, state.Timed[int64]{Time: t, Value: v})
	}
	t, v, ok := x.c.First()
	var first state.Timed[int64]
	if len(x.m[slot]) > 0 {
		first = x.m[slot][0]
	}
	return errors.Join(
		differ("Len", x.c.Len(), len(x.m[slot])), differ("All", got, x.m[slot]),
		differ("First", state.Timed[int64]{Time: t, Value: v}, first), differ("ok of First", ok, len(x.m[slot]) > 0),
	)
}

func cells() map[string]cell {
	cloneSlices := func(m map[int64][]int64) map[int64][]int64 {
		c := map[int64][]int64{}
		for k, v := range m {
			c[k] = slices.Clone(v)
		}
		return c
	}
	return map[string]cell{
		"value": &valueCell{modelled: modelled[*string]{clone: func(p *string) *string { return p }, none: func(p *string) bool { return p == nil }}},
		"bag":   &bagCell{modelled: modelled[[]int64]{clone: slices.Clone[[]int64], none: func(v []int64) bool { return len(v) == 0 }}},
		"combining": &combiningCell{modelled: modelled[[]string]{
			clone: slices.Clone[[]string], none: func(v []string) bool { return len(v) == 0 },
		}},
		"map": &mapCell{modelled: modelled[map[int64]string]{
			clone: maps.Clone[map[int64]string], none: func(m map[int64]string) bool { return len(m) == 0 },
		}},
		"multimap": &multimapCell{modelled: modelled[map[int64][]int64]{
			clone: cloneSlices, none: func(m map[int64][]int64) bool { return len(m) == 0 },
		}},
		"set": &setCell{modelled: modelled[map[string]bool]{
			clone: maps.Clone[map[string]bool], none: func(m map[string]bool) bool { return len(m) == 0 },
		}},
		"ordered list": &orderedCell{modelled: modelled[[]state.Timed[int64]]{
			clone: slices.Clone[[]state.Timed[int64]], none: func(v []state.Timed[int64]) bool { return len(v) == 0 },
		}},
	}
}

// Every cell is, in every slot, as a plain Go value would be: whatever its methods do, what a failed call did
// is taken back with Save, and a slot that is cleared for another key has nothing of the last.
func TestCellsAgainstValues(t *testing.T) {
	for name, c := range cells() {
		t.Run(name, func(t *testing.T) {
			r := random(t)
			var at uint32
			col := c.bind(&at)
			for slot := range uint32(slots) {
				col.Grow(slot)
			}
			for i := range 4_000 {
				at = r.Uint32N(slots)
				var err error
				switch r.IntN(8) {
				case 0: // tried and taken back, perhaps more than once
					for range 1 + r.IntN(2) {
						restore, keep := col.Save(at), c.keep(at)
						for range r.IntN(4) {
							err = errors.Join(err, c.act(r, at))
						}
						restore()
						keep()
					}
				case 1: // tried, and it succeeded
					col.Save(at)
					err = c.act(r, at)
				case 2:
					if r.IntN(8) == 0 {
						col.Clear(at)
						c.clear(at)
					}
				default:
					err = c.act(r, at)
				}
				if err = errors.Join(err, c.check(at)); err != nil {
					t.Fatalf("step %d, slot %d: %v", i, at, err)
				}
				if col.Empty(at) != c.empty(at) {
					t.Fatalf("step %d: slot %d is empty: %v, want %v", i, at, col.Empty(at), c.empty(at))
				}
			}
			for at = range slots {
				if err := c.check(at); err != nil {
					t.Errorf("at the end, slot %d: %v", at, err)
				}
				col.Clear(at)
				if !col.Empty(at) {
					t.Errorf("slot %d is not empty after Clear", at)
				}
			}
		})
	}
}

// The estimate of the memory follows what is held: a megabyte of strings in one of many slots is seen, and goes.
func TestSize(t *testing.T) {
	var at uint32
	var v state.Value[string]
	var b state.Bag[string]
	var m state.Map[string, string]
	var mm state.Multimap[int64, string]
	var l state.OrderedList[string]
	for name, c := range map[string]struct {
		col state.Column
		add func(s string)
	}{
		"value":        {v.Bind(&at), v.Write},
		"bag":          {b.Bind(&at), b.Add},
		"map":          {m.Bind(&at), func(s string) { m.Put("k", s) }},
		"multimap":     {mm.Bind(&at), func(s string) { mm.Add(1, s) }},
		"ordered list": {l.Bind(&at), func(s string) { l.Add(5, s) }},
	} {
		const n, each = 1000, 1 << 10
		for slot := range uint32(n) {
			c.col.Grow(slot)
		}
		empty := c.col.Size()
		for at = range n {
			c.add(strings.Repeat("x", each))
		}
		full := c.col.Size()
		if full < n*each || full > 2*n*each {
			t.Errorf("%s: %d bytes of strings are taken for %d", name, n*each, full)
		}
		for at = range n {
			c.col.Clear(at)
		}
		if left := c.col.Size(); left > empty+n*64 {
			t.Errorf("%s: %d bytes are left of %d when all is cleared, before there were %d", name, left, full, empty)
		}
	}
}

// What identifies a cell in a checkpoint names its kind and its coder; what cannot be stored says why.
func TestCheck(t *testing.T) {
	type opaque struct{ F func() }
	comb := state.NewCombining[string, map[string]int64, string](wordsFn{})
	kinds := map[string]bool{}
	for _, f := range []state.Field{
		&state.Value[int64]{}, &state.Bag[int64]{}, &comb, &state.Map[int64, int64]{}, &state.Multimap[int64, int64]{}, &state.Set[int64]{}, &state.OrderedList[int64]{},
	} {
		id, err := f.Check()
		if err != nil || !strings.Contains(id, " of ") || kinds[id] {
			t.Errorf("%T: %q, %v", f, id, err)
		}
		kinds[id] = true
	}
	for _, f := range []state.Field{&state.Value[chan int]{}, &state.Bag[func()]{}, &state.OrderedList[opaque]{}, &state.Combining[string, map[string]int64, string]{}} {
		if id, err := f.Check(); err == nil {
			t.Errorf("%T can be stored, as %q", f, id)
		}
	}
}

// Adding to one key of a multimap, or taking the oldest of an ordered list, costs the same however many there are.
func TestNoQuadraticCells(t *testing.T) {
	const n = 200_000 // moved each time, these would be 20 G values
	var at uint32
	var mm state.Multimap[int64, int64]
	mm.Bind(&at).Grow(0)
	var l state.OrderedList[int64]
	l.Bind(&at).Grow(0)
	var b state.Bag[int64]
	bag := b.Bind(&at)
	bag.Grow(0)
	for i := range int64(n) {
		mm.Add(7, i)
		l.Add(mtime.Time(i), i)
		bag.Save(0) // as under a policy for failing elements
		b.Add(i)
	}
	for i := range mtime.Time(n) {
		if first, _, ok := l.First(); !ok || first != i {
			t.Fatalf("the first is at %v, want %v", first, i)
		}
		l.ClearRange(mtime.Min, i+1)
	}
	if l.Len() != 0 || b.Len() != n || len(slices.Collect(mm.Get(7))) != n {
		t.Errorf("%d, %d and %d values are left", l.Len(), b.Len(), len(slices.Collect(mm.Get(7))))
	}
}
