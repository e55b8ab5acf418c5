// Minimal is the smallest useful pipeline: it squares numbers, adds up the even squares and prints the sum.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/transforms/stats"
)

func build(p *sdk.Pipeline) error {
	numbers := sdk.Of(p, 1, 2, 3, 4, 5, 6)
	squares := sdk.Map(numbers, func(n int) int { return n * n })
	even := sdk.Filter(squares, func(n int) bool { return n%2 == 0 })
	sdk.Map(stats.Sum(even), func(sum int) bool {
		fmt.Println(sum)
		return true
	})
	return nil
}

func main() {
	if _, err := sdk.Run(context.Background(), &direct.Runner{}, build); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
