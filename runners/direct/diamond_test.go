package direct_test

import (
	"fmt"
	"iter"
	"slices"
	"testing"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
)

// against emits its element beside the sum and the number of the view's.
type against struct{ All sdk.ListView[int] }

func (f *against) ProcessElement(c *sdk.Context, v int, out sdk.Emitter[string]) error {
	sum := 0
	for x := range f.All.All(c) {
		sum += x
	}
	out.Emit(fmt.Sprint(v, " of ", sum, " in ", f.All.Len(c)))
	return nil
}

func upToN(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}

func wantAgainst(vs []int, sum, n int) (want []string) {
	for _, v := range vs {
		want = append(want, fmt.Sprint(v, " of ", sum, " in ", n))
	}
	slices.Sort(want)
	return want
}

// Where a collection is read beside a view that is made from it, it waits in a spool; what else reads it does so
// once, from where it is made.
func TestCollectionBesideItsOwnView(t *testing.T) {
	const n = 1000
	const sum = n * (n - 1) / 2
	tests := []struct {
		name  string
		build func(p *sdk.Pipeline) sdk.PCollection[string]
		want  []string
	}{
		{"a view made directly of the collection", func(p *sdk.Pipeline) sdk.PCollection[string] {
			in := sdk.Create(p, upToN(n))
			return sdk.ParDo(in, &against{All: sdk.AsList(in)})
		}, wantAgainst(upToN(n), sum, n)},
		{"a grouping of the collection", func(p *sdk.Pipeline) sdk.PCollection[string] {
			in := sdk.WithKeys(sdk.Create(p, upToN(n)), func(int) string { return "k" })
			vs := sdk.Values(in)
			waits := sdk.ParDo(in, &countsView{Sum: sdk.AsSingleton(sdk.CombineGlobally(vs, counter{}))})
			return sdk.Map(sdk.CoGroupByKey2(waits, in), func(g sdk.KV[string, sdk.CoGroup2[int, int]]) string {
				return fmt.Sprint(len(slices.Collect(g.Value.A)), " ", len(slices.Collect(g.Value.B)))
			})
		}, []string{fmt.Sprint(n, " ", n)}},
		{"a grouping of the collection alone", func(p *sdk.Pipeline) sdk.PCollection[string] {
			in := sdk.WithKeys(sdk.Create(p, upToN(n)), func(int) string { return "k" })
			waits := sdk.ParDo(in, &countsView{Sum: sdk.AsSingleton(sdk.CombineGlobally(sdk.Values(in), counter{}))})
			// It waits for the other, so that the spool has been read by then.
			later := sdk.WaitFor(sdk.Of(p, 1), sdk.Done(waits))
			grouped := sdk.Map(sdk.GroupByKey(in), func(g sdk.KV[string, iter.Seq[int]]) string { return fmt.Sprint(len(slices.Collect(g.Value))) })
			return sdk.Flatten(grouped, sdk.Map(later, func(int) string { return "later" }))
		}, []string{fmt.Sprint(n), "later"}},
		{"a flatten of the collection and what waits", func(p *sdk.Pipeline) sdk.PCollection[string] {
			in := sdk.Create(p, upToN(n))
			a := sdk.Map(in, func(v int) string { return fmt.Sprint(v) })
			all := sdk.Flatten(a, sdk.ParDo(a, &textsAgainst{N: sdk.AsSingleton(sdk.CombineGlobally(in, counter{}))}))
			return sdk.Map(sdk.CombinePerKey(sdk.WithKeys(all, func(s string) string { return s[len(s)-1:] }), countTexts{}), func(kv sdk.KV[string, int]) string { return fmt.Sprint(kv.Key, kv.Value) })
		}, []string{fmt.Sprint("!", n), "0100", "1100", "2100", "3100", "4100", "5100", "6100", "7100", "8100", "9100"}},
		{"of two inputs one waits for one view, both for another", func(p *sdk.Pipeline) sdk.PCollection[string] {
			a, b := sdk.Create(p, upToN(n)), sdk.Create(p, []int{-1, -2})
			both := sdk.Flatten(a, b)
			mapped := sdk.Map(both, func(v int) int { return v })
			one := sdk.ParDo(mapped, &against{All: sdk.AsList(sdk.Map(a, func(v int) int { return v }))})
			two := sdk.ParDo(mapped, &against{All: sdk.AsList(sdk.Map(both, func(v int) int { return v }))})
			return sdk.Flatten(one, two)
		}, slices.Sorted(slices.Values(append(wantAgainst(append(upToN(n), -1, -2), sum, n), wantAgainst(append(upToN(n), -1, -2), sum-3, n+2)...)))},
		{"of two inputs each waits for a view", func(p *sdk.Pipeline) sdk.PCollection[string] {
			a, b := sdk.Create(p, upToN(n)), sdk.Create(p, []int{-1, -2})
			both := sdk.Map(sdk.Flatten(a, b), func(v int) int { return v })
			one := sdk.ParDo(both, &against{All: sdk.AsList(sdk.Map(a, func(v int) int { return v }))})
			two := sdk.ParDo(both, &against{All: sdk.AsList(sdk.Map(b, func(v int) int { return v }))})
			return sdk.Flatten(one, two)
		}, slices.Sorted(slices.Values(append(wantAgainst(append(upToN(n), -1, -2), sum, n), wantAgainst(append(upToN(n), -1, -2), -3, 2)...)))},
		{"both inputs wait, then one", func(p *sdk.Pipeline) sdk.PCollection[string] {
			a, b := sdk.Create(p, upToN(n)), sdk.Create(p, []int{-1, -2})
			both := sdk.Map(sdk.Flatten(a, b), func(v int) int { return v })
			two := sdk.ParDo(both, &against{All: sdk.AsList(sdk.Map(both, func(v int) int { return v }))})
			one := sdk.ParDo(both, &against{All: sdk.AsList(sdk.Map(b, func(v int) int { return v }))})
			return sdk.Flatten(one, two)
		}, slices.Sorted(slices.Values(append(wantAgainst(append(upToN(n), -1, -2), -3, 2), wantAgainst(append(upToN(n), -1, -2), sum-3, n+2)...)))},
	}
	for _, tt := range tests {
		for _, budget := range []int64{-1, 1} {
			t.Run(fmt.Sprintf("%s/budget=%d", tt.name, budget), func(t *testing.T) {
				got := collect(t, &direct.Runner{Budget: budget, TempDir: t.TempDir(), BatchSize: 7}, tt.build)
				if !slices.Equal(got, tt.want) {
					t.Errorf("%d results, want %d: %.300q, want %.300q", len(got), len(tt.want), got, tt.want)
				}
			})
		}
	}
}

type countsView struct{ Sum sdk.SingletonView[int] }

func (f *countsView) ProcessElement(c *sdk.Context, kv sdk.KV[string, int], out sdk.Emitter[sdk.KV[string, int]]) error {
	if f.Sum.Get(c) == 0 {
		return fmt.Errorf("the view is empty")
	}
	out.Emit(kv)
	return nil
}

type textsAgainst struct{ N sdk.SingletonView[int] }

func (f *textsAgainst) ProcessElement(c *sdk.Context, s string, out sdk.Emitter[string]) error {
	if f.N.Get(c) == 0 {
		return fmt.Errorf("the view is empty")
	}
	out.Emit(s + "!")
	return nil
}

type countTexts struct{}

func (countTexts) CreateAccumulator() int         { return 0 }
func (countTexts) AddInput(a int, _ string) int   { return a + 1 }
func (countTexts) MergeAccumulators(a, b int) int { return a + b }
func (countTexts) ExtractOutput(a int) int        { return a }
