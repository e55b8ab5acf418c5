package model

import (
	"fmt"
	"strings"
)

// TriggerKind names the node of a trigger tree.
type TriggerKind int

// The triggers of beam_runner_api.proto, message Trigger. The zero value is Default.
const (
	Default TriggerKind = iota
	Always
	Never
	AfterWatermark // AfterEndOfWindow in the proto
	AfterProcessingTime
	AfterSynchronizedProcessingTime
	AfterCount // ElementCount in the proto
	AfterEach
	AfterAny
	AfterAll
	Repeat
	OrFinally
)

var triggerNames = [...]string{
	"Default", "Always", "Never", "AfterWatermark", "AfterProcessingTime", "AfterSynchronizedProcessingTime",
	"AfterCount", "AfterEach", "AfterAny", "AfterAll", "Repeat", "OrFinally",
}

// String returns the trigger's name.
func (k TriggerKind) String() string { return triggerNames[k] }

// Trigger is a trigger tree, plain data. The zero value is the default trigger.
type Trigger struct {
	Kind        TriggerKind
	Count       int64     // AfterCount: at least 1
	Delay       int64     // AfterProcessingTime: milliseconds after the first element of the pane
	AlignPeriod int64     // AfterProcessingTime: then up to the next multiple of this; 0 aligns nothing
	AlignOffset int64     // AfterProcessingTime: counted from this time
	Early, Late *Trigger  // AfterWatermark: implicitly repeated; nil for none
	Subs        []Trigger // AfterEach, AfterAny, AfterAll; Repeat has one; OrFinally has the main one and the final one
}

// Count returns a trigger that is ready once n elements are in the pane.
func Count(n int64) Trigger { return Trigger{Kind: AfterCount, Count: n} }

// Watermark returns a trigger that is ready at the end of the window, with early and late firings; nil for none.
func Watermark(early, late *Trigger) Trigger {
	return Trigger{Kind: AfterWatermark, Early: early, Late: late}
}

// Forever returns a trigger that starts t again whenever it has finished.
func Forever(t Trigger) Trigger { return Trigger{Kind: Repeat, Subs: []Trigger{t}} }

// String returns the trigger in the language of Parse, without blanks.
func (t Trigger) String() string {
	var args []string
	switch t.Kind {
	case AfterCount:
		args = append(args, fmt.Sprint(t.Count))
	case AfterProcessingTime:
		args = append(args, fmt.Sprint(t.Delay))
		if t.AlignPeriod > 0 {
			args = append(args, fmt.Sprint(t.AlignPeriod), fmt.Sprint(t.AlignOffset))
		}
	case AfterWatermark:
		if t.Early != nil {
			args = append(args, "early="+t.Early.String())
		}
		if t.Late != nil {
			args = append(args, "late="+t.Late.String())
		}
	}
	for _, s := range t.Subs {
		args = append(args, s.String())
	}
	if len(args) == 0 {
		return t.Kind.String()
	}
	return t.Kind.String() + "(" + strings.Join(args, ",") + ")"
}

// Continuation returns the trigger of what a grouping with trigger t makes: one that lets the panes through as they come
// (Java Trigger.getContinuationTrigger and the testContinuation of each trigger's test).
func (t Trigger) Continuation() Trigger {
	subs := make([]Trigger, len(t.Subs))
	for i, s := range t.Subs {
		subs[i] = s.Continuation()
	}
	switch t.Kind {
	case AfterCount:
		return Count(1)
	case AfterProcessingTime:
		return Trigger{Kind: AfterSynchronizedProcessingTime}
	case AfterWatermark:
		return Watermark(continuation(t.Early), continuation(t.Late))
	case AfterEach:
		return Forever(Trigger{Kind: AfterAny, Subs: subs})
	case AfterAny, AfterAll, Repeat:
		return Trigger{Kind: t.Kind, Subs: subs}
	case OrFinally:
		return Forever(Trigger{Kind: OrFinally, Subs: subs})
	}
	return t // Default, Always, Never and AfterSynchronizedProcessingTime are their own
}

func continuation(t *Trigger) *Trigger {
	if t == nil {
		return nil
	}
	c := t.Continuation()
	return &c
}

// check returns what is wrong with the tree, or nil.
func (t Trigger) check() error {
	subs := t.Subs
	switch t.Kind {
	case AfterCount:
		if t.Count < 1 {
			return fmt.Errorf("%s: the count must be at least 1", t)
		}
	case AfterEach, AfterAny, AfterAll:
		if len(subs) == 0 {
			return fmt.Errorf("%s has no subtriggers", t.Kind)
		}
	case Repeat:
		if len(subs) != 1 {
			return fmt.Errorf("%s has %d subtriggers, not 1", t.Kind, len(subs))
		}
	case OrFinally:
		if len(subs) != 2 {
			return fmt.Errorf("%s has %d subtriggers, not 2", t.Kind, len(subs))
		}
	}
	for _, s := range subs {
		if err := s.check(); err != nil {
			return err
		}
	}
	for _, s := range []*Trigger{t.Early, t.Late} {
		if s != nil {
			if err := s.check(); err != nil {
				return err
			}
		}
	}
	return nil
}

// guarantee returns the watermark past which the trigger has fired for certain if there was anything to fire, for a window
// (Java Trigger.getWatermarkThatGuaranteesFiring): past it a view with no pane is known to be empty.
func (t Trigger) guarantee(w Window) int64 {
	switch t.Kind {
	case Default, AfterWatermark:
		return w.Max()
	case AfterEach, Repeat:
		return t.Subs[0].guarantee(w)
	case AfterAny, OrFinally:
		g := MaxTime
		for _, s := range t.Subs {
			g = min(g, s.guarantee(w))
		}
		return g
	case AfterAll:
		g := MinTime
		for _, s := range t.Subs {
			g = max(g, s.guarantee(w))
		}
		return g
	}
	return MaxTime
}
