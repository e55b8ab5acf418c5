package engine

import (
	"sync/atomic"

	"github.com/millrace-go/millrace/sdk/mtime"
)

// Alignment keeps the splits of some sources together in event time: none is taken that is further than a drift ahead of
// the one that is furthest behind. It is safe for concurrent use.
type Alignment struct {
	drift mtime.Time     // a difference of times
	least []atomic.Int64 // by member: how far its split that is furthest behind has come
}

// NewAlignment returns the alignment of a number of pools, of which each says by [Pool.Align] which it is.
func NewAlignment(drift mtime.Time, members int) *Alignment {
	a := &Alignment{drift: drift, least: make([]atomic.Int64, members)}
	for i := range a.least {
		a.least[i].Store(int64(mtime.Min))
	}
	return a
}

// limit is how far a split may have come to be taken.
func (a *Alignment) limit() mtime.Time {
	t := mtime.Max
	for i := range a.least {
		t = min(t, mtime.Time(a.least[i].Load()))
	}
	if t > mtime.Max-a.drift {
		return mtime.Max
	}
	return t + a.drift
}

// set says how far a member is and reports whether others may go on because of it.
func (a *Alignment) set(member int, t mtime.Time) (moved bool) {
	before := a.limit()
	a.least[member].Store(int64(t))
	return a.limit() > before
}
