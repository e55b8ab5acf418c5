package main

import "math/bits"

// idSet is a set of ids, each with a few bits: a table with open addressing, small where there are few ids, since there
// are as many sets as keys. Its fields are exported because accumulators are encoded.
type idSet struct {
	// Slots are ids and bits, shifted together: 0 is free. Their number is 0 or a power of two.
	Slots []uint64
	// Len is how many are in use.
	Len int
}

const idBits = 3

// add adds bits, of which one at least is set, to those of an id below 2⁶¹ and returns those it had, 0 if it is new.
func (s *idSet) add(id int64, set uint64) (had uint64) {
	if 4*(s.Len+1) > 3*len(s.Slots) {
		s.grow()
	}
	slot := s.find(uint64(id))
	had = *slot & (1<<idBits - 1)
	if had == 0 {
		s.Len++
	}
	*slot = uint64(id)<<idBits | had | set
	return had
}

// find returns the slot of an id, or a free one for it.
func (s *idSet) find(id uint64) *uint64 {
	mask := uint64(len(s.Slots) - 1)
	hi, lo := bits.Mul64(id, 0x9e3779b97f4a7c15)
	for i := (hi ^ lo) & mask; ; i = (i + 1) & mask {
		if v := s.Slots[i]; v == 0 || v>>idBits == id {
			return &s.Slots[i]
		}
	}
}

func (s *idSet) grow() {
	old := s.Slots
	s.Slots = make([]uint64, max(2*len(old), 4))
	for _, v := range old {
		if v != 0 {
			*s.find(v >> idBits) = v
		}
	}
}
