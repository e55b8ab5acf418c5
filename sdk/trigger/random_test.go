package trigger

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/millrace-go/millrace/sdk/mtime"
)

// A window of the comparison: a machine's state for windows that merge, one for windows that do not (while it has not
// merged), and the tree.
type compared struct {
	full, lean []int64
	tree       *naive
	end        mtime.Time
	fired      bool
	early      bool // it was ready when last looked at
	event      mtime.Time
	processing mtime.Time
}

type comparison struct {
	full, lean *Machine
	trigger    Trigger
	clock      Clock
	log        strings.Builder
	// synchronized: only the synchronized time has moved. NextTimes then said to look again in a millisecond.
	synchronized bool
}

func (x *comparison) fail(t *testing.T, seed uint64, format string, args ...any) {
	t.Helper()
	t.Fatalf("seed %d: %v\n%s%s", seed, x.trigger, x.log.String(), fmt.Sprintf(format, args...))
}

func (x *comparison) at(w *compared) Clock {
	c := x.clock
	c.EndOfWindow = w.end
	return c
}

// Random operations on random triggers: the machines do what the tree does, and keep what they promise.
func TestRandom(t *testing.T) {
	r, seed := random(t)
	fired, finished, merged, leans := 0, 0, 0, 0
	for range 3000 {
		tr := anyTrigger(r, 1+r.IntN(4))
		x := &comparison{trigger: tr, full: CompileMerging(tr), lean: Compile(tr)}
		x.clock = Clock{Watermark: -5, Processing: mtime.Time(r.IntN(20) - 10)}
		x.clock.Synchronized = x.clock.Processing
		var ws []*compared
		add := func() {
			w := &compared{
				full: make([]int64, x.full.StateLen()), lean: make([]int64, x.lean.StateLen()),
				tree: newNaive(tr.tree()), end: x.clock.Watermark + mtime.Time(r.IntN(20)-5),
			}
			w.event, w.processing = x.full.NextTimes(w.full, x.at(w))
			w.early = w.tree.ready(x.at(w))
			ws = append(ws, w)
		}
		add()
		add()
		for range 60 {
			w := ws[r.IntN(len(ws))]
			elements, time := false, false
			x.synchronized = false
			switch op := r.IntN(10); {
			case op < 4:
				n := 1 + r.Int64N(3)
				fmt.Fprintf(&x.log, "%p: %d elements at %+v\n", w, n, x.at(w))
				if !w.tree.finished {
					w.tree.elements(n, x.at(w))
				}
				x.full.OnElements(w.full, n, x.at(w))
				if w.lean != nil {
					x.lean.OnElements(w.lean, n, x.at(w))
				}
				elements = true
			case op < 6:
				x.clock.Watermark += mtime.Time(r.IntN(5))
				time = true
			case op < 7:
				x.clock.Processing += mtime.Time(r.IntN(5))
				time = true
			case op < 8:
				x.clock.Synchronized += mtime.Time(r.Int64N(int64(x.clock.Processing-x.clock.Synchronized) + 1))
				time, x.synchronized = true, true
			case op < 9 && len(ws) > 1:
				merged++
				ws = x.merge(ws, r)
				w = ws[len(ws)-1]
			default:
				if len(ws) < 4 {
					add()
					w = ws[len(ws)-1]
				}
			}
			if time {
				for _, w := range ws {
					x.check(t, seed, w, false, true)
				}
			} else {
				x.check(t, seed, w, elements, false)
			}
			for _, w := range ws {
				c := x.at(w)
				if w.tree.ready(c) && r.IntN(3) > 0 {
					fmt.Fprintf(&x.log, "%p: fire at %+v\n", w, c)
					fired++
					w.fired = true
					w.tree.fire(c)
					x.full.OnFire(w.full, c)
					if w.lean != nil {
						leans++
						x.lean.OnFire(w.lean, c)
					}
					x.check(t, seed, w, false, false)
					if w.tree.finished {
						finished++
					}
				}
			}
		}
	}
	t.Logf("%d firings, %d of them of machines that do not merge, %d finished, %d merges", fired, leans, finished, merged)
	if fired < 10000 || leans < 5000 || finished < 500 || merged < 1000 {
		t.Errorf("seed %d: too little happened", seed)
	}
}

func (x *comparison) merge(ws []*compared, r *rand.Rand) []*compared {
	r.Shuffle(len(ws), func(i, j int) { ws[i], ws[j] = ws[j], ws[i] })
	k := len(ws) - 1 - r.IntN(len(ws)-1) // merges k..., two or more unless there is no other
	if k == len(ws)-1 {
		k--
	}
	from := ws[k:]
	to := &compared{tree: newNaive(x.trigger.tree()), end: from[0].end}
	var states [][]int64
	var trees []*naive
	for _, w := range from {
		fmt.Fprintf(&x.log, "%p ", w)
		to.end = max(to.end, w.end)
		to.fired = to.fired || w.fired
		states = append(states, w.full)
		trees = append(trees, w.tree)
	}
	to.end += mtime.Time(r.IntN(3))
	c := x.at(to)
	fmt.Fprintf(&x.log, "merge into %p at %+v\n", to, c)
	if to.full = from[0].full; r.IntN(2) == 0 {
		to.full = make([]int64, x.full.StateLen())
		for i := range to.full {
			to.full[i] = -1
		}
	}
	x.full.Merge(to.full, states, c)
	to.tree.merge(trees, c)
	return append(ws[:k:k], to)
}

// check compares the states of w, after elements, after time has passed, or after another change.
func (x *comparison) check(t *testing.T, seed uint64, w *compared, elements, time bool) {
	t.Helper()
	c := x.at(w)
	ready := w.tree.ready(c)
	if got := x.full.ShouldFire(w.full, c); got != ready {
		x.fail(t, seed, "%p merging: ready is %v at %+v, state %x, %+v", w, got, c, w.full, describe(x.full.root, w.full))
	}
	if got := x.full.Finished(w.full); got != w.tree.finished {
		x.fail(t, seed, "%p merging: finished is %v", w, got)
	}
	event, processing := x.full.NextTimes(w.full, c)
	if event <= c.Watermark || processing <= c.Processing {
		x.fail(t, seed, "%p next times %v, %v are not later than %+v", w, event, processing, c)
	}
	if w.lean != nil {
		if got := x.lean.ShouldFire(w.lean, c); got != ready {
			x.fail(t, seed, "%p: ready is %v at %+v, state %x, %+v", w, got, c, w.lean, describe(x.lean.root, w.lean))
		}
		if got := x.lean.Finished(w.lean); got != w.tree.finished {
			x.fail(t, seed, "%p: finished is %v", w, got)
		}
		if e, p := x.lean.NextTimes(w.lean, c); e != event || p != processing {
			x.fail(t, seed, "%p next times %v, %v differ: merging %v, %v", w, e, p, event, processing)
		}
	}
	switch m := x.full; {
	case ready && !c.Passed() && !m.Early():
		x.fail(t, seed, "%p is ready before the end, and Early is false", w)
	case ready && w.lean != nil && !c.Passed() && !x.lean.Early():
		x.fail(t, seed, "%p is ready before the end, and Early of the machine that does not merge is false", w)
	case w.tree.finished && !m.CanFinish():
		x.fail(t, seed, "%p has finished, and CanFinish is false", w)
	case processing < mtime.Max && !m.UsesProcessingTime():
		x.fail(t, seed, "%p waits for processing time, and UsesProcessingTime is false", w)
	case w.lean != nil && !w.fired && x.lean.PerWindow() && ready != x.lean.ShouldFire(make([]int64, x.lean.StateLen()), c):
		x.fail(t, seed, "%p is ready unlike other keys, and PerWindow is true", w)
	case time && ready && !w.early && c.Watermark < w.event && c.Processing < w.processing &&
		!(x.synchronized && w.processing == c.Processing+1):
		x.fail(t, seed, "%p became ready by time before %v, %v at %+v", w, w.event, w.processing, c)
	case elements && ready && !w.early && !c.Passed() && !m.ElementsMayFire() && c.Processing < w.processing:
		x.fail(t, seed, "%p became ready by elements, and ElementsMayFire is false", w)
	}
	w.early, w.event, w.processing = ready, event, processing
}

// describe prints what a state holds, for people.
func describe(s *step, st []int64) string {
	if s == nil {
		return "-"
	}
	out := s.kind.String()
	switch v := s.value.get(st); {
	case s.kind == kindCount:
		out += fmt.Sprintf(" %d/%d", v, s.count)
	case v != 0:
		out += fmt.Sprintf(" at %d", fromDeadline(v))
	}
	if s.finished.get(st) != 0 {
		out += " finished"
	}
	if s.passed.get(st) != 0 {
		out += " late"
	}
	var subs []string
	for i, k := range s.subs {
		if k == nil {
			continue
		}
		// Parts that share bits with the one whose turn it is have nothing to show.
		idle := s.kind == kindEach && k != s.current(st) || s.kind == kindWatermark && (i == 1) != s.past(st)
		switch {
		case !s.merging && idle && k.finished.get(st) != 0:
			subs = append(subs, k.kind.String()+" finished")
		case !s.merging && idle:
			subs = append(subs, "-")
		default:
			subs = append(subs, describe(k, st))
		}
	}
	if subs != nil {
		out += "(" + strings.Join(subs, ", ") + ")"
	}
	return out
}
