package sdk_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/window"
)

func Example() {
	_, err := sdk.Run(context.Background(), &direct.Runner{}, func(p *sdk.Pipeline) error {
		lines := sdk.Of(p, "to be or", "not to be")
		words := sdk.FlatMap(lines, strings.FieldsSeq)
		byLength := sdk.GroupByKey(sdk.WithKeys(words, func(w string) int { return len(w) }))
		sdk.Map(byLength, func(g sdk.KV[int, iter.Seq[string]]) bool {
			fmt.Println(g.Key, slices.Sorted(g.Value))
			return true
		})
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Unordered output:
	// 2 [be be or to to]
	// 3 [not]
}

// splitFn is a DoFn with configuration and an additional output.
type splitFn struct {
	Limit int
	Long  sdk.Output[string]
}

func (f *splitFn) ProcessElement(_ *sdk.Context, w string, short sdk.Emitter[string]) error {
	if len(w) > f.Limit {
		f.Long.Emit(w)
	} else {
		short.Emit(w)
	}
	return nil
}

func ExampleParDo() {
	_, err := sdk.Run(context.Background(), &direct.Runner{}, func(p *sdk.Pipeline) error {
		split := &splitFn{Limit: 3}
		short := sdk.ParDo(sdk.Of(p, "a", "word", "or", "three"), split)
		sdk.Map(short, func(w string) bool { fmt.Println("short:", w); return true })
		sdk.Map(split.Long.PCollection(), func(w string) bool { fmt.Println("long:", w); return true })
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Unordered output:
	// short: a
	// short: or
	// long: word
	// long: three
}

type total struct{}

func (total) CreateAccumulator() int         { return 0 }
func (total) AddInput(sum, v int) int        { return sum + v }
func (total) MergeAccumulators(a, b int) int { return a + b }
func (total) ExtractOutput(sum int) int      { return sum }

func ExampleWindowInto() {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	_, err := sdk.Run(context.Background(), &direct.Runner{}, func(p *sdk.Pipeline) error {
		type click struct {
			User string
			At   time.Time
		}
		clicks := sdk.Of(p, click{"amy", start}, click{"amy", start.Add(20 * time.Second)}, click{"amy", start.Add(5 * time.Minute)})
		timed := sdk.WithTimestamps(clicks, func(c click) sdk.Time { return sdk.Time(c.At.UnixMilli()) })
		sessions := sdk.WindowInto(timed, window.Sessions(time.Minute))
		ones := sdk.Map(sessions, func(c click) sdk.KV[string, int] { return sdk.MakeKV(c.User, 1) })
		sdk.Map(sdk.Reify(sdk.CombinePerKey(ones, total{})), func(e sdk.Element[sdk.KV[string, int]]) bool {
			fmt.Println(e.Value.Key, e.Value.Value, e.Windows[0])
			return true
		})
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Unordered output:
	// amy 2 [2026-01-01T00:00:00.000Z, 2026-01-01T00:01:20.000Z)
	// amy 1 [2026-01-01T00:05:00.000Z, 2026-01-01T00:06:00.000Z)
}

// overFn reads a view: the mean of all elements.
type overFn struct{ Mean sdk.SingletonView[int] }

func (f *overFn) ProcessElement(c *sdk.Context, v int, out sdk.Emitter[int]) error {
	if v > f.Mean.Get(c) {
		out.Emit(v)
	}
	return nil
}

func ExampleAsSingleton() {
	_, err := sdk.Run(context.Background(), &direct.Runner{}, func(p *sdk.Pipeline) error {
		numbers := sdk.Of(p, 1, 2, 3, 10)
		sum := sdk.CombineGlobally(numbers, total{})
		mean := sdk.Map(sum, func(s int) int { return s / 4 })
		over := sdk.ParDo(numbers, &overFn{Mean: sdk.AsSingleton(mean)})
		sdk.Map(over, func(v int) bool { fmt.Println(v); return true })
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output: 10
}
