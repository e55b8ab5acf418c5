package keyed

import "github.com/millrace-go/millrace/sdk/window"

// few is how many windows a key's list has at most. Most keys have one or two sessions; to look through a list of a
// million for each element would take for ever.
const few = 32

// isMany stands in place of a list's head for a key whose windows are in order.
const isMany = ^uint32(0)

// spans is the windows of each key where windows merge, and the slot that each has: a list of those of a key, and ordered
// sets if it has many.
type spans struct {
	isClosed func(slot uint32) bool // whoever changes that says so by shut
	span     []window.Window        // by slot
	next     []uint32               // by slot: the next of the key's list, plus one
	head     []uint32               // by key: the first of its list, plus one; 0 for none
	count    []uint32               // by key
	many     map[uint32]*[2]ordered // those that are open, and those that are closed
}

// set is where a slot of a key with many is to be.
func (s *spans) set(key, slot uint32) *ordered {
	if s.isClosed(slot) {
		return &s.many[key][1]
	}
	return &s.many[key][0]
}

// shut says that a slot of a key is closed that was open, or open that was closed.
func (s *spans) shut(key, slot uint32) {
	if s.head[key] != isMany {
		return
	}
	from, to := &s.many[key][1], s.set(key, slot)
	if from == to {
		from = &s.many[key][0]
	}
	from.remove(s.span, slot)
	to.add(s.span, slot)
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
		s.set(key, slot).add(s.span, slot)
	case s.count[key] <= few:
		s.next[slot], s.head[key] = s.head[key], slot+1
	default:
		if s.many == nil {
			s.many = map[uint32]*[2]ordered{}
		}
		s.many[key] = &[2]ordered{}
		s.set(key, slot).add(s.span, slot)
		for e := s.head[key]; e != 0; e = s.next[e-1] {
			s.set(key, e-1).add(s.span, e-1)
		}
		s.head[key] = isMany
	}
}

// unlink takes a slot of a key out.
func (s *spans) unlink(key, slot uint32) {
	s.count[key]--
	if s.head[key] == isMany {
		if s.set(key, slot).remove(s.span, slot); s.count[key] == 0 {
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
		for _, o := range s.many[key] {
			for _, run := range o.runs {
				dst = append(dst, run...)
			}
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
		return s.many[key][1].appendEqual(s.many[key][0].appendEqual(dst, s.span, w), s.span, w)
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
func (s *spans) appendOverlapping(dst []uint32, key uint32, w window.Window) []uint32 {
	if s.head[key] == isMany {
		return s.many[key][0].appendOverlapping(dst, s.span, w)
	}
	for e := s.head[key]; e != 0; e = s.next[e-1] {
		if w.Intersects(s.span[e-1]) && !s.isClosed(e-1) {
			dst = append(dst, e-1)
		}
	}
	return dst
}
