package direct_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
)

// collect runs build and returns what it gave to keep, in the order of its printed form.
func collect[T any](t *testing.T, r *direct.Runner, build func(p *sdk.Pipeline) sdk.PCollection[T]) []string {
	t.Helper()
	var mu sync.Mutex
	var got []string
	_, err := sdk.Run(context.Background(), r, func(p *sdk.Pipeline) error {
		sdk.Map(build(p), func(v T) bool {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, fmt.Sprint(v))
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	return got
}

type sum struct{}

func (sum) CreateAccumulator() int64           { return 0 }
func (sum) AddInput(a int64, v int64) int64    { return a + v }
func (sum) MergeAccumulators(a, b int64) int64 { return a + b }
func (sum) ExtractOutput(a int64) int64        { return a }

func TestWordCount(t *testing.T) {
	got := collect(t, &direct.Runner{}, func(p *sdk.Pipeline) sdk.PCollection[sdk.KV[string, int64]] {
		lines := sdk.Of(p, "a b a", "c", "", "b a")
		words := sdk.FlatMap(lines, strings.FieldsSeq)
		return sdk.CombinePerKey(sdk.Map(words, func(w string) sdk.KV[string, int64] { return sdk.MakeKV(w, int64(1)) }), sum{})
	})
	if want := []string{"{a 3}", "{b 2}", "{c 1}"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestGroupByKey(t *testing.T) {
	got := collect(t, &direct.Runner{}, func(p *sdk.Pipeline) sdk.PCollection[string] {
		kvs := sdk.WithKeys(sdk.Of(p, 1, 2, 3, 4, 5), func(i int) string { return []string{"even", "odd"}[i%2] })
		return sdk.Map(sdk.GroupByKey(kvs), func(g sdk.KV[string, iter.Seq[int]]) string {
			return fmt.Sprint(g.Key, slices.Sorted(g.Value))
		})
	})
	if want := []string{"even[2 4]", "odd[1 3 5]"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

type overMean struct {
	Mean sdk.SingletonView[int64]
}

func (f *overMean) ProcessElement(c *sdk.Context, v int64, out sdk.Emitter[int64]) error {
	out.Emit(v - f.Mean.Get(c))
	return nil
}

// The commonest use of a view: x and the mean of x come from the same source.
func TestViewOfOwnInput(t *testing.T) {
	got := collect(t, &direct.Runner{}, func(p *sdk.Pipeline) sdk.PCollection[int64] {
		xs := sdk.Map(sdk.Of(p, 1, 2, 3), func(i int) int64 { return int64(i) })
		return sdk.ParDo(xs, &overMean{Mean: sdk.AsSingleton(sdk.CombineGlobally(xs, sum{}))})
	})
	if want := []string{"-3", "-4", "-5"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
