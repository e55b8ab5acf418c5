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
