package window

import (
	"time"

	"github.com/millrace-go/millrace/sdk/mtime"
)

// Slices returns what says for how long the answer of a standard function that does not merge holds, so that it need not be
// asked for each element: a span that contains t, of which all times have the same windows. It is nil for other functions. (A
// method that programs can have too would come with an embedded function whose AssignWindows they replace.)
func Slices(fn Fn) func(t mtime.Time) Window {
	switch f := fn.(type) {
	case globalWindows:
		return func(mtime.Time) Window { return Window{Start: mtime.Min, End: mtime.Max} }
	case FixedFn:
		return f.slice
	case SlidingFn:
		return f.slice
	case CalendarFn:
		return f.assign
	}
	return nil
}

// slice is the window itself.
func (f FixedFn) slice(t mtime.Time) Window {
	size := mtime.Time(f.Size / time.Millisecond)
	start := floor(t, size, mtime.Time(f.Offset/time.Millisecond))
	return clamp(start, start+size)
}

// slice lasts until the next window begins, or one ends.
func (f SlidingFn) slice(t mtime.Time) Window {
	size, period, offset := mtime.Time(f.Size/time.Millisecond), mtime.Time(f.Period/time.Millisecond), mtime.Time(f.Offset/time.Millisecond)
	begun, ended := floor(t, period, offset), floor(t, period, offset+size)
	return Window{Start: max(begun, ended), End: min(begun, ended) + period}
}
