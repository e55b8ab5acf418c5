package sdf_test

import (
	"context"
	"fmt"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/sdf"
)

// squaresFn is a source: of a number n it gives the squares below n². Its restriction is the range [0, n).
type squaresFn struct{}

func (squaresFn) InitialRestriction(n int) sdf.OffsetRange { return sdf.OffsetRange{Hi: int64(n)} }

func (squaresFn) NewTracker(r sdf.OffsetRange) *sdf.OffsetTracker { return sdf.NewOffsetTracker(r) }

func (squaresFn) ProcessElement(_ *sdk.Context, _ int, t *sdf.OffsetTracker, out sdk.Emitter[int64]) (sdk.Continuation, error) {
	for i := t.Restriction().Lo; t.TryClaim(i); i++ {
		out.Emit(i * i)
	}
	return sdf.Stop(), nil
}

func Example() {
	_, err := sdk.Run(context.Background(), &direct.Runner{}, func(p *sdk.Pipeline) error {
		squares := sdk.ParDoSplittable(sdk.Of(p, 4), squaresFn{})
		sdk.Map(squares, func(n int64) bool { fmt.Println(n); return true })
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Unordered output:
	// 0
	// 1
	// 4
	// 9
}

// A runner splits the work of a tracker between two claims.
func ExampleOffsetTracker() {
	t := sdf.NewOffsetTracker(sdf.OffsetRange{Lo: 0, Hi: 10})
	fmt.Println(t.TryClaim(3)) // 0 to 3 are done
	rest, ok := t.TrySplit(0.5)
	fmt.Println(t.Restriction(), rest, ok)
	fmt.Println(t.TryClaim(7)) // somebody else's now
	// Output:
	// true
	// [0, 7) [7, 10) true
	// false
}
