package model

import (
	"fmt"
	"strings"
)

// TimestampCombiner says which timestamp a pane gets (OutputTime in beam_runner_api.proto), and so how long the output
// watermark waits for it.
type TimestampCombiner int

// The timestamp combiners, over the elements since the last firing that came in time to hold the watermark.
const (
	EndOfWindow TimestampCombiner = iota
	Earliest
	Latest
	// EarliestTransformed is Earliest after the window function has moved each timestamp (WindowFn.Shift). Only Beam Python
	// still has it.
	EarliestTransformed
)

var combinerNames = [...]string{"end", "earliest", "latest", "transformed"}

// String returns the combiner in the language of Parse.
func (c TimestampCombiner) String() string { return combinerNames[c] }

// Windowing is Beam's windowing strategy. The zero value is the default one: global window, default trigger, discarding, no
// allowed lateness, panes at the end of their window, an on-time pane even if it is empty, a last pane only if it is not.
type Windowing struct {
	Fn              WindowFn
	Trigger         Trigger
	Accumulating    bool
	AllowedLateness int64 // milliseconds after its last timestamp at which a window expires
	ClosingAlways   bool  // ClosingBehavior EMIT_ALWAYS: a last pane even if nothing came since the one before
	OnTimeIfAny     bool  // OnTimeBehavior FIRE_IF_NONEMPTY: no empty on-time pane
	Combiner        TimestampCombiner

	// AlreadyMerged is set by a grouping whose windows merged: the next grouping does not merge them again (Java
	// GroupByKey.updateWindowingStrategy). WindowInto clears it.
	AlreadyMerged bool
}

// AfterGrouping returns the windowing of the output of a grouping.
func (w Windowing) AfterGrouping() Windowing {
	w.Trigger = w.Trigger.Continuation()
	w.AlreadyMerged = w.Fn.Merging()
	return w
}

// Expiry returns the last watermark at which elements of a window are still taken.
func (w Windowing) Expiry(win Window) int64 {
	if win.Max() > GlobalMax-w.AllowedLateness {
		return GlobalMax
	}
	return win.Max() + w.AllowedLateness
}

func (w Windowing) merges() bool { return w.Fn.Merging() && !w.AlreadyMerged }

// String returns the windowing in the language of Parse.
func (w Windowing) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s trigger=%s", w.Fn, w.Trigger)
	if w.Accumulating {
		b.WriteString(" accumulating")
	} else {
		b.WriteString(" discarding")
	}
	if w.AllowedLateness > 0 {
		fmt.Fprintf(&b, " lateness=%d", w.AllowedLateness)
	}
	if w.ClosingAlways {
		b.WriteString(" closing=always")
	}
	if w.OnTimeIfAny {
		b.WriteString(" ontime=nonempty")
	}
	if w.Combiner != EndOfWindow {
		fmt.Fprintf(&b, " at=%s", w.Combiner)
	}
	return b.String()
}
