package sketch_test

import (
	"context"
	"fmt"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/transforms/sketch"
)

func Example() {
	var latencies []float64 // 1 to 1000 ms, each ten times
	for i := range 10_000 {
		latencies = append(latencies, float64(1+i%1000))
	}
	_, err := sdk.Run(context.Background(), &direct.Runner{}, func(p *sdk.Pipeline) error {
		in := sdk.Create(p, latencies)
		sdk.Map(sketch.Distinct(in), func(n int64) bool {
			fmt.Println("about 1000 different ones:", n > 960 && n < 1040)
			return true
		})
		sdk.Map(sketch.Quantiles(in, []float64{0.5, 0.99}), func(q []float64) bool {
			fmt.Println("within 1%:", q[0] > 495 && q[0] < 505, q[1] > 980 && q[1] < 1000)
			return true
		})
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Unordered output:
	// about 1000 different ones: true
	// within 1%: true true
}
