package model

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// scripted is a DoFn made of functions.
type scripted struct {
	process func(*Context, Element)
	timer   func(*Context, string)
	expire  func(*Context)
}

func (s scripted) ProcessElement(c *Context, e Element) { s.process(c, e) }

func (s scripted) OnTimer(c *Context, tag string) {
	if s.timer != nil {
		s.timer(c, tag)
	}
}

func (s scripted) Expires() bool { return s.expire != nil }

func (s scripted) OnWindowExpiration(c *Context) { s.expire(c) }

// runScripted runs a DoFn in fixed windows of 10 with an allowed lateness of 5.
func runScripted(fn DoFn, steps ...string) (Result, error) {
	p := Pipeline{
		{Name: "in", Kind: Source},
		{Name: "w", Kind: WindowInto, Inputs: []string{"in"}, Windowing: Windowing{Fn: Fixed(10, 0), AllowedLateness: 5}},
		{Name: "s", Kind: Stateful, Inputs: []string{"w"}, Func: fn},
	}
	var script []Step
	for _, s := range steps {
		step, err := ParseStep(s)
		if err != nil {
			return Result{}, err
		}
		script = append(script, step)
	}
	return Run(p, script, Rules{})
}

// TestDoFnErrors says which calls of a DoFn are errors, each by the test of Java's ParDoTest that demands it.
func TestDoFnErrors(t *testing.T) {
	for _, c := range []struct {
		name, want string
		process    func(*Context, Element)
	}{
		{"testOutOfBoundsEventTimeTimer", "expiration", func(c *Context, _ Element) { c.SetTimer("t", c.Expiry+1) }},
		{"testOutOfBoundsEventTimeTimerHold", "output timestamp", func(c *Context, _ Element) { c.SetTimerOutput("t", c.Expiry, c.Expiry+1) }},
		{"testOutputTimestamp: before the element", "output timestamp", func(c *Context, e Element) { c.SetTimerOutput("t", c.Expiry, e.Time-1) }},
		{"TimestampTests.testParDoShiftTimestampInvalid", "goes back", func(c *Context, e Element) { c.EmitAt(e.Time-1, 0) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := runScripted(scripted{process: c.process}, "elements in a=1@3")
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
	fine := func(c *Context, e Element) {
		c.SetTimerOutput("t", c.Expiry, e.Time)
		c.EmitAt(e.Time+1, 0)
	}
	if _, err := runScripted(scripted{process: fine}, "elements in a=1@3", "end in"); err != nil {
		t.Errorf("at the bounds: %v", err)
	}
}

// TestEndlessLoop says that the model gives up on a timer that nothing ends: in the global window, without a drain (I8).
func TestEndlessLoop(t *testing.T) {
	c, err := ParseCase("in = source\ns = stateful in loop(10,0)\nelements in a=1@5\nend in\n")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Run(c.Pipeline, c.Steps, Rules{}); err == nil || !strings.Contains(err.Error(), "endless") {
		t.Errorf("got %v", err)
	}
}

// TestOrderAtExpiry says that the timers of a window, those at its expiry and those they set included, fire before its
// OnWindowExpiration, which still sees the state; afterwards there is none (I8; ParDoTest.testOnWindowExpirationSimple*).
func TestOrderAtExpiry(t *testing.T) {
	var calls []string
	fn := scripted{
		process: func(c *Context, e Element) {
			if _, seen := c.Value("seen").Read(); seen {
				t.Error("the state of another window, or of one that had expired")
			}
			c.Value("seen").Write(e.Value)
			c.SetTimer("z", c.Expiry)
			c.SetTimer("b", 2)
			c.SetTimer("a", 12)
			c.SetProcessingTimer("p", c.Now+1)
			c.SetTimer("cleared", 5)
			c.ClearTimer("cleared")
		},
		timer: func(c *Context, tag string) {
			calls = append(calls, fmt.Sprintf("%s@%d out=%d", tag, c.FiredAt, c.Time))
			if tag == "z" {
				c.SetTimer("last", c.Expiry)
			}
		},
		expire: func(c *Context) {
			v, _ := c.Value("seen").Read()
			calls = append(calls, fmt.Sprintf("expiration@%d seen=%d", c.Time, v))
		},
	}
	r, err := runScripted(fn, "elements in a=7@3", "watermark in 4", "end in")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"b@2 out=2", "a@12 out=12", "z@14 out=14", "last@14 out=14", "expiration@9 seen=7"}
	if !slices.Equal(calls, want) {
		t.Errorf("got %q, want %q", calls, want)
	}
	if r.Counters.ExpiredTimers != 1 {
		t.Errorf("%d processing-time timers were pending at the end, want 1", r.Counters.ExpiredTimers)
	}
}

// TestDraining says that a DoFn sees a drain, and an end of input that nobody asked for is none (I8, c.Draining).
func TestDraining(t *testing.T) {
	for _, last := range []string{"end in", "drain"} {
		var saw bool
		fn := scripted{
			process: func(c *Context, _ Element) { c.SetTimer("t", c.Window.Max()) },
			timer:   func(c *Context, _ string) { saw = c.Draining },
		}
		if _, err := runScripted(fn, "elements in a=7@3", last); err != nil {
			t.Fatal(err)
		}
		if saw != (last == "drain") {
			t.Errorf("%s: Draining is %v", last, saw)
		}
	}
}

// TestCells says what each kind of state does (programming guide, types of state).
func TestCells(t *testing.T) {
	var c Cells
	c.Value("v").Write(1)
	c.Value("v").Write(2)
	if v, ok := c.Value("v").Read(); v != 2 || !ok {
		t.Error("value", v, ok)
	}
	c.Value("v").Clear()
	if _, ok := c.Value("v").Read(); ok {
		t.Error("a cleared value is there")
	}
	for _, v := range []int64{3, 1, 3} {
		c.Bag("b").Add(v)
		c.Sum("s").Add(v)
		c.Set("e").Add(v)
		c.Map("m").Put(v, 2*v)
		c.OrderedList("o").Add(v, 10*v)
	}
	c.OrderedList("o").Add(1, 5)
	if got := c.Bag("b").Read(); !slices.Equal(got, []int64{1, 3, 3}) {
		t.Error("bag", got)
	}
	if got := c.Sum("s").Read(); got != 7 {
		t.Error("sum", got)
	}
	if got := c.Set("e").Read(); !slices.Equal(got, []int64{1, 3}) || !c.Set("e").Contains(3) {
		t.Error("set", got)
	}
	if v, ok := c.Map("m").Get(3); v != 6 || !ok || !slices.Equal(c.Map("m").Keys(), []int64{1, 3}) {
		t.Error("map", v, ok, c.Map("m").Keys())
	}
	c.Map("m").Remove(3)
	if _, ok := c.Map("m").Get(3); ok {
		t.Error("a removed key is there")
	}
	if got := c.OrderedList("o").ReadRange(1, 3); !slices.Equal(got, []Timed{{1, 10}, {1, 5}}) {
		t.Error("ordered list", got)
	}
	c.OrderedList("o").ClearRange(1, 3)
	if got := c.OrderedList("o").ReadRange(MinTime, MaxTime); !slices.Equal(got, []Timed{{3, 30}, {3, 30}}) {
		t.Error("ordered list after ClearRange", got)
	}
	if c.Bag("other").Read() != nil {
		t.Error("an empty bag is not empty")
	}
}
