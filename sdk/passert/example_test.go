package passert_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/passert"
)

// In tests package ptest runs the pipeline; an assertion that does not hold fails the job.
func Example() {
	_, err := sdk.Run(context.Background(), &direct.Runner{}, func(p *sdk.Pipeline) error {
		doubled := sdk.Map(sdk.Of(p, 1, 2, 3), func(n int) int { return 2 * n })
		passert.Equals(doubled, 6, 4, 2) // in any order
		passert.Count(doubled, 3)
		passert.That(doubled, func(got []int) error {
			for _, n := range got {
				if n > 5 {
					return fmt.Errorf("%w: %d is too large", passert.ErrFailed, n)
				}
			}
			return nil
		})
		return nil
	})
	fmt.Println(errors.Is(err, passert.ErrFailed))
	// Output: true
}
