package counted_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
	"github.com/millrace-go/millrace/transforms/counted"
)

type sumFn struct{}

func (sumFn) CreateAccumulator() int64           { return 0 }
func (sumFn) AddInput(a, v int64) int64          { return a + v }
func (sumFn) MergeAccumulators(a, b int64) int64 { return a + b }
func (sumFn) ExtractOutput(a int64) int64        { return a }

// Random values, keys, sizes and windows give what a loop gives: each size values of a key and window, in the order of
// time, and what is left at the end of the window.
func TestAgainstALoop(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for range 6 {
		n, keys, size := r.IntN(400), 1+r.Int64N(4), 1+r.Int64N(9)
		span := mtime.Time(1000 * (1 + r.IntN(100)))
		values := make([]sdk.Timestamped[sdk.KV[int64, int64]], n)
		for i, at := range r.Perm(n) {
			values[i] = sdk.Timestamped[sdk.KV[int64, int64]]{Time: mtime.Time(at * 1000), Value: sdk.MakeKV(r.Int64N(keys), r.Int64N(1000))}
		}

		var want []string
		type place struct {
			start mtime.Time
			key   int64
		}
		type run struct {
			vs    []int64
			index int64
		}
		open := map[place]*run{}
		tell := func(at place, end mtime.Time, w *run) {
			sum := int64(0)
			for _, v := range w.vs {
				sum += v
			}
			want = append(want, fmt.Sprint("sum ", at.key, end, counted.Window[int64]{Value: sum, Count: int64(len(w.vs)), Index: w.index}),
				fmt.Sprint("group ", at.key, end, counted.Window[[]int64]{Value: w.vs, Count: int64(len(w.vs)), Index: w.index}))
		}
		byTime := slices.SortedFunc(slices.Values(values), func(a, b sdk.Timestamped[sdk.KV[int64, int64]]) int { return int(a.Time - b.Time) })
		for _, v := range byTime {
			at := place{v.Time - v.Time%span, v.Value.Key}
			if open[at] == nil {
				open[at] = &run{}
			}
			w := open[at]
			if w.vs = append(w.vs, v.Value.Value); int64(len(w.vs)) == size {
				tell(at, v.Time, w)
				open[at] = &run{index: w.index + 1}
			}
		}
		for at, w := range open {
			if len(w.vs) > 0 {
				tell(at, at.start+span-1, w)
			}
		}

		var mu sync.Mutex
		var got []string
		add := func(s string) bool {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, s)
			return true
		}
		_, err := sdk.Run(t.Context(), &direct.Runner{Workers: 1 + r.IntN(3)}, func(p *sdk.Pipeline) error {
			in := sdk.WindowInto(sdk.CreateTimestamped(p, values), window.Fixed(time.Duration(span)*time.Millisecond))
			sums := counted.CombinePerKey(in, size, sumFn{}, sdk.SortedByTime())
			sdk.Map(sdk.Reify(sums), func(e sdk.Element[sdk.KV[int64, counted.Window[int64]]]) bool {
				return add(fmt.Sprint("sum ", e.Value.Key, e.Time, e.Value.Value))
			})
			groups := counted.GroupByKey(in, size, sdk.SortedByTime())
			sdk.Map(sdk.Reify(groups), func(e sdk.Element[sdk.KV[int64, counted.Window[[]int64]]]) bool {
				return add(fmt.Sprint("group ", e.Value.Key, e.Time, e.Value.Value))
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Fatalf("%d values, %d keys, size %d, windows of %v:\n got %.600q\nwant %.600q", n, keys, size, span, got, want)
		}
	}
}

func TestSizeBelowOne(t *testing.T) {
	_, err := sdk.Run(t.Context(), &direct.Runner{}, func(p *sdk.Pipeline) error {
		counted.GroupByKey(sdk.Of(p, sdk.MakeKV("a", 1)), 0)
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "at least 1") {
		t.Errorf("error %v", err)
	}
}
