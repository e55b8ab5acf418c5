package trigger

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/millrace-go/millrace/sdk/mtime"
)

// State is what an engine keeps per window and key: a word too many is 80 MB for ten million of them.
func TestStateLen(t *testing.T) {
	tests := []struct {
		text          string
		lean, merging int
	}{
		{"Default", 0, 0},
		{"Always", 0, 0},
		{"Never", 0, 0},
		{"Repeat(AfterWatermark)", 0, 0},
		{"Repeat(AfterAny(Default, Always))", 0, 0},
		{"AfterWatermark", 1, 1},
		{"AfterWatermark(early=AfterCount(1000), late=AfterCount(1))", 1, 1},
		{"AfterWatermark(early=AfterProcessingTime(delay=1m), late=AfterCount(1))", 1, 1},
		{"AfterWatermark(early=AfterProcessingTime(delay=1m), late=AfterProcessingTime(delay=1s))", 1, 2},
		{"Repeat(AfterCount(1))", 1, 1},
		{"Repeat(AfterAny(AfterCount(200), AfterProcessingTime(delay=1m)))", 1, 2},
		{"Repeat(AfterAny(AfterCount(512), AfterProcessingTime(delay=1m)))", 2, 2},
		{"AfterEach(AfterCount(100000), AfterCount(200000), AfterCount(300000), AfterProcessingTime)", 1, 2},
		{"AfterEach(AfterProcessingTime, AfterProcessingTime, AfterProcessingTime)", 1, 3},
		{"AfterAny(AfterProcessingTime, AfterProcessingTime)", 2, 2},
		{"AfterCount(9223372036854775807)", 1, 1},
	}
	for _, tt := range tests {
		tr := mustParse(t, tt.text)
		if got := Compile(tr).StateLen(); got != tt.lean {
			t.Errorf("%s: %d words, want %d", tt.text, got, tt.lean)
		}
		if got := CompileMerging(tr).StateLen(); got != tt.merging {
			t.Errorf("%s: %d words where windows merge, want %d", tt.text, got, tt.merging)
		}
	}
}

func TestTraits(t *testing.T) {
	tests := []struct{ text, want string }{
		{"Default", "words=0 per-window"},
		{"AfterWatermark(late=AfterCount(1))", "words=1 per-window"},
		{"AfterWatermark(early=Never)", "words=1 per-window can-finish"},
		{"AfterWatermark(early=AfterWatermark)", "words=1 per-window can-finish"},
		{"AfterWatermark(early=AfterProcessingTime(delay=1s))", "words=1 early processing-time can-finish"},
		{"AfterWatermark(early=AfterProcessingTime(delay=0))", "words=1 early elements-may-fire processing-time can-finish"},
		{"AfterAll(AfterCount(2), AfterWatermark)", "words=1 can-finish"},
		{"AfterEach(AfterWatermark, AfterCount(2))", "words=1 per-window can-finish"},
		{"merging AfterEach(AfterWatermark, AfterCount(2))", "words=1 early elements-may-fire per-window can-finish"},
		{"AfterAny(Default, Never)", "words=0 per-window"},
		{"OrFinally(Default, AfterWatermark)", "words=1 per-window can-finish"},
		{"OrFinally(Default, AfterCount(4))", "words=1 early elements-may-fire can-finish"},
		{"Repeat(AfterAny(AfterCount(1), AfterProcessingTime(delay=1s)))", "words=1 early elements-may-fire processing-time"},
	}
	for _, tt := range tests {
		x := &scripted{}
		got, err := x.command("trigger " + tt.text)
		if err != nil {
			t.Error(err)
		} else if strings.TrimSpace(got) != tt.want {
			t.Errorf("%s: %s, want %s", tt.text, strings.TrimSpace(got), tt.want)
		}
	}
}

// Counts and times at the limits of their types neither overflow nor spill into their neighbours.
func TestLimits(t *testing.T) {
	m := Compile(AfterAll(AfterCount(math.MaxInt64), AfterProcessingTime().PlusDelay(time.Duration(math.MaxInt64).Truncate(time.Millisecond)), AfterCount(1)))
	s := make([]int64, m.StateLen())
	c := Clock{Watermark: mtime.Min, EndOfWindow: mtime.EndOfGlobalWindow, Processing: mtime.Max - 1}
	m.OnElements(s, math.MaxInt64-1, c)
	if m.ShouldFire(s, c) {
		t.Error("ready one element too early")
	}
	m.OnElements(s, math.MaxInt64, c)
	if _, p := m.NextTimes(s, c); p != mtime.Max {
		t.Errorf("the deadline is %v, want the latest", p)
	}
	c.Processing = mtime.Max
	if !m.ShouldFire(s, c) {
		t.Errorf("not ready, state %x", s)
	}
	m.OnFire(s, c)
	if !m.Finished(s) {
		t.Errorf("not finished, state %x", s)
	}

	m = Compile(Repeat(AfterProcessingTime()))
	s = make([]int64, m.StateLen())
	c.Processing = mtime.Min
	m.OnElements(s, 1, c)
	if s[0] == 0 || !m.ShouldFire(s, c) {
		t.Errorf("the least processing time counts as none, state %x", s)
	}

	m = Compile(nil)
	c = Clock{Watermark: mtime.Min, EndOfWindow: mtime.EndOfGlobalWindow}
	event, _ := m.NextTimes(nil, c)
	if c.Watermark = event - 1; m.ShouldFire(nil, c) {
		t.Error("the global window is ready before its end")
	}
	if c.Watermark = event; !m.ShouldFire(nil, c) || event > mtime.Max {
		t.Errorf("the global window is not ready at %v", event)
	}
}

func TestOnElementsOfNone(t *testing.T) {
	m := Compile(Repeat(AfterAny(AfterCount(1), AfterProcessingTime())))
	s := make([]int64, m.StateLen())
	m.OnElements(s, 0, Clock{})
	m.OnElements(s, -3, Clock{})
	if m.ShouldFire(s, Clock{}) {
		t.Errorf("ready without elements, state %x", s)
	}
}

func TestMergeOfNone(t *testing.T) {
	m := CompileMerging(AfterCount(2))
	s := []int64{-1}
	m.Merge(s, nil, Clock{})
	if s[0] != 0 {
		t.Errorf("state %x, want that of a new window", s)
	}
}

func TestPanics(t *testing.T) {
	for name, f := range map[string]func(){
		"compiling an invalid trigger":      func() { Compile(AfterCount(0)) },
		"compiling more parts than allowed": func() { CompileMerging(AfterAny(manyDelays(65)...)) },
		"merging with a machine not for it": func() { m := Compile(AfterCount(2)); m.Merge([]int64{0}, [][]int64{{1}}, Clock{}) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if s, _ := recover().(string); !strings.HasPrefix(s, "trigger: ") {
					t.Errorf("recovered %q", s)
				}
			}()
			f()
		})
	}
	// No state, nothing to merge.
	Compile(Default()).Merge(nil, [][]int64{nil, nil}, Clock{})
}

func manyDelays(n int) []Trigger {
	ts := make([]Trigger, n)
	for i := range ts {
		ts[i] = AfterProcessingTime().PlusDelay(time.Duration(i) * time.Second)
	}
	return ts
}

// The hot path of an engine.
func TestAllocations(t *testing.T) {
	for _, text := range []string{
		"Default",
		"AfterWatermark(early=AfterProcessingTime(delay=1ms, align=1s), late=AfterCount(1))",
		"Repeat(AfterEach(AfterAny(AfterCount(3), AfterWatermark), AfterAll(AfterCount(2), Repeat(AfterSynchronizedProcessingTime))))",
		"Repeat(OrFinally(Repeat(AfterCount(2)), AfterCount(5)))",
	} {
		for _, m := range []*Machine{Compile(mustParse(t, text)), CompileMerging(mustParse(t, text))} {
			s := make([]int64, m.StateLen())
			from := [][]int64{make([]int64, m.StateLen()), s}
			c := Clock{EndOfWindow: 50}
			allocs := testing.AllocsPerRun(100, func() {
				c.Processing += 10
				c.Synchronized += 10
				c.Watermark++
				m.OnElements(s, 2, c)
				m.NextTimes(s, c)
				if m.ShouldFire(s, c) {
					m.OnFire(s, c)
				}
				m.Finished(s)
				if m.root.merging {
					m.Merge(s, from, c)
				}
			})
			if allocs != 0 {
				t.Errorf("%s: %v allocations", text, allocs)
			}
		}
	}
}

func BenchmarkBatch(b *testing.B) {
	for _, text := range []string{
		"Default",
		"AfterWatermark(early=AfterCount(1000), late=AfterCount(1))",
		"AfterWatermark(early=AfterProcessingTime(delay=1m), late=AfterCount(1))",
		"Repeat(AfterAny(AfterCount(1000), AfterProcessingTime(delay=1m)))",
	} {
		b.Run(text, func(b *testing.B) {
			m := Compile(mustParse(b, text))
			s := make([]int64, m.StateLen())
			c := Clock{EndOfWindow: mtime.EndOfGlobalWindow}
			for b.Loop() {
				c.Processing++
				m.OnElements(s, 1, c)
				if m.ShouldFire(s, c) {
					m.OnFire(s, c)
				}
			}
		})
	}
}
