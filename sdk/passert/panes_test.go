package passert_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/millrace-go/millrace/runners/ptest"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/passert"
	"github.com/millrace-go/millrace/sdk/teststream"
	"github.com/millrace-go/millrace/sdk/trigger"
	"github.com/millrace-go/millrace/sdk/window"
)

type sum struct{}

func (sum) CreateAccumulator() int         { return 0 }
func (sum) AddInput(s, v int) int          { return s + v }
func (sum) MergeAccumulators(a, b int) int { return a + b }
func (sum) ExtractOutput(s int) int        { return s }

// script has, for windows of 10 s, an early element in two bundles, the end, a late element, and one of the next window.
func script() *teststream.Stream[int] {
	return teststream.New[int]().
		Add(teststream.At(time.Second), 1).
		Add(teststream.At(2*time.Second), 2).
		Add(teststream.At(11*time.Second), 100).
		Watermark(teststream.At(10*time.Second)).
		Add(teststream.At(3*time.Second), 4).
		Watermark(teststream.At(15 * time.Second)).
		End()
}

var first, second = window.Window{Start: 0, End: teststream.At(10 * time.Second)},
	window.Window{Start: teststream.At(10 * time.Second), End: teststream.At(20 * time.Second)}

// sums are the sums of the script's windows: a pane for each bundle.
func sums(p *sdk.Pipeline, opts ...sdk.Option) sdk.PCollection[int] {
	opts = append([]sdk.Option{
		sdk.AllowedLateness(5 * time.Second),
		sdk.Trigger(trigger.AfterWatermark().Early(trigger.AfterCount(1)).Late(trigger.AfterCount(1))),
	}, opts...)
	in := sdk.WindowInto(sdk.Map(teststream.Read(p, script()), func(v int) sdk.KV[string, int] { return sdk.MakeKV("k", v) }), window.Fixed(10*time.Second), opts...)
	return sdk.Values(sdk.CombinePerKey(in, sum{}))
}

func TestPanes(t *testing.T) {
	always := sdk.Closing(window.FireAlways)
	ptest.Run(t, func(p *sdk.Pipeline) {
		c := sums(p, always)
		passert.Equals(c, 1, 2, 0, 4, 0, 100, 0)
		passert.Count(c, 7)
		passert.InWindow(c, first, 0, 1, 2, 4, 0)
		passert.InEarlyPanes(c, first, 2, 1)
		passert.InOnTimePane(c, first, 0)
		passert.InLatePanes(c, first, 4, 0)
		passert.InFinalPane(c, first, 0)
		passert.InPanes(c, first, []int{1}, []int{2}, []int{0}, []int{4}, []int{0})
		passert.InPanes(c, second, []int{100}, []int{0})
		passert.InLatePanes(c, window.Window{Start: 7, End: 8})
	})
	ptest.Run(t, func(p *sdk.Pipeline) {
		c := sums(p, sdk.Accumulating())
		passert.InPanes(c, first, []int{1}, []int{3}, []int{3}, []int{7})
		passert.InEarlyPanes(c, second, 100)
		passert.InFinalPane(c, first)
		passert.InFinalPane(c, second, 100) // the end of the input closes it
	})
	ptest.Run(t, func(p *sdk.Pipeline) { // of what nothing has grouped
		c := sdk.WindowInto(sdk.Of(p, 5, 6), window.GlobalWindows())
		passert.InFinalPane(c, window.Global, 6, 5)
		passert.InOnTimePane(c, window.Global)
	})
}

// Each assertion fails where it does not hold, and says what there is instead.
func TestPanesFail(t *testing.T) {
	for name, tt := range map[string]struct {
		assert func(c sdk.PCollection[int])
		want   []string
	}{
		"Equals":       {func(c sdk.PCollection[int]) { passert.Equals(c, 1, 2, 0) }, []string{"6 elements, want 3", "+ 4", "+ 100"}},
		"Empty":        {func(c sdk.PCollection[int]) { passert.Empty(c) }, []string{"want 0"}},
		"Count":        {func(c sdk.PCollection[int]) { passert.Count(c, 4) }, []string{"6 elements, want 4"}},
		"InWindow":     {func(c sdk.PCollection[int]) { passert.InWindow(c, second, 4) }, []string{"in window [1970-01-01T00:00:10.000Z, 1970-01-01T00:00:20.000Z)", "- 4", "+ 100", "elsewhere", "4 in [1970-01-01T00:00:00.000Z, 1970-01-01T00:00:10.000Z), late index=3"}},
		"InOnTimePane": {func(c sdk.PCollection[int]) { passert.InOnTimePane(c, first, 2) }, []string{"in the on-time panes of window [1970-01-01T00:00:00.000Z, 1970-01-01T00:00:10.000Z)", "- 2", "2 in [1970-01-01T00:00:00.000Z, 1970-01-01T00:00:10.000Z), early index=1"}},
		"InEarlyPanes": {func(c sdk.PCollection[int]) { passert.InEarlyPanes(c, first, 1) }, []string{"in the early panes", "+ 2"}},
		"InLatePanes":  {func(c sdk.PCollection[int]) { passert.InLatePanes(c, second, 4) }, []string{"in the late panes", "- 4"}},
		"InFinalPane":  {func(c sdk.PCollection[int]) { passert.InFinalPane(c, first, 4) }, []string{"in the final panes", "- 4"}},
		"InPanes":      {func(c sdk.PCollection[int]) { passert.InPanes(c, first, []int{1}, []int{2, 3}) }, []string{"in the pane 1 of", "- 3"}},
		"InPanes, too few": {
			func(c sdk.PCollection[int]) { passert.InPanes(c, first, []int{1}, []int{2}) }, []string{"in the pane 2 of"},
		},
		"InPanes, too many": {
			func(c sdk.PCollection[int]) { passert.InPanes(c, second, []int{100}, []int{0}, []int{7}) }, []string{"in the pane 2 of", "- 7"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ptest.RunErr(t, func(p *sdk.Pipeline) error { tt.assert(sums(p)); return nil })
			if !errors.Is(err, passert.ErrFailed) {
				t.Fatalf("error %v", err)
			}
			for _, w := range tt.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("the error does not say %q: %v", w, err)
				}
			}
		})
	}
}

// An assertion on a stream of nothing is looked at too.
func TestEmptyStream(t *testing.T) {
	for _, want := range []int{0, 1} {
		_, err := ptest.RunErr(t, func(p *sdk.Pipeline) error {
			in := sdk.WindowInto(teststream.Read(p, teststream.New[int]().Watermark(7)), window.Fixed(time.Second), sdk.Trigger(trigger.Repeat(trigger.AfterCount(2))))
			passert.Count(in, want)
			passert.InWindow(in, window.Global, make([]int, want)...)
			return nil
		})
		if (err == nil) != (want == 0) {
			t.Errorf("%d elements wanted of none: %v", want, err)
		}
	}
}
