package keyed

import (
	"unsafe"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
)

// bags keeps values by slot, in the order in which they came: lists in one array, whose places are used again.
type bags struct {
	vals exec.Column
	next []uint32 // place plus one
	head []uint32 // by slot: place plus one
	tail []uint32
	free uint32 // place plus one
	n    int
	to   exec.Places
}

func (b *bags) grow(slot uint32) {
	for int(slot) >= len(b.head) {
		b.head, b.tail = append(b.head, 0), append(b.tail, 0)
	}
}

// add adds a value to each of slots: the one that lies rows[i]*stride bytes behind from.
func (b *bags) add(slots []uint32, from unsafe.Pointer, stride uintptr, rows []uint32) {
	for len(slots) > 0 {
		n := min(len(slots), exec.BatchSize)
		b.vals.Grow(b.vals.N + n) // what places point to may not move
		to := b.to.Take(n)
		for i, slot := range slots[:n] {
			b.grow(slot)
			to[i] = b.vals.Place(int(b.place(slot)) - 1)
		}
		b.vals.T.Place(to, from, stride, rows[:n])
		b.to.Done()
		slots, rows = slots[n:], rows[n:]
	}
}

// place returns the place, plus one, of one more value of a slot.
func (b *bags) place(slot uint32) uint32 {
	at := b.free
	if at != 0 {
		b.free = b.next[at-1]
		b.next[at-1] = 0
	} else {
		b.next = append(b.next, 0)
		b.vals.N++
		at = uint32(b.vals.N)
	}
	if b.head[slot] == 0 {
		b.head[slot] = at
	} else {
		b.next[b.tail[slot]-1] = at
	}
	b.tail[slot] = at
	b.n++
	return at
}

// list makes v the values of a slot.
func (b *bags) list(v *coder.Values, slot uint32) {
	v.At, v.Next, v.First = b.vals.At, b.next, 0
	if int(slot) < len(b.head) {
		v.First = b.head[slot]
	}
}

// clear empties a slot.
func (b *bags) clear(slot uint32) {
	if int(slot) >= len(b.head) || b.head[slot] == 0 {
		return
	}
	for p := b.head[slot]; p != 0; p = b.next[p-1] {
		b.vals.Set(b.vals.Place(int(p)-1), b.vals.T.Zero())
		b.n--
	}
	b.next[b.tail[slot]-1] = b.free
	b.free = b.head[slot]
	b.head[slot], b.tail[slot] = 0, 0
	if b.n == 0 && b.vals.Cap > 1<<16 { // a window of many values has gone
		b.vals, b.next, b.free = exec.Column{T: b.vals.T}, nil, 0
	}
}

// move appends the values of another slot.
func (b *bags) move(into, from uint32) {
	b.grow(max(into, from))
	if b.head[from] == 0 {
		return
	}
	if b.head[into] == 0 {
		b.head[into] = b.head[from]
	} else {
		b.next[b.tail[into]-1] = b.head[from]
	}
	b.tail[into] = b.tail[from]
	b.head[from], b.tail[from] = 0, 0
}

// size is the memory of the values, in bytes.
func (b *bags) size() int64 {
	size, sizer := b.vals.T.RowSize(), b.vals.T.Sizer()
	n := int64(b.n) * int64(size+4)
	if sizer.Fixed() {
		return n
	}
	return n + sampled(b.vals.N, b.n, func(i int) int64 { return sizer.Held(b.vals.Place(i)) })
}
