package stats_test

import (
	"context"
	"fmt"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/transforms/stats"
)

func ExampleTop() {
	_, err := sdk.Run(context.Background(), &direct.Runner{}, func(p *sdk.Pipeline) error {
		counts := stats.Count(sdk.Of(p, "b", "a", "b", "c", "b", "c"))
		top := stats.Top(counts, 2, func(x, y sdk.KV[string, int64]) bool { return x.Value < y.Value })
		sdk.Map(top, func(kvs []sdk.KV[string, int64]) bool {
			fmt.Println(kvs)
			return true
		})
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output: [{b 3} {c 2}]
}
