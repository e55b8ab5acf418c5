package keyed

import (
	"iter"
	"slices"
	"testing"
	"unsafe"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
)

// bagsOf is bags with a type.
type bagsOf[V any] struct{ bags }

func newBags[V any]() *bagsOf[V] { return &bagsOf[V]{bags{vals: exec.Column{T: typeOf[V]()}}} }

func (b *bagsOf[V]) add(slot uint32, vs ...V) {
	slots, rows := make([]uint32, len(vs)), make([]uint32, len(vs))
	for i := range vs {
		slots[i], rows[i] = slot, uint32(i)
	}
	b.bags.add(slots, unsafe.Pointer(&vs[0]), unsafe.Sizeof(vs[0]), rows)
}

func (b *bagsOf[V]) each(slot uint32) (seq iter.Seq[V]) {
	var v coder.Values
	b.list(&v, slot)
	coder.SequenceOf[V]().Set(unsafe.Pointer(&seq), &v)
	return seq
}

func (b *bagsOf[V]) all(slot uint32) []V { return slices.Collect(b.each(slot)) }

// Bags hold what a slice for each slot would, in the order in which it came.
func TestBagsAgainstSlices(t *testing.T) {
	const slots = 20
	r := random(t)
	b := newBags[int]()
	model := make([][]int, slots)
	b.grow(slots - 1)
	for i := range 50_000 {
		slot := r.Uint32N(slots)
		switch r.IntN(20) {
		case 0:
			b.clear(slot)
			model[slot] = nil
		case 1:
			if from := r.Uint32N(slots); from != slot {
				b.move(slot, from)
				model[slot], model[from] = append(model[slot], model[from]...), nil
			}
		default:
			b.add(slot, i)
			model[slot] = append(model[slot], i)
		}
		n := 0
		for _, m := range model {
			n += len(m)
		}
		if b.n != n {
			t.Fatalf("step %d: %d values, want %d", i, b.n, n)
		}
		if got := b.all(slot); !slices.Equal(got, model[slot]) {
			t.Fatalf("step %d: slot %d holds %v, want %v", i, slot, got, model[slot])
		}
	}
	for slot, want := range model {
		if got := b.all(uint32(slot)); !slices.Equal(got, want) {
			t.Errorf("slot %d holds %v, want %v", slot, got, want)
		}
	}
	stopped := 0
	b.add(0, 1)
	b.add(0, 2)
	b.each(0)(func(int) bool { stopped++; return false })
	if stopped != 1 {
		t.Errorf("each went on to %d values after a stop", stopped)
	}
}

// The places of values that have gone are used again, hold nothing meanwhile, and go too when very many have.
func TestBagsReuseMemory(t *testing.T) {
	b := newBags[*int]()
	b.grow(3)
	for range 1000 {
		for slot := range uint32(4) {
			for range 10 {
				b.add(slot, new(int))
			}
		}
		for slot := range uint32(4) {
			b.clear(slot)
		}
	}
	if b.vals.N != 40 {
		t.Errorf("%d places for at most 40 values at once", b.vals.N)
	}
	for i, p := range unsafe.Slice((**int)(b.vals.At), b.vals.N) {
		if p != nil {
			t.Errorf("place %d still holds a value", i)
		}
	}
	many := make([]*int, 1<<17)
	for i := range many {
		many[i] = new(int)
	}
	b.add(1, many...)
	b.clear(1)
	if b.vals.At != nil || b.next != nil || b.free != 0 {
		t.Errorf("%d places are kept after very many values have gone", b.vals.Cap)
	}
	b.add(2, nil)
	if len(b.all(2)) != 1 {
		t.Error("a value that is added after that is lost")
	}
}
