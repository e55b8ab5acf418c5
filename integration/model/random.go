package model

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Case is a pipeline and a script for it, plain data.
type Case struct {
	Seed     uint64 // that Random made it from; 0 if it did not
	Pipeline Pipeline
	Steps    []Step
}

// String returns the case in the language of ParseCase, which is that of testdata/*.txt: what it prints for a failing seed can be
// put there as it is.
func (c Case) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# seed %d\n%s\n", c.Seed, c.Pipeline)
	for _, s := range c.Steps {
		fmt.Fprintln(&b, s)
	}
	return b.String()
}

// ParseCase reads a case: the lines that have " = " are transforms, the others are steps. Lines with # are comments.
func ParseCase(text string) (Case, error) {
	var c Case
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.Contains(line, " = "):
			t, err := ParseTransform(line)
			if err != nil {
				return c, err
			}
			c.Pipeline = append(c.Pipeline, t)
		default:
			s, err := ParseStep(line)
			if err != nil {
				return c, err
			}
			c.Steps = append(c.Steps, s)
		}
	}
	return c, c.Pipeline.Check()
}

// Random returns a case that depends on the seed alone: one source, one of ten shapes of pipeline, up to three keys, times
// around 0 to 100, 5 to 30 steps of which the last ends or drains the source. All its functions are named ones.
//
// The cases keep clear of what Beam leaves open: no trigger is evaluated differently under Rules.OnlyWhenDue, and what stands
// after a first grouping or DoFn does not depend on how an engine splits what one step makes into bundles. So the elements of
// each key and window of every collection are to be the same, in the same order, in each implementation that takes an Elements
// step as one bundle.
func Random(seed uint64) Case {
	r := &random{rand.New(rand.NewPCG(seed, 1))}
	c := Case{Seed: seed, Pipeline: Pipeline{{Name: "in", Kind: Source}}}
	parity := r.shape(&c.Pipeline)
	c.Steps = r.script(parity, c.Pipeline)
	return c
}

type random struct{ *rand.Rand }

// shape adds the transforms after the source. It reports whether the elements of one step must be all odd or all even,
// because the two go different ways to one transform, which would otherwise get two bundles in one step.
func (r *random) shape(p *Pipeline) (parity bool) {
	add := func(t Transform, inputs ...string) string {
		t.Inputs = inputs
		t.Name = fmt.Sprintf("%s%d", t.Kind, len(*p))
		*p = append(*p, t)
		return t.Name
	}
	window := func(in string, w Windowing) string { return add(Transform{Kind: WindowInto, Windowing: w}, in) }
	grouped := func(in string) string {
		if r.IntN(2) == 0 {
			return add(Transform{Kind: CombinePerKey, Combine: r.combine()}, in)
		}
		return add(Transform{Kind: Map, Map: r.aggregate()}, add(Transform{Kind: GroupByKey}, in))
	}
	program := func(in string) string { return add(Transform{Kind: Stateful, Program: r.program()}, in) }
	switch r.IntN(16) {
	case 0, 1, 2: // one grouping
		add(Transform{Kind: GroupByKey}, window("in", r.windowing(true)))
	case 3: // one grouping after a map
		m := add(Transform{Kind: Map, Map: MapFn{Name: "keymod", Arg: 2 + r.Int64N(2)}}, "in")
		grouped(window(m, r.windowing(true)))
	case 4: // two groupings by the same key
		add(Transform{Kind: CombinePerKey, Combine: "sum"}, grouped(window("in", r.windowing(true))))
	case 5: // two groupings, the second over all keys
		one := add(Transform{Kind: Map, Map: MapFn{Name: "onekey"}}, grouped(window("in", r.calm(r.windowFn(true)))))
		add(Transform{Kind: CombinePerKey, Combine: "sum"}, one)
	case 6: // two groupings in different windows
		add(Transform{Kind: CombinePerKey, Combine: "sum"}, window(grouped(window("in", r.windowing(true))), r.calm(r.windowFn(false))))
	case 7, 8, 9, 10: // a stateful DoFn
		program(window("in", r.windowing(false)))
	case 11: // a stateful DoFn in the global window
		program("in")
	case 12: // a grouping after a stateful DoFn
		add(Transform{Kind: GroupByKey}, program(window("in", r.calm(r.windowFn(false)))))
	case 13: // two ways to one grouping
		w := r.windowing(true)
		odd := add(Transform{Kind: Map, Map: MapFn{Name: "keep", Arg: 1}}, "in")
		even := add(Transform{Kind: Map, Map: MapFn{Name: "keep", Arg: 0}}, "in")
		if r.IntN(2) == 0 {
			add(Transform{Kind: CoGroupByKey}, window(odd, w), window(even, w))
		} else {
			even = add(Transform{Kind: Map, Map: MapFn{Name: "mul", Arg: 10}}, even)
			grouped(add(Transform{Kind: Flatten}, window(odd, w), window(even, w)))
		}
		return true
	default: // a join with a view
		odd := add(Transform{Kind: Map, Map: MapFn{Name: "keep", Arg: 1}}, "in")
		even := add(Transform{Kind: Map, Map: MapFn{Name: "keep", Arg: 0}}, "in")
		main := window(odd, r.calm(r.windowFn(false)))
		side := r.calm(Fixed(10*(1+r.Int64N(3)), 0))
		if r.IntN(2) == 0 {
			side = Windowing{Trigger: Forever(Count(1 + r.Int64N(2))), Accumulating: r.IntN(2) == 0}
		}
		j := add(Transform{Kind: SideInput, Join: r.pick("total", "lookup", "size")}, main, window(even, side))
		add(Transform{Kind: GroupByKey}, j)
		return true
	}
	return false
}

func (r *random) pick(of ...string) string { return of[r.IntN(len(of))] }

func (r *random) combine() string { return r.pick("sum", "count", "max", "mean") }

func (r *random) aggregate() MapFn { return MapFn{Name: r.pick("sum", "count", "max")} }

// windowFn returns a window function that is not global.
func (r *random) windowFn(merging bool) WindowFn {
	n := 3
	if !merging {
		n = 2
	}
	switch r.IntN(n) {
	case 0:
		return Fixed(5*(1+r.Int64N(6)), r.Int64N(3))
	case 1:
		period := 5 * (1 + r.Int64N(3))
		return Sliding(period*(1+r.Int64N(3)), period, r.Int64N(3))
	}
	return Sessions(3 + r.Int64N(12))
}

// windowing returns any windowing for a first grouping or DoFn.
func (r *random) windowing(merging bool) Windowing {
	w := Windowing{
		Fn:            r.windowFn(merging),
		Trigger:       r.trigger(),
		Accumulating:  r.IntN(2) == 0,
		ClosingAlways: r.IntN(3) == 0,
		OnTimeIfAny:   r.IntN(3) == 0,
		Combiner:      TimestampCombiner(r.IntN(3)),
	}
	if r.IntN(2) == 0 {
		w.AllowedLateness = 5 * (1 + r.Int64N(6))
	}
	if r.IntN(6) == 0 {
		w.Fn, w.Trigger = WindowFn{}, Forever(r.once())
	}
	return w
}

// calm returns a windowing that fires once, at the end of the window, whatever bundles its elements come in.
func (r *random) calm(fn WindowFn) Windowing {
	w := Windowing{Fn: fn, Accumulating: r.IntN(2) == 0, Combiner: TimestampCombiner(r.IntN(3))}
	if r.IntN(2) == 0 {
		w.Trigger = Watermark(nil, nil)
	}
	return w
}

// once returns a trigger that finishes when it fires and does not look at the watermark.
func (r *random) once() Trigger {
	switch r.IntN(6) {
	case 0, 1, 2:
		return Count(1 + r.Int64N(3))
	case 3:
		t := Trigger{Kind: AfterProcessingTime, Delay: r.Int64N(10)}
		if r.IntN(3) == 0 {
			t.AlignPeriod, t.AlignOffset = 5, r.Int64N(3)
		}
		return t
	case 4:
		return Trigger{Kind: AfterAny, Subs: []Trigger{Count(2 + r.Int64N(2)), {Kind: AfterProcessingTime, Delay: 1 + r.Int64N(9)}}}
	}
	return Trigger{Kind: AfterAll, Subs: []Trigger{Count(1 + r.Int64N(2)), {Kind: AfterProcessingTime, Delay: 1 + r.Int64N(9)}}}
}

// trigger returns any trigger but those whose firing depends on how often they are looked at: after the end of the window,
// a second part of AfterEach that waits for the watermark.
func (r *random) trigger() Trigger {
	maybe := func() *Trigger {
		if r.IntN(2) == 0 {
			return nil
		}
		t := r.once()
		return &t
	}
	end := Watermark(nil, nil)
	switch r.IntN(14) {
	case 0, 1:
		return Trigger{}
	case 2, 3, 4, 5:
		return Watermark(maybe(), maybe())
	case 6, 7:
		return Forever(r.once())
	case 8:
		return Forever(Trigger{Kind: AfterAny, Subs: []Trigger{r.once(), end}})
	case 9:
		return Trigger{Kind: OrFinally, Subs: []Trigger{Forever(r.once()), end}}
	case 10:
		return Trigger{Kind: AfterEach, Subs: []Trigger{r.once(), Forever(r.once())}}
	}
	return [...]Trigger{r.once(), {Kind: Never}, {Kind: Always}, {Kind: AfterAll, Subs: []Trigger{Count(2), end}}}[r.IntN(4)]
}

// program returns a stateful program.
func (r *random) program() Program {
	p := Program{Name: r.pick("runningSum", "dedupe", "counts", "bufferToEnd", "loop", "session", "ordered", "past", "batches", "processing", "expiry")}
	switch p.Name {
	case "loop":
		p.Arg, p.Num = 3+r.Int64N(8), r.Int64N(4)
	case "session", "ordered", "past":
		p.Arg = 1 + r.Int64N(12)
	case "batches":
		p.Arg = 2 + r.Int64N(2)
	case "processing":
		p.Arg = 1 + r.Int64N(8)
	}
	return p
}

// script returns 5 to 30 steps. Event time goes on with the steps; a quarter of the elements is behind it.
func (r *random) script(parity bool, p Pipeline) []Step {
	n := 4 + r.IntN(26)
	var steps []Step
	var watermark int64
	for i := range n {
		now := int64(i) * 100 / int64(n)
		switch r.IntN(10) {
		case 0, 1, 2:
			// A watermark may jump, and may stay behind the elements.
			if to := now - 5 + r.Int64N(20); to > watermark {
				watermark = to
				steps = append(steps, Step{Kind: AdvanceWatermark, Source: "in", Time: watermark})
				continue
			}
		case 3, 4:
			steps = append(steps, Step{Kind: AdvanceProcessingTime, Time: 1 + r.Int64N(8)})
			continue
		}
		s := Step{Kind: Elements, Source: "in"}
		odd := r.Int64N(2)
		for range 1 + r.IntN(4) {
			e := Element{Key: r.pick("a", "a", "b", "c"), Value: 1 + r.Int64N(9), Time: max(0, now-5+r.Int64N(15))}
			if r.IntN(4) == 0 {
				e.Time = max(0, watermark-r.Int64N(25))
			}
			if parity && e.Value%2 != odd {
				e.Value++
			}
			s.Elements = append(s.Elements, e)
		}
		steps = append(steps, s)
	}
	last := Step{Kind: End, Source: "in"}
	if r.IntN(6) == 0 || p.endless() {
		last = Step{Kind: Drain}
	}
	return append(steps, last)
}

// endless reports whether a timer loops for ever in the global window: only a drain ends that.
func (p Pipeline) endless() bool {
	made, _ := p.collections()
	for _, t := range p {
		if t.Kind == Stateful && t.Program.Name == "loop" && t.Program.Num == 0 && made[t.Name].windowing.Fn.Kind == GlobalWindows {
			return true
		}
	}
	return false
}
