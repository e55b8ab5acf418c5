// Package sdf has what splittable DoFns are made of: restrictions, trackers and the claims by which a running
// DoFn and its runner agree on who does what (Beam programming guide, "Splittable DoFns").
package sdf

import (
	"fmt"
	"math"
	"sync/atomic"
	"time"
)

// Tracker hands out the parts of a restriction R. It is touched only by the goroutine that runs the DoFn:
// requests to split set a flag that the tracker's claims read (invariant I1). Trackers embed [Claims] for that.
type Tracker[R any] interface {
	// TrySplit gives away the last part of what has not been claimed: fraction (0 to 1) of it stays. ok is false
	// if nothing can be given away, and the restriction is then unchanged.
	TrySplit(fraction float64) (residual R, ok bool)
	// Progress returns the work that has been claimed and what is left, in one unit, for instance bytes.
	Progress() (done, remaining float64)
	// Check returns an error if the DoFn has returned without claiming all of the restriction.
	Check() error
	// Bind is implemented by Claims.
	Bind(poll func())
}

// Claims is embedded by trackers. Its Poll is to be called at every claim.
type Claims struct {
	flag *atomic.Bool
	poll func()
}

// Bind sets what answers requests; for the runner. A tracker that nobody has bound polls nothing.
func (c *Claims) Bind(poll func()) { c.poll = poll }

// Watch sets the flag that says a request is waiting; for the runner.
func (c *Claims) Watch(flag *atomic.Bool) { c.flag = flag }

// Poll answers a waiting request. It costs the reading of a flag.
func (c *Claims) Poll() {
	if c.flag != nil && c.flag.Load() {
		c.poll()
	}
}

// OffsetRange is the restriction [Lo, Hi) of positions: bytes of a file, offsets of a log, rows.
type OffsetRange struct{ Lo, Hi int64 }

// Size is the number of positions.
func (r OffsetRange) Size() float64 { return math.Max(0, float64(r.Hi-r.Lo)) }

func (r OffsetRange) String() string { return fmt.Sprintf("[%d, %d)", r.Lo, r.Hi) }

// OffsetTracker hands out the positions of an [OffsetRange] in rising order.
type OffsetTracker struct {
	Claims
	r       OffsetRange
	claimed int64 // the last position claimed, or r.Lo-1
	tried   bool  // a claim at or past the end has failed: all that was left is done
	err     error
}

// NewOffsetTracker returns a tracker of r, nothing of which has been claimed.
func NewOffsetTracker(r OffsetRange) *OffsetTracker {
	return &OffsetTracker{r: r, claimed: r.Lo - 1}
}

// Restriction is what the tracker is left with: it shrinks when a part is given away.
func (t *OffsetTracker) Restriction() OffsetRange { return t.r }

// TryClaim claims position pos, and all before it. If it returns false, the DoFn must stop: pos belongs to
// somebody else. Positions must not fall; claiming one again is an error that Check reports.
func (t *OffsetTracker) TryClaim(pos int64) bool {
	t.Poll()
	if pos <= t.claimed && t.err == nil {
		t.err = fmt.Errorf("sdf: position %d was claimed after %d: claims must rise", pos, t.claimed)
		return false
	}
	if pos >= t.r.Hi {
		t.tried = true
		return false
	}
	t.claimed = pos
	return true
}

// ClaimUpTo claims all positions below end at once and returns the end of what was claimed: end, or less if a
// part has been given away meanwhile. For sources that read in blocks.
func (t *OffsetTracker) ClaimUpTo(end int64) int64 {
	t.Poll()
	if end >= t.r.Hi {
		end = t.r.Hi
		t.tried = true
	}
	t.claimed = max(t.claimed, end-1)
	return end
}

// TrySplit implements [Tracker].
func (t *OffsetTracker) TrySplit(fraction float64) (OffsetRange, bool) {
	next := t.claimed + 1
	left := t.r.Hi - next
	keep := int64(math.Ceil(fraction * float64(left)))
	cut := next + max(keep, 0)
	if t.tried || cut >= t.r.Hi || left < 1 {
		return OffsetRange{}, false
	}
	rest := OffsetRange{Lo: cut, Hi: t.r.Hi}
	t.r.Hi = cut
	return rest, true
}

// Progress implements [Tracker].
func (t *OffsetTracker) Progress() (done, remaining float64) {
	next := min(t.claimed+1, t.r.Hi)
	return float64(next - t.r.Lo), float64(t.r.Hi - next)
}

// Check implements [Tracker].
func (t *OffsetTracker) Check() error {
	if t.err != nil {
		return t.err
	}
	if !t.tried && t.claimed+1 < t.r.Hi {
		return fmt.Errorf("sdf: the DoFn returned with %v claimed up to %d only; claim on until a claim fails, or return a continuation", t.r, t.claimed)
	}
	return nil
}

// Continuation is what a splittable ProcessElement returns: whether it is to be called again for what is left.
// The zero value says that the restriction is done, which is all that a bounded source has to say.
type Continuation struct {
	resume bool
	after  time.Duration
	idle   bool
}

// Stop says that the restriction is done.
func Stop() Continuation { return Continuation{} }

// Resume says that there is nothing more just now: what has not been claimed is to be tried again after a time, at
// the earliest. Meanwhile the restriction holds the watermark where its estimator stands.
func Resume(after time.Duration) Continuation {
	return Continuation{resume: true, after: max(after, 0)}
}

// ResumeIdle is [Resume] for a restriction that may stay empty for long: until it is tried again, the watermark of the
// source is that of the others. Elements that come from it later may be late. While all restrictions of a source are
// idle its watermark stays where it is.
func ResumeIdle(after time.Duration) Continuation {
	return Continuation{resume: true, after: max(after, 0), idle: true}
}

// Resumes reports whether and when the restriction is to be resumed, and whether it is idle until then.
func (c Continuation) Resumes() (after time.Duration, idle, ok bool) {
	return c.after, c.idle, c.resume
}
