package ptest_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/millrace-go/millrace/io/generatorio"
	"github.com/millrace-go/millrace/runners/ptest"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/passert"
	"github.com/millrace-go/millrace/sdk/teststream"
	"github.com/millrace-go/millrace/sdk/trigger"
	"github.com/millrace-go/millrace/sdk/window"
)

// In a test it is
//
//	func TestWords(t *testing.T) { ... }
func Example() {
	t := newT()
	words := func(lines sdk.PCollection[string]) sdk.PCollection[string] {
		return sdk.FlatMap(lines, strings.FieldsSeq)
	}

	// Assertions that are part of the pipeline:
	ptest.Run(t, func(p *sdk.Pipeline) {
		passert.Equals(words(sdk.Of(p, "to be", "or")), "to", "be", "or")
	})

	// Elements to look at afterwards:
	got := ptest.Collect(t, func(p *sdk.Pipeline) sdk.PCollection[string] {
		return words(sdk.Of(p, "b a", ""))
	})
	slices.Sort(got)
	fmt.Println(got)

	// What is meant to fail:
	_, err := ptest.RunErr(t, func(p *sdk.Pipeline) error {
		passert.Empty(words(sdk.Of(p, "x")))
		return nil
	})
	fmt.Println(err != nil)
	// Output:
	// [a b]
	// true
}

// A DoFn can be tested without a pipeline.
func ExampleDoFn() {
	t := newT()
	fmt.Println(ptest.DoFn(t, stampFn{}).At(1000).Process("a b"))
	// Output: [a@1970-01-01T00:00:01.000Z b@1970-01-01T00:00:01.000Z]
}

// A stateful DoFn is tested step by step: elements, the watermark, the processing time.
func ExampleStatefulDoFn() {
	t := newT()
	f := ptest.StatefulDoFn(t, &batchFn{Size: 3, Wait: 5 * time.Second}).In(window.Fixed(time.Minute))

	fmt.Println(f.Process("ann", "a", "b", "c")) // three are enough
	fmt.Println(f.Process("ann", "d"))
	fmt.Println(f.Advance(5 * time.Second)) // d has waited for long enough
	fmt.Println(f.Fired())

	f.Process("bob", "e")
	fmt.Println(f.Watermark(teststream.At(time.Minute))) // the window expires
	fmt.Println(f.Slots(), "keys have state")
	f.End()
	// Output:
	// [ann: a b c]
	// []
	// [ann: d]
	// [Full of ann at 1970-01-01T00:00:05.000Z]
	// [bob: e]
	// 0 keys have state
}

// A pipeline whose source has no end, and which emits by the processing time, runs on a clock that the test moves.
func ExampleStart() {
	t := newT()
	clock := ptest.NewClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	var seen ptest.Seen[sdk.KV[string, int]]
	job := ptest.Start(t, func(p *sdk.Pipeline) {
		events := sdk.Map(generatorio.Sequence(p, generatorio.Rate(1.0/60)), func(n int64) sdk.KV[string, int64] { return sdk.MakeKV("k", n) })
		early := sdk.WindowInto(events, window.GlobalWindows(),
			sdk.Trigger(trigger.Repeat(trigger.AfterProcessingTime().PlusDelay(90*time.Second))), sdk.Accumulating())
		seen.Watch(sdk.CombinePerKey(early, count{}))
	}, ptest.OnClock(clock))

	clock.Advance(89 * time.Second)
	fmt.Println(seen.Take())
	clock.Advance(time.Second)
	fmt.Println(seen.Take())
	clock.Advance(2 * time.Minute)
	fmt.Println(seen.Take(), clock.Now().Format(time.TimeOnly))
	job.Drain()
	// Output:
	// []
	// [{k 2}]
	// [{k 4}] 03:07:35
}

// What waits for hours is done at once on a clock that winds itself.
func ExampleNewSelfWindingClock() {
	t := newT()
	clock := ptest.NewSelfWindingClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	var seen ptest.Seen[string]
	ptest.Run(t, func(p *sdk.Pipeline) {
		hourly := generatorio.Sequence(p, generatorio.Rate(1.0/3600), generatorio.To(3))
		seen.Watch(sdk.Map(hourly, func(n int64) string { return clock.Now().Format(time.TimeOnly) }))
	}, ptest.OnClock(clock))
	fmt.Println(seen.Take())
	// Output: [03:04:05 04:04:05 05:04:05]
}

// A test stream decides when elements come and how far time is; passert says what comes out in which pane.
func Example_testStream() {
	t := newT()
	ptest.Run(t, func(p *sdk.Pipeline) {
		clicks := teststream.Read(p, teststream.New[sdk.KV[string, int64]]().
			Add(teststream.At(1*time.Second), sdk.MakeKV("ann", int64(1))).
			Advance(time.Minute). // an early pane
			Add(teststream.At(2*time.Second), sdk.MakeKV("ann", int64(2))).
			Watermark(teststream.At(10*time.Second)). // the window's own
			End())
		windowed := sdk.WindowInto(clicks, window.Fixed(10*time.Second),
			sdk.Trigger(trigger.AfterWatermark().Early(trigger.AfterProcessingTime().PlusDelay(time.Minute))), sdk.Accumulating())
		counts := sdk.Values(sdk.CombinePerKey(windowed, count{}))

		first := window.Window{Start: teststream.At(0), End: teststream.At(10 * time.Second)}
		passert.InEarlyPanes(counts, first, 1)
		passert.InOnTimePane(counts, first, 2)
	})
	fmt.Println("holds")
	// Output: holds
}
