package window

import (
	"time"

	"github.com/millrace-go/millrace/sdk/mtime"
)

// Slicer is an [Fn] that says for how long its answer holds, so that it need not be asked for each element. The standard
// functions that do not merge are Slicers.
type Slicer interface {
	// Slice returns a span that contains t and of which all times have the same windows. It may be shorter than the longest
	// such span.
	Slice(t mtime.Time) Window
}

// Slice implements [Slicer].
func (globalWindows) Slice(mtime.Time) Window { return Window{Start: mtime.Min, End: mtime.Max} }

// Slice implements [Slicer]: the window itself.
func (f FixedFn) Slice(t mtime.Time) Window {
	size := mtime.Time(f.Size / time.Millisecond)
	start := floor(t, size, mtime.Time(f.Offset/time.Millisecond))
	return clamp(start, start+size)
}

// Slice implements [Slicer]: until the next window begins, or one ends.
func (f SlidingFn) Slice(t mtime.Time) Window {
	size, period, offset := mtime.Time(f.Size/time.Millisecond), mtime.Time(f.Period/time.Millisecond), mtime.Time(f.Offset/time.Millisecond)
	begun, ended := floor(t, period, offset), floor(t, period, offset+size)
	return Window{Start: max(begun, ended), End: min(begun, ended) + period}
}

// Slice implements [Slicer]: the window itself.
func (f CalendarFn) Slice(t mtime.Time) Window { return f.assign(t) }
