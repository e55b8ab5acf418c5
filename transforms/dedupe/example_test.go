package dedupe_test

import (
	"context"
	"fmt"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/transforms/dedupe"
)

func Example() {
	type event struct{ ID, Text string }
	_, err := sdk.Run(context.Background(), &direct.Runner{}, func(p *sdk.Pipeline) error {
		// The second delivery of an event is the same event.
		events := sdk.Of(p, event{"1", "start"}, event{"2", "stop"}, event{"1", "start"})
		once := dedupe.ByKey(events, func(e event) string { return e.ID })
		sdk.Map(once, func(e event) bool { fmt.Println(e.ID, e.Text); return true })
		sdk.Map(dedupe.Distinct(sdk.Of(p, 7, 7, 7)), func(n int) bool { fmt.Println(n); return true })
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Unordered output:
	// 1 start
	// 2 stop
	// 7
}
