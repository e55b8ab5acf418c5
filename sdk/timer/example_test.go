package timer_test

import (
	"context"
	"fmt"
	"time"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/teststream"
	"github.com/millrace-go/millrace/sdk/timer"
)

// silenceFn reports a user of whom nothing has come for a minute: each event moves the timer on.
type silenceFn struct{ Quiet timer.EventTime }

func (f *silenceFn) ProcessElement(c *sdk.Context, _ string, _ string, _ sdk.Emitter[string]) error {
	f.Quiet.Set(c.EventTime().Add(time.Minute))
	return nil
}

func (f *silenceFn) OnTimer(c *sdk.Context, user string, _ timer.Fired, out sdk.Emitter[string]) error {
	out.Emit(fmt.Sprintf("%s is silent at %v", user, c.EventTime().Time().Format("15:04:05")))
	return nil
}

func Example() {
	events := teststream.New[sdk.KV[string, string]]().
		Add(teststream.At(0), sdk.MakeKV("amy", "login")).
		Watermark(teststream.At(30*time.Second)).
		Add(teststream.At(40*time.Second), sdk.MakeKV("amy", "click")).
		Watermark(teststream.At(2 * time.Minute))
	_, err := sdk.Run(context.Background(), &direct.Runner{}, func(p *sdk.Pipeline) error {
		sdk.Map(sdk.StatefulParDo(teststream.Read(p, events), &silenceFn{}), func(s string) bool { fmt.Println(s); return true })
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output: amy is silent at 00:01:40
}
