package keyed

import "math/bits"

// table finds the slots of keys. Open addressing with linear probing; an entry is the slot plus one, below 32 bits of
// the key's hash. Those place the entry too, so that the table grows and shrinks without looking at keys.
type table struct {
	entries []uint64
	mask    uint32
	n       int
}

const leastTable = 8

// tagOf is the part of a hash that a table keeps.
func tagOf(hash uint64) uint32 { return uint32(hash >> 16) }

func (t *table) reserve(more int) {
	need := t.n + more
	if need*4 <= len(t.entries)*3 {
		return
	}
	size := max(leastTable, 1<<bits.Len(uint(need*4/3)))
	old := t.entries
	t.entries = make([]uint64, size)
	t.mask = uint32(size - 1)
	for _, e := range old {
		if e != 0 {
			t.put(e)
		}
	}
}

func (t *table) put(e uint64) {
	i := uint32(e>>32) & t.mask
	for t.entries[i] != 0 {
		i = (i + 1) & t.mask
	}
	t.entries[i] = e
}

// add enters slot under tag, which is not there. The caller has reserved room.
func (t *table) add(tag, slot uint32) {
	t.put(uint64(tag)<<32 | uint64(slot+1))
	t.n++
}

// remove takes out slot, which is there under tag.
func (t *table) remove(tag, slot uint32) {
	e := uint64(tag)<<32 | uint64(slot+1)
	i := tag & t.mask
	for t.entries[i] != e {
		i = (i + 1) & t.mask
	}
	// Entries behind move up, so that no search ends too early.
	for j := (i + 1) & t.mask; t.entries[j] != 0; j = (j + 1) & t.mask {
		home := uint32(t.entries[j]>>32) & t.mask
		if (j-home)&t.mask >= (j-i)&t.mask {
			t.entries[i] = t.entries[j]
			i = j
		}
	}
	t.entries[i] = 0
	t.n--
}

// each calls f for the slots in the table. f must not change the table.
func (t *table) each(f func(slot uint32)) {
	for _, e := range t.entries {
		if e != 0 {
			f(uint32(e) - 1)
		}
	}
}
