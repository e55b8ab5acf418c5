package trigger_test

import (
	"fmt"
	"time"

	"github.com/millrace-go/millrace/sdk/trigger"
)

// Every minute while the window is filling, when it is complete, and for each batch of late elements.
func Example() {
	t := trigger.AfterWatermark().
		Early(trigger.AfterProcessingTime().PlusDelay(time.Minute)).
		Late(trigger.AfterCount(1))
	fmt.Println(t)
	fmt.Println("continues as", t.Continuation())
	fmt.Println(trigger.AfterWatermark().Late(trigger.Always()).Validate())
	// Output:
	// AfterWatermark(early=AfterProcessingTime(delay=1m0s), late=AfterCount(1))
	// continues as AfterWatermark(early=AfterSynchronizedProcessingTime, late=AfterCount(1))
	// trigger: AfterWatermark(late=Always): the late trigger Always must finish with its first firing: it is repeated by itself; give AfterCount(1)
}

// AfterCount alone closes the window with its first pane.
func ExampleTrigger() {
	for _, t := range []trigger.Trigger{trigger.AfterCount(100), trigger.Repeat(trigger.AfterCount(100))} {
		fmt.Println(t, t.MayLoseData(0))
	}
	// Output:
	// AfterCount(100) true
	// Repeat(AfterCount(100)) false
}

// What a runner does with one window of one key.
func ExampleMachine() {
	m := trigger.Compile(trigger.AfterWatermark().Early(trigger.AfterCount(2)))
	state := make([]int64, m.StateLen())
	clock := trigger.Clock{EndOfWindow: 9} // the window is [0ms, 10ms)

	for _, batch := range []int64{1, 3} {
		m.OnElements(state, batch, clock)
		if m.ShouldFire(state, clock) {
			m.OnFire(state, clock)
			fmt.Println("early pane")
		}
	}
	next, _ := m.NextTimes(state, clock)
	fmt.Println("nothing to do until the watermark is", int64(next))
	clock.Watermark = next
	if m.ShouldFire(state, clock) {
		m.OnFire(state, clock)
		fmt.Println("on-time pane, finished:", m.Finished(state))
	}
	// Output:
	// early pane
	// nothing to do until the watermark is 10
	// on-time pane, finished: true
}
