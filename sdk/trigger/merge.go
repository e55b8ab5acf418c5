package trigger

// Merge makes into the state of the window that the windows with the states from have become. from holds those
// windows only that had state, that is, had elements: a window that has just been made by the elements that cause the
// merge is left out, and OnElements is called afterwards. into may be one of from, or anything of the right length; the
// caller discards the others. c.EndOfWindow is that of the new window. m must come from [CompileMerging]; with
// another machine Merge panics unless the state is empty.
//
// Counts are added up; the earliest deadline counts. A count that had fired for good in one window has done so in the new
// one; a processing time if it had in all: what waits in one of them is not to wait for another trigger. AfterWatermark has had its on-time firing if it had it in all windows and the watermark
// has passed the end of the new one; otherwise it is before it again, late trigger and all. AfterEach is at its first
// part that has not finished by these rules. (Beam Java's runners-core state machines.)
func (m *Machine) Merge(into []int64, from [][]int64, c Clock) {
	if m.words == 0 {
		return
	}
	if !m.root.merging {
		panic("trigger: Merge with a machine for windows that do not merge")
	}
	var buf [maxNodes]int64 // into may be read as one of from until the end
	to := buf[:m.words]
	if len(from) > 0 {
		m.root.merge(to, from, c)
	}
	copy(into, to)
}

// merge merges into to, where all bits of s are zero, and reports whether the step has finished.
func (s *step) merge(to []int64, from [][]int64, c Clock) bool {
	finished := s.mergeParts(to, from, c)
	if finished {
		s.paneGone(to)
		s.finished.set(to, 1)
	}
	return finished
}

func (s *step) mergeParts(to []int64, from [][]int64, c Clock) bool {
	switch s.kind {
	case kindCount:
		for _, st := range from {
			if s.finished.get(st) != 0 {
				return true
			}
			s.add(to, s.value.get(st))
		}
	case kindProcessing, kindSynchronized:
		all := true
		for _, st := range from {
			if s.finished.get(st) != 0 {
				continue
			}
			all = false
			v, w := s.value.get(to), s.value.get(st)
			if v == 0 || w != 0 && w < v {
				s.value.set(to, w)
			}
		}
		return all
	case kindWatermark:
		return s.mergeWatermark(to, from, c)
	case kindEach:
		for _, k := range s.subs {
			if !k.merge(to, from, c) {
				return false // what comes after it has not begun
			}
		}
		return true
	case kindAny, kindOrFinally:
		one := false
		for _, k := range s.subs {
			one = k.merge(to, from, c) || one
		}
		return one
	case kindAll:
		all := true
		for _, k := range s.subs {
			all = k.merge(to, from, c) && all
		}
		return all
	case kindRepeat:
		s.subs[0].mergeRepeated(to, from, c)
	}
	return false
}

// mergeRepeated merges a part that is repeated and therefore is never finished.
func (s *step) mergeRepeated(to []int64, from [][]int64, c Clock) {
	if s.merge(to, from, c) {
		s.reset(to)
	}
}

func (s *step) mergeWatermark(to []int64, from [][]int64, c Clock) bool {
	past := c.Passed()
	for _, st := range from {
		past = past && s.past(st)
	}
	// Early elements are kept even after the end: a later merge may lead back.
	if s.early() != nil {
		s.early().mergeRepeated(to, from, c)
	}
	if !past {
		return false
	}
	if s.late() == nil {
		return true
	}
	s.passed.set(to, 1)
	s.late().mergeRepeated(to, from, c)
	return false
}
