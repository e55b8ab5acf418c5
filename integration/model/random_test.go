package model

import (
	"flag"
	"fmt"
	"reflect"
	"slices"
	"testing"
)

var (
	firstSeed = flag.Uint64("seed", 1, "the first seed of the random cases")
	seeds     = flag.Uint64("seeds", 2000, "how many random cases")
)

// eachCase runs f on the random cases and prints the first that fails.
func eachCase(t *testing.T, f func(c Case, r Result) error) {
	t.Helper()
	for seed := *firstSeed; seed < *firstSeed+*seeds; seed++ {
		c := Random(seed)
		r, err := Run(c.Pipeline, c.Steps, Rules{})
		if err == nil {
			err = f(c, r)
		}
		if err != nil {
			t.Fatalf("%v\n%s----\n%s", err, c, r)
		}
	}
}

// TestRandomIsReadable says that what a case prints is the case.
func TestRandomIsReadable(t *testing.T) {
	eachCase(t, func(c Case, _ Result) error {
		if again := Random(c.Seed); !reflect.DeepEqual(c, again) {
			return fmt.Errorf("the seed gave another case:\n%s", again)
		}
		read, err := ParseCase(c.String())
		if err != nil {
			return err
		}
		read.Seed = c.Seed
		if read.String() != c.String() {
			return fmt.Errorf("read as\n%s", read)
		}
		return nil
	})
}

// TestRandomCoversTheModel says that the cases reach what they are to reach; each count is far below what was seen.
func TestRandomCoversTheModel(t *testing.T) {
	seen := map[string]int{}
	steps := 0
	eachCase(t, func(c Case, r Result) error {
		if n := len(c.Steps); n < 5 || n > 30 {
			return fmt.Errorf("%d steps", n)
		}
		steps += len(c.Steps)
		for _, tr := range c.Pipeline {
			seen[tr.Kind.String()]++
			if tr.Kind == Stateful {
				seen["program "+tr.Program.Name]++
			}
			if tr.Kind == WindowInto {
				seen["trigger "+tr.Windowing.Trigger.Kind.String()]++
				seen[fmt.Sprint("windows ", tr.Windowing.Fn.Kind)]++
			}
		}
		for _, d := range r.Dropped {
			seen["dropped "+d.Reason.String()]++
		}
		for _, o := range r.Outputs {
			seen["pane "+o.Pane.Timing.String()]++
			if o.Grouped && len(o.Values)+len(o.Others) == 0 {
				seen["empty pane"]++
			}
		}
		if r.Counters.DrainedTimers > 0 {
			seen["drained timers"]++
		}
		if r.Counters.ExpiredTimers > 0 {
			seen["expired timers"]++
		}
		return nil
	})
	if *seeds < 2000 {
		t.Skip("only with 2000 seeds or more")
	}
	want := []string{
		"map", "window", "flatten", "group", "combine", "cogroup", "stateful", "join", "windows 0", "windows 1", "windows 2", "windows 3",
		"dropped expired", "dropped closed", "pane early", "pane ontime", "pane late", "empty pane", "drained timers", "expired timers",
		"program runningSum", "program dedupe", "program counts", "program bufferToEnd", "program loop", "program session",
		"program ordered", "program past", "program batches", "program processing", "program expiry",
		"trigger Default", "trigger Always", "trigger Never", "trigger AfterWatermark", "trigger AfterCount", "trigger AfterProcessingTime",
		"trigger AfterEach", "trigger AfterAny", "trigger AfterAll", "trigger Repeat", "trigger OrFinally",
	}
	for _, w := range want {
		if seen[w] < 3 {
			t.Errorf("%d times %s in %d cases", seen[w], w, *seeds)
		}
	}
	t.Logf("%d cases, %d steps: %v", *seeds, steps, seen)
}

// TestRandomIsDecided says that the cases keep clear of what OnlyWhenDue decides.
func TestRandomIsDecided(t *testing.T) {
	eachCase(t, func(c Case, r Result) error {
		due, err := Run(c.Pipeline, c.Steps, Rules{OnlyWhenDue: true})
		if err != nil {
			return err
		}
		if due.String() != r.String() {
			return fmt.Errorf("under OnlyWhenDue\n%s", due)
		}
		return nil
	})
}

// paneID names the key and window of a collection.
type paneID struct {
	collection, key string
	window          Window
}

// TestPanesAreInOrder says what holds for the panes of a key and window in every pipeline: indices go up by one, early panes come
// before one on-time pane and that before late ones, the first is First and only the last may be Last, after which there are none;
// an accumulating pane has what the one before had.
func TestPanesAreInOrder(t *testing.T) {
	eachCase(t, func(c Case, r Result) error {
		last := map[paneID]Element{}
		for _, o := range r.Outputs {
			if o.Pane == NoFiring || !groups(c.Pipeline, o.Collection) {
				continue
			}
			id := paneID{o.Collection, o.Key, o.Window}
			previous, later := last[id]
			before := previous.Pane
			// A session with the bounds of one that was merged away starts again.
			restarted := later && o.Pane.First && input(c.Pipeline, o.Collection).Fn.Merging()
			switch {
			case !later && !o.Pane.First:
				return fmt.Errorf("%s: the first pane is not First", o)
			case later && o.Pane.First && !restarted:
				return fmt.Errorf("%s: First again", o)
			case later && !restarted && before.Last:
				return fmt.Errorf("%s: after the last pane", o)
			case later && !restarted && o.Pane.Index != before.Index+1:
				return fmt.Errorf("%s: index after %d", o, before.Index)
			case later && !restarted && o.Pane.Timing < before.Timing:
				return fmt.Errorf("%s: timing after %s", o, before.Timing)
			case later && !restarted && o.Pane.Timing == OnTime && before.Timing == OnTime:
				return fmt.Errorf("%s: on time twice", o)
			case (o.Pane.Timing == Early) != (o.Pane.NonSpeculativeIndex == -1):
				return fmt.Errorf("%s: index of an early pane", o)
			case later && !restarted && input(c.Pipeline, o.Collection).Accumulating && !contains(o.Element, previous):
				return fmt.Errorf("%s: accumulating, without what was in %v", o, previous)
			}
			last[id] = o.Element
		}
		return nil
	})
}

// TestNothingIsLost says that of every element that enters a discarding grouping, in each of its windows, the values are in
// exactly one pane, or the element is among the dropped.
func TestNothingIsLost(t *testing.T) {
	checked := 0
	eachCase(t, func(c Case, r Result) error {
		for _, tr := range c.Pipeline {
			if tr.Kind != GroupByKey && tr.Kind != CoGroupByKey {
				continue
			}
			made, _ := c.Pipeline.collections()
			if made[tr.Inputs[0]].windowing.Accumulating {
				continue
			}
			var in, out []string
			for _, input := range tr.Inputs {
				for _, e := range r.Of(input) {
					in = append(in, fmt.Sprint(e.Key, e.Value))
				}
			}
			for _, e := range r.Of(tr.Name) {
				for _, v := range append(slices.Clone(e.Values), e.Others...) {
					out = append(out, fmt.Sprint(e.Key, v))
				}
			}
			for _, d := range r.Dropped {
				if d.Transform == tr.Name {
					out = append(out, fmt.Sprint(d.Element.Key, d.Element.Value))
				}
			}
			slices.Sort(in)
			slices.Sort(out)
			if !slices.Equal(in, out) {
				return fmt.Errorf("%s: in %v, out and dropped %v", tr.Name, in, out)
			}
			checked++
		}
		return nil
	})
	if checked < int(*seeds)/10 {
		t.Errorf("only %d groupings were looked at", checked)
	}
}

// TestWatermarksWait says that no step makes an element that is not late with a timestamp behind the output watermark its
// transform had before the step, that output watermarks do not go back, and that at the end there is nothing left.
func TestWatermarksWait(t *testing.T) {
	for seed := *firstSeed; seed < *firstSeed+*seeds; seed++ {
		c := Random(seed)
		m, err := New(c.Pipeline, Rules{})
		if err != nil {
			t.Fatal(err)
		}
		before := m.watermarks()
		seen := 0
		for _, s := range c.Steps {
			if err := m.Step(s); err != nil {
				t.Fatalf("%v\n%s", err, c)
			}
			now := m.watermarks()
			made := m.result.Outputs[seen:]
			seen = len(m.result.Outputs)
			for _, o := range made {
				timing := o.Pane.Timing
				if timing != Early && timing != OnTime || !groups(c.Pipeline, o.Collection) {
					continue
				}
				if o.Time < before[o.Collection] {
					t.Fatalf("%s: the output watermark was %d\n%s", o, before[o.Collection], c)
				}
			}
			for name, w := range now {
				if w < before[name] {
					t.Fatalf("%s: the output watermark went back from %d to %d\n%s", name, before[name], w, c)
				}
			}
			before = now
		}
		for name, w := range before {
			if w != MaxTime {
				t.Fatalf("%s: the output watermark is %d at the end\n%s", name, w, c)
			}
			for key, left := range m.States(name) {
				if len(left.Open)+len(left.Closed) > 0 {
					t.Fatalf("%s: key %s has state at the end: %v\n%s", name, key, left, c)
				}
			}
		}
	}
}

func groups(p Pipeline, name string) bool {
	i := slices.IndexFunc(p, func(t Transform) bool { return t.Name == name })
	return p[i].Kind == GroupByKey || p[i].Kind == CombinePerKey || p[i].Kind == CoGroupByKey
}

func input(p Pipeline, name string) Windowing {
	i := slices.IndexFunc(p, func(t Transform) bool { return t.Name == name })
	made, _ := p.collections()
	return made[p[i].Inputs[0]].windowing
}

// contains reports whether a pane has all values of another.
func contains(e, other Element) bool {
	all := append(slices.Clone(e.Values), e.Others...)
	for _, v := range append(slices.Clone(other.Values), other.Others...) {
		i := slices.Index(all, v)
		if i < 0 {
			return false
		}
		all = slices.Delete(all, i, i+1)
	}
	return true
}
