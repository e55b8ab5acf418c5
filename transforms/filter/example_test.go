package filter_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/transforms/filter"
)

func Example() {
	_, err := sdk.Run(context.Background(), &direct.Runner{}, func(p *sdk.Pipeline) error {
		words := filter.NonZero(sdk.Of(p, "to", "", "be", "# comment"))
		words = filter.Exclude(words, func(w string) bool { return strings.HasPrefix(w, "#") })
		sdk.Map(words, func(w string) bool { fmt.Println(w); return true })
		sdk.Map(filter.GreaterThan(sdk.Of(p, 1, 2, 3), 2), func(n int) bool { fmt.Println(n); return true })
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Unordered output:
	// to
	// be
	// 3
}
