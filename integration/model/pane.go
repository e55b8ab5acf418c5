package model

import "fmt"

// Timing says when a pane fired, in relation to the watermark (Java PaneInfo.Timing).
type Timing int

// The timings. The zero value belongs to elements that no grouping made.
const (
	Unknown Timing = iota
	Early
	OnTime
	Late
)

// String returns the timing's name in lower case.
func (t Timing) String() string { return [...]string{"unknown", "early", "ontime", "late"}[t] }

// Pane says which firing of its key and window an element comes from (Java PaneInfo).
type Pane struct {
	Timing              Timing
	Index               int64 // how many panes of the key and window came before
	NonSpeculativeIndex int64 // how many on-time or late ones did; -1 in an early pane
	First, Last         bool
}

// NoFiring is the pane of an element that no grouping made.
var NoFiring = Pane{First: true, Last: true}

// String returns timing, both indices, and whether the pane is the first or the last; "" for NoFiring.
func (p Pane) String() string {
	if p == NoFiring {
		return ""
	}
	s := fmt.Sprintf("%s %d/%d", p.Timing, p.Index, p.NonSpeculativeIndex)
	if p.First {
		s += " first"
	}
	if p.Last {
		s += " last"
	}
	return s
}

// next returns the pane that follows previous (nil: there was none). Java PaneInfoTracker.describePane: the first pane that
// is not early is the on-time one, if the output watermark has not passed the end of the window yet; whether a pane is early
// is decided by the input watermark.
func next(previous *Pane, w Window, input, output int64, last bool) Pane {
	p := Pane{First: previous == nil, Last: last}
	onlyEarly := true
	if previous != nil {
		p.Index = previous.Index + 1
		p.NonSpeculativeIndex = previous.NonSpeculativeIndex + 1
		onlyEarly = previous.Timing == Early
	}
	switch {
	case w.Max() < output || !onlyEarly:
		p.Timing = Late
	case input <= w.Max():
		p.Timing = Early
		p.NonSpeculativeIndex = -1
	default:
		p.Timing = OnTime
	}
	return p
}
