// Package window says where in event time elements are grouped: windows, the functions that assign
// and merge them, and panes.
//
// It implements "Windowing" of the Beam programming guide and beam_runner_api.proto (WindowFns,
// MergeStatus, OutputTime).
package window

import (
	"fmt"

	"github.com/millrace-go/millrace/sdk/mtime"
)

// Window is a span [Start, End) of event time. It is comparable: equal windows are one window.
//
// Tag tells windows over the same span apart, for window functions that need more than a span (a kind, an
// id). It is 0 in the windows of the standard functions.
type Window struct {
	Start mtime.Time // inclusive
	End   mtime.Time // exclusive
	Tag   int64
}

// Global is the one window of the global windowing.
var Global = Window{Start: mtime.Min, End: mtime.EndOfGlobalWindow + 1}

// MaxTimestamp is the last event time inside w.
func (w Window) MaxTimestamp() mtime.Time { return w.End - 1 }

// IsGlobal reports whether w is [Global].
func (w Window) IsGlobal() bool { return w == Global }

// Contains reports whether t lies in w.
func (w Window) Contains(t mtime.Time) bool { return w.Start <= t && t < w.End }

// Intersects reports whether w and v share an instant.
func (w Window) Intersects(v Window) bool { return w.Start < v.End && v.Start < w.End }

// Compare orders windows by Start, End and Tag.
func (w Window) Compare(v Window) int {
	switch {
	case w.Start != v.Start:
		return order(w.Start < v.Start)
	case w.End != v.End:
		return order(w.End < v.End)
	case w.Tag != v.Tag:
		return order(w.Tag < v.Tag)
	}
	return 0
}

func order(less bool) int {
	if less {
		return -1
	}
	return 1
}

// String formats w as "[start, end)", "global" for the global window, with "#tag" behind where there is one.
func (w Window) String() string {
	switch {
	case w.IsGlobal():
		return "global"
	case w.Tag != 0:
		return fmt.Sprintf("[%v, %v)#%d", w.Start, w.End, w.Tag)
	}
	return fmt.Sprintf("[%v, %v)", w.Start, w.End)
}
