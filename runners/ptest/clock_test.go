package ptest_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace-go/millrace/io/generatorio"
	"github.com/millrace-go/millrace/runners/ptest"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/sdf"
	"github.com/millrace-go/millrace/sdk/teststream"
	"github.com/millrace-go/millrace/sdk/timer"
	"github.com/millrace-go/millrace/sdk/trigger"
	"github.com/millrace-go/millrace/sdk/window"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// tickFn counts, by a processing-time timer that sets itself again, how many seconds have gone by.
type tickFn struct{ Tick timer.ProcessingTime }

func (f *tickFn) ProcessElement(*sdk.Context, string, int64, sdk.Emitter[string]) error {
	f.Tick.SetAfter(time.Second)
	return nil
}

func (f *tickFn) OnTimer(c *sdk.Context, _ string, t timer.Fired, out sdk.Emitter[string]) error {
	out.Emit(c.Now().Format(time.TimeOnly))
	f.Tick.SetAfter(time.Second)
	return nil
}

func keyed(v int64) sdk.KV[string, int64] { return sdk.MakeKV("k", v) }

// modes are the ways to run a pipeline.
var modes = map[string][]ptest.Option{
	"strict": nil, "strict, another seed": {ptest.Seed(5)}, "fast": {ptest.Fast()}, "one worker": {ptest.Fast(), ptest.Workers(1)},
}

// The clock moves an unbounded source and what it makes due, step by step; a drain ends it.
func TestClockMovesASource(t *testing.T) {
	for name, mode := range modes {
		t.Run(name, func(t *testing.T) {
			clock := ptest.NewClock(epoch)
			var seen ptest.Seen[int64]
			job := ptest.Start(t, func(p *sdk.Pipeline) {
				seen.Watch(generatorio.Sequence(p, generatorio.Rate(2)))
			}, append(mode, ptest.OnClock(clock))...)
			clock.Settle()
			wantInts(t, "at the start", seen.Take(), 0)
			clock.Advance(499 * time.Millisecond)
			wantInts(t, "too early", seen.Take())
			clock.Advance(time.Millisecond)
			wantInts(t, "0.5 s", seen.Take(), 1)
			clock.Set(epoch.Add(3 * time.Second))
			for i, e := range seen.TakeElements() {
				if want := epoch.Add(time.Duration(i+2) * time.Second / 2); !e.Time.Time().Equal(want) || e.Value != int64(i+2) {
					t.Errorf("element %d is at %v, want %v", e.Value, e.Time, want)
				}
			}
			clock.Set(epoch)
			if got := clock.Now(); !got.Equal(epoch.Add(3 * time.Second)) {
				t.Errorf("the clock has gone back to %v", got)
			}
			job.Drain()
			wantInts(t, "drained", seen.Take())
		})
	}
}

func wantInts(t *testing.T, what string, got []int64, want ...int64) {
	t.Helper()
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// Timers of the processing time fire at their times, also where the clock goes further at once.
func TestClockFiresTimers(t *testing.T) {
	for name, mode := range modes {
		t.Run(name, func(t *testing.T) {
			clock := ptest.NewClock(epoch)
			var seen ptest.Seen[string]
			job := ptest.Start(t, func(p *sdk.Pipeline) {
				first := sdk.Filter(generatorio.Sequence(p, generatorio.Rate(1)), func(n int64) bool { return n == 0 })
				seen.Watch(sdk.StatefulParDo(sdk.Map(first, keyed), &tickFn{}))
			}, append(mode, ptest.OnClock(clock))...)
			clock.Advance(999 * time.Millisecond)
			expect(t, "too early", seen.Take())
			clock.Advance(time.Millisecond)
			expect(t, "after a second", seen.Take(), "03:04:06")
			clock.Advance(3 * time.Second)
			expect(t, "after four", seen.Take(), "03:04:07", "03:04:08", "03:04:09")
			job.Drain()
			expect(t, "drained", seen.Take())
		})
	}
}

// Triggers on the processing time fire by the clock.
func TestClockFiresTriggers(t *testing.T) {
	for name, mode := range modes {
		t.Run(name, func(t *testing.T) {
			clock := ptest.NewClock(epoch)
			var seen ptest.Seen[sdk.KV[string, int]]
			job := ptest.Start(t, func(p *sdk.Pipeline) {
				in := sdk.WindowInto(sdk.Map(generatorio.Sequence(p, generatorio.Rate(1)), keyed), window.GlobalWindows(),
					sdk.Trigger(trigger.Repeat(trigger.AfterProcessingTime().PlusDelay(9500*time.Millisecond))))
				seen.Watch(sdk.CombinePerKey(in, count{}))
			}, append(mode, ptest.OnClock(clock))...)
			clock.Advance(9 * time.Second)
			if got := seen.Take(); len(got) > 0 {
				t.Errorf("before it is time: %v", got)
			}
			clock.Advance(500 * time.Millisecond) // elements 0 to 9
			if got := seen.Take(); len(got) != 1 || got[0].Value != 10 {
				t.Errorf("after 9.5 s: %v, want 10", got)
			}
			clock.Advance(10 * time.Second) // the next pane begins with element 10, at 10 s
			if got := seen.Take(); len(got) != 1 || got[0].Value != 10 {
				t.Errorf("after 19.5 s: %v, want 10", got)
			}
			job.Drain()
			if got := seen.Take(); len(got) > 1 {
				t.Errorf("drained: %v", got)
			}
		})
	}
}

type count struct{}

func (count) CreateAccumulator() int         { return 0 }
func (count) AddInput(s int, _ int64) int    { return s + 1 }
func (count) MergeAccumulators(a, b int) int { return a + b }
func (count) ExtractOutput(s int) int        { return s }

// A clock that winds itself brings a run to its end at once, and every timer to its time.
func TestSelfWindingClock(t *testing.T) {
	for name, mode := range modes {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			clock := ptest.NewSelfWindingClock(epoch)
			got := ptest.Collect(t, func(p *sdk.Pipeline) sdk.PCollection[string] {
				all := generatorio.Sequence(p, generatorio.Rate(1.0/3600), generatorio.To(3))
				return sdk.Map(all, func(n int64) string { return clock.Now().Format(time.TimeOnly) })
			}, append(mode, ptest.OnClock(clock))...)
			slices.Sort(got)
			expect(t, "an element an hour", got, "03:04:05", "04:04:05", "05:04:05")
			if d := time.Since(began); d > time.Minute {
				t.Errorf("two hours took %v", d)
			}
		})
	}
}

// slowFn counts to 100, and in the middle takes longer than a bundle may, by the wall clock.
type slowFn struct{ Pause time.Duration }

func (*slowFn) Unbounded() bool                                 { return true }
func (*slowFn) InitialRestriction(int64) sdf.OffsetRange        { return sdf.OffsetRange{Hi: 100} }
func (*slowFn) NewTracker(r sdf.OffsetRange) *sdf.OffsetTracker { return sdf.NewOffsetTracker(r) }

func (f *slowFn) ProcessElement(_ *sdk.Context, from int64, t *sdf.OffsetTracker, out sdk.Emitter[int64]) (sdk.Continuation, error) {
	for at := t.Restriction().Lo; t.TryClaim(at); at++ {
		if out.Emit(from + at); at == 50 {
			time.Sleep(f.Pause)
		}
	}
	return sdf.Stop(), nil
}

// Under one seed a run on a clock is always the same, the order of its keys included, also on a machine that is slow.
func TestClockIsCertain(t *testing.T) {
	var first []string
	for i := range 5 {
		clock := ptest.NewSelfWindingClock(epoch)
		var seen ptest.Seen[string]
		ptest.Run(t, func(p *sdk.Pipeline) {
			rated := generatorio.Sequence(p, generatorio.Rate(100), generatorio.To(200), generatorio.Splits(3))
			slow := sdk.ParDoSplittable(sdk.Of(p, int64(1000), 2000, 3000), &slowFn{time.Duration(i) * 20 * time.Millisecond})
			in := sdk.Map(sdk.Flatten(rated, slow), func(n int64) sdk.KV[string, string] {
				return sdk.MakeKV(string(rune('a'+n%7)), string(rune('A'+n%26)))
			})
			seen.Watch(sdk.StatefulParDo(in, &batchFn{Size: 4, Wait: 70 * time.Millisecond}))
		}, ptest.OnClock(clock), ptest.Seed(11))
		got := seen.Take()
		if i == 0 {
			first = got
		}
		if !slices.Equal(got, first) || len(got) < 50 {
			t.Fatalf("run %d: %q, before %q", i, got, first)
		}
	}
}

// Jobs that share a clock move together.
func TestClockOfTwo(t *testing.T) {
	clock := ptest.NewClock(epoch)
	var a, b ptest.Seen[int64]
	start := func(s *ptest.Seen[int64], rate float64) *ptest.Job {
		return ptest.Start(t, func(p *sdk.Pipeline) { s.Watch(generatorio.Sequence(p, generatorio.Rate(rate))) }, ptest.OnClock(clock))
	}
	first, second := start(&a, 1), start(&b, 2)
	clock.Advance(2 * time.Second)
	wantInts(t, "one a second", a.Take(), 0, 1, 2)
	wantInts(t, "two a second", b.Take(), 0, 1, 2, 3, 4)
	first.Drain()
	clock.Advance(time.Second)
	wantInts(t, "drained", a.Take())
	wantInts(t, "going on", b.Take(), 5, 6)
	second.Drain()
}

// A job that fails does not keep the clock.
func TestClockOfAFailure(t *testing.T) {
	clock := ptest.NewClock(epoch)
	job := ptest.Start(t, func(p *sdk.Pipeline) {
		sdk.TryMap(generatorio.Sequence(p, generatorio.Rate(1)), func(n int64) (int64, error) {
			if n == 3 {
				return 0, errBad
			}
			return n, nil
		})
	}, ptest.OnClock(clock))
	clock.Advance(time.Hour)
	if _, err := job.WaitErr(); !errors.Is(err, errBad) {
		t.Errorf("error %v", err)
	}
	if got := clock.Now(); !got.Equal(epoch.Add(time.Hour)) {
		t.Errorf("the clock is at %v", got)
	}
}

// A test stream has a processing time of its own, which user code sees too.
func TestTestStreamIsAClock(t *testing.T) {
	got := ptest.Collect(t, func(p *sdk.Pipeline) sdk.PCollection[string] {
		in := teststream.Read(p, teststream.New[int64]().Add(0, 1).Advance(time.Second).Advance(10*time.Second).Advance(time.Second))
		return sdk.StatefulParDo(sdk.Map(in, keyed), &tickFn{})
	})
	expect(t, "a step is one", got, "00:00:01", "00:00:11", "00:00:12")
	_, err := ptest.RunErr(t, func(p *sdk.Pipeline) error {
		teststream.Read(p, teststream.New[int64]().Add(0, 1))
		return nil
	}, ptest.OnClock(ptest.NewClock(epoch)))
	if err == nil || !strings.Contains(err.Error(), "test stream") {
		t.Errorf("a test stream on a clock: %v", err)
	}
}

// Inside a bubble of testing/synctest a run lives by the bubble's clock, on its goroutines.
func TestBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen ptest.Seen[int64]
		job := ptest.Start(t, func(p *sdk.Pipeline) {
			seen.Watch(generatorio.Sequence(p, generatorio.Rate(1)))
		}, ptest.Fast())
		time.Sleep(2500 * time.Millisecond)
		synctest.Wait()
		wantInts(t, "2.5 s", seen.Take(), 0, 1, 2)
		job.Drain()
	})
}
