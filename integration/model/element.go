package model

import (
	"fmt"
	"slices"
	"strings"
)

// Element is an element of a collection, in exactly one window: an element in several windows is several of these, since Beam
// defines it as nothing else.
type Element struct {
	Key     string
	Value   int64   // of an element that is not Grouped
	Grouped bool    // made by GroupByKey or CoGroupByKey
	Values  []int64 // of a Grouped element: a pane's values, ascending; of CoGroupByKey, those of the first input
	Others  []int64 // CoGroupByKey: those of the second input
	Time    int64   // the event timestamp
	Window  Window
	Pane    Pane
}

// String returns key, value, window, timestamp and pane.
func (e Element) String() string {
	value := fmt.Sprint(e.Value)
	if e.Grouped {
		value = fmt.Sprint(e.Values)
		if e.Others != nil {
			value += "+" + fmt.Sprint(e.Others)
		}
	}
	s := fmt.Sprintf("%s %s %s @%s %s", e.Key, value, e.Window, timeString(e.Time), e.Pane)
	return strings.TrimSpace(s)
}

func ascending(vs []int64) []int64 {
	vs = slices.Clone(vs)
	slices.Sort(vs)
	return vs
}
