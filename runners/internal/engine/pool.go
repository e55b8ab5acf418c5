package engine

import (
	"cmp"
	"container/heap"
	"slices"

	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/mtime"
)

// Pool is the splits of a source that nobody runs, and what is known of those that somebody does. Splits are run by
// whichever worker is free, a bundle at a time, the one that is furthest behind in event time first: so they stay
// together, and a slow one does not hold up the others' work. There may be very many, as of files that are watched: what is
// done for a bundle takes time that grows with the logarithm of their number. Whoever uses the pool holds a lock.
type Pool struct {
	all      splitHeap // a list
	ready    splitHeap
	asleep   splitHeap
	waited   splitHeap
	input    *Watermarks // of what makes splits
	mark     mtime.Time
	draining bool
	made     int64
	done     int64
	aligned  *Alignment // or nil
	member   int        // of aligned
}

// Split is a part of a source.
type Split struct {
	Work      exec.Work
	Watermark mtime.Time // nothing still to come of it is earlier
	Idle      bool       // its watermark is not waited for
	Resume    mtime.Time // the processing time from which it may be run
	Running   bool
	Number    int64
	Rows      int64 // that it has given so far
	Bytes     int64 // that have been read for them, as far as the source tells
	Busy      int64 // nanoseconds in which it ran
	place     [orders]int
}

// NewPool returns an empty pool whose splits are made by a number of channels.
func NewPool(channels int) *Pool {
	return &Pool{
		all: splitHeap{order: listed}, ready: splitHeap{order: ready}, asleep: splitHeap{order: asleep}, waited: splitHeap{order: waited},
		input: NewWatermarks(channels), mark: mtime.Min,
	}
}

// Align makes the pool a member of an alignment, before it has splits.
func (p *Pool) Align(a *Alignment, member int) { p.aligned, p.member = a, member }

// Realign tells the alignment, if there is one, how far the splits are, and reports whether others may go on because of
// it. It is to be called when anything has changed. Splits that are idle are not waited for; if there are none yet, the
// first is.
func (p *Pool) Realign() (moved bool) { return p.aligned != nil && p.aligned.set(p.member, p.Least()) }

// Least is how far the split is that others wait for, Max if there is none.
func (p *Pool) Least() mtime.Time {
	if p.made == 0 && p.input.Min() == mtime.Min {
		return mtime.Min
	}
	return p.waited.least()
}

// Limit is how far a split may have come to be taken: Max without an alignment.
func (p *Pool) Limit() mtime.Time {
	if p.aligned == nil {
		return mtime.Max
	}
	return p.aligned.limit()
}

// Add puts work into the pool.
func (p *Pool) Add(w exec.Work) {
	s := &Split{Work: w, Watermark: mtime.Min, Resume: mtime.Min, Number: p.made}
	if m, ok := w.(exec.Watermarked); ok {
		s.Watermark = min(m.Watermark(), mtime.Max-1) // at Max the source would be taken to have ended
	}
	p.made++
	if p.draining && !truncate(s) {
		p.done++
		return
	}
	p.all.Push(s)
	heap.Push(&p.waited, s)
	heap.Push(&p.asleep, s) // until it is looked at
}

func truncate(s *Split) bool {
	if t, ok := s.Work.(exec.Truncatable); ok {
		s.Work = t.Truncate()
	}
	return s.Work != nil
}

// Input says how far a channel that makes splits has come.
func (p *Pool) Input(channel int, t mtime.Time) { p.input.Set(channel, t) }

// Take gives out the split to run next, or nil.
func (p *Pool) Take(now mtime.Time) *Split {
	for len(p.asleep.of) > 0 && p.asleep.of[0].Resume <= now {
		heap.Push(&p.ready, heap.Pop(&p.asleep))
	}
	if len(p.ready.of) == 0 || p.ready.least() > p.Limit() {
		return nil
	}
	s := heap.Pop(&p.ready).(*Split)
	s.Running = true
	if s.Idle {
		s.Idle = false
		heap.Push(&p.waited, s)
	}
	return s
}

// Give takes a split back that has run for a bundle, with what is left of it.
func (p *Pool) Give(s *Split, r exec.Residual, resume mtime.Time) {
	s.Running = false
	s.Work, s.Idle, s.Resume = r.Work, r.Idle, resume
	s.Watermark = max(s.Watermark, r.Watermark)
	over := s.Work == nil || p.draining && !truncate(s)
	if s.Idle || over {
		heap.Remove(&p.waited, s.place[waited])
	} else {
		heap.Fix(&p.waited, s.place[waited])
	}
	if !over {
		heap.Push(&p.asleep, s)
		return
	}
	p.done++
	at := s.place[listed]
	p.all.Swap(at, len(p.all.of)-1)
	p.all.Pop()
}

// Watermark is how far the source has come: the least of its splits, those that are idle aside, and of what makes
// them. If all splits are idle it stays: no time is invented.
func (p *Pool) Watermark() mtime.Time {
	t := min(p.input.Min(), p.waited.least())
	idle := len(p.all.of) - len(p.waited.of)
	if limit := p.Limit(); idle > 0 && limit < mtime.Max {
		for _, s := range p.all.of {
			// One that is not looked at, since it is too far ahead, may have something by now.
			if s.Idle && s.Watermark > limit {
				idle--
				t = min(t, s.Watermark)
			}
		}
	}
	if idle > 0 && idle == len(p.all.of) {
		return p.mark
	}
	p.mark = max(p.mark, t)
	return p.mark
}

// Wake is the processing time at which there may be something to take, or Max. When the alignment lets a split go on does
// not depend on time.
func (p *Pool) Wake() mtime.Time {
	t := mtime.Max
	limit := p.Limit()
	if len(p.ready.of) > 0 && p.ready.least() <= limit {
		t = p.ready.of[0].Resume // which has come
	}
	if limit < mtime.Max {
		for _, s := range p.asleep.of {
			if s.Watermark <= limit {
				t = min(t, s.Resume)
			}
		}
	} else if len(p.asleep.of) > 0 {
		t = min(t, p.asleep.of[0].Resume)
	}
	return t
}

// Drain cuts the splits off: what is without end is left, what has one is done.
func (p *Pool) Drain() {
	if p.draining {
		return
	}
	p.draining = true
	all := p.all.of
	for _, h := range []*splitHeap{&p.all, &p.ready, &p.asleep, &p.waited} {
		h.of = nil
	}
	for _, s := range all {
		if !s.Running && !truncate(s) {
			p.done++
			continue
		}
		s.Resume = mtime.Min
		p.all.Push(s)
		if !s.Idle {
			heap.Push(&p.waited, s)
		}
		if !s.Running {
			heap.Push(&p.asleep, s)
		}
	}
}

// Splits returns the splits, by their numbers, for reports. They are not to be changed.
func (p *Pool) Splits() []*Split {
	all := slices.Clone(p.all.of)
	slices.SortFunc(all, func(a, b *Split) int { return cmp.Compare(a.Number, b.Number) })
	return all
}

// Counts tells how many splits there have been and how many are done.
func (p *Pool) Counts() (made, done int64) { return p.made, p.done }
