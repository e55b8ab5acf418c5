package model

import (
	"fmt"
	"strings"
)

// Program names a stateful DoFn of a small set, as plain data, so that it can be printed and translated. The set:
//
//	runningSum          value state; each element emits the sum so far
//	dedupe              set state; an element is emitted if its value is new
//	counts              map state; each element emits how often its value came
//	bufferToEnd         bag state, event-time timer "end" at the window's last timestamp, with the first element's timestamp as
//	                    output timestamp; it emits the sum of what was buffered
//	loop(p,n)           event-time timer "loop" at the first multiple of p after the first element, set again p later each
//	                    time, n times in all (n 0: for ever), while the window lasts; each firing emits its number from 0
//	session(g)          combining state, event-time timer "gap" set again to g after each element, at most to the window's
//	                    expiry; it emits the sum and starts again
//	ordered(d)          ordered-list state, event-time timer "flush" d after each element, at most at the window's expiry,
//	                    with the least timestamp in the list as output timestamp; it emits, at their own timestamps, the
//	                    values up to the timer's time less d, in order, and goes on with the rest
//	past(d)             event-time timer "past" d before each element with the element's output timestamp; it emits d
//	batches(n)          value states; every nth element emits the sum of the n; OnWindowExpiration emits the rest
//	processing(d)       combining state, processing-time timer "flush" d after the first element; it emits the sum and
//	                    starts again
//	expiry              combining state; OnWindowExpiration emits how many elements there were
type Program struct {
	Name string
	Arg  int64
	Num  int64
}

// String returns the program in the language of Parse.
func (p Program) String() string {
	switch p.Name {
	case "loop":
		return fmt.Sprintf("loop(%d,%d)", p.Arg, p.Num)
	case "session", "ordered", "past", "batches", "processing":
		return fmt.Sprintf("%s(%d)", p.Name, p.Arg)
	}
	return p.Name
}

// dofn returns the DoFn of the program, nil if there is none of this name.
func (p Program) dofn() DoFn {
	switch strings.ToLower(p.Name) {
	case "runningsum":
		return runningSum{}
	case "dedupe":
		return dedupe{}
	case "counts":
		return counts{}
	case "buffertoend":
		return bufferToEnd{}
	case "loop":
		return loop{period: p.Arg, times: p.Num}
	case "session":
		return session{gap: p.Arg}
	case "ordered":
		return ordered{delay: p.Arg}
	case "past":
		return past{by: p.Arg}
	case "batches":
		return batches{size: p.Arg}
	case "processing":
		return processing{delay: p.Arg}
	case "expiry":
		return expiry{}
	}
	return nil
}

// plain is a DoFn without timers, to embed.
type plain struct{}

func (plain) OnTimer(*Context, string)      {}
func (plain) OnWindowExpiration(c *Context) {}
func (plain) Expires() bool                 { return false }

type runningSum struct{ plain }

func (runningSum) ProcessElement(c *Context, e Element) {
	sum, _ := c.Value("sum").Read()
	c.Value("sum").Write(sum + e.Value)
	c.Emit(sum + e.Value)
}

type dedupe struct{ plain }

func (dedupe) ProcessElement(c *Context, e Element) {
	if c.Set("seen").Add(e.Value) {
		c.Emit(e.Value)
	}
}

type counts struct{ plain }

func (counts) ProcessElement(c *Context, e Element) {
	n, _ := c.Map("counts").Get(e.Value)
	c.Map("counts").Put(e.Value, n+1)
	c.Emit(n + 1)
}

type bufferToEnd struct{ plain }

func (bufferToEnd) ProcessElement(c *Context, e Element) {
	c.Bag("buffer").Add(e.Value)
	if _, set := c.Value("set").Read(); !set {
		c.Value("set").Write(1)
		c.SetTimerOutput("end", c.Window.Max(), e.Time)
	}
}

func (bufferToEnd) OnTimer(c *Context, _ string) {
	c.Emit(combine("sum", c.Bag("buffer").Read()))
	c.Bag("buffer").Clear()
	c.Value("set").Clear()
}

type loop struct {
	plain
	period, times int64
}

func (l loop) ProcessElement(c *Context, e Element) {
	if _, started := c.Value("count").Read(); started {
		return
	}
	c.Value("count").Write(0)
	l.set(c, floor(e.Time, l.period, 0)+l.period)
}

func (l loop) OnTimer(c *Context, _ string) {
	n, _ := c.Value("count").Read()
	c.Emit(n)
	c.Value("count").Write(n + 1)
	if l.times == 0 || n+1 < l.times {
		l.set(c, c.FiredAt+l.period)
	}
}

func (l loop) set(c *Context, at int64) {
	if at <= c.Window.Max() {
		c.SetTimer("loop", at)
	}
}

type session struct {
	plain
	gap int64
}

func (s session) ProcessElement(c *Context, e Element) {
	c.Sum("sum").Add(e.Value)
	c.SetTimer("gap", min(e.Time+s.gap, c.Expiry))
}

func (session) OnTimer(c *Context, _ string) {
	c.Emit(c.Sum("sum").Read())
	c.Sum("sum").Clear()
}

type ordered struct {
	plain
	delay int64
}

func (o ordered) ProcessElement(c *Context, e Element) {
	list := c.OrderedList("list")
	before := list.ReadRange(MinTime, MaxTime)
	list.Add(e.Time, e.Value)
	if len(before) == 0 || e.Time < before[0].Time {
		// Only then: an output timestamp before that of the call is refused, and the timer that is set is the earlier one.
		o.set(c, e.Time)
	}
}

func (o ordered) OnTimer(c *Context, _ string) {
	upTo := c.FiredAt - o.delay + 1
	if c.FiredAt == c.Expiry {
		upTo = MaxTime
	}
	list := c.OrderedList("list")
	for _, v := range list.ReadRange(MinTime, upTo) {
		c.EmitAt(v.Time, v.Value)
	}
	list.ClearRange(MinTime, upTo)
	if rest := list.ReadRange(MinTime, MaxTime); len(rest) > 0 {
		o.set(c, rest[0].Time)
	}
}

func (o ordered) set(c *Context, earliest int64) {
	c.SetTimerOutput("flush", min(earliest+o.delay, c.Expiry), earliest)
}

type past struct {
	plain
	by int64
}

func (p past) ProcessElement(c *Context, e Element) {
	c.SetTimerOutput("past", e.Time-p.by, e.Time)
}

func (p past) OnTimer(c *Context, _ string) { c.Emit(p.by) }

type batches struct {
	plain
	size int64
}

func (b batches) ProcessElement(c *Context, e Element) {
	sum, _ := c.Value("sum").Read()
	n, _ := c.Value("n").Read()
	sum, n = sum+e.Value, n+1
	if n == b.size {
		c.Emit(sum)
		c.Value("sum").Clear()
		c.Value("n").Clear()
		return
	}
	c.Value("sum").Write(sum)
	c.Value("n").Write(n)
}

func (batches) OnWindowExpiration(c *Context) {
	if sum, any := c.Value("sum").Read(); any {
		c.Emit(sum)
	}
}

func (batches) Expires() bool { return true }

type processing struct {
	plain
	delay int64
}

func (p processing) ProcessElement(c *Context, e Element) {
	c.Sum("sum").Add(e.Value)
	if _, set := c.Value("set").Read(); !set {
		c.Value("set").Write(1)
		c.SetProcessingTimer("flush", c.Now+p.delay)
	}
}

func (processing) OnTimer(c *Context, _ string) {
	c.Emit(c.Sum("sum").Read())
	c.Sum("sum").Clear()
	c.Value("set").Clear()
}

type expiry struct{ plain }

func (expiry) ProcessElement(c *Context, e Element) { c.Sum("count").Add(1) }

func (expiry) OnWindowExpiration(c *Context) { c.Emit(c.Sum("count").Read()) }

func (expiry) Expires() bool { return true }
