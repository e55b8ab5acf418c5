package model

import "fmt"

// DoFn is a stateful DoFn. Everything it does goes through the Context of the call.
type DoFn interface {
	ProcessElement(c *Context, e Element)
	OnTimer(c *Context, tag string)
	// OnWindowExpiration is called once for each key and window that saw an element, after its last event-time timer and
	// before its state is removed.
	OnWindowExpiration(c *Context)
	// Expires reports whether OnWindowExpiration does anything: then it holds the output watermark at the window's end.
	Expires() bool
}

// Domain is the time domain of a timer.
type Domain int

// The time domains.
const (
	EventTime Domain = iota
	ProcessingDomain
)

// Timer is a timer that is set.
type Timer struct {
	Key    string
	Window Window
	Tag    string // one timer for each key, window, domain and tag: setting it again replaces it
	Domain Domain
	At     int64 // fires when the domain's time has come to this
	Output int64 // holds the output watermark, and is the timestamp of what OnTimer emits
}

// Context is what a call of a DoFn sees.
type Context struct {
	Cells
	Key      string
	Window   Window
	Time     int64 // of the element; in OnTimer the timer's output timestamp; in OnWindowExpiration the window's last timestamp
	FiredAt  int64 // OnTimer: the time the timer was set for
	Pane     Pane  // of the element
	Now      int64 // processing time
	Expiry   int64 // of the window: no event-time timer may be later
	Draining bool

	run     *statefulRun
	inTimer bool
	emitted []Element
}

// Emit emits a value with the time of the call.
func (c *Context) Emit(v int64) { c.EmitAt(c.Time, v) }

// EmitAt emits a value with a timestamp, which must not be before that of the call (DoFn.getAllowedTimestampSkew is 0).
func (c *Context) EmitAt(t, v int64) {
	if t < c.Time {
		c.run.fail(fmt.Errorf("emit at %d from a call at %d: the timestamp goes back", t, c.Time))
	}
	c.emitted = append(c.emitted, Element{Key: c.Key, Value: v, Time: t, Window: c.Window, Pane: c.Pane})
}

// SetTimer sets an event-time timer whose output timestamp is its own time (ParDoTest
// testEventTimeTimerSetWithinAllowedLateness).
func (c *Context) SetTimer(tag string, at int64) { c.set(Timer{Tag: tag, At: at, Output: at}) }

// SetTimerOutput sets an event-time timer with an output timestamp, from the time of the call to the window's expiry.
func (c *Context) SetTimerOutput(tag string, at, output int64) {
	c.checkOutput(output)
	c.set(Timer{Tag: tag, At: at, Output: output})
}

// SetProcessingTimer sets a processing-time timer whose output timestamp is the time of the call.
func (c *Context) SetProcessingTimer(tag string, at int64) {
	c.set(Timer{Tag: tag, Domain: ProcessingDomain, At: at, Output: c.Time})
}

// ClearTimer removes an event-time timer, if it is set.
func (c *Context) ClearTimer(tag string) { c.clear(tag, EventTime) }

// ClearProcessingTimer removes a processing-time timer, if it is set.
func (c *Context) ClearProcessingTimer(tag string) { c.clear(tag, ProcessingDomain) }

func (c *Context) checkOutput(output int64) {
	if output < c.Time || output > c.Expiry {
		c.run.fail(fmt.Errorf("timer with output timestamp %d from a call at %d in %s, which expires at %d", output, c.Time, c.Window, c.Expiry))
	}
}

func (c *Context) set(t Timer) {
	t.Key, t.Window = c.Key, c.Window
	if t.Domain == EventTime && t.At > c.Expiry {
		c.run.fail(fmt.Errorf("event-time timer at %d is after the expiration of %s at %d", t.At, c.Window, c.Expiry))
		return
	}
	if c.inTimer && c.Draining && c.Window == Global {
		c.run.counters.DrainedTimers++
		return
	}
	c.run.timers[t.id()] = t
}

func (c *Context) clear(tag string, d Domain) {
	delete(c.run.timers, timerID{c.Key, c.Window, d, tag})
}

type timerID struct {
	key    string
	window Window
	domain Domain
	tag    string
}

func (t Timer) id() timerID { return timerID{t.Key, t.Window, t.Domain, t.Tag} }
