package direct_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"iter"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/sdf"
	"github.com/millrace-go/millrace/sdk/state"
	"github.com/millrace-go/millrace/sdk/teststream"
	"github.com/millrace-go/millrace/sdk/timer"
	"github.com/millrace-go/millrace/sdk/trigger"
	"github.com/millrace-go/millrace/sdk/window"
)

var manyKeys = flag.Bool("manykeys", false, "run TestManyKeys with 10 million keys")

// timesFn emits the numbers of a range, number n at the n-th of some times, and says at once that nothing before a
// time is to come.
type timesFn struct {
	Times  []int64
	Mark   int64 // the watermark from the start on
	Extend bool  // emit in blocks
}

func (timesFn) Unbounded() bool                                      { return true }
func (timesFn) InitialRestriction(r sdf.OffsetRange) sdf.OffsetRange { return r }
func (timesFn) NewTracker(r sdf.OffsetRange) *sdf.OffsetTracker      { return sdf.NewOffsetTracker(r) }

func (f timesFn) NewWatermarkEstimator(_, _ sdf.OffsetRange, start sdk.Time) sdf.WatermarkEstimator {
	return sdf.NewManual(start)
}

func (f timesFn) ProcessElement(c *sdk.Context, _ sdf.OffsetRange, t *sdf.OffsetTracker, out sdk.Emitter[int64]) (sdk.Continuation, error) {
	c.WatermarkEstimator().(*sdf.Manual).Set(mtime.Time(f.Mark))
	for n := t.Restriction().Lo; t.TryClaim(n); n++ {
		if f.Extend {
			rows, times := out.Extend(1)
			rows[0], times[0] = n, mtime.Time(f.Times[n])
			continue
		}
		out.EmitAt(mtime.Time(f.Times[n]), n)
	}
	return sdf.Stop(), nil
}

// observedFn is timesFn whose watermark is the greatest time that it has emitted.
type observedFn struct{ timesFn }

func (f observedFn) NewWatermarkEstimator(_, _ sdf.OffsetRange, start sdk.Time) sdf.WatermarkEstimator {
	return sdf.NewMonotonic(start)
}

func (f observedFn) ProcessElement(_ *sdk.Context, _ sdf.OffsetRange, t *sdf.OffsetTracker, out sdk.Emitter[int64]) (sdk.Continuation, error) {
	for n := t.Restriction().Lo; t.TryClaim(n); n++ {
		out.EmitAt(mtime.Time(f.Times[n]), n)
	}
	return sdf.Stop(), nil
}

func emitted(p *sdk.Pipeline, f timesFn) sdk.PCollection[int64] {
	return sdk.ParDoSplittable(sdk.Of(p, sdf.OffsetRange{Lo: 0, Hi: int64(len(f.Times))}), f)
}

// balance counts what comes out of a grouping and what is dropped before it.
func balance(t *testing.T, r *direct.Runner, build func(p *sdk.Pipeline) sdk.PCollection[kv]) (grouped, late int64, res *sdk.Result, err error) {
	t.Helper()
	var in, out atomic.Int64
	res, err = sdk.Run(t.Context(), r, func(p *sdk.Pipeline) error {
		var dropped sdk.Output[kv]
		sums := sdk.CombinePerKey(build(p), sumFn{}, sdk.Droppable(&dropped))
		sdk.Map(sums, func(s kv) int { in.Add(s.Value); return 0 })
		sdk.Map(dropped.PCollection(), func(kv) int { out.Add(1); return 0 })
		return nil
	})
	return in.Load(), out.Load(), res, err
}

func ones(in sdk.PCollection[int64]) sdk.PCollection[kv] {
	return sdk.Map(in, func(v int64) kv { return pair(fmt.Sprint(v%3), 1) })
}

// Times at the ends of what there is go through all windows, in whatever way they are emitted: every element is in a
// pane, or droppable.
func TestTimesAtTheEnds(t *testing.T) {
	below := []int64{math.MinInt64, math.MinInt64 + 1, int64(mtime.Min) - 1}
	inside := []int64{int64(mtime.Min), int64(mtime.Min) + 1, -1, 0, 1, int64(mtime.EndOfGlobalWindow) - 1, int64(mtime.EndOfGlobalWindow)}
	beyond := []int64{int64(mtime.EndOfGlobalWindow) + 1, int64(mtime.Max) - 1, int64(mtime.Max), math.MaxInt64}
	zone := time.FixedZone("", 3600)
	fns := map[string]window.Fn{
		"global": window.GlobalWindows(), "fixed": window.Fixed(time.Minute), "fixed, a century": window.Fixed(100 * 365 * 24 * time.Hour),
		"sliding": window.Sliding(time.Minute, 20*time.Second), "sessions": window.Sessions(time.Minute),
		"days": window.Days(1, zone), "months": window.Months(1, zone),
	}
	for name, fn := range fns {
		for _, extend := range []bool{false, true} {
			for what, times := range map[string][]int64{"below": below, "inside": inside, "beyond": beyond} {
				t.Run(fmt.Sprintf("%s/%s/extend=%v", name, what, extend), func(t *testing.T) {
					grouped, late, _, err := balance(t, &direct.Runner{Workers: 2, Log: quiet()}, func(p *sdk.Pipeline) sdk.PCollection[kv] {
						in := emitted(p, timesFn{Times: times, Mark: int64(mtime.Min), Extend: extend})
						opts := []sdk.Option{sdk.Trigger(trigger.AfterWatermark())}
						return ones(sdk.WindowInto(in, fn, opts...))
					})
					each := int64(1)
					if name == "sliding" {
						each = 3
					}
					if n := int64(len(times)); err != nil || grouped+late < n || grouped+late > each*n || late > 0 && what == "inside" {
						t.Errorf("of %d elements %d are in panes and %d droppable; %v", n, grouped, late, err)
					}
				})
			}
		}
	}
}

// An element in the far future has its window, and neither moves the watermark nor keeps the others waiting.
func TestTimesInTheFuture(t *testing.T) {
	far := time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC).UnixMilli()
	script := teststream.New[kv]().
		Add(at(1), pair("a", 1)).
		Add(mtime.Time(far), pair("a", 100)).
		Add(at(2), pair("a", 2)).
		Watermark(at(10)).
		Add(at(11), pair("a", 4)).
		Watermark(at(5)). // it does not go back
		Add(at(12), pair("a", 8)).
		Add(at(3), pair("a", 16)) // too late
	play(t, script, []string{
		"{a 3} @9 in [0, 10)", "{a 12} @19 in [10, 20)", fmt.Sprintf("{a 100} @%d in [%d, %d)", far/10*10+9, far/10*10, far/10*10+10),
	}, func(in sdk.PCollection[kv], s *said) {
		tell(s, sdk.CombinePerKey(sdk.WindowInto(in, window.Fixed(10*time.Millisecond)), sumFn{}))
	})
}

// A source whose watermark is ahead of all of its data: everything is counted as droppable, by the job, and had through
// sdk.Droppable, with its windows.
func TestEverythingLate(t *testing.T) {
	const n = 5000
	times := make([]int64, n)
	for i := range times {
		times[i] = int64(i)
	}
	for name, wfn := range map[string]window.Fn{"fixed": window.Fixed(time.Second), "sessions": window.Sessions(time.Second)} {
		for _, stateful := range []bool{false, true} {
			// The watermark is told when the source's bundle has ended: the first bundle of a source cannot be late.
			var late atomic.Int64
			res, err := sdk.Run(t.Context(), &direct.Runner{Workers: 2, Log: quiet()}, func(p *sdk.Pipeline) error {
				// The script of a test stream puts the watermark before the data.
				var rows []sdk.Timestamped[kv]
				for i, ts := range times {
					rows = append(rows, sdk.Timestamped[kv]{Time: mtime.Time(ts), Value: pair(fmt.Sprint(i%10), 1)})
				}
				in := sdk.WindowInto(teststream.Read(p, teststream.New[kv]().Watermark(at(100_000)).AddAll(rows...)), wfn)
				var dropped sdk.Output[kv]
				if stateful {
					if name == "sessions" {
						in = sdk.WindowInto(in, window.Fixed(time.Minute))
					}
					sdk.Map(sdk.StatefulParDo(in, &countFn{}, sdk.Droppable(&dropped)), func(string) int { t.Error("an element that comes too late has been processed"); return 0 })
				} else {
					sdk.Map(sdk.CombinePerKey(in, sumFn{}, sdk.Droppable(&dropped)), func(kv) int { t.Error("a pane of elements that come too late"); return 0 })
				}
				sdk.Filter(sdk.Reify(dropped.PCollection()), func(e sdk.Element[kv]) bool {
					if late.Add(1); !e.Windows[0].Contains(e.Time) {
						t.Errorf("a droppable element at %v in %v", e.Time, e.Windows)
					}
					return false
				})
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if n := late.Load(); n != int64(len(times)) || droppable(res) != n || held(res) != 0 {
				t.Errorf("%s, stateful %v: %d droppable elements, %d counted, %d slots; want %d", name, stateful, n, droppable(res), held(res), len(times))
			}
		}
	}
}

// A source whose watermark comes to the end of time before its data has ended, as with one element that has a wrong time,
// has not ended: what is still to come is in a pane or droppable.
func TestWatermarkAtTheEndOfTime(t *testing.T) {
	const n = 50_000 // several bundles
	times := make([]int64, n)
	for i := range times {
		times[i] = int64(i)
	}
	for name, f := range map[string]func(p *sdk.Pipeline) sdk.PCollection[int64]{
		"manual": func(p *sdk.Pipeline) sdk.PCollection[int64] {
			return emitted(p, timesFn{Times: times, Mark: math.MaxInt64})
		},
		"monotonic": func(p *sdk.Pipeline) sdk.PCollection[int64] {
			wrong := slices.Clone(times)
			wrong[10] = int64(mtime.Max)
			return sdk.ParDoSplittable(sdk.Of(p, sdf.OffsetRange{Lo: 0, Hi: n}), observedFn{timesFn{Times: wrong}})
		},
	} {
		grouped, late, _, err := balance(t, &direct.Runner{Workers: 2, Log: quiet()}, func(p *sdk.Pipeline) sdk.PCollection[kv] {
			return ones(sdk.WindowInto(f(p), window.GlobalWindows(), sdk.Trigger(trigger.AfterWatermark())))
		})
		if err != nil || grouped+late != n {
			t.Errorf("%s: of %d elements %d are in panes and %d droppable; %v", name, n, grouped, late, err)
		}
	}
}

// endlessWindow is a window that ends where int64 does.
type endlessWindow struct{}

func (endlessWindow) String() string { return "endless" }
func (endlessWindow) AssignWindows(dst []window.Window, _ mtime.Time) []window.Window {
	return append(dst, window.Window{Start: math.MinInt64, End: math.MaxInt64})
}

// A window of a function of the program's own may end behind the end of time: its elements are not lost.
func TestWindowBeyondTheEndOfTime(t *testing.T) {
	for _, lateness := range []time.Duration{0, time.Hour} {
		script := teststream.New[kv]().Add(at(1), pair("a", 1)).Watermark(at(100)).Add(at(2), pair("a", 2))
		grouped, late, _, err := balance(t, &direct.Runner{Workers: 2, Log: quiet()}, func(p *sdk.Pipeline) sdk.PCollection[kv] {
			return sdk.WindowInto(teststream.Read(p, script), endlessWindow{}, sdk.AllowedLateness(lateness))
		})
		if err != nil || grouped != 3 || late != 0 {
			t.Errorf("lateness %v: %d of 3 are in panes, %d elements are droppable; %v", lateness, grouped, late, err)
		}
	}
}

func droppable(res *sdk.Result) (n int64) {
	for _, s := range res.Status.Stages {
		if s.Streaming != nil {
			n += s.Streaming.Droppable
		}
	}
	return n
}

// Of an element in several windows, that is droppable which has expired, and no more.
func TestDroppableInOneWindowOfTwo(t *testing.T) {
	script := teststream.New[kv]().Watermark(at(10)).Add(at(8), pair("a", 1))
	play(t, script, []string{"{a 1} @19 in [0, 20)", "late {a 1} @8 in [-10, 10)"}, func(in sdk.PCollection[kv], s *said) {
		in = sdk.WindowInto(in, window.Sliding(20*time.Millisecond, 10*time.Millisecond))
		var late sdk.Output[kv]
		tell(s, sdk.CombinePerKey(in, sumFn{}, sdk.Droppable(&late)))
		tell(s, sdk.Map(late.PCollection(), func(p kv) string { return fmt.Sprint("late ", p) }))
	})
}

// partnerFn has two splits: the first gives 1000 elements and then has nothing more, the second never gives any.
type partnerFn struct{ idle *atomic.Bool }

func (partnerFn) Unbounded() bool                                      { return true }
func (partnerFn) InitialRestriction(r sdf.OffsetRange) sdf.OffsetRange { return r }
func (partnerFn) NewTracker(r sdf.OffsetRange) *sdf.OffsetTracker      { return sdf.NewOffsetTracker(r) }

func (partnerFn) NewWatermarkEstimator(_, _ sdf.OffsetRange, start sdk.Time) sdf.WatermarkEstimator {
	return sdf.NewManual(start)
}

func (f partnerFn) ProcessElement(c *sdk.Context, in sdf.OffsetRange, t *sdf.OffsetTracker, out sdk.Emitter[int64]) (sdk.Continuation, error) {
	if in.Lo != 0 { // the silent one
		if f.idle.Load() {
			return sdf.ResumeIdle(10 * time.Millisecond), nil
		}
		return sdf.Resume(10 * time.Millisecond), nil
	}
	n := t.Restriction().Lo
	for n < 1000 && t.TryClaim(n) {
		out.EmitAt(mtime.Time(n), n)
		n++
		c.WatermarkEstimator().(*sdf.Manual).Set(mtime.Time(n))
	}
	return sdf.Resume(10 * time.Millisecond), nil
}

// A split that never delivers keeps back what the others have, and the status names it; once it says that it is idle the
// others go on. In a bubble of synctest, where the clock stands until nobody has anything to do.
func TestSilentSplit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		idle := &atomic.Bool{}
		var got collected[int64]
		job := begin(t, func(p *sdk.Pipeline) error {
			got.v = nil
			in := sdk.ParDoSplittable(sdk.Of(p, sdf.OffsetRange{Lo: 0, Hi: 1 << 40}, sdf.OffsetRange{Lo: 5, Hi: 6}), partnerFn{idle: idle})
			sums := sdk.CombinePerKey(ones(sdk.WindowInto(in, window.Fixed(100*time.Millisecond))), sumFn{})
			sdk.Map(sums, func(s kv) int64 { return got.add(s.Value) })
			return nil
		})
		time.Sleep(time.Minute)
		st := job.Status()
		named := slices.ContainsFunc(st.Stages, func(s sdk.StageStatus) bool {
			return s.Streaming != nil && strings.Contains(s.Streaming.Holder, "split")
		})
		if len(got.v) != 0 || held(&sdk.Result{Status: st}) != 30 || !named {
			t.Errorf("while a split is silent there are %d panes, %d slots; the split is named: %v", len(got.v), held(&sdk.Result{Status: st}), named)
		}
		idle.Store(true)
		time.Sleep(time.Minute)
		if got.mu.Lock(); len(got.v) != 30 {
			t.Errorf("when it says that it is idle there are %d panes, want 30", len(got.v))
		}
		got.mu.Unlock()
		job.Drain()
		if err := job.Wait(); err != nil {
			t.Error(err)
		}
		if len(got.v) != 30 {
			t.Errorf("at the end there are %d panes, want 30", len(got.v))
		}
	})
}

// A window that does not close holds one accumulator for each key, whatever goes into it, and its last pane
// comes when the job is drained; a trigger that never fires changes nothing.
func TestWindowThatNeverCloses(t *testing.T) {
	const n = 200_000
	century := window.Fixed(100 * 365 * 24 * time.Hour)
	for name, opts := range map[string][]sdk.Option{
		"never":  {sdk.Trigger(trigger.Never())},
		"counts": {sdk.Trigger(trigger.Repeat(trigger.AfterCount(10_000))), sdk.Accumulating(), sdk.Closing(window.FireAlways)},
	} {
		t.Run(name, func(t *testing.T) {
			var job sdk.Job
			var seen, last, panes atomic.Int64
			all := make(chan struct{})
			job = begin(t, func(p *sdk.Pipeline) error {
				in := sdk.WindowInto(ticks(p, 1<<40, 1), century, opts...)
				sums := sdk.CombinePerKey(ones(sdk.Filter(in, func(int64) bool {
					if seen.Add(1) == n {
						close(all)
					}
					return true
				})), sumFn{})
				sdk.Filter(sdk.Reify(sums), func(e sdk.Element[kv]) bool {
					if panes.Add(1); e.Pane.Last {
						last.Add(1)
					}
					return false
				})
				return nil
			})
			<-all
			if st := job.Status(); held(&sdk.Result{Status: st}) > 3 {
				t.Errorf("%d slots for 3 keys", held(&sdk.Result{Status: st}))
			}
			job.Drain()
			if err := job.Wait(); err != nil {
				t.Fatal(err)
			}
			if last.Load() != 3 || name == "never" && panes.Load() != 3 {
				t.Errorf("%d last panes of %d, want 3", last.Load(), panes.Load())
			}
		})
	}
}

// stuckFn blocks on one key.
type stuckFn struct {
	Seen  state.Value[int64]
	Until chan struct{}
}

func (f *stuckFn) ProcessElement(_ *sdk.Context, key string, v int64, _ sdk.Emitter[int64]) error {
	if f.Seen.Write(v); key == "stuck" {
		<-f.Until
	}
	return nil
}

// A stateful DoFn that does not come back is reported with transform, key and stack.
func TestBlockedStatefulDoFn(t *testing.T) {
	for _, policy := range []string{"none", "retry"} {
		t.Run(policy, func(t *testing.T) {
			log := logUntil("transform=blocks")
			until := make(chan struct{})
			go func() {
				select {
				case <-log.said:
				case <-time.After(time.Minute): // the test has failed
				}
				close(until)
			}()
			r := &direct.Runner{Workers: 1, StallAfter: 10 * time.Millisecond, Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn}))}
			_, err := sdk.Run(t.Context(), r, func(p *sdk.Pipeline) error {
				kvs := sdk.Map(ticks(p, 100, 1), func(v int64) kv {
					if v == 50 {
						return pair("stuck", v)
					}
					return pair("fine", v)
				})
				var opts []sdk.Option
				if policy == "retry" {
					opts = append(opts, sdk.OnError(sdk.Retry(2, 0)))
				}
				sdk.StatefulParDo(kvs, &stuckFn{Until: until}, append(opts, sdk.Name("blocks"))...)
				return nil
			})
			for _, s := range []string{"transform=blocks", "key=stuck", "streambad_test.go", "stack="} {
				if out := log.String(); err != nil || !strings.Contains(out, s) {
					t.Errorf("%v; the report does not say %q: %.400s", err, s, out)
				}
			}
		})
	}
}

type sourFn struct{ sumFn }

func (sourFn) AddInput(a, v int64) int64 {
	if v == 666 {
		panic(errOdd)
	}
	return a + v
}

// Code that fails on one key behind or in a grouping of a streaming job is named with transform, key and window.
func TestFailuresInGroupings(t *testing.T) {
	var in []sdk.Timestamped[kv]
	for i := range int64(200) {
		in = append(in, sdk.Timestamped[kv]{Time: at(10 + i%10), Value: pair(fmt.Sprint("key", i%20), i)})
	}
	in[77].Value = pair("bad", 666)
	script := teststream.New[kv]().AddAll(in...)
	for name, build := range map[string]func(in sdk.PCollection[kv]){
		"behind a GroupByKey": func(in sdk.PCollection[kv]) {
			sdk.ParDo(sdk.GroupByKey(in), &badKeyFn{}, sdk.Name("it"))
		},
		"in a CombineFn": func(in sdk.PCollection[kv]) { sdk.CombinePerKey(in, sourFn{}, sdk.Name("it")) },
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sdk.Run(t.Context(), &direct.Runner{Workers: 2, Log: quiet()}, func(p *sdk.Pipeline) error {
				build(sdk.WindowInto(teststream.Read(p, script), window.Fixed(10*time.Millisecond)))
				return nil
			})
			e, ok := errors.AsType[*exec.ElementError](err)
			if !ok || !errors.Is(err, errOdd) || e.Transform != "it" || !strings.Contains(e.Key, "bad") || e.Window != (window.Window{Start: 10, End: 20}) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

type badKeyFn struct{}

func (badKeyFn) ProcessElement(_ *sdk.Context, g sdk.KV[string, iter.Seq[int64]], _ sdk.Emitter[int64]) error {
	for v := range g.Value {
		if v == 666 {
			panic(errOdd)
		}
	}
	return nil
}

// embeddedFn has its cell in an embedded struct.
type embeddedFn struct{ cellsOf }

type cellsOf struct {
	Seen state.Value[int64]
	Soon timer.EventTime
}

func (f *embeddedFn) ProcessElement(_ *sdk.Context, _ string, v int64, out sdk.Emitter[int64]) error {
	f.Seen.Write(f.Seen.Get() + v)
	out.Emit(f.Seen.Get())
	return nil
}

func (f *embeddedFn) OnTimer(*sdk.Context, string, sdk.Fired, sdk.Emitter[int64]) error { return nil }

// Cells in an embedded struct are refused when the pipeline is built; they are not nil when it runs.
func TestEmbeddedCells(t *testing.T) {
	_, err := sdk.Run(t.Context(), &direct.Runner{Workers: 1, Log: quiet()}, func(p *sdk.Pipeline) error {
		sdk.StatefulParDo(teststream.Read(p, teststream.New[kv]().Add(at(1), pair("a", 1))), &embeddedFn{})
		return nil
	})
	for _, want := range []string{"field Seen of the embedded cellsOf", "field Soon of the embedded cellsOf", "fields of the DoFn itself"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

// One key has 90% of the elements.
func TestHotKey(t *testing.T) {
	const n = 100_000
	hot := func(v int64) kv {
		if v%10 != 0 {
			return pair("hot", 1)
		}
		return pair(fmt.Sprint(v%1000), 1)
	}
	want := map[string]int64{}
	for v := range int64(n) {
		want[hot(v).Key]++
	}
	for _, how := range []string{"combined", "grouped", "stateful"} {
		var got collected[kv]
		_, err := sdk.Run(t.Context(), &direct.Runner{Workers: 3, Log: quiet()}, func(p *sdk.Pipeline) error {
			got.v = nil
			in := sdk.Map(sdk.WindowInto(ticks(p, n, 2), window.Fixed(time.Hour)), hot)
			var sums sdk.PCollection[kv]
			switch how {
			case "combined":
				sums = sdk.CombinePerKey(in, sumFn{})
			case "grouped":
				sums = sdk.Map(sdk.GroupByKey(in), func(g sdk.KV[string, iter.Seq[int64]]) kv {
					sum := int64(0)
					for v := range g.Value {
						sum += v
					}
					return pair(g.Key, sum)
				})
			default:
				sums = sdk.StatefulParDo(in, &totalFn{})
			}
			sdk.Map(sums, func(s kv) int { got.add(s); return 0 })
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range got.v {
			if s.Value != want[s.Key] {
				t.Errorf("%s: key %s has %d, want %d", how, s.Key, s.Value, want[s.Key])
			}
		}
		if len(got.v) != len(want) {
			t.Errorf("%s: %d keys, want %d", how, len(got.v), len(want))
		}
	}
}

// totalFn gives the sum of a key when its window has expired.
type totalFn struct{ Sum state.Value[int64] }

func (f *totalFn) ProcessElement(_ *sdk.Context, _ string, v int64, _ sdk.Emitter[kv]) error {
	f.Sum.Write(f.Sum.Get() + v)
	return nil
}

func (f *totalFn) OnWindowExpiration(_ *sdk.Context, key string, out sdk.Emitter[kv]) error {
	out.Emit(pair(key, f.Sum.Get()))
	return nil
}

// Very many keys, each of which holds state until its window has expired.
func TestManyKeys(t *testing.T) {
	n := int64(1_000_000)
	switch {
	case *manyKeys:
		n = 10_000_000
	case raceEnabled || testing.Short():
		n = 100_000
	}
	for _, stateful := range []bool{false, true} {
		var rows, sum atomic.Int64
		res, err := sdk.Run(t.Context(), &direct.Runner{Workers: 2, Log: quiet()}, func(p *sdk.Pipeline) error {
			in := sdk.WithKeys(sdk.WindowInto(ticks(p, n, 1), window.Fixed(10_000*time.Hour)), func(v int64) int64 { return v * 7919 })
			var out sdk.PCollection[int64]
			if stateful {
				out = sdk.StatefulParDo(in, &keyFn{})
			} else {
				out = sdk.Map(sdk.CombinePerKey(in, sumFn{}), func(s sdk.KV[int64, int64]) int64 { return s.Value })
			}
			sdk.Map(out, func(v int64) int { rows.Add(1); sum.Add(v); return 0 })
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if rows.Load() != n || sum.Load() != n*(n-1)/2 || held(res) != 0 {
			t.Errorf("stateful %v: %d rows with sum %d of %d keys, and %d slots at the end", stateful, rows.Load(), sum.Load(), n, held(res))
		}
	}
}

type keyFn struct{ V state.Value[int64] }

func (f *keyFn) ProcessElement(_ *sdk.Context, _ int64, v int64, _ sdk.Emitter[int64]) error {
	f.V.Write(v)
	return nil
}

func (f *keyFn) OnWindowExpiration(_ *sdk.Context, _ int64, out sdk.Emitter[int64]) error {
	out.Emit(f.V.Get())
	return nil
}

// Sessions that are bridged by elements of one bundle keep what these bring.
func TestSessionsThatMergeInOneBundle(t *testing.T) {
	for _, bundles := range []bool{false, true} {
		script := teststream.New[kv]()
		var in []sdk.Timestamped[kv]
		for _, ts := range []int64{0, 18, 36, 54, 9, 27, 45} { // [0, 10) [18, 28) [36, 46) [54, 64), and what is between them
			in = append(in, sdk.Timestamped[kv]{Time: at(ts), Value: pair("a", 1)})
		}
		if bundles {
			for _, x := range in {
				script.AddAll(x)
			}
		} else {
			script.AddAll(in...)
		}
		play(t, script, []string{"{a 7} @63 in [0, 64)", "a has 7"}, func(in sdk.PCollection[kv], s *said) {
			in = sdk.WindowInto(in, window.Sessions(10*time.Millisecond))
			tell(s, sdk.CombinePerKey(in, sumFn{}))
			sdk.Map(sdk.GroupByKey(in), func(g sdk.KV[string, iter.Seq[int64]]) string {
				return s.add(fmt.Sprint(g.Key, " has ", len(slices.Collect(g.Value))))
			})
		})
	}
}

// One session that merges with each of very many elements is one accumulator and one pane, whatever their order.
func TestSessionThatMergesOften(t *testing.T) {
	n := int64(1_000_000)
	if raceEnabled || testing.Short() {
		n = 100_000
	}
	const gap = 10
	for name, c := range map[string]struct {
		n    int64
		time func(i, n int64) int64
	}{
		"growing":           {n, func(i, _ int64) int64 { return i * (gap - 1) }},
		"growing backwards": {n, func(i, n int64) int64 { return (n - i) * (gap - 1) }},
		"from both ends":    {n, func(i, n int64) int64 { return (n + (1-2*(i%2))*(i/2+i%2)) * (gap - 1) }},
		"bridged":           {n, func(i, n int64) int64 { return (i%(n/2)*2 + i/(n/2)) * (gap - 1) }},
	} {
		t.Run(name, func(t *testing.T) {
			var times []int64
			for i := range c.n {
				times = append(times, c.time(i, c.n))
			}
			var panes, sum atomic.Int64
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			res, err := sdk.Run(ctx, &direct.Runner{Workers: 2, Log: quiet()}, func(p *sdk.Pipeline) error {
				in := sdk.WindowInto(emitted(p, timesFn{Times: times, Mark: int64(mtime.Min)}), window.Sessions(gap*time.Millisecond))
				sums := sdk.CombinePerKey(sdk.Map(in, func(int64) kv { return pair("k", 1) }), sumFn{})
				sdk.Map(sums, func(s kv) int { panes.Add(1); sum.Add(s.Value); return 0 })
				return nil
			})
			if err != nil || panes.Load() != 1 || sum.Load() != c.n || held(res) != 0 {
				t.Errorf("%d panes with %d of %d elements, %d slots; %v", panes.Load(), sum.Load(), c.n, held(res), err)
			}
		})
	}
}

// Sessions whose trigger has finished stay until their lateness is over: however many a key has, an element does not look
// through them.
func TestManyClosedSessions(t *testing.T) {
	n := int64(300_000)
	if raceEnabled || testing.Short() {
		n = 30_000
	}
	var panes, late atomic.Int64
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	res, err := sdk.Run(ctx, &direct.Runner{Workers: 1, Log: quiet()}, func(p *sdk.Pipeline) error {
		in := sdk.WindowInto(ticks(p, n, 1), window.Sessions(time.Millisecond), sdk.Trigger(trigger.AfterCount(1)), sdk.MayLoseData(), sdk.AllowedLateness(24*time.Hour))
		var dropped sdk.Output[kv]
		sums := sdk.CombinePerKey(sdk.Map(in, func(int64) kv { return pair("k", 1) }), sumFn{}, sdk.Droppable(&dropped))
		sdk.Map(sums, func(s kv) int { panes.Add(1); return 0 })
		sdk.Map(dropped.PCollection(), func(kv) int { late.Add(1); return 0 })
		return nil
	})
	if err != nil || panes.Load() != n || late.Load() != 0 || held(res) != 0 {
		t.Errorf("%d panes and %d droppable elements of %d, %d slots; %v", panes.Load(), late.Load(), n, held(res), err)
	}
}

// oddMerge is a window function that is wrong in the way that it says.
type oddMerge struct{ how string }

func (f oddMerge) String() string { return "odd " + f.how }

func (f oddMerge) AssignWindows(dst []window.Window, t mtime.Time) []window.Window {
	if f.how == "assigns none" {
		return dst
	}
	if f.how == "assigns an empty one" {
		return append(dst, window.Window{Start: t, End: t})
	}
	if f.how == "panics when it assigns" {
		panic(errOdd)
	}
	return append(dst, window.Window{Start: t, End: t + 5})
}

func (f oddMerge) MergeWindows(ws []window.Window) []window.Merge {
	span := window.Window{Start: ws[0].Start, End: ws[len(ws)-1].End}
	switch {
	case f.how == "panics":
		panic(errOdd)
	case len(ws) < 2:
		return nil
	case f.how == "merges one twice":
		return []window.Merge{{From: ws, To: span}, {From: ws[:1], To: window.Window{Start: ws[0].Start, End: span.End + 10}}}
	case f.how == "merges what is not there":
		return []window.Merge{{From: []window.Window{{Start: 999, End: 1000}, ws[0]}, To: span}}
	case f.how == "merges nothing":
		return []window.Merge{{To: span}}
	case f.how == "merges into nothing":
		return []window.Merge{{From: ws, To: window.Window{Start: 5, End: 5}}}
	}
	return nil
}

// A window function that does not keep its contract fails the job, with the name of the transform; no matter whether
// its elements are grouped or combined.
func TestWrongWindowFns(t *testing.T) {
	script := teststream.New[kv]().Add(at(1), pair("a", 1)).Add(at(2), pair("a", 2)).Add(at(3), pair("a", 3))
	for how, want := range map[string]string{
		"assigns none": "no window", "assigns an empty one": "empty", "panics when it assigns": "odd",
		"merges one twice": "twice", "merges what is not there": "not one of", "merges nothing": "needs windows", "merges into nothing": "not empty",
		"panics": "odd",
	} {
		for i := range 4 {
			grouped, batch := i%2 == 1, i > 1
			t.Run(fmt.Sprintf("%s/grouped=%v/batch=%v", how, grouped, batch), func(t *testing.T) {
				_, err := sdk.Run(t.Context(), &direct.Runner{Workers: 2, Log: quiet()}, func(p *sdk.Pipeline) error {
					var from sdk.PCollection[kv]
					if batch {
						from = sdk.CreateTimestamped(p, []sdk.Timestamped[kv]{{Time: 1, Value: pair("a", 1)}, {Time: 2, Value: pair("a", 2)}, {Time: 3, Value: pair("a", 3)}})
					} else {
						from = teststream.Read(p, script)
					}
					in := sdk.WindowInto(from, oddMerge{how}, sdk.Name("named"))
					if grouped {
						sdk.GroupByKey(in, sdk.Name("named, too"))
					} else {
						sdk.CombinePerKey(in, sumFn{}, sdk.Name("named, too"))
					}
					return nil
				})
				if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "named") || strings.Contains(err.Error(), "internal error") {
					t.Errorf("error %.300v", err)
				}
			})
		}
	}
}

// oddKey cannot always be encoded.
type oddKey struct{ S string }

func (k oddKey) MarshalBinary() ([]byte, error) {
	switch k.S {
	case "fails":
		return nil, errOdd
	case "panics":
		panic(errOdd)
	}
	return []byte(k.S), nil
}

func (k *oddKey) UnmarshalBinary(b []byte) error {
	k.S = string(b)
	return nil
}

type oddKeyFn struct{ Sum state.Value[int64] }

func (*oddKeyFn) ProcessElement(*sdk.Context, oddKey, int64, sdk.Emitter[int64]) error { return nil }

// A key that cannot be encoded fails the job with its transform and what it is, in batch and in streams.
func TestKeyThatCannotBeEncoded(t *testing.T) {
	for _, how := range []string{"fails", "panics"} {
		for _, batch := range []bool{false, true} {
			for _, workers := range []int{1, 2} {
				for what, to := range map[string]func(in sdk.PCollection[sdk.KV[oddKey, int64]]){
					"group":    func(in sdk.PCollection[sdk.KV[oddKey, int64]]) { sdk.GroupByKey(in, sdk.Name("named")) },
					"combine":  func(in sdk.PCollection[sdk.KV[oddKey, int64]]) { sdk.CombinePerKey(in, sumFn{}, sdk.Name("named")) },
					"stateful": func(in sdk.PCollection[sdk.KV[oddKey, int64]]) { sdk.StatefulParDo(in, &oddKeyFn{}, sdk.Name("named")) },
				} {
					_, err := sdk.Run(t.Context(), &direct.Runner{Workers: workers, Log: quiet()}, func(p *sdk.Pipeline) error {
						var in sdk.PCollection[string]
						if batch {
							in = sdk.Of(p, "a", how, "b")
						} else {
							in = sdk.WindowInto(teststream.Read(p, teststream.New[string]().Add(at(1), "a", how, "b")), window.Fixed(time.Second))
						}
						to(sdk.Map(in, func(s string) sdk.KV[oddKey, int64] { return sdk.MakeKV(oddKey{s}, int64(1)) }))
						return nil
					})
					if err == nil || !strings.Contains(err.Error(), "odd") || !strings.Contains(err.Error(), "{S:"+how+"}") || !strings.Contains(err.Error(), "named") || strings.Contains(err.Error(), "internal error") {
						t.Errorf("%s, %s, batch %v, %d workers: error %.300v", what, how, batch, workers, err)
					}
				}
			}
		}
	}
}

// A sink that is slow slows the source: what is under way between the two is bounded by the credits of the edge,
// whatever the source could give.
func TestSlowSink(t *testing.T) {
	const (
		workers = 2
		batch   = 256
		credits = 32 // drive/channel.go
		// Each source task has a channel to each sink task; a channel may have its credits and the batch that the
		// source was at. Beside that a task may hold a batch for each channel that it fills, and one that it collects.
		bound = workers*workers*(credits+2)*batch + 2*workers*batch
		rows  = 50_000_000
	)
	synctest.Test(t, func(t *testing.T) {
		var given, taken, most atomic.Int64
		var times sync.Map
		g, err := sdk.Build(func(p *sdk.Pipeline) error {
			in := sdk.Map(ticks(p, rows, workers), func(v int64) int64 {
				d := given.Add(1) - taken.Load()
				for m := most.Load(); d > m && !most.CompareAndSwap(m, d); m = most.Load() {
				}
				return v
			})
			sdk.Map(sdk.Reshuffle(in), func(v int64) int64 {
				time.Sleep(100 * time.Microsecond) // of the bubble: it passes when the source can do no more
				if _, twice := times.LoadOrStore(v, true); twice {
					t.Errorf("row %d twice", v)
				}
				taken.Add(1)
				return v
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		job, err := (&direct.Runner{Workers: workers, Log: quiet()}).Start(t.Context(), g)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		job.Cancel(errOdd)
		if err := job.Wait(); !errors.Is(err, errOdd) {
			t.Error(err)
		}
		t.Logf("%d rows given, %d taken, at most %d under way; bound %d", given.Load(), taken.Load(), most.Load(), bound)
		if most.Load() > bound || taken.Load() < 10_000 || given.Load() == rows {
			t.Errorf("%d rows given, %d taken, at most %d under way; want at most %d", given.Load(), taken.Load(), most.Load(), bound)
		}
	})
}

// The text of a stalled job is not of use if it is too long to read: errors show elements in part.
func TestLongElementsAreCut(t *testing.T) {
	script := teststream.New[do]().Add(at(1), say("a", strings.Repeat("é", 1_000_000)+" x"))
	_, err := sdk.Run(t.Context(), &direct.Runner{Workers: 1, Log: quiet()}, func(p *sdk.Pipeline) error {
		sdk.StatefulParDo(teststream.Read(p, script), &cutFn{})
		return nil
	})
	if err == nil || len(err.Error()) > 1000 || !bytes.Contains([]byte(err.Error()), []byte("...")) {
		t.Errorf("an error of %d bytes", len(fmt.Sprint(err)))
	}
}

type cutFn struct{ Seen state.Value[int64] }

func (f *cutFn) ProcessElement(*sdk.Context, string, string, sdk.Emitter[int64]) error { return errOdd }
