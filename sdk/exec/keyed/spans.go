package keyed

import "github.com/millrace-go/millrace/sdk/window"

// few is how many windows a key's list has at most. Most keys have one or two sessions; to look through a list of a
// million for each element would take for ever.
const few = 32

// isMany stands in place of a list's head for a key whose windows are in order.
const isMany = ^uint32(0)

// spans is the windows of each key where windows merge, and the slot that each has: a list of those of a key, and an
// ordered set if it has many.
type spans struct {
	span  []window.Window // by slot
	next  []uint32        // by slot: the next of the key's list, plus one
	head  []uint32        // by key: the first of its list, plus one; 0 for none
	count []uint32        // by key
	many  map[uint32]*ordered
}

// addKey makes room for one key more.
func (s *spans) addKey() { s.head, s.count = append(s.head, 0), append(s.count, 0) }

func (s *spans) none(key uint32) bool { return s.count[key] == 0 }

// add gives a key the window w, which has the given slot.
func (s *spans) add(key, slot uint32, w window.Window) {
	for int(slot) >= len(s.span) {
		s.span, s.next = append(s.span, window.Window{}), append(s.next, 0)
	}
	s.span[slot] = w
	s.link(key, slot)
}

// change gives a slot of a key another window.
func (s *spans) change(key, slot uint32, w window.Window) {
	if s.head[key] != isMany {
		s.span[slot] = w
		return
	}
	s.unlink(key, slot)
	s.span[slot] = w
	s.link(key, slot)
}

func (s *spans) link(key, slot uint32) {
	s.count[key]++
	switch {
	case s.head[key] == isMany:
		s.many[key].add(s.span, slot)
	case s.count[key] <= few:
		s.next[slot], s.head[key] = s.head[key], slot+1
	default:
		o := &ordered{}
		o.add(s.span, slot)
		for e := s.head[key]; e != 0; e = s.next[e-1] {
			o.add(s.span, e-1)
		}
		if s.many == nil {
			s.many = map[uint32]*ordered{}
		}
		s.many[key], s.head[key] = o, isMany
	}
}

// unlink takes a slot of a key out.
func (s *spans) unlink(key, slot uint32) {
	s.count[key]--
	if s.head[key] == isMany {
		if s.many[key].remove(s.span, slot); s.count[key] == 0 {
			delete(s.many, key)
			s.head[key] = 0
		}
		return
	}
	p := &s.head[key]
	for *p != slot+1 {
		p = &s.next[*p-1]
	}
	*p = s.next[slot]
}

// appendAll appends the slots of a key.
func (s *spans) appendAll(dst []uint32, key uint32) []uint32 {
	if s.head[key] == isMany {
		for _, run := range s.many[key].runs {
			dst = append(dst, run...)
		}
		return dst
	}
	for e := s.head[key]; e != 0; e = s.next[e-1] {
		dst = append(dst, e-1)
	}
	return dst
}

// appendEqual appends the slots of a key whose window is w.
func (s *spans) appendEqual(dst []uint32, key uint32, w window.Window) []uint32 {
	if s.head[key] == isMany {
		return s.many[key].appendEqual(dst, s.span, w)
	}
	for e := s.head[key]; e != 0; e = s.next[e-1] {
		if s.span[e-1] == w {
			dst = append(dst, e-1)
		}
	}
	return dst
}

// appendOverlapping appends the slots of a key that are open and whose windows share an instant with w. Windows of a
// key that are open do not overlap each other.
func (s *spans) appendOverlapping(dst []uint32, key uint32, w window.Window, isClosed func(slot uint32) bool) []uint32 {
	if s.head[key] == isMany {
		return s.many[key].appendOverlapping(dst, s.span, w, isClosed)
	}
	for e := s.head[key]; e != 0; e = s.next[e-1] {
		if w.Intersects(s.span[e-1]) && !isClosed(e-1) {
			dst = append(dst, e-1)
		}
	}
	return dst
}
