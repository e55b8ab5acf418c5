package direct_test

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/sdf"
	"github.com/millrace-go/millrace/sdk/window"
)

// estimatedFn gives elements with the times of Times, one for each call, and then nothing more: what its estimator says is
// what windows fire by.
type estimatedFn struct {
	Times []int64
	New   func(start sdk.Time) sdf.WatermarkEstimator
}

func (*estimatedFn) Unbounded() bool                                      { return true }
func (*estimatedFn) InitialRestriction(r sdf.OffsetRange) sdf.OffsetRange { return r }
func (*estimatedFn) NewTracker(r sdf.OffsetRange) *sdf.OffsetTracker      { return sdf.NewOffsetTracker(r) }

func (f *estimatedFn) NewWatermarkEstimator(_, _ sdf.OffsetRange, start sdk.Time) sdf.WatermarkEstimator {
	return f.New(start)
}

func (f *estimatedFn) ProcessElement(_ *sdk.Context, _ sdf.OffsetRange, t *sdf.OffsetTracker, out sdk.Emitter[int64]) (sdk.Continuation, error) {
	n := t.Restriction().Lo
	if n < int64(len(f.Times)) && t.TryClaim(n) {
		out.EmitAt(mtime.Time(f.Times[n]), f.Times[n])
	}
	return sdf.Resume(time.Millisecond), nil
}

// byThrees is an estimator of a program's own: it keeps what it has seen to multiples of 3 s.
type byThrees struct{ at sdk.Time }

func (b *byThrees) Watermark() sdk.Time { return b.at }
func (b *byThrees) Observe(t sdk.Time)  { b.at = max(b.at, t-t%3000) }

// falling is wrong: each time it is asked it says less.
type falling struct{ seen, asked sdk.Time }

func (f *falling) Observe(t sdk.Time) { f.seen = max(f.seen, t) }
func (f *falling) Watermark() sdk.Time {
	f.asked++
	return f.seen - 1000*f.asked
}

// Each estimator, resumed for each element, lets the windows fire that its rule says, and no others; none goes back.
func TestEstimators(t *testing.T) {
	times := []int64{500, 1500, 900, 3100, 2900, 7000}
	for name, c := range map[string]struct {
		make func(start sdk.Time) sdf.WatermarkEstimator
		want []string // the panes of windows of 1 s, and what is droppable
		mark int64    // the watermark in the end
	}{
		"monotonic": {
			func(s sdk.Time) sdf.WatermarkEstimator { return sdf.NewMonotonic(s) },
			[]string{"late 2900", "late 900", "sum 1500 [1000, 2000)", "sum 3100 [3000, 4000)", "sum 500 [0, 1000)"},
			7000,
		},
		"bounded": {
			func(s sdk.Time) sdf.WatermarkEstimator { return sdf.NewBounded(s, time.Second) },
			[]string{"sum 1400 [0, 1000)", "sum 1500 [1000, 2000)", "sum 2900 [2000, 3000)", "sum 3100 [3000, 4000)"},
			6000,
		},
		"bounded, not enough": {
			func(s sdk.Time) sdf.WatermarkEstimator { return sdf.NewBounded(s, 100*time.Millisecond) },
			[]string{"late 2900", "late 900", "sum 1500 [1000, 2000)", "sum 3100 [3000, 4000)", "sum 500 [0, 1000)"},
			6900,
		},
		"custom": {
			func(s sdk.Time) sdf.WatermarkEstimator { return &byThrees{max(s, 0)} },
			[]string{"late 2900", "sum 1400 [0, 1000)", "sum 1500 [1000, 2000)", "sum 3100 [3000, 4000)"},
			6000,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, mark := estimated(t, &estimatedFn{times, c.make})
				if !slices.Equal(got, c.want) || mark != c.mark {
					t.Errorf("got %q and the watermark %d, want %q and %d", got, mark, c.want, c.mark)
				}
			})
		})
	}
}

// The wall clock is the watermark of ingestion time: it goes on with nothing to read, and never back, whatever the clock does.
func TestWallClockEstimator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var set atomic.Int64 // how far the clock has been set back
		clock := func() time.Time { return time.Now().Add(-time.Duration(set.Load())) }
		fn := &estimatedFn{Times: []int64{start.UnixMilli(), start.UnixMilli() + 1}, New: func(s sdk.Time) sdf.WatermarkEstimator { return sdf.NewWallClock(s, clock) }}
		got, mark := estimated(t, fn)
		if d := mark - start.UnixMilli(); len(got) != 1 || d < 59_000 || d > 61_000 {
			t.Errorf("%q, and after a minute the watermark has gone %d ms", got, d)
		}
		w := sdf.NewWallClock(mtime.Min, clock)
		before := w.Watermark()
		set.Store(int64(time.Hour))
		if w.Watermark() != before {
			t.Error("the watermark goes back with the clock")
		}
		if at := sdf.NewWallClock(mtime.FromTime(start.Add(24*time.Hour)), nil).Watermark(); at != mtime.FromTime(start.Add(24*time.Hour)) {
			t.Errorf("resumed, it stands at %v", at)
		}
	})
}

// An estimator that says less than before moves nothing.
func TestFallingEstimator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &falling{}
		got, mark := estimated(t, &estimatedFn{[]int64{500, 5000, 10_000}, func(sdk.Time) sdf.WatermarkEstimator { return f }})
		want := []string{"sum 500 [0, 1000)", "sum 5000 [5000, 6000)"}
		if !slices.Equal(got, want) || mark < 6000 || mark > 10_000 {
			t.Errorf("got %q and the watermark %d, want %q", got, mark, want)
		}
	})
}

// estimated runs fn for a minute and returns the panes of windows of 1 s that have fired and what was droppable, and the
// watermark of the source; then it cancels.
func estimated(t *testing.T, fn *estimatedFn) (got []string, mark int64) {
	t.Helper()
	s := &said{}
	job := begin(t, func(p *sdk.Pipeline) error {
		s.v = nil
		in := sdk.ParDoSplittable(sdk.Of(p, sdf.OffsetRange{Hi: 1000}), fn, sdk.Name("Source"))
		var late sdk.Output[sdk.KV[bool, int64]]
		keyed := sdk.WithKeys(sdk.WindowInto(in, window.Fixed(time.Second)), func(int64) bool { return true })
		sums := sdk.CombinePerKey(keyed, sumFn{}, sdk.Droppable(&late))
		sdk.Filter(sdk.Reify(sums), func(e sdk.Element[sdk.KV[bool, int64]]) bool {
			s.sayf("sum %d %s", e.Value.Value, brief(e.Windows[0]))
			return false
		})
		sdk.Filter(late.PCollection(), func(v sdk.KV[bool, int64]) bool { s.sayf("late %d", v.Value); return false })
		return nil
	})
	time.Sleep(time.Minute)
	for _, st := range job.Status().Stages {
		if st.Name == "Source" && len(st.Streaming.Splits) == 1 {
			mark = int64(st.Streaming.Splits[0].Watermark)
		}
	}
	got = s.sorted()
	job.Cancel(errOdd)
	if err := job.Wait(); !errors.Is(err, errOdd) {
		t.Errorf("the job has ended with %v", err)
	}
	return got, mark
}
