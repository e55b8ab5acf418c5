package direct_test

import (
	"context"
	"fmt"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/transforms/stats"
)

// The zero Runner uses all cores and half of the memory. Start instead of sdk.Run gives the job while it runs.
func Example() {
	g, err := sdk.Build(func(p *sdk.Pipeline) error {
		sdk.Map(stats.Sum(sdk.Of(p, 1, 2, 3)), func(sum int) bool { fmt.Println("sum:", sum); return true }, sdk.Name("print"))
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	job, err := (&direct.Runner{Workers: 2, Budget: 64 << 20}).Start(context.Background(), g)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(job.Wait())
	st := job.Status()
	fmt.Println(st.State, st.Spilled, "bytes spilled")
	// Output:
	// sum: 6
	// <nil>
	// done 0 bytes spilled
}
