package direct_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
)

// unsteadyFn fails twice for each element, and keeps what it was given.
type unsteadyFn struct {
	given *[]int64
	tries int
}

func (f *unsteadyFn) Setup(*sdk.Context) error { return nil }

func (f *unsteadyFn) ProcessElement(_ *sdk.Context, v int64, out sdk.Emitter[int64]) error {
	*f.given = append(*f.given, v)
	if f.tries++; f.tries%3 != 0 {
		return errors.New("not yet")
	}
	out.Emit(v)
	return nil
}

// What is tried again is what failed, though the transform before it is random and fused with it; in batch and in streaming.
func TestStableInput(t *testing.T) {
	for _, streaming := range []bool{false, true} {
		var given []int64
		_, err := sdk.Run(t.Context(), &direct.Runner{Workers: 1, Log: quiet()}, func(p *sdk.Pipeline) error {
			in := sdk.Create(p, []int64{1, 2, 3, 4, 5})
			if streaming {
				in = ticks(p, 5, 1)
			}
			random := sdk.Map(in, func(int64) int64 { return rand.Int64() })
			given = given[:0]
			sdk.ParDo(random, &unsteadyFn{given: &given}, sdk.StableInput(), sdk.OnError(sdk.Retry(3, 0)))
			return nil
		})
		if err != nil || len(given) != 15 || len(slices.Compact(given)) != 5 {
			t.Errorf("streaming %v: given %v; %v", streaming, given, err)
		}
	}
}
