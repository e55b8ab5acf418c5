package counted_test

import (
	"context"
	"fmt"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/transforms/counted"
)

// Every three laps of a runner, and what is left at the end.
func Example() {
	lap := func(minute int, name string, seconds int) sdk.Timestamped[sdk.KV[string, int]] {
		return sdk.Timestamped[sdk.KV[string, int]]{Time: mtime.Time(minute * 60_000), Value: sdk.MakeKV(name, seconds)}
	}
	_, err := sdk.Run(context.Background(), &direct.Runner{}, func(p *sdk.Pipeline) error {
		laps := sdk.CreateTimestamped(p, []sdk.Timestamped[sdk.KV[string, int]]{
			lap(1, "ann", 61), lap(2, "ann", 63), lap(2, "bob", 70), lap(3, "ann", 60), lap(4, "bob", 72), lap(4, "ann", 66),
		})
		threes := counted.GroupByKey(laps, 3, sdk.SortedByTime())
		sdk.Map(threes, func(w sdk.KV[string, counted.Window[[]int]]) bool {
			fmt.Println(w.Key, w.Value.Index, w.Value.Value)
			return true
		})
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Unordered output:
	// ann 0 [61 63 60]
	// ann 1 [66]
	// bob 0 [70 72]
}
