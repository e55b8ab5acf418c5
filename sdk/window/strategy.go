package window

import "github.com/millrace-go/millrace/sdk/mtime"

// TimestampCombiner chooses the timestamp of a group from its window and elements (Beam's OutputTime).
type TimestampCombiner uint8

const (
	// EndOfWindow is the window's last timestamp: the default.
	EndOfWindow TimestampCombiner = iota
	// Earliest is the least timestamp of the group's elements.
	Earliest
	// Latest is the greatest timestamp of the group's elements.
	Latest
)

func (c TimestampCombiner) String() string {
	return [...]string{"end-of-window", "earliest", "latest"}[c%3]
}

// Combine returns the timestamp of the union of two groups with timestamps a and b in one window.
func (c TimestampCombiner) Combine(a, b mtime.Time) mtime.Time {
	switch c {
	case Earliest:
		return min(a, b)
	case Latest:
		return max(a, b)
	}
	return a
}

// Assign returns the timestamp that an element at t contributes to a group in w.
func (c TimestampCombiner) Assign(w Window, t mtime.Time) mtime.Time {
	if c == EndOfWindow {
		return w.MaxTimestamp()
	}
	return t
}

// Strategy is how a collection is windowed (Beam's WindowingStrategy).
type Strategy struct {
	Fn       Fn
	Combiner TimestampCombiner
	// Custom marks a function of the element, which sdk.WindowIntoFunc assigned; Fn then only names it and merges.
	Custom bool
	// Merged marks windows that a grouping has merged already; they are not merged again (I11).
	Merged bool
}

// Default is the windowing of a collection that nothing has windowed.
func Default() Strategy { return Strategy{Fn: GlobalWindows()} }

// Merger returns what merges the windows of s when elements are grouped, or nil.
func (s Strategy) Merger() Merger {
	if s.Merged {
		return nil
	}
	m, _ := s.Fn.(Merger)
	return m
}
