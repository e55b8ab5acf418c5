package model

import (
	"fmt"
	"strings"
)

// StepKind is a kind of step.
type StepKind int

// The steps of a script.
const (
	Elements              StepKind = iota // one bundle of a source
	AdvanceWatermark                      // a source's watermark; it must not go back
	AdvanceProcessingTime                 // the clock goes forward by Time, for all
	End                                   // a source ends: its watermark is MaxTime
	Drain                                 // all sources end because somebody asked for a drain
)

// Step is one step of a script. Sources are interleaved by their order in one list.
type Step struct {
	Kind     StepKind
	Source   string    // Elements, AdvanceWatermark, End
	Elements []Element // Elements: key, value and time only; they are in the global window
	Time     int64     // AdvanceWatermark: to this time; AdvanceProcessingTime: by this many milliseconds
}

// String returns the step in the language of Parse.
func (s Step) String() string {
	switch s.Kind {
	case Elements:
		var b strings.Builder
		fmt.Fprintf(&b, "elements %s", s.Source)
		for _, e := range s.Elements {
			fmt.Fprintf(&b, " %s=%d@%d", e.Key, e.Value, e.Time)
		}
		return b.String()
	case AdvanceWatermark:
		return fmt.Sprintf("watermark %s %d", s.Source, s.Time)
	case AdvanceProcessingTime:
		return fmt.Sprintf("processing %d", s.Time)
	case End:
		return "end " + s.Source
	}
	return "drain"
}
