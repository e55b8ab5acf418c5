package join_test

import (
	"context"
	"fmt"
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

// played runs a join of rows that come in bundles, the watermark a while behind, in windows of so many ms or, if 0, in the
// global one, and returns what comes out.
func played[O any](t *testing.T, rows []row, size int64, build func(l, r sdk.PCollection[sdk.KV[int64, row]]) sdk.PCollection[O], show func(O, sdk.Time) string) []string {
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
		if size > 0 {
			in = sdk.WindowInto(in, window.Fixed(time.Duration(size)*time.Millisecond))
		}
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

// together reports whether two times are in one window.
func together(a, b, size int64) bool { return size == 0 || a/size == b/size }

// The interval join is that of two loops, whatever comes first, in windows too.
func TestIntervalAgainstLoops(t *testing.T) {
	for seed := range uint64(40) {
		rows := randomRows(seed)
		size := int64(seed%2) * 20
		lower, upper := time.Duration(int64(seed)%7-4)*time.Millisecond, time.Duration(seed%11)*time.Millisecond
		got := played(t, rows, size, func(l, r sdk.PCollection[sdk.KV[int64, row]]) sdk.PCollection[sdk.KV[int64, join.Pair[row, row]]] {
			return join.Interval(l, r, lower, upper)
		}, func(p sdk.KV[int64, join.Pair[row, row]], at sdk.Time) string {
			return fmt.Sprint(p.Key, p.Value.Left.N, p.Value.Right.N, int64(at))
		})
		var want []string
		for _, l := range rows {
			for _, r := range rows {
				d := time.Duration(r.Time-l.Time) * time.Millisecond
				if l.Left && !r.Left && l.Key == r.Key && lower <= d && d <= upper && together(l.Time, r.Time, size) {
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

// The as-of join finds the version that a loop over all of them finds, in windows too.
func TestAsOfAgainstLoops(t *testing.T) {
	for seed := range uint64(40) {
		rows := randomRows(seed)
		size := int64(seed%2) * 20
		got := played(t, rows, size, func(l, r sdk.PCollection[sdk.KV[int64, row]]) sdk.PCollection[sdk.KV[int64, join.Pair[row, join.Optional[row]]]] {
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
				if !r.Left && r.Key == l.Key && r.Time <= l.Time && together(l.Time, r.Time, size) && (!found || r.Time >= last.Time) {
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
		if most := res.Status.PeakHeld; pairs.Load() != n || most > 24<<20 {
			t.Errorf("%s: %d pairs of %d, and %d bytes of state", name, pairs.Load(), n, most)
		} else {
			t.Logf("%s: at most %d bytes of state", name, most)
		}
	}
}
