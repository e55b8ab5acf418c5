package metrics_test

import (
	"context"
	"fmt"
	"strconv"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/metrics"
)

// parseFn counts what it passes over, and how large numbers are.
type parseFn struct {
	Bad   metrics.Counter
	Sizes metrics.Distribution
}

func (f *parseFn) ProcessElement(_ *sdk.Context, s string, out sdk.Emitter[int64]) error {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		f.Bad.Inc(1)
		return nil
	}
	f.Sizes.Update(n)
	out.Emit(n)
	return nil
}

func Example() {
	res, err := sdk.Run(context.Background(), &direct.Runner{}, func(p *sdk.Pipeline) error {
		sdk.ParDo(sdk.Of(p, "1", "two", "30", ""), &parseFn{}, sdk.Name("parse"))
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("bad:", res.Counter("parse", "Bad"))
	for _, m := range res.Status.Metrics {
		if m.Name == "Sizes" {
			fmt.Println("sizes:", m.Value.Count, "from", m.Value.Min, "to", m.Value.Max)
		}
	}
	// Output:
	// bad: 2
	// sizes: 2 from 1 to 30
}
