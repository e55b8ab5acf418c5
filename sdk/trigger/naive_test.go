package trigger

import (
	"time"

	"github.com/millrace-go/millrace/sdk/mtime"
)

// A naive trigger is the tree itself with the state of one window, interpreted as written: no part is left out or shares
// anything with another. Every part sees every element. It is what a Machine is compared with.
type naive struct {
	*node
	subs     []*naive // may hold nil
	finished bool
	past     bool // AfterWatermark: the on-time firing has been
	count    int64
	armed    bool
	deadline mtime.Time
}

func newNaive(n *node) *naive {
	if n == nil {
		return nil
	}
	v := &naive{node: n}
	for _, s := range n.subs {
		v.subs = append(v.subs, newNaive(s))
	}
	if n.kind == kindWatermark && v.subs == nil {
		v.subs = make([]*naive, 2)
	}
	return v
}

func (v *naive) elements(n int64, c Clock) {
	if v == nil {
		return
	}
	v.count += n
	if !v.armed {
		v.armed, v.deadline = true, c.Processing
		for _, t := range v.transforms {
			if !t.align {
				v.deadline += mtime.Time(t.delay / time.Millisecond)
				continue
			}
			for (v.deadline-mtime.Time(t.offset/time.Millisecond))%mtime.Time(t.period/time.Millisecond) != 0 {
				v.deadline++
			}
		}
	}
	for i, s := range v.subs {
		if v.kind == kindWatermark && i == 1 && !v.past {
			continue
		}
		s.elements(n, c)
	}
}

func (v *naive) ready(c Clock) bool {
	if v == nil || v.finished {
		return false
	}
	switch v.kind {
	case kindDefault:
		return c.Watermark > c.EndOfWindow
	case kindAlways:
		return true
	case kindNever:
		return false
	case kindCount:
		return v.count >= v.node.count
	case kindProcessing:
		return v.armed && c.Processing >= v.deadline
	case kindSynchronized:
		return v.armed && c.Synchronized >= v.deadline
	case kindWatermark:
		if v.past {
			return v.subs[1].ready(c)
		}
		return c.Watermark > c.EndOfWindow || v.subs[0].ready(c)
	case kindEach:
		for _, s := range v.subs {
			if !s.finished {
				return s.ready(c)
			}
		}
		return false
	case kindAll:
		for _, s := range v.subs {
			if !s.finished && !s.ready(c) {
				return false
			}
		}
		return true
	}
	for _, s := range v.subs {
		if s.ready(c) {
			return true
		}
	}
	return false
}

func (v *naive) fire(c Clock) {
	switch v.kind {
	case kindCount, kindProcessing, kindSynchronized:
		v.finished = true
	case kindWatermark:
		switch {
		case v.past:
			v.subs[0].fresh()
			v.subs[1].fresh()
		case c.Watermark > c.EndOfWindow:
			v.past = true
			v.finished = v.subs[1] == nil
			v.subs[0].fresh()
		default:
			v.subs[0].fresh()
		}
	case kindEach:
		fired := false
		v.finished = true
		for _, s := range v.subs {
			switch {
			case s.finished:
				s.newPane()
			case !fired:
				fired = true
				s.fire(c)
			default:
				s.fresh()
			}
			v.finished = v.finished && s.finished
		}
	case kindAny:
		for _, s := range v.subs {
			if s.ready(c) {
				s.fire(c)
				v.finished = v.finished || s.finished
			} else {
				s.newPane()
			}
		}
	case kindAll:
		v.finished = true
		for _, s := range v.subs {
			if !s.finished {
				s.fire(c)
			}
			v.finished = v.finished && s.finished
		}
	case kindRepeat:
		v.subs[0].fire(c)
		if v.subs[0].finished {
			v.subs[0].fresh()
		}
	case kindOrFinally:
		if v.subs[1].ready(c) {
			v.subs[1].fire(c)
			v.subs[0].newPane()
			v.finished = true
		} else {
			v.subs[0].fire(c)
			v.finished = v.subs[0].finished
		}
	}
	if v.finished {
		v.newPane()
	} else {
		v.count, v.armed = 0, false
	}
}

func (v *naive) newPane() {
	if v == nil {
		return
	}
	v.count, v.armed = 0, false
	for i, s := range v.subs {
		if v.kind == kindOrFinally && i == 1 {
			continue
		}
		s.newPane()
	}
}

func (v *naive) fresh() {
	if v == nil {
		return
	}
	v.count, v.armed, v.finished, v.past = 0, false, false, false
	for _, s := range v.subs {
		s.fresh()
	}
}

// merge makes v, which is fresh, the union of from.
func (v *naive) merge(from []*naive, c Clock) {
	if v == nil {
		return
	}
	anyFinished, allFinished, allPast := false, len(from) > 0, c.Watermark > c.EndOfWindow
	for _, f := range from {
		v.count += f.count
		if f.armed && !f.finished && (!v.armed || f.deadline < v.deadline) {
			v.armed, v.deadline = true, f.deadline
		}
		anyFinished = anyFinished || f.finished
		allFinished = allFinished && f.finished
		allPast = allPast && f.past
	}
	sub := func(i int) *naive {
		if v.subs[i] == nil {
			return nil
		}
		var subs []*naive
		for _, f := range from {
			subs = append(subs, f.subs[i])
		}
		v.subs[i].merge(subs, c)
		return v.subs[i]
	}
	switch v.kind {
	case kindCount:
		v.finished = anyFinished
	case kindProcessing, kindSynchronized:
		v.finished = allFinished
	case kindWatermark:
		if s := sub(0); s != nil && s.finished {
			s.fresh()
		}
		if v.past = allPast; v.past {
			v.finished = v.subs[1] == nil
			if s := sub(1); s != nil && s.finished {
				s.fresh()
			}
		}
	case kindEach:
		v.finished = true
		for i := range v.subs {
			if v.finished {
				v.finished = sub(i).finished
			}
		}
	case kindAny, kindOrFinally:
		for i := range v.subs {
			v.finished = sub(i).finished || v.finished
		}
	case kindAll:
		v.finished = true
		for i := range v.subs {
			v.finished = sub(i).finished && v.finished
		}
	case kindRepeat:
		if s := sub(0); s.finished {
			s.fresh()
		}
	}
	if v.finished {
		v.newPane()
	}
}
