package join_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace-go/millrace/io/generatorio"
	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/teststream"
	"github.com/millrace-go/millrace/sdk/window"
	"github.com/millrace-go/millrace/transforms/join"
)

// row is a value of one side, numbered, at a time.
type row struct {
	Left bool
	Key  int64
	N    int64
	Time int64
}

// played runs a join of rows that come in bundles, the watermark a while behind, and returns what comes out.
func played[O any](t *testing.T, rows []row, build func(l, r sdk.PCollection[sdk.KV[int64, row]]) sdk.PCollection[O], show func(O, sdk.Time) string) []string {
	t.Helper()
	s := teststream.New[row]()
	for i, x := range rows {
		s.Add(mtime.Time(x.Time), x)
		if i%5 == 4 {
			least := int64(1 << 60)
			for _, later := range rows[i+1:] {
				least = min(least, later.Time)
			}
			s.Watermark(mtime.Time(min(least, 1000)))
		}
	}
	var mu sync.Mutex
	var got []string
	res, err := sdk.Run(context.Background(), &direct.Runner{Workers: 2}, func(p *sdk.Pipeline) error {
		got = nil
		in := sdk.WithKeys(teststream.Read(p, s), func(x row) int64 { return x.Key })
		l := sdk.Filter(in, func(kv sdk.KV[int64, row]) bool { return kv.Value.Left })
		r := sdk.Filter(in, func(kv sdk.KV[int64, row]) bool { return !kv.Value.Left })
		sdk.Map(sdk.Reify(build(l, r)), func(e sdk.Element[O]) bool {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, show(e.Value, e.Time))
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, st := range res.Status.Stages {
		if st.Streaming.Slots != 0 {
			t.Errorf("%s holds %d keys at the end", st.Name, st.Streaming.Slots)
		}
	}
	slices.Sort(got)
	return got
}

func randomRows(seed uint64) []row {
	rng := rand.New(rand.NewPCG(seed, 0))
	rows := make([]row, 60)
	for i := range rows {
		rows[i] = row{Left: rng.IntN(2) == 0, Key: rng.Int64N(3), N: int64(i), Time: int64(i)*2 + rng.Int64N(20)}
	}
	return rows
}

// The interval join is that of two loops, whatever comes first.
func TestIntervalAgainstLoops(t *testing.T) {
	for seed := range uint64(20) {
		rows := randomRows(seed)
		lower, upper := time.Duration(int64(seed)%7-4)*time.Millisecond, time.Duration(seed%11)*time.Millisecond
		got := played(t, rows, func(l, r sdk.PCollection[sdk.KV[int64, row]]) sdk.PCollection[sdk.KV[int64, join.Pair[row, row]]] {
			return join.Interval(l, r, lower, upper)
		}, func(p sdk.KV[int64, join.Pair[row, row]], at sdk.Time) string {
			return fmt.Sprint(p.Key, p.Value.Left.N, p.Value.Right.N, int64(at))
		})
		var want []string
		for _, l := range rows {
			for _, r := range rows {
				d := time.Duration(r.Time-l.Time) * time.Millisecond
				if l.Left && !r.Left && l.Key == r.Key && lower <= d && d <= upper {
					want = append(want, fmt.Sprint(l.Key, l.N, r.N, max(l.Time, r.Time)))
				}
			}
		}
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("seed %d, %v to %v:\n got %q\nwant %q", seed, lower, upper, got, want)
		}
	}
}

// The as-of join finds the version that a loop over all of them finds.
func TestAsOfAgainstLoops(t *testing.T) {
	for seed := range uint64(20) {
		rows := randomRows(seed)
		got := played(t, rows, func(l, r sdk.PCollection[sdk.KV[int64, row]]) sdk.PCollection[sdk.KV[int64, join.Pair[row, join.Optional[row]]]] {
			return join.AsOf(l, r)
		}, func(p sdk.KV[int64, join.Pair[row, join.Optional[row]]], at sdk.Time) string {
			return fmt.Sprint(p.Key, p.Value.Left.N, p.Value.Right.Valid, p.Value.Right.Value.N, int64(at))
		})
		var want []string
		for _, l := range rows {
			if !l.Left {
				continue
			}
			var last row
			found := false
			for _, r := range rows { // in the order in which they come
				if !r.Left && r.Key == l.Key && r.Time <= l.Time && (!found || r.Time >= last.Time) {
					last, found = r, true
				}
			}
			want = append(want, fmt.Sprint(l.Key, l.N, found, last.N, l.Time))
		}
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("seed %d:\n got %q\nwant %q", seed, got, want)
		}
	}
}

// Both joins in windows are the joins of each window, with and without lateness; at the last instant of a window, where
// all panes are, too. Nothing of them is left behind.
func TestStreamJoinsInWindows(t *testing.T) {
	const size = 10
	start := func(ms int64) int64 { return ms - (ms%size+size)%size }
	for seed := range uint64(40) {
		rows := randomRows(seed)
		for i := range rows {
			if i%2 == 0 {
				rows[i].Time = start(rows[i].Time) + size - 1
			}
		}
		lateness := time.Duration(seed%4) * time.Millisecond / 2
		into := func(in sdk.PCollection[sdk.KV[int64, row]]) sdk.PCollection[sdk.KV[int64, row]] {
			return sdk.WindowInto(in, window.Fixed(size*time.Millisecond), sdk.AllowedLateness(lateness))
		}
		got := played(t, rows, func(l, r sdk.PCollection[sdk.KV[int64, row]]) sdk.PCollection[sdk.KV[int64, join.Pair[row, join.Optional[row]]]] {
			return join.AsOf(into(l), into(r))
		}, func(p sdk.KV[int64, join.Pair[row, join.Optional[row]]], at sdk.Time) string {
			return fmt.Sprint(p.Key, p.Value.Left.N, p.Value.Right.Valid, p.Value.Right.Value.N, int64(at))
		})
		var want []string
		for _, l := range rows {
			if !l.Left {
				continue
			}
			var last row
			found := false
			for _, r := range rows { // in the order in which they come
				if !r.Left && r.Key == l.Key && start(r.Time) == start(l.Time) && r.Time <= l.Time && (!found || r.Time >= last.Time) {
					last, found = r, true
				}
			}
			want = append(want, fmt.Sprint(l.Key, l.N, found, last.N, l.Time))
		}
		if slices.Sort(want); !slices.Equal(got, want) {
			t.Errorf("seed %d, lateness %v, as of:\n got %q\nwant %q", seed, lateness, got, want)
		}
		got = played(t, rows, func(l, r sdk.PCollection[sdk.KV[int64, row]]) sdk.PCollection[sdk.KV[int64, join.Pair[row, row]]] {
			return join.Interval(into(l), into(r), -3*time.Millisecond, time.Hour)
		}, func(p sdk.KV[int64, join.Pair[row, row]], at sdk.Time) string {
			return fmt.Sprint(p.Key, p.Value.Left.N, p.Value.Right.N, int64(at))
		})
		want = nil
		for _, l := range rows {
			for _, r := range rows {
				if l.Left && !r.Left && l.Key == r.Key && start(l.Time) == start(r.Time) && r.Time >= l.Time-3 {
					want = append(want, fmt.Sprint(l.Key, l.N, r.N, max(l.Time, r.Time)))
				}
			}
		}
		if slices.Sort(want); !slices.Equal(got, want) {
			t.Errorf("seed %d, lateness %v, interval:\n got %q\nwant %q", seed, lateness, got, want)
		}
	}
}

// Bounds that are no whole milliseconds, or as long as they can be, join what lies between them, and the job ends.
func TestIntervalBounds(t *testing.T) {
	const us = time.Microsecond
	for _, c := range []struct {
		lower, upper time.Duration
		want         []int64 // how long after the left value the right ones are that pair with it
	}{
		{-500 * us, 0, []int64{0}},
		{-1500 * us, 1500 * us, []int64{-1, 0, 1}},
		{500 * us, 2500 * us, []int64{1, 2}},
		{-1000 * us, -500 * us, []int64{-1}},
		{500 * us, 900 * us, nil},
		{math.MinInt64, 0, []int64{-2, -1, 0}},
		{0, math.MaxInt64, []int64{0, 1, 2}},
		{math.MinInt64, math.MaxInt64, []int64{-2, -1, 0, 1, 2}},
		{math.MaxInt64, math.MinInt64, nil},
	} {
		rows := []row{{Left: true, Time: 100}}
		var want []string
		for d := int64(-2); d <= 2; d++ {
			rows = append(rows, row{Time: 100 + d})
			if slices.Contains(c.want, d) {
				want = append(want, fmt.Sprint(d))
			}
		}
		got := played(t, rows, func(l, r sdk.PCollection[sdk.KV[int64, row]]) sdk.PCollection[sdk.KV[int64, join.Pair[row, row]]] {
			return join.Interval(l, r, c.lower, c.upper)
		}, func(p sdk.KV[int64, join.Pair[row, row]], _ sdk.Time) string {
			return fmt.Sprint(p.Value.Right.Time - p.Value.Left.Time)
		})
		if slices.Sort(want); !slices.Equal(got, want) {
			t.Errorf("%v to %v: %q, want %q", c.lower, c.upper, got, want)
		}
	}
}

// The first and last times that there are have their pairs.
func TestStreamJoinsAtTheEnds(t *testing.T) {
	var rows []row
	for i, at := range []sdk.Time{mtime.Min, mtime.Min + 1, mtime.EndOfGlobalWindow - 1, mtime.EndOfGlobalWindow} {
		rows = append(rows, row{Left: true, N: int64(i), Time: int64(at)}, row{N: int64(i), Time: int64(at)})
	}
	want := []string{"0 0", "1 1", "2 2", "3 3"}
	got := played(t, rows, func(l, r sdk.PCollection[sdk.KV[int64, row]]) sdk.PCollection[sdk.KV[int64, join.Pair[row, row]]] {
		return join.Interval(l, r, 0, 0)
	}, func(p sdk.KV[int64, join.Pair[row, row]], _ sdk.Time) string {
		return fmt.Sprint(p.Value.Left.N, p.Value.Right.N)
	})
	if !slices.Equal(got, want) {
		t.Errorf("interval: %q, want %q", got, want)
	}
	got = played(t, rows, func(l, r sdk.PCollection[sdk.KV[int64, row]]) sdk.PCollection[sdk.KV[int64, join.Pair[row, join.Optional[row]]]] {
		return join.AsOf(l, r)
	}, func(p sdk.KV[int64, join.Pair[row, join.Optional[row]]], _ sdk.Time) string {
		return fmt.Sprint(p.Value.Left.N, p.Value.Right.Value.N)
	})
	if !slices.Equal(got, want) {
		t.Errorf("as of: %q, want %q", got, want)
	}
}

// What a stream's join keeps goes as time passes: the state of many rows is that of those that may still meet a partner.
func TestStateExpires(t *testing.T) {
	const n = 400_000
	for name, build := range map[string]func(l, r sdk.PCollection[sdk.KV[int64, int64]]) sdk.PCollection[bool]{
		"interval": func(l, r sdk.PCollection[sdk.KV[int64, int64]]) sdk.PCollection[bool] {
			return sdk.Map(join.Interval(l, r, -10*time.Millisecond, 10*time.Millisecond), func(p sdk.KV[int64, join.Pair[int64, int64]]) bool { return true })
		},
		"as of": func(l, r sdk.PCollection[sdk.KV[int64, int64]]) sdk.PCollection[bool] {
			few := func(kv sdk.KV[int64, int64]) sdk.KV[int64, int64] { return sdk.MakeKV(kv.Key%100, kv.Value) }
			return sdk.Map(join.AsOf(sdk.Map(l, few), sdk.Map(r, few)), func(p sdk.KV[int64, join.Pair[int64, join.Optional[int64]]]) bool { return p.Value.Right.Valid })
		},
	} {
		var pairs atomic.Int64
		res, err := sdk.Run(context.Background(), &direct.Runner{Workers: 2}, func(p *sdk.Pipeline) error {
			in := generatorio.Sequence(p, generatorio.To(n), generatorio.EventTime(func(n int64) sdk.Time { return mtime.Time(n) }))
			keyed := sdk.WithKeys(in, func(v int64) int64 { return v })
			sdk.Filter(build(keyed, keyed), func(ok bool) bool {
				if ok {
					pairs.Add(1)
				}
				return false
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		// A bundle has 10,000 elements, and the watermark comes behind it; all of the rows of the interval join would be 100 MB.
		if most := res.Status.PeakHeld; pairs.Load() != n || most > 60<<20 {
			t.Errorf("%s: %d pairs of %d, and %d bytes of state", name, pairs.Load(), n, most)
		} else {
			t.Logf("%s: at most %d bytes of state", name, most)
		}
	}
}
