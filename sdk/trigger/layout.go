package trigger

import "math/bits"

// A field is some bits of a state: width bits of word from bit shift on. A field of width 0 does not exist: it
// reads as 0 and writing it does nothing. State is packed like this because an engine keeps one per
// window and key, tens of millions of them.
type field struct {
	word  uint8
	shift uint8
	width uint8
}

func (f field) mask() uint64 { return 1<<f.width - 1 }

func (f field) get(s []int64) int64 {
	if f.width == 0 {
		return 0
	}
	return int64(uint64(s[f.word]) >> f.shift & f.mask())
}

func (f field) set(s []int64, v int64) {
	if f.width == 0 {
		return
	}
	w := uint64(s[f.word])
	w &^= f.mask() << f.shift
	s[f.word] = int64(w | (uint64(v)&f.mask())<<f.shift)
}

// A layout gives the steps of a machine their fields.
//
// Windows that do not merge never go back, so that of the parts of AfterEach, and of the early and late trigger of
// AfterWatermark, one is alive at a time and they share their bits; and a step's finished bit is needed only where its
// parent goes on after it. Where windows merge, Beam's rules ask each part separately whether it had finished,
// and parts that had may come to life again with the elements that were pending, so all is kept.
type layout struct{ merging bool }

// place gives s and what is below it fields after used, which holds the number of bits in use of each word. It
// returns used as it is then; used itself may be overwritten.
func (l layout) place(s *step, keepFinished bool, used []uint8) []uint8 {
	if keepFinished {
		s.finished, used = take(used, 1)
	}
	switch s.kind {
	case kindWatermark:
		if s.late() != nil {
			s.passed, used = take(used, 1)
		}
	case kindCount:
		s.value, used = take(used, uint8(bits.Len64(uint64(s.count))))
	case kindProcessing, kindSynchronized:
		s.value, used = take(used, deadlineBits)
	}
	shared := !l.merging && (s.kind == kindWatermark || s.kind == kindEach)
	if !shared {
		for i, k := range s.subs {
			if k != nil {
				used = l.place(k, l.keep(s, i), used)
			}
		}
		return used
	}
	// What outlives a part comes before what the parts share.
	for i, k := range s.subs {
		if k != nil && l.keep(s, i) {
			k.finished, used = take(used, 1)
		}
	}
	most := append([]uint8(nil), used...)
	for _, k := range s.subs {
		if k == nil {
			continue
		}
		for i, u := range l.place(k, false, append([]uint8(nil), used...)) {
			if i == len(most) {
				most = append(most, 0)
			}
			most[i] = max(most[i], u)
		}
	}
	return most
}

// keep reports whether it must be remembered that the i-th part of s has finished.
func (l layout) keep(s *step, i int) bool {
	k := s.subs[i]
	switch {
	case !k.canFinish() || s.kind == kindRepeat || s.kind == kindWatermark:
		return false // a part that is repeated starts afresh at once
	case l.merging:
		return true
	case s.kind == kindEach:
		return i < len(s.subs)-1
	case s.kind == kindAll:
		return !s.finishesTogether()
	}
	return false
}

// finishesTogether reports whether the parts of an AfterAll all finish with its first firing.
func (s *step) finishesTogether() bool {
	for _, k := range s.subs {
		if !k.once() {
			return false
		}
	}
	return true
}

// once is what it is for nodes.
func (s *step) once() bool {
	switch s.kind {
	case kindCount, kindProcessing, kindSynchronized, kindNever:
		return true
	case kindWatermark:
		return s.early() == nil && s.late() == nil
	case kindAny, kindAll:
		return s.finishesTogether()
	}
	return false
}

// take finds width bits in the first word that has them.
func take(used []uint8, width uint8) (field, []uint8) {
	for i, u := range used {
		if u+width <= 64 {
			used[i] = u + width
			return field{word: uint8(i), shift: u, width: width}, used
		}
	}
	return field{word: uint8(len(used)), width: width}, append(used, width)
}
