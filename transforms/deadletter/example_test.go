package deadletter_test

import (
	"context"
	"fmt"
	"strconv"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/transforms/deadletter"
)

func Example() {
	_, err := sdk.Run(context.Background(), &direct.Runner{}, func(p *sdk.Pipeline) error {
		numbers, failed := deadletter.Map(sdk.Of(p, "1", "two", "3"), strconv.Atoi, sdk.Name("parse"))
		sdk.Map(numbers, func(n int) bool { fmt.Println(n); return true })
		// Records are what every sink can write.
		sdk.Map(deadletter.Records(failed, strconv.Quote), func(r deadletter.Record) bool {
			fmt.Printf("%s of %s, tried %d times: %s\n", r.Transform, r.Element, r.Attempts, r.Error)
			return true
		})
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Unordered output:
	// 1
	// 3
	// parse of "two", tried 1 times: strconv.Atoi: parsing "two": invalid syntax
}
