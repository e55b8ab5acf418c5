package model

import (
	"cmp"
	"fmt"
	"slices"
)

// Window is a half-open interval of event time: the first millisecond that is in it, and the first that is not.
type Window struct {
	Start, End int64
}

// Global is the one window of GlobalWindows.
var Global = Window{Start: MinTime, End: GlobalMax + 1}

// Max returns the last timestamp in the window, the "end of the window" of triggers and timestamp combiners.
func (w Window) Max() int64 { return w.End - 1 }

// String returns "global" or "[start,end)".
func (w Window) String() string {
	if w == Global {
		return "global"
	}
	return fmt.Sprintf("[%s,%s)", timeString(w.Start), timeString(w.End))
}

func (w Window) overlaps(o Window) bool { return w.Start < o.End && o.Start < w.End }

func compareWindows(a, b Window) int {
	return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End))
}

// WindowKind says which of Beam's window functions a WindowFn is.
type WindowKind int

// The window functions. The zero value is the global window, Beam's default.
const (
	GlobalWindows WindowKind = iota
	FixedWindows
	SlidingWindows
	SessionWindows
	CustomWindows
)

// WindowFn assigns windows to elements, and says which windows of a key are to be merged. All lengths are milliseconds.
type WindowFn struct {
	Kind   WindowKind
	Size   int64 // fixed and sliding: the length of a window
	Period int64 // sliding: from one window's start to the next
	Offset int64 // fixed and sliding: a window starts at this time
	Gap    int64 // sessions: a session ends this long after its last element

	// Assign and Shift belong to CustomWindows. Shift may move an element's output timestamp later, for the combiner
	// EarliestTransformed (OutputTime in beam_runner_api.proto); nil shifts nothing. Custom windows do not merge.
	Name   string
	Assign func(time int64) []Window
	Shift  func(w Window, time int64) int64
}

// Fixed returns windows of a size, one after the other, one of which starts at offset.
func Fixed(size, offset int64) WindowFn {
	return WindowFn{Kind: FixedWindows, Size: size, Offset: offset}
}

// Sliding returns windows of a size that start every period, one of them at offset.
func Sliding(size, period, offset int64) WindowFn {
	return WindowFn{Kind: SlidingWindows, Size: size, Period: period, Offset: offset}
}

// Sessions returns windows that merge while less than gap is between their elements.
func Sessions(gap int64) WindowFn { return WindowFn{Kind: SessionWindows, Gap: gap} }

// Merging reports whether windows of this function may merge.
func (f WindowFn) Merging() bool { return f.Kind == SessionWindows }

// String returns the function in the language of Parse.
func (f WindowFn) String() string {
	switch f.Kind {
	case GlobalWindows:
		return "global"
	case FixedWindows:
		return fmt.Sprintf("fixed(%d,%d)", f.Size, f.Offset)
	case SlidingWindows:
		return fmt.Sprintf("sliding(%d,%d,%d)", f.Size, f.Period, f.Offset)
	case SessionWindows:
		return fmt.Sprintf("sessions(%d)", f.Gap)
	}
	return "custom:" + f.Name
}

func (f WindowFn) equal(g WindowFn) bool { return f.String() == g.String() }

// assign returns the windows of an element with timestamp t, the earliest first.
func (f WindowFn) assign(t int64) []Window {
	switch f.Kind {
	case FixedWindows:
		start := floor(t, f.Size, f.Offset)
		return []Window{{Start: start, End: start + f.Size}}
	case SlidingWindows:
		var ws []Window
		for start := floor(t, f.Period, f.Offset); start > t-f.Size; start -= f.Period {
			ws = append(ws, Window{Start: start, End: start + f.Size})
		}
		slices.Reverse(ws)
		return ws
	case SessionWindows:
		return []Window{{Start: t, End: t + f.Gap}}
	case CustomWindows:
		return f.Assign(t)
	}
	return []Window{Global}
}

// floor returns the latest time at or before t that is a multiple of period away from offset.
func floor(t, period, offset int64) int64 {
	return t - (((t-offset)%period)+period)%period
}

// merge returns the sets of windows that become one, each with the window it becomes. A window that overlaps no other is
// in none of them; windows that only touch do not overlap (Python window.py Sessions.merge).
func (f WindowFn) merge(ws []Window) []mergeSet {
	var sets []mergeSet
	sorted := slices.Clone(ws)
	slices.SortFunc(sorted, compareWindows)
	for _, w := range slices.Compact(sorted) {
		if n := len(sets); n > 0 && sets[n-1].into.overlaps(w) {
			s := &sets[n-1]
			s.from = append(s.from, w)
			s.into.End = max(s.into.End, w.End)
			continue
		}
		sets = append(sets, mergeSet{from: []Window{w}, into: w})
	}
	return slices.DeleteFunc(sets, func(s mergeSet) bool { return len(s.from) == 1 })
}

type mergeSet struct {
	from []Window
	into Window
}

// side returns the window of a view that an element in window main reads: the view's window with the last timestamp of the
// main one, the earliest of them for sliding windows (Java WindowFn.getDefaultWindowMappingFn). It is not defined for a view
// of sessions, nor for a main input in the global window and a view in others: construction errors.
func (f WindowFn) side(main Window) Window {
	if f.Kind == GlobalWindows {
		return Global
	}
	return f.assign(main.Max())[0]
}
