package keyed

import (
	"unsafe"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
)

// stats says what the core holds, given the fixed size in bytes of what a slot holds beside it, and an estimate of what
// that leads to for all of them.
func (c *core) stats(perSlot, held int64) exec.TaskStats {
	const fixed = 64 // of a slot, its key and its place in the tables
	per := fixed + perSlot
	if c.panes != nil {
		per += int64(unsafe.Sizeof(pane{})) + int64(8*c.panes.words)
	}
	held += sampled(len(c.text), c.live, func(i int) int64 { return int64(len(c.text[i])) })
	return exec.TaskStats{Slots: int64(c.live), Bytes: per*int64(c.live) + held, Dropped: c.dropped, Late: c.tardy, Frames: int64(len(c.frames))}
}

// sampled estimates what the live ones of some places lead to, by a few of them: a place that is not in use leads to nothing.
func sampled(places, live int, size func(i int) int64) int64 {
	if live == 0 {
		return 0
	}
	const most = 64
	step := max(places/most, 1)
	var sum, some int64
	for i := 0; i < places; i += step {
		if n := size(i); n > 0 {
			sum += n
			some++
		}
	}
	if some == 0 {
		return 0
	}
	return sum / some * int64(live)
}

// heldBy estimates what values of a type lead to.
func heldBy[T any](s coder.Sizer[T], vs []T, live int) int64 {
	if s.Fixed() {
		return 0
	}
	return sampled(len(vs), live, func(i int) int64 { return s.Size(&vs[i]) })
}
