package window

import (
	"fmt"
	"slices"
	"time"

	"github.com/millrace-go/millrace/sdk/mtime"
)

// Fn assigns windows to an element by its timestamp. The standard ones are [Fixed], [Sliding], [Sessions]
// and [GlobalWindows]; a program may bring its own. One that looks at the element too is given to
// sdk.WindowIntoFunc.
//
// An Fn is configuration: it is shared by all workers and must not change.
type Fn interface {
	// AssignWindows appends the windows of an element at t to dst. Appending none is an error.
	AssignWindows(dst []Window, t mtime.Time) []Window
	// String identifies the function and its parameters; it is part of the pipeline's fingerprint.
	String() string
}

// Merger is an [Fn] whose windows merge, per key, when elements are grouped.
type Merger interface {
	// MergeWindows returns which of the windows ws, sorted and distinct, become one: each Merge names two or
	// more of them (or one that changes) and the window they become. A window may be named once; those not
	// named stay as they are.
	MergeWindows(ws []Window) []Merge
}

// Merge is one decision of a [Merger]: the windows From become To.
type Merge struct {
	From []Window
	To   Window
}

type globalWindows struct{}

// GlobalWindows assigns every element to [Global].
func GlobalWindows() Fn { return globalWindows{} }

func (globalWindows) AssignWindows(dst []Window, _ mtime.Time) []Window { return append(dst, Global) }
func (globalWindows) String() string                                    { return "global" }

// IsGlobalFn reports whether f puts everything into the global window.
func IsGlobalFn(f Fn) bool { _, ok := f.(globalWindows); return ok }

// FixedFn is the window function of [Fixed] and [FixedOffset].
type FixedFn struct{ Size, Offset time.Duration }

// Fixed assigns each element to one window of the given size, aligned to the epoch. The size is at least a
// millisecond; a smaller one is refused by sdk.WindowInto.
func Fixed(size time.Duration) FixedFn { return FixedFn{Size: size} }

// FixedOffset is [Fixed] with windows that start at multiples of size plus offset.
func FixedOffset(size, offset time.Duration) FixedFn { return FixedFn{Size: size, Offset: offset} }

// AssignWindows implements [Fn].
func (f FixedFn) AssignWindows(dst []Window, t mtime.Time) []Window {
	size := mtime.Time(f.Size / time.Millisecond)
	start := floor(t, size, mtime.Time(f.Offset/time.Millisecond))
	return append(dst, clamp(start, start+size))
}

func (f FixedFn) String() string { return fmt.Sprintf("fixed(%v,%v)", f.Size, f.Offset) }

// Validate implements [Validator].
func (f FixedFn) Validate() error {
	if f.Size < time.Millisecond {
		return fmt.Errorf("window: fixed windows of %v: the size must be at least 1ms", f.Size)
	}
	return nil
}

// SlidingFn is the window function of [Sliding].
type SlidingFn struct{ Size, Period, Offset time.Duration }

// Sliding assigns each element to size/period windows of the given size, one starting every period.
func Sliding(size, period time.Duration) SlidingFn { return SlidingFn{Size: size, Period: period} }

// AssignWindows implements [Fn].
func (f SlidingFn) AssignWindows(dst []Window, t mtime.Time) []Window {
	size, period := mtime.Time(f.Size/time.Millisecond), mtime.Time(f.Period/time.Millisecond)
	last := floor(t, period, mtime.Time(f.Offset/time.Millisecond))
	for start := last; start > t-size; start -= period {
		dst = append(dst, clamp(start, start+size))
	}
	return dst
}

func (f SlidingFn) String() string {
	return fmt.Sprintf("sliding(%v,%v,%v)", f.Size, f.Period, f.Offset)
}

// Validate implements [Validator].
func (f SlidingFn) Validate() error {
	if f.Size < time.Millisecond || f.Period < time.Millisecond {
		return fmt.Errorf("window: sliding windows of %v every %v: both must be at least 1ms", f.Size, f.Period)
	}
	if f.Period > f.Size {
		return fmt.Errorf("window: sliding windows of %v every %v leave elements without a window: the period must not exceed the size", f.Size, f.Period)
	}
	return nil
}

// SessionsFn is the window function of [Sessions].
type SessionsFn struct{ Gap time.Duration }

// Sessions groups, per key, elements that are less than gap apart: a session is [first, last+gap).
func Sessions(gap time.Duration) SessionsFn { return SessionsFn{Gap: gap} }

// AssignWindows implements [Fn]: the session that the element would be alone.
func (f SessionsFn) AssignWindows(dst []Window, t mtime.Time) []Window {
	return append(dst, clamp(t, t+mtime.Time(f.Gap/time.Millisecond)))
}

// MergeWindows implements [Merger]: windows that overlap are one session.
func (f SessionsFn) MergeWindows(ws []Window) []Merge { return MergeOverlapping(ws) }

func (f SessionsFn) String() string { return fmt.Sprintf("sessions(%v)", f.Gap) }

// Validate implements [Validator].
func (f SessionsFn) Validate() error {
	if f.Gap < time.Millisecond {
		return fmt.Errorf("window: sessions with a gap of %v: the gap must be at least 1ms", f.Gap)
	}
	return nil
}

// Validator is implemented by window functions whose parameters can be wrong. The error is returned when the
// pipeline is built.
type Validator interface{ Validate() error }

// MergeOverlapping merges the windows of ws that overlap into their span, as sessions do. ws is sorted by
// [Window.Compare]; tags are dropped where windows merge.
func MergeOverlapping(ws []Window) []Merge {
	var ms []Merge
	for i := 0; i < len(ws); {
		span, j := ws[i], i+1
		for j < len(ws) && ws[j].Start < span.End {
			span.End = max(span.End, ws[j].End)
			j++
		}
		if j-i > 1 {
			span.Tag = 0
			ms = append(ms, Merge{From: slices.Clone(ws[i:j]), To: span})
		}
		i = j
	}
	return ms
}

func floor(t, period, offset mtime.Time) mtime.Time {
	r := (t - offset) % period
	if r < 0 {
		r += period
	}
	return t - r
}

// clamp keeps windows inside Beam's range of time, so that their ends have an encoding.
func clamp(start, end mtime.Time) Window {
	return Window{Start: min(max(start, mtime.Min), mtime.EndOfGlobalWindow), End: min(end, mtime.EndOfGlobalWindow+1)}
}
