package state_test

import (
	"context"
	"fmt"
	"time"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/state"
	"github.com/millrace-go/millrace/sdk/teststream"
)

// riseFn emits a reading that is greater than the one before it, by sensor.
type riseFn struct{ Last state.Value[int] }

func (f *riseFn) ProcessElement(_ *sdk.Context, sensor string, v int, out sdk.Emitter[string]) error {
	if last, ok := f.Last.Read(); ok && v > last {
		out.Emit(fmt.Sprintf("%s rose from %d to %d", sensor, last, v))
	}
	f.Last.Write(v)
	return nil
}

func Example() {
	readings := teststream.New[sdk.KV[string, int]]()
	for i, v := range []int{3, 5, 4} {
		readings.Add(teststream.At(time.Duration(i)*time.Second), sdk.MakeKV("roof", v), sdk.MakeKV("cellar", 9-v))
	}
	_, err := sdk.Run(context.Background(), &direct.Runner{}, func(p *sdk.Pipeline) error {
		sdk.Map(sdk.StatefulParDo(teststream.Read(p, readings), &riseFn{}), func(s string) bool { fmt.Println(s); return true })
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Unordered output:
	// roof rose from 3 to 5
	// cellar rose from 4 to 5
}
