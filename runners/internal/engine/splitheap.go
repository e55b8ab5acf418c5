package engine

import "github.com/millrace-go/millrace/sdk/mtime"

// The orders that a split has a place in.
const (
	listed = iota // among all, in no order
	ready         // to run, by watermark
	asleep        // until its time, by that
	waited        // not idle, by watermark
	orders
)

// splitHeap is splits of which the first in an order is at hand, for package container/heap. Each knows its place.
type splitHeap struct {
	order int
	of    []*Split
}

func (h *splitHeap) Len() int { return len(h.of) }

func (h *splitHeap) Less(i, j int) bool {
	a, b := h.of[i], h.of[j]
	x, y := a.Watermark, b.Watermark
	if h.order == asleep {
		x, y = a.Resume, b.Resume
	}
	return x < y || x == y && a.Number < b.Number
}

func (h *splitHeap) Swap(i, j int) {
	h.of[i], h.of[j] = h.of[j], h.of[i]
	h.of[i].place[h.order], h.of[j].place[h.order] = i, j
}

// Push implements heap.Interface.
func (h *splitHeap) Push(x any) {
	s := x.(*Split)
	s.place[h.order] = len(h.of)
	h.of = append(h.of, s)
}

// Pop implements heap.Interface.
func (h *splitHeap) Pop() any {
	last := len(h.of) - 1
	s := h.of[last]
	h.of[last] = nil
	h.of = h.of[:last]
	return s
}

// least is the watermark of the first, Max if there is none.
func (h *splitHeap) least() mtime.Time {
	if len(h.of) == 0 {
		return mtime.Max
	}
	return h.of[0].Watermark
}
