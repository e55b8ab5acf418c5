package trigger

// What an engine may know of a machine in advance, to leave out work.

// ElementsMayFire reports whether the arrival of elements may make the trigger ready while the watermark has not passed
// the end of their window. If it does not, ShouldFire need not be asked after OnElements then: it is enough to ask at
// NextTimes, after Merge, and for elements of windows whose end has passed. So it is with Default and with AfterWatermark
// without an early trigger, or with one that only waits.
func (m *Machine) ElementsMayFire() bool { return m.elementsMayFire }

// Early reports whether the trigger may fire while the watermark has not passed the end of the window. If not, there
// are no early panes: a window has nothing to do until its end, and a combine may keep nothing but its accumulator.
func (m *Machine) Early() bool { return m.early }

// UsesProcessingTime reports whether NextTimes may ever return a processing time. If not, no clock has to be watched.
func (m *Machine) UsesProcessingTime() bool { return m.processing }

// PerWindow reports whether, up to and including the first firing, ShouldFire depends on the clock alone, so that it
// is the same for all keys: Default and AfterWatermark without an early trigger. An engine then needs one event-time
// timer for a window, at EndOfWindow+1, instead of one for each key of it, and the state of a window that has
// not fired is all zero. Where windows merge each key has its own, and this is of no use.
func (m *Machine) PerWindow() bool { return m.perWindow }

// CanFinish reports whether Finished may ever be true. If not, it need not be asked, and nothing of a window must be
// kept once its panes are emitted and discarded but the state itself.
func (m *Machine) CanFinish() bool { return m.root.finished.width > 0 }

func (s *step) anySub(f func(*step) bool) bool {
	for _, k := range s.subs {
		if k != nil && f(k) {
			return true
		}
	}
	return false
}

func (s *step) allSubs(f func(*step) bool) bool {
	return !s.anySub(func(k *step) bool { return !f(k) })
}

func (s *step) mayFireEarly() bool {
	switch s.kind {
	case kindDefault, kindNever:
		return false
	case kindWatermark:
		return s.early() != nil && s.early().mayFireEarly()
	case kindEach:
		// Where windows merge a part other than the first may be at work before the end of the new window.
		if !s.merging {
			return s.subs[0].mayFireEarly()
		}
		return s.anySub((*step).mayFireEarly)
	case kindAny, kindRepeat, kindOrFinally:
		return s.anySub((*step).mayFireEarly)
	case kindAll:
		return s.allSubs((*step).mayFireEarly)
	}
	return true
}

// elementsMayFire: only a positive delay makes it certain that the deadline which an element sets is not reached yet.
func (s *step) elementsMayFire() bool {
	if !s.mayFireEarly() {
		return false
	}
	switch s.kind {
	case kindProcessing:
		for _, t := range s.transforms {
			if t.delay > 0 {
				return false
			}
		}
	case kindWatermark:
		return s.early().elementsMayFire()
	case kindEach, kindAny, kindAll, kindRepeat, kindOrFinally:
		return s.anySub((*step).elementsMayFire)
	}
	return true
}

func (s *step) usesProcessingTime() bool {
	return s.kind == kindProcessing || s.kind == kindSynchronized || s.anySub((*step).usesProcessingTime)
}

func (s *step) perWindow() bool {
	switch s.kind {
	case kindDefault, kindNever:
		return true
	case kindWatermark:
		return s.early() == nil || s.early().perWindow()
	case kindEach:
		return s.subs[0].perWindow()
	case kindAny, kindAll, kindRepeat, kindOrFinally:
		return s.allSubs((*step).perWindow)
	}
	return false
}
