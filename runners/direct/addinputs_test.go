package direct_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
)

// digits appends what it is given, so that the order shows. It counts what came one by one in another way.
type digits struct{}

func (digits) CreateAccumulator() string            { return "" }
func (digits) AddInput(a string, in int) string     { return a + fmt.Sprint(in) + "!" }
func (digits) MergeAccumulators(a, b string) string { return a + b }
func (digits) ExtractOutput(a string) string        { return a }

func (digits) AddInputs(accs []string, of []uint32, in []int) {
	for i, at := range of {
		accs[at] += fmt.Sprint(in[i])
	}
}

// A CombineFn that takes many inputs at once gets all of them, each for its key, in order.
func TestAddInputs(t *testing.T) {
	got := collect(t, &direct.Runner{Workers: 1}, func(p *sdk.Pipeline) sdk.PCollection[string] {
		var rows []sdk.KV[string, int]
		for i := range 1000 {
			rows = append(rows, sdk.MakeKV([]string{"a", "b", "a long key of the third"}[i%3], i%10))
		}
		return sdk.Map(sdk.CombinePerKey(sdk.Create(p, rows), digits{}), func(kv sdk.KV[string, string]) string { return kv.Key + kv.Value })
	})
	want := []string{"a", "b", "a long key of the third"}
	for i := range 1000 {
		want[i%3] += fmt.Sprint(i % 10)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%.60q, want %.60q", got, want)
	}
}
