package window

import (
	"fmt"
	"strings"
	"time"

	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/trigger"
)

// TimestampCombiner chooses the timestamp of a group from its window and elements (Beam's OutputTime).
type TimestampCombiner uint8

const (
	// EndOfWindow is the window's last timestamp: the default.
	EndOfWindow TimestampCombiner = iota
	// Earliest is the least timestamp of the group's elements.
	Earliest
	// Latest is the greatest timestamp of the group's elements.
	Latest
	// EarliestTransformed is the least of what the window function makes of the elements' timestamps: see [Transformer].
	EarliestTransformed
)

// Transformer is a window function that gives elements another time in their group, for [EarliestTransformed].
type Transformer interface {
	// OutputTime returns the time, not before t, of an element at t in w.
	OutputTime(w Window, t mtime.Time) mtime.Time
}

func (c TimestampCombiner) String() string {
	return [...]string{"end-of-window", "earliest", "latest", "earliest-transformed"}[c%4]
}

// Combine returns the timestamp of the union of two groups with timestamps a and b in one window.
func (c TimestampCombiner) Combine(a, b mtime.Time) mtime.Time {
	switch c {
	case Earliest, EarliestTransformed:
		return min(a, b)
	case Latest:
		return max(a, b)
	}
	return a
}

// OutputTime returns the timestamp that an element at t contributes to a group in w.
func (s Strategy) OutputTime(w Window, t mtime.Time) mtime.Time {
	switch s.Combiner {
	case EndOfWindow:
		return w.MaxTimestamp()
	case EarliestTransformed:
		if f, ok := s.Fn.(Transformer); ok {
			return f.OutputTime(w, t)
		}
	default:
	}
	return t
}

// Behavior says whether a pane that holds nothing new is emitted (Beam's OnTimeBehavior and ClosingBehavior).
type Behavior uint8

const (
	// FireIfNonEmpty leaves out a pane that holds nothing new.
	FireIfNonEmpty Behavior = iota
	// FireAlways emits it.
	FireAlways
)

func (b Behavior) String() string { return [...]string{"if-non-empty", "always"}[b&1] }

// Strategy is how a collection is windowed (Beam's WindowingStrategy).
type Strategy struct {
	Fn       Fn
	Combiner TimestampCombiner
	// Trigger says when panes are emitted; nil is [trigger.Default]. It matters where the input is unbounded: in a
	// bounded job a window has one pane.
	Trigger trigger.Trigger
	// Accumulating panes hold what earlier panes of the window held too. Without it they hold what is new.
	Accumulating bool
	// Lateness is how far the watermark may be past the end of a window while elements are still taken.
	Lateness time.Duration
	// OnTime says whether the pane at the end of a window is emitted if it holds nothing new and there was a pane
	// before it; Closing the same of the last one.
	OnTime, Closing Behavior
	// Custom marks a function of the element, which sdk.WindowIntoFunc assigned; Fn then only names it and merges.
	Custom bool
	// Merged marks windows that a grouping has merged already; they are not merged again (I11).
	Merged bool
}

// Default is the windowing of a collection that nothing has windowed.
func Default() Strategy { return Strategy{Fn: GlobalWindows(), OnTime: FireAlways} }

// HasDefaultTrigger reports whether a window has one pane at its end, and one for each late element after it.
func (s Strategy) HasDefaultTrigger() bool { return s.Trigger == nil || s.Trigger == trigger.Default() }

// FiresAtEnd reports whether the trigger fires when the watermark passes the end of a window.
func (s Strategy) FiresAtEnd() bool {
	_, ok := s.Trigger.(trigger.Watermark)
	return ok || s.HasDefaultTrigger()
}

// Machine compiles the trigger.
func (s Strategy) Machine() *trigger.Machine {
	t := s.Trigger
	if t == nil {
		t = trigger.Default()
	}
	if s.Merger() != nil {
		return trigger.CompileMerging(t)
	}
	return trigger.Compile(t)
}

// String identifies the windowing; it is part of the pipeline's fingerprint.
func (s Strategy) String() string {
	var b strings.Builder
	b.WriteString(s.Fn.String())
	if s.Combiner != EndOfWindow {
		fmt.Fprintf(&b, " %v", s.Combiner)
	}
	if !s.HasDefaultTrigger() {
		fmt.Fprintf(&b, " %v", s.Trigger)
	}
	if s.Accumulating {
		b.WriteString(" accumulating")
	}
	if s.Lateness != 0 {
		fmt.Fprintf(&b, " lateness=%v", s.Lateness)
	}
	if s.OnTime != FireAlways {
		fmt.Fprintf(&b, " on-time=%v", s.OnTime)
	}
	if s.Closing != FireIfNonEmpty {
		fmt.Fprintf(&b, " closing=%v", s.Closing)
	}
	if s.Merged {
		b.WriteString(" merged")
	}
	return b.String()
}

// Merger returns what merges the windows of s when elements are grouped, or nil.
func (s Strategy) Merger() Merger {
	if s.Merged {
		return nil
	}
	m, _ := s.Fn.(Merger)
	return m
}
