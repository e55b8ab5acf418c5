package direct_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/sdf"
	"github.com/millrace-go/millrace/sdk/teststream"
	"github.com/millrace-go/millrace/sdk/trigger"
	"github.com/millrace-go/millrace/sdk/window"
)

// Draining a job without end gives the final pane of every window once, with all that has been taken in, and nothing
// is counted twice or lost (I8).
func TestDrainGivesFinalPanesOnce(t *testing.T) {
	for _, workers := range []int{1, 2, 3} {
		for name, opts := range map[string][]sdk.Option{
			"at the end":   nil,
			"early, too":   {sdk.Trigger(trigger.AfterWatermark().Early(trigger.AfterCount(1000)).Late(trigger.AfterCount(1)))},
			"lateness":     {sdk.AllowedLateness(time.Hour), sdk.Closing(window.FireAlways)},
			"accumulating": {sdk.AllowedLateness(time.Hour), sdk.Accumulating(), sdk.Closing(window.FireAlways)},
		} {
			t.Run(fmt.Sprintf("%s, %d workers", name, workers), func(t *testing.T) {
				var given atomic.Int64
				enough := make(chan struct{})
				var panes collected[sdk.Element[kv]]
				g, err := sdk.Build(func(p *sdk.Pipeline) error {
					panes.v = nil
					in := sdk.Filter(ticks(p, 1<<40, 3), func(int64) bool {
						if given.Add(1) == 50_000 {
							close(enough)
						}
						return true
					})
					w := sdk.WindowInto(in, window.Fixed(10*time.Second), opts...)
					sums := sdk.CombinePerKey(sdk.Map(w, func(v int64) kv { return pair(fmt.Sprint(v%5), 1) }), sumFn{})
					sdk.Filter(sdk.Reify(sums), func(e sdk.Element[kv]) bool { panes.add(clonePane(e)); return false })
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				job, err := (&direct.Runner{Workers: workers, Log: quiet()}).Start(t.Context(), g)
				if err != nil {
					t.Fatal(err)
				}
				<-enough
				job.Drain()
				job.Drain() // a second time changes nothing
				if err := job.Wait(); err != nil {
					t.Fatal(err)
				}
				type slot struct {
					w   window.Window
					key string
				}
				sum, last := map[slot]int64{}, map[slot]int{}
				for _, e := range panes.v {
					s := slot{e.Windows[0], e.Value.Key}
					if name == "accumulating" {
						sum[s] = max(sum[s], e.Value.Value)
					} else {
						sum[s] += e.Value.Value
					}
					if last[s] > 0 {
						t.Errorf("%v: a pane %v behind the last", s, e.Pane)
					}
					if e.Pane.Last {
						last[s]++
					}
				}
				total := int64(0)
				for s, n := range sum {
					total += n
					if name != "early, too" && last[s] != 1 {
						t.Errorf("%v: %d last panes", s, last[s])
					}
				}
				if total != given.Load() {
					t.Errorf("%d elements are in panes, %d were given", total, given.Load())
				}
				if st := job.Status(); st.State != "done" || held(&sdk.Result{Status: st}) != 0 {
					t.Errorf("the job is %s, with %d slots", st.State, held(&sdk.Result{Status: st}))
				}
			})
		}
	}
}

func clonePane(e sdk.Element[kv]) sdk.Element[kv] {
	e.Windows = slices.Clone(e.Windows) // they belong to the batch
	return e
}

// A streaming job that is cancelled ends within a second, with the cause, wherever it is.
func TestCancelStreaming(t *testing.T) {
	for _, how := range []string{"a full source", "a source that waits", "timers that spin"} {
		t.Run(how, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			running := make(chan struct{})
			var seen atomic.Int64
			g, err := sdk.Build(func(p *sdk.Pipeline) error {
				n := int64(1 << 40)
				if how == "a source that waits" {
					idle := &atomic.Bool{}
					in := sdk.ParDoSplittable(sdk.Of(p, sdf.OffsetRange{Lo: 0, Hi: 1 << 40}), partnerFn{idle: idle})
					sdk.Map(sdk.Reshuffle(in), func(v int64) int64 {
						if seen.Add(1) == 1000 {
							close(running)
						}
						return v
					})
					return nil
				}
				in := sdk.Filter(ticks(p, n, 3), func(int64) bool {
					if seen.Add(1) == 30_000 {
						close(running)
					}
					return true
				})
				kvs := ones(sdk.WindowInto(in, window.Fixed(time.Hour)))
				if how == "timers that spin" {
					sdk.StatefulParDo(kvs, &spinFn{stop: func() {}})
				} else {
					sdk.CombinePerKey(kvs, sumFn{})
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			job, err := (&direct.Runner{Workers: 2, Log: quiet()}).Start(ctx, g)
			if err != nil {
				t.Fatal(err)
			}
			<-running
			begin := time.Now()
			cancel(errOdd)
			if err := job.Wait(); !errors.Is(err, errOdd) {
				t.Errorf("error %v", err)
			}
			if d := time.Since(begin); d > time.Second && !raceEnabled {
				t.Errorf("the end took %v", d)
			}
		})
	}
}

// A job whose Context is cancelled tells so, however soon its workers see it.
func TestCancelIsTold(t *testing.T) {
	for range 200 {
		ctx, cancel := context.WithCancelCause(t.Context())
		running := make(chan struct{})
		var seen atomic.Int64
		g, err := sdk.Build(func(p *sdk.Pipeline) error {
			sdk.Filter(ticks(p, 1<<40, 2), func(int64) bool {
				if seen.Add(1) == 100 {
					close(running)
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		job, err := (&direct.Runner{Workers: 2, Log: quiet()}).Start(ctx, g)
		if err != nil {
			t.Fatal(err)
		}
		<-running
		cancel(errOdd)
		if err := job.Wait(); !errors.Is(err, errOdd) {
			t.Fatalf("the job has ended with %v", err)
		}
	}
}

// One script gives the same panes with any number of workers and under any seed of a strict run.
func TestPanesDoNotDependOnTheRun(t *testing.T) {
	script := teststream.New[kv]()
	n := int64(0)
	add := func(from, to int64) {
		var in []sdk.Timestamped[kv]
		for v := from; v < to; v++ {
			in = append(in, sdk.Timestamped[kv]{Time: at(v * 37 % 100), Value: pair(fmt.Sprint("k", v%11), v)})
			n++
		}
		script.AddAll(in...)
	}
	add(0, 60)
	script.Watermark(at(30))
	add(60, 90)
	script.Advance(50 * time.Millisecond).Watermark(at(70))
	add(90, 130)
	script.Advance(50 * time.Millisecond).Watermark(at(95))
	add(130, 160)
	type build func(in sdk.PCollection[kv], s *said)
	grouped := func(fn window.Fn, opts ...sdk.Option) build {
		return func(in sdk.PCollection[kv], s *said) {
			var late sdk.Output[kv]
			sums := sdk.CombinePerKey(sdk.WindowInto(in, fn, opts...), sumFn{}, sdk.Droppable(&late))
			sdk.Filter(sdk.Reify(sums), func(e sdk.Element[kv]) bool {
				s.sayf("%v @%d in %s %v", e.Value, int64(e.Time), brief(e.Windows[0]), e.Pane)
				return false
			})
			tell(s, late.PCollection())
		}
	}
	early := trigger.AfterWatermark().Early(trigger.AfterCount(3)).Late(trigger.AfterCount(1))
	processing := trigger.Repeat(trigger.AfterProcessingTime().PlusDelay(60 * time.Millisecond))
	for name, b := range map[string]build{
		"fixed":      grouped(window.Fixed(10 * time.Millisecond)),
		"sliding":    grouped(window.Sliding(30*time.Millisecond, 10*time.Millisecond), sdk.Trigger(early), sdk.AllowedLateness(20*time.Millisecond)),
		"sessions":   grouped(window.Sessions(5*time.Millisecond), sdk.Trigger(early), sdk.Accumulating(), sdk.AllowedLateness(20*time.Millisecond)),
		"earliest":   grouped(window.Fixed(25*time.Millisecond), sdk.Trigger(early), sdk.WithTimestampCombiner(window.Earliest), sdk.AllowedLateness(time.Hour)),
		"processing": grouped(window.Fixed(50*time.Millisecond), sdk.Trigger(processing), sdk.AllowedLateness(time.Hour)),
		"stateful": func(in sdk.PCollection[kv], s *said) {
			tell(s, sdk.StatefulParDo(sdk.WindowInto(in, window.Fixed(50*time.Millisecond), sdk.AllowedLateness(20*time.Millisecond)), &totalFn{}))
		},
		"sorted": func(in sdk.PCollection[kv], s *said) {
			tell(s, sdk.StatefulParDo(sdk.WindowInto(in, window.Fixed(50*time.Millisecond)), &countFn{}, sdk.SortedByTime()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			var first []string
			for _, r := range allRuns() {
				s := &said{}
				_, err := sdk.Run(t.Context(), r, func(p *sdk.Pipeline) error {
					s.v = nil
					b(teststream.Read(p, script), s)
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				got := s.sorted()
				if first == nil {
					if first = got; len(got) < 11 {
						t.Fatalf("only %d panes", len(got))
					}
				}
				if !slices.Equal(got, first) {
					t.Fatalf("%d workers, seed %d, batches of %d: got\n  %s\nwith one worker\n  %s", r.Workers, r.Seed, r.BatchSize, strings.Join(diff(got, first), "\n  "), strings.Join(diff(first, got), "\n  "))
				}
			}
		})
	}
}

// diff is what is in a and not in b.
func diff(a, b []string) (d []string) {
	for _, x := range a {
		if !slices.Contains(b, x) {
			d = append(d, x)
		}
	}
	return d
}

func allRuns() (rs []*direct.Runner) {
	for w := 1; w <= 3; w++ {
		for _, size := range []int{0, 1, 7} {
			rs = append(rs, &direct.Runner{Workers: w, BatchSize: size, Log: quiet()})
		}
	}
	for seed := uint64(1); seed <= 20; seed++ {
		rs = append(rs, &direct.Runner{Workers: 3, Strict: true, Seed: seed, Log: quiet()})
	}
	return rs
}

// What a script gives behind a drain is not given, and a watermark at the end of time is an end.
func TestScriptsEnd(t *testing.T) {
	for name, script := range map[string]*teststream.Stream[kv]{
		"drained": teststream.New[kv]().Add(at(1), pair("a", 1)).Drain().Add(at(2), pair("b", 2)),
		"ended":   teststream.New[kv]().Add(at(1), pair("a", 1)).End().Advance(time.Second),
		"far":     teststream.New[kv]().Add(at(1), pair("a", 1)).Watermark(math.MinInt64).Watermark(math.MaxInt64),
		"left":    teststream.New[kv]().Watermark(mtime.Min).Add(at(1)).Advance(-time.Second).Add(at(1), pair("a", 1)).Advance(time.Microsecond),
	} {
		t.Run(name, func(t *testing.T) {
			play(t, script, []string{"{a 1} @9 in [0, 10)"}, func(in sdk.PCollection[kv], s *said) {
				tell(s, sdk.CombinePerKey(sdk.WindowInto(in, window.Fixed(10*time.Millisecond)), sumFn{}))
			})
		})
	}
}
