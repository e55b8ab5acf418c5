package transforms

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/millrace-go/millrace/runners/ptest"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/passert"
	"github.com/millrace-go/millrace/transforms/deadletter"
	"github.com/millrace-go/millrace/transforms/dedupe"
	"github.com/millrace-go/millrace/transforms/filter"
	"github.com/millrace-go/millrace/transforms/join"
	"github.com/millrace-go/millrace/transforms/sketch"
	"github.com/millrace-go/millrace/transforms/stats"
)

func kv[V any](k string, v V) sdk.KV[string, V] { return sdk.MakeKV(k, v) }

func TestStats(t *testing.T) {
	ptest.Run(t, func(p *sdk.Pipeline) {
		ints := sdk.Of(p, 3, 1, 2, 3, 10)
		none := sdk.Filter(ints, func(int) bool { return false })
		pairs := sdk.Of(p, kv("a", 1), kv("a", 5), kv("b", 2))
		passert.Equals(stats.Count(ints), sdk.MakeKV(3, int64(2)), sdk.MakeKV(1, int64(1)), sdk.MakeKV(2, int64(1)), sdk.MakeKV(10, int64(1)))
		passert.Equals(stats.CountAll(ints), 5)
		passert.Equals(stats.CountAll(none), 0)
		passert.Equals(stats.CountPerKey(pairs), kv("a", int64(2)), kv("b", int64(1)))
		passert.Equals(stats.Sum(ints), 19)
		passert.Equals(stats.SumPerKey(pairs), kv("a", 6), kv("b", 2))
		passert.Equals(stats.Mean(ints), 3.8)
		passert.Equals(stats.MeanPerKey(pairs), kv("a", 3.0), kv("b", 2.0))
		passert.That(stats.Mean(none), func(got []float64) error {
			if len(got) != 1 || !math.IsNaN(got[0]) {
				return fmt.Errorf("the mean of nothing is %v", got)
			}
			return nil
		})
		passert.Equals(stats.Min(ints), stats.Extreme[int]{Value: 1, Any: true})
		passert.Equals(stats.Max(ints), stats.Extreme[int]{Value: 10, Any: true})
		passert.Equals(stats.Max(none), stats.Extreme[int]{})
		passert.Equals(stats.MaxPerKey(pairs), kv("a", 5), kv("b", 2))
		passert.Equals(stats.MinPerKey(pairs), kv("a", 1), kv("b", 2))
		less := func(a, b int) bool { return a < b }
		passert.Equals(stats.Top(ints, 3, less), []int{10, 3, 3})
		passert.Equals(stats.Top(ints, 9, less), []int{10, 3, 3, 2, 1})
		passert.Equals(stats.TopPerKey(pairs, 1, less), kv("a", []int{5}), kv("b", []int{2}))
		timed := sdk.CreateTimestamped(p, []sdk.Timestamped[string]{{Time: 5, Value: "new"}, {Time: 1, Value: "old"}})
		passert.Equals(stats.Latest(timed), stats.Extreme[string]{Value: "new", Any: true})
		passert.Equals(stats.LatestPerKey(sdk.WithKeys(timed, func(string) int { return 1 })), sdk.MakeKV(1, "new"))
		passert.That(stats.Sample(ints, 3), func(got [][]int) error {
			for _, v := range got[0] {
				if !slices.Contains([]int{1, 2, 3, 10}, v) {
					return fmt.Errorf("%d was never there", v)
				}
			}
			if len(got[0]) != 3 {
				return fmt.Errorf("a sample of %d", len(got[0]))
			}
			return nil
		})
	})
}

func TestTopAgainstSort(t *testing.T) {
	var vs []int
	for i := range 5000 {
		vs = append(vs, i*7919%10007)
	}
	want := slices.Clone(vs)
	slices.SortFunc(want, func(a, b int) int { return b - a })
	ptest.Run(t, func(p *sdk.Pipeline) {
		passert.Equals(stats.Top(sdk.Create(p, vs), 40, func(a, b int) bool { return a < b }), want[:40])
	}, ptest.Fast())
}

func TestSketches(t *testing.T) {
	for _, budget := range []int64{0, 1} {
		ptest.Run(t, func(p *sdk.Pipeline) {
			var vs []int
			for i := range 30_000 {
				vs = append(vs, i%10_000)
			}
			in := sdk.Create(p, vs)
			passert.That(stats.ApproxDistinct(in), func(got []int64) error {
				if got[0] < 9_700 || got[0] > 10_300 {
					return fmt.Errorf("%d distinct, want about 10000", got[0])
				}
				return nil
			})
			passert.That(sketch.DistinctPerKey(sdk.WithKeys(in, func(i int) int { return i % 3 })), func(got []sdk.KV[int, int64]) error {
				for _, kv := range got {
					if kv.Value < 3_200 || kv.Value > 3_470 {
						return fmt.Errorf("%d distinct for key %d, want about 3333", kv.Value, kv.Key)
					}
				}
				return nil
			})
			passert.That(stats.Quantiles(in, []float64{0.5, 0.99}), func(got [][]float64) error {
				if q := got[0]; math.Abs(q[0]/5000-1) > 0.02 || math.Abs(q[1]/9900-1) > 0.02 {
					return fmt.Errorf("quantiles %v", q)
				}
				return nil
			})
		}, ptest.Fast(), ptest.Budget(budget))
	}
}

func TestJoins(t *testing.T) {
	ptest.Run(t, func(p *sdk.Pipeline) {
		l := sdk.Of(p, kv("both", 1), kv("both", 2), kv("left", 3))
		r := sdk.Of(p, kv("both", "x"), kv("right", "y"))
		some, none := join.Optional[string]{Value: "x", Valid: true}, join.Optional[string]{}
		num := func(i int) join.Optional[int] { return join.Optional[int]{Value: i, Valid: true} }
		passert.Equals(join.Inner(l, r), kv("both", join.Pair[int, string]{Left: 1, Right: "x"}), kv("both", join.Pair[int, string]{Left: 2, Right: "x"}))
		type left = join.Pair[int, join.Optional[string]]
		passert.Equals(join.Left(l, r), kv("both", left{Left: 1, Right: some}), kv("both", left{Left: 2, Right: some}), kv("left", left{Left: 3, Right: none}))
		type right = join.Pair[join.Optional[int], string]
		passert.Equals(join.Right(l, r), kv("both", right{Left: num(1), Right: "x"}), kv("both", right{Left: num(2), Right: "x"}), kv("right", right{Left: join.Optional[int]{}, Right: "y"}))
		type full = join.Pair[join.Optional[int], join.Optional[string]]
		passert.Equals(join.Full(l, r), kv("both", full{Left: num(1), Right: some}), kv("both", full{Left: num(2), Right: some}), kv("left", full{Left: num(3), Right: none}),
			kv("right", full{Left: join.Optional[int]{}, Right: join.Optional[string]{Value: "y", Valid: true}}))
		passert.Equals(join.Semi(l, r), kv("both", 1), kv("both", 2))
		passert.Equals(join.Anti(l, r), kv("left", 3))
	})
}

func TestFiltersAndDedupe(t *testing.T) {
	ptest.Run(t, func(p *sdk.Pipeline) {
		in := sdk.Of(p, 1, 2, 2, 3, 0)
		passert.Equals(filter.GreaterThan(in, 1), 2, 2, 3)
		passert.Equals(filter.GreaterThanEq(in, 3), 3)
		passert.Equals(filter.LessThan(in, 1), 0)
		passert.Equals(filter.LessThanEq(in, 1), 0, 1)
		passert.Equals(filter.Equal(in, 2), 2, 2)
		passert.Equals(filter.NonZero(in), 1, 2, 2, 3)
		passert.Equals(filter.Exclude(in, func(i int) bool { return i > 1 }), 1, 0)
		passert.Equals(dedupe.Distinct(in), 0, 1, 2, 3)
		passert.Count(dedupe.ByKey(in, func(i int) bool { return i%2 == 0 }), 2)
		out, failed := deadletter.Map(in, func(i int) (int, error) {
			if i == 0 {
				return 0, fmt.Errorf("division by zero")
			}
			return 6 / i, nil
		}, sdk.Name("divide"))
		passert.Equals(out, 6, 3, 3, 2)
		passert.Equals(deadletter.Records(failed, nil), deadletter.Record{Transform: "divide", Error: "division by zero", Attempts: 1, Element: "0"})
	})
}

func TestGroupIntoBatches(t *testing.T) {
	ptest.Run(t, func(p *sdk.Pipeline) {
		var in []sdk.KV[string, int]
		for i := range 10 {
			in = append(in, kv("a", i))
		}
		sizes := func(l sdk.BatchLimits) sdk.PCollection[int] {
			return sdk.Map(sdk.GroupIntoBatches(sdk.Create(p, in), l), func(b sdk.KV[string, []int]) int { return len(b.Value) })
		}
		passert.Equals(sizes(sdk.BatchLimits{Count: 4}), 4, 4, 2)
		passert.Equals(sizes(sdk.BatchLimits{Bytes: 3}), 3, 3, 3, 1)
		passert.Equals(sizes(sdk.BatchLimits{Bytes: 3, Count: 2}), 2, 2, 2, 2, 2)
	})
}
