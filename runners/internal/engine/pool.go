package engine

import (
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/mtime"
)

// Pool is the splits of a source that nobody runs, and what is known of those that somebody does. Splits are run by
// whichever worker is free, a bundle at a time, the one that is furthest behind in event time first: so they stay
// together, and a slow one does not hold up the others' work. Whoever uses the pool holds a lock.
type Pool struct {
	splits   []*Split
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
}

// NewPool returns an empty pool whose splits are made by a number of channels.
func NewPool(channels int) *Pool { return &Pool{input: NewWatermarks(channels), mark: mtime.Min} }

// Align makes the pool a member of an alignment, before it has splits.
func (p *Pool) Align(a *Alignment, member int) { p.aligned, p.member = a, member }

// Realign tells the alignment, if there is one, how far the splits are, and reports whether others may go on because of
// it. It is to be called when anything has changed. Splits that are idle are not waited for; if there are none yet, the
// first is.
func (p *Pool) Realign() (moved bool) { return p.aligned != nil && p.aligned.set(p.member, p.Least()) }

// Least is how far the split is that others wait for, Max if there is none.
func (p *Pool) Least() mtime.Time {
	t := mtime.Max
	if p.made == 0 && p.input.Min() == mtime.Min {
		t = mtime.Min
	}
	for _, s := range p.splits {
		if !s.Idle {
			t = min(t, s.Watermark)
		}
	}
	return t
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
	p.splits = append(p.splits, s)
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
	var best *Split
	limit := p.Limit()
	for _, s := range p.splits {
		if !s.Running && s.Resume <= now && s.Watermark <= limit && (best == nil || s.Watermark < best.Watermark) {
			best = s
		}
	}
	if best != nil {
		best.Running, best.Idle = true, false
	}
	return best
}

// Give takes a split back that has run for a bundle, with what is left of it.
func (p *Pool) Give(s *Split, r exec.Residual, resume mtime.Time) {
	s.Running = false
	s.Work, s.Idle, s.Resume = r.Work, r.Idle, resume
	s.Watermark = max(s.Watermark, r.Watermark)
	if s.Work != nil && (!p.draining || truncate(s)) {
		return
	}
	p.done++
	for i, o := range p.splits {
		if o == s {
			p.splits = append(p.splits[:i], p.splits[i+1:]...)
			return
		}
	}
}

// Watermark is how far the source has come: the least of its splits, those that are idle aside, and of what makes
// them. If all splits are idle it stays: no time is invented.
func (p *Pool) Watermark() mtime.Time {
	t := p.input.Min()
	idle := 0
	limit := p.Limit()
	for _, s := range p.splits {
		// One that is not looked at, since it is too far ahead, may have something by now.
		if s.Idle && s.Watermark <= limit {
			idle++
			continue
		}
		t = min(t, s.Watermark)
	}
	if idle > 0 && idle == len(p.splits) {
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
	for _, s := range p.splits {
		if !s.Running && s.Watermark <= limit {
			t = min(t, s.Resume)
		}
	}
	return t
}

// Drain cuts the splits off: what is without end is left, what has one is done.
func (p *Pool) Drain() {
	if p.draining {
		return
	}
	p.draining = true
	kept := p.splits[:0]
	for _, s := range p.splits {
		if s.Running || truncate(s) {
			s.Resume = mtime.Min
			kept = append(kept, s)
			continue
		}
		p.done++
	}
	clear(p.splits[len(kept):])
	p.splits = kept
}

// Splits returns the splits, for reports. They are not to be changed.
func (p *Pool) Splits() []*Split { return p.splits }

// Counts tells how many splits there have been and how many are done.
func (p *Pool) Counts() (made, done int64) { return p.made, p.done }
