package model

// machine is the state of a trigger tree in one key and window: for each node, whether it has finished, and what it has
// counted. The rules are those of the TriggerStateMachine classes in Java's runners/core-java and of their tests.
type machine struct {
	spec     Trigger
	finished bool
	count    int64 // AfterCount: elements since it last fired
	waiting  bool  // AfterProcessingTime and AfterSynchronizedProcessingTime: deadline is set
	deadline int64
	subs     []*machine // AfterWatermark: early, and late if there is one
}

// moment is what a trigger may look at.
type moment struct {
	window    Window
	watermark int64 // the input watermark of the grouping
	now       int64 // processing time
	after     bool  // Rules.TimersAfter
	merging   bool  // windows may merge
}

func (m moment) pastEnd() bool { return m.watermark > m.window.Max() }

func (m moment) reached(deadline int64) bool {
	return m.now > deadline || m.now == deadline && !m.after
}

func newMachine(t Trigger) *machine {
	if t.Kind == Always {
		t = Forever(Count(1)) // the proto says they are the same
	}
	m := &machine{spec: t}
	subs := t.Subs
	if t.Kind == AfterWatermark && (t.Early != nil || t.Late != nil) {
		early := Trigger{Kind: Never}
		if t.Early != nil {
			early = *t.Early
		}
		subs = []Trigger{early}
		if t.Late != nil {
			subs = append(subs, *t.Late)
		}
	}
	for _, s := range subs {
		m.subs = append(m.subs, newMachine(s))
	}
	return m
}

// element tells the trigger of one more element in the pane.
func (m *machine) element(at moment) {
	switch m.spec.Kind {
	case AfterCount:
		m.count++
	case AfterProcessingTime:
		if !m.waiting {
			m.waiting, m.deadline = true, align(at.now+m.spec.Delay, m.spec.AlignPeriod, m.spec.AlignOffset)
		}
	case AfterSynchronizedProcessingTime:
		if !m.waiting {
			m.waiting, m.deadline = true, at.now
		}
	case AfterWatermark, AfterEach:
		// Where windows merge, a finished subtrigger may come back to life and must know of every element.
		if at.merging {
			m.each(func(s *machine) { s.element(at) })
		} else if s := m.current(); s != nil {
			s.element(at)
		}
	case AfterAll:
		m.each(func(s *machine) {
			if !s.finished {
				s.element(at)
			}
		})
	default:
		m.each(func(s *machine) { s.element(at) })
	}
}

func align(t, period, offset int64) int64 {
	if period == 0 {
		return t
	}
	if f := floor(t, period, offset); f != t {
		return f + period
	}
	return t
}

// ready reports whether the trigger would fire. It changes nothing.
func (m *machine) ready(at moment) bool {
	switch m.spec.Kind {
	case Default:
		return at.pastEnd()
	case Never:
		return false
	case AfterWatermark:
		switch {
		case len(m.subs) == 0 || !m.subs[0].finished:
			return at.pastEnd() || len(m.subs) > 0 && m.subs[0].ready(at)
		case len(m.subs) == 2:
			return m.subs[1].ready(at)
		}
		return false
	case AfterProcessingTime, AfterSynchronizedProcessingTime:
		// Upstream has always done all that was due when a transform looks at the clock, so synchronized processing time
		// is processing time.
		return m.waiting && at.reached(m.deadline)
	case AfterCount:
		return m.count >= m.spec.Count
	case AfterEach:
		s := m.current()
		return s != nil && s.ready(at)
	case AfterAny:
		for _, s := range m.subs {
			if s.finished || s.ready(at) {
				return true
			}
		}
		return false
	case AfterAll:
		for _, s := range m.subs {
			if !s.finished && !s.ready(at) {
				return false
			}
		}
		return true
	case Repeat:
		return m.subs[0].ready(at)
	case OrFinally:
		return m.subs[0].ready(at) || m.subs[1].ready(at)
	}
	panic("model: no such trigger: " + m.spec.Kind.String())
}

// fire tells the trigger that its pane has fired. It may only be called when it is ready.
func (m *machine) fire(at moment) {
	switch m.spec.Kind {
	case AfterWatermark:
		m.fireWatermark(at)
	case AfterProcessingTime, AfterSynchronizedProcessingTime, AfterCount:
		m.clear()
		m.finished = true
	case AfterEach:
		m.current().fire(at)
		if at.merging {
			m.each((*machine).clear)
		}
		m.finished = m.current() == nil
	case AfterAny:
		m.each(func(s *machine) {
			if s.ready(at) {
				s.fire(at)
			} else {
				s.clear() // the pane it was tracking is gone
			}
		})
		m.finished = true
	case AfterAll:
		m.each(func(s *machine) {
			if s.ready(at) {
				s.fire(at)
			}
		})
		m.finished = true
	case Repeat:
		m.subs[0].fire(at)
		if m.subs[0].finished {
			m.subs[0].reset()
		}
	case OrFinally:
		actual, until := m.subs[0], m.subs[1]
		if until.ready(at) {
			until.fire(at)
			actual.clear()
		} else {
			actual.fire(at) // until goes on counting over firings
		}
		m.finished = actual.finished || until.finished
	}
}

func (m *machine) fireWatermark(at moment) {
	if len(m.subs) == 0 {
		m.finished = true
		return
	}
	early := m.subs[0]
	switch {
	case !early.finished && !at.pastEnd():
		early.fire(at)
		early.reset() // implicitly repeated
	case !early.finished:
		early.clear()
		early.finished = true
		if len(m.subs) == 2 {
			m.subs[1].reset() // it may have been told of elements that belong to the pane which fired now
		} else {
			m.finished = true
		}
	default:
		m.subs[1].fire(at)
		m.subs[1].reset() // implicitly repeated
	}
}

// merge makes the state of a window that others were merged into, in a new machine. from has one of the same tree for each of
// them, at least one.
func (m *machine) merge(from []*machine, at moment) {
	all, some := true, false
	for _, f := range from {
		all = all && f.finished
		some = some || f.finished
	}
	sub := func(i int) []*machine {
		var s []*machine
		for _, f := range from {
			s = append(s, f.subs[i])
		}
		return s
	}
	mergeSubs := func() (allFinished, someFinished bool) {
		allFinished = true
		for i, s := range m.subs {
			s.merge(sub(i), at)
			allFinished = allFinished && s.finished
			someFinished = someFinished || s.finished
		}
		return allFinished, someFinished
	}
	switch m.spec.Kind {
	case AfterCount:
		m.finished = some
		for _, f := range from {
			if !some {
				m.count += f.count
			}
		}
	case AfterProcessingTime, AfterSynchronizedProcessingTime:
		m.finished = all
		for _, f := range from {
			if f.waiting && (!m.waiting || f.deadline < m.deadline) {
				m.waiting, m.deadline = true, f.deadline
			}
		}
	case AfterWatermark:
		if len(m.subs) == 0 {
			m.finished = all && at.pastEnd()
			return
		}
		// The early firings go on if they did in one of the windows, or if the end of the merged one is yet to come.
		early := sub(0)
		done := at.pastEnd()
		for _, e := range early {
			done = done && e.finished
		}
		if !done {
			m.subs[0].merge(early, at)
			m.subs[0].finished = false
			return
		}
		m.subs[0].finished = true
		if len(m.subs) == 2 {
			m.subs[1].merge(sub(1), at)
		}
	case AfterEach:
		// What comes after the first unfinished subtrigger has not started.
		for i, s := range m.subs {
			s.merge(sub(i), at)
			if !s.finished {
				return
			}
		}
		m.finished = true
	case AfterAny, OrFinally:
		_, m.finished = mergeSubs()
	case AfterAll:
		m.finished, _ = mergeSubs()
	case Repeat:
		mergeSubs()
		if m.subs[0].finished {
			m.subs[0].reset()
		}
	}
}

// waits reports whether the tree waits for a processing time that was not reached before and is now.
func (m *machine) waits(before, now moment) bool {
	if m.waiting && !before.reached(m.deadline) && now.reached(m.deadline) {
		return true
	}
	for _, s := range m.subs {
		if s.waits(before, now) {
			return true
		}
	}
	return false
}

// current returns the first subtrigger that has not finished, or nil.
func (m *machine) current() *machine {
	for _, s := range m.subs {
		if !s.finished {
			return s
		}
	}
	return nil
}

// clear forgets what was counted; what has finished stays so.
func (m *machine) clear() {
	m.count, m.waiting, m.deadline = 0, false, 0
	m.each((*machine).clear)
}

// reset makes the tree as new.
func (m *machine) reset() {
	m.count, m.waiting, m.deadline, m.finished = 0, false, 0, false
	m.each((*machine).reset)
}

func (m *machine) each(f func(*machine)) {
	for _, s := range m.subs {
		f(s)
	}
}
