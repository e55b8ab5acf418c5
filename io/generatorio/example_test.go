package generatorio_test

import (
	"context"
	"fmt"
	"time"

	"github.com/millrace-go/millrace/io/generatorio"
	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
	"github.com/millrace-go/millrace/transforms/stats"
)

// One number per second of event time, counted by the minute.
func Example() {
	_, err := sdk.Run(context.Background(), &direct.Runner{}, func(p *sdk.Pipeline) error {
		numbers := generatorio.Sequence(p, generatorio.To(150), generatorio.EventTime(func(n int64) sdk.Time { return mtime.Time(0).Add(time.Duration(n) * time.Second) }))
		parity := sdk.WithKeys(sdk.WindowInto(numbers, window.Fixed(time.Minute)), func(n int64) string { return []string{"even", "odd"}[n%2] })
		sdk.Map(sdk.Reify(stats.SumPerKey(parity)), func(e sdk.Element[sdk.KV[string, int64]]) bool {
			fmt.Println(e.Windows[0].Start.Time().Format(time.TimeOnly), e.Value.Key, e.Value.Value)
			return true
		})
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Unordered output:
	// 00:00:00 even 870
	// 00:00:00 odd 900
	// 00:01:00 even 2670
	// 00:01:00 odd 2700
	// 00:02:00 even 2010
	// 00:02:00 odd 2025
}

// A tick ten times a second, until the job is stopped: here, after three.
func ExampleRate() {
	type tick struct{ N int64 }
	_, err := sdk.Run(context.Background(), &direct.Runner{Workers: 1}, func(p *sdk.Pipeline) error {
		ticks := generatorio.Generate(p, func(n int64) tick { return tick{n} }, generatorio.Rate(10), generatorio.To(3))
		sdk.Map(ticks, func(t tick) bool { fmt.Println("tick", t.N); return true })
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// tick 0
	// tick 1
	// tick 2
}
