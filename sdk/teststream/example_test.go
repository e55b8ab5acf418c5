package teststream_test

import (
	"context"
	"fmt"
	"time"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/teststream"
	"github.com/millrace-go/millrace/sdk/window"
)

type sum struct{}

func (sum) CreateAccumulator() int         { return 0 }
func (sum) AddInput(s, v int) int          { return s + v }
func (sum) MergeAccumulators(a, b int) int { return a + b }
func (sum) ExtractOutput(s int) int        { return s }

// A window's sum comes when the watermark has passed the window's end.
func Example() {
	script := teststream.New[sdk.KV[string, int]]().
		Add(teststream.At(1*time.Second), sdk.MakeKV("a", 3)).
		Add(teststream.At(12*time.Second), sdk.MakeKV("a", 10)).
		Add(teststream.At(2*time.Second), sdk.MakeKV("a", 4)). // behind, but not late
		Watermark(teststream.At(11 * time.Second)).
		End()
	_, err := sdk.Run(context.Background(), &direct.Runner{Workers: 1}, func(p *sdk.Pipeline) error {
		in := sdk.WindowInto(teststream.Read(p, script), window.Fixed(10*time.Second))
		sdk.Map(sdk.CombinePerKey(in, sum{}), func(kv sdk.KV[string, int]) bool {
			fmt.Println(kv.Key, kv.Value)
			return true
		})
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// a 7
	// a 10
}
