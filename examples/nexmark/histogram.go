package main

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// histogram counts durations, to about 3% each. One goroutine adds; others may read meanwhile.
type histogram struct {
	counts [64 << steps]atomic.Int64
}

// steps is how many bits of a duration, in microseconds, are told apart below its first.
const steps = 5

func (h *histogram) add(d time.Duration) { h.counts[bucket(max(d.Microseconds(), 0))].Add(1) }

// bucket returns the number of the counter of v: v itself while it is small, then as many for each power of two.
func bucket(v int64) int {
	shift := max(bits.Len64(uint64(v))-steps-1, 0)
	return shift<<steps + int(v>>shift)
}

// least returns the least value of a bucket.
func least(b int) int64 {
	if b < 2<<steps {
		return int64(b)
	}
	shift := b>>steps - 1
	return int64(b-shift<<steps) << shift
}

func (h *histogram) merge(other *histogram) {
	for i := range other.counts {
		if n := other.counts[i].Load(); n > 0 {
			h.counts[i].Add(n)
		}
	}
}

// count is how many durations there are.
func (h *histogram) count() (n int64) {
	for i := range h.counts {
		n += h.counts[i].Load()
	}
	return n
}

// quantile returns a duration that the fraction q of all do not exceed; 0 if there are none.
func (h *histogram) quantile(q float64) time.Duration {
	rank := int64(q * float64(h.count()))
	for i := range h.counts {
		n := h.counts[i].Load()
		if n == 0 {
			continue
		}
		if rank -= n; rank < 0 {
			return time.Duration(least(i+1)-1) * time.Microsecond
		}
	}
	return 0
}
