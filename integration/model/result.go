package model

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Reason says why an element was dropped.
type Reason int

// The reasons.
const (
	// Expired: the watermark has passed the window's last timestamp by more than the allowed lateness.
	Expired Reason = iota
	// Closed: the trigger of the window has finished (droppedDueToClosedWindow in Beam Java).
	Closed
)

// String returns the reason in a word.
func (r Reason) String() string { return [...]string{"expired", "closed"}[r] }

// Dropped is an element that a transform dropped, in one of its windows.
type Dropped struct {
	Transform string
	Element   Element
	Reason    Reason
}

// String returns the line of a transcript for it.
func (d Dropped) String() string {
	return fmt.Sprintf("dropped by %s, %s: %s", d.Transform, d.Reason, d.Element)
}

// Output is an element of a collection.
type Output struct {
	Collection string
	Step       int // the index of the step that made it
	Element
}

// String returns the line of a transcript for it.
func (o Output) String() string { return o.Collection + " " + o.Element.String() }

// Counters count what is not seen in any collection.
type Counters struct {
	DrainedTimers int // timers that a looping timer of the global window set while draining
	ExpiredTimers int // processing-time timers that were pending when their window expired
}

// Result is what a run made.
type Result struct {
	// Outputs are the elements of all collections, in the order they were made. Only their order within a key and window is
	// Beam's promise.
	Outputs  []Output
	Dropped  []Dropped
	Counters Counters
	// Watermarks are the output watermarks of the transforms after the last step.
	Watermarks map[string]int64
}

// Of returns the elements of one collection, in the order they were made.
func (r Result) Of(collection string) []Element {
	var es []Element
	for _, o := range r.Outputs {
		if o.Collection == collection {
			es = append(es, o.Element)
		}
	}
	return es
}

// ByKeyAndWindow returns the elements sorted by key and then window, those of one key and window in the order they had: two runs
// are the same if these are.
func ByKeyAndWindow(es []Element) []Element {
	es = slices.Clone(es)
	slices.SortStableFunc(es, func(a, b Element) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), compareWindows(a.Window, b.Window))
	})
	return es
}

// String returns the outputs and the dropped elements, one a line, and the counters that are not 0.
func (r Result) String() string {
	var b strings.Builder
	for _, o := range r.Outputs {
		fmt.Fprintln(&b, o)
	}
	for _, d := range r.Dropped {
		fmt.Fprintln(&b, d)
	}
	b.WriteString(r.Counters.String())
	return b.String()
}

// String returns the counters that are not 0, one a line.
func (c Counters) String() string {
	var b strings.Builder
	if c.DrainedTimers > 0 {
		fmt.Fprintf(&b, "timers dropped while draining: %d\n", c.DrainedTimers)
	}
	if c.ExpiredTimers > 0 {
		fmt.Fprintf(&b, "processing-time timers that never fired: %d\n", c.ExpiredTimers)
	}
	return b.String()
}
