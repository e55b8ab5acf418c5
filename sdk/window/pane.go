package window

import "fmt"

// Timing says where a pane stands to the watermark (Beam's PaneInfo.Timing).
type Timing uint8

// The timings, in Beam's encoding.
const (
	Early Timing = iota
	OnTime
	Late
	Unknown
)

func (t Timing) String() string { return [...]string{"early", "on-time", "late", "unknown"}[t&3] }

// Pane describes one firing of a window (Beam's PaneInfo). The zero value is not meaningful; [NoFiring] is the
// pane of elements that no grouping has touched.
type Pane struct {
	Timing              Timing
	First, Last         bool
	Index               int64 // counts all firings of the window, from 0
	NonSpeculativeIndex int64 // counts on-time and late firings, from 0; -1 for early ones
}

// NoFiring is the pane of elements that have not been grouped.
var NoFiring = Pane{Timing: Unknown, First: true, Last: true}

// OnlyFiring is the pane of a window that fires once, when its input has ended: what a bounded pipeline sees.
var OnlyFiring = Pane{Timing: OnTime, First: true, Last: true}

func (p Pane) String() string {
	s := fmt.Sprintf("%v index=%d", p.Timing, p.Index)
	if p.First {
		s += " first"
	}
	if p.Last {
		s += " final"
	}
	return s
}
