// Package timer has the timers of a stateful DoFn (Beam programming guide, "Timers").
//
// A timer is an exported field of the DoFn; OnTimer is called when it fires, with the state of its key and window:
//
//	type closeFn struct {
//		Done timer.EventTime
//	}
//
// The field is a family: with tags it is any number of timers. A timer that is set again moves. Timers are set during
// ProcessElement, OnTimer and OnWindowExpiration, for the key and window of the call; they go when the window has
// expired, and event-time timers set beyond that are an error: the last time for one is the window's MaxTimestamp plus the
// allowed lateness of the input (sdk.Windowing tells a composite what that is).
package timer

import (
	"time"

	"github.com/millrace-go/millrace/sdk/mtime"
)

// Domain is the kind of time by which a timer fires.
type Domain uint8

// The domains.
const (
	// Event timers fire when the watermark of the input has reached their time, in the order of their times.
	Event Domain = iota
	// Processing timers fire when the wall clock has reached their time. When the input ends those that have not
	// fired are dropped.
	Processing
)

// Setting says when a timer fires.
type Setting struct {
	At mtime.Time
	// Output is the timestamp of what OnTimer emits; until then the timer holds the watermark there. For event-time
	// timers it is At unless given; for processing-time timers the timestamp of the element that set them.
	Output    mtime.Time
	HasOutput bool
}

// Service sets timers, for runners.
type Service interface {
	Set(family int, tag string, s Setting)
	Clear(family int, tag string)
	// Now is the processing time.
	Now() mtime.Time
}

// Field is what all timers implement, for runners.
type Field interface {
	Bind(s Service, family int)
	Domain() Domain
}

type timer struct {
	s      Service
	family int
}

// Bind implements [Field].
func (t *timer) Bind(s Service, family int) { t.s, t.family = s, family }

// Set sets the timer of the family without a tag.
func (t *timer) Set(at mtime.Time) { t.s.Set(t.family, "", Setting{At: at}) }

// SetTag sets the timer with a tag.
func (t *timer) SetTag(tag string, at mtime.Time) { t.s.Set(t.family, tag, Setting{At: at}) }

// SetOutput sets the timer with a tag, "" for none, and the timestamp of what its OnTimer will emit.
func (t *timer) SetOutput(tag string, at, output mtime.Time) {
	t.s.Set(t.family, tag, Setting{At: at, Output: output, HasOutput: true})
}

// Clear removes the timer without a tag, if it is set.
func (t *timer) Clear() { t.s.Clear(t.family, "") }

// ClearTag removes the timer with a tag, if it is set.
func (t *timer) ClearTag(tag string) { t.s.Clear(t.family, tag) }

// EventTime is a family of event-time timers.
type EventTime struct{ timer }

// Domain implements [Field].
func (*EventTime) Domain() Domain { return Event }

// ProcessingTime is a family of processing-time timers.
type ProcessingTime struct{ timer }

// Domain implements [Field].
func (*ProcessingTime) Domain() Domain { return Processing }

// SetAfter sets the timer without a tag to fire when d has gone by.
func (t *ProcessingTime) SetAfter(d time.Duration) { t.Set(t.s.Now().Add(d)) }

// Fired is a timer that has fired.
type Fired struct {
	Family string // the name of the field
	Tag    string
	At     mtime.Time // when it was set to fire
}
