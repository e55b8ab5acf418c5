package direct_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/teststream"
	"github.com/millrace-go/millrace/sdk/window"
)

// mapTally counts in a map, which it owns: what is merged into another window as well must not be the same one.
type mapTally struct{}

func (mapTally) CreateAccumulator() map[string]int64 { return map[string]int64{} }
func (mapTally) AddInput(a map[string]int64, v int64) map[string]int64 {
	a["n"] += v
	return a
}

func (mapTally) MergeAccumulators(a, b map[string]int64) map[string]int64 {
	for k, v := range b {
		a[k] += v
	}
	return a
}
func (mapTally) ExtractOutput(a map[string]int64) int64 { return a["n"] }

// Windows that overlap do not share accumulators: in batch, also when aggregating before the shuffle has not paid, and in
// streaming, with slices and without.
func TestOverlappingWindowsOwnTheirAccumulators(t *testing.T) {
	hot := func(in sdk.PCollection[kv], s *said, opts ...sdk.Option) {
		w := sdk.WindowInto(in, window.Sliding(10*time.Second, time.Second), opts...)
		sums := sdk.Filter(sdk.CombinePerKey(w, mapTally{}), func(kv kv) bool { return kv.Key == "hot" })
		tell(s, sums)
	}
	const at = mtime.Time(100_000)
	var want []string
	for start := at - 9000; start <= at; start += 1000 {
		want = append(want, fmt.Sprintf("{hot 5} @%d in [%d, %d)", start+9999, start, start+10_000))
	}
	slices.Sort(want)
	t.Run("batch", func(t *testing.T) {
		s := &said{}
		_, err := sdk.Run(t.Context(), &direct.Runner{Workers: 1, Log: quiet()}, func(p *sdk.Pipeline) error {
			s.v = nil
			in := sdk.Map(sdk.ParDoSplittable(sdk.Of(p, int64(60_005)), upTo{}), func(i int64) kv {
				if i >= 60_000 {
					return pair("hot", 1)
				}
				return pair(fmt.Sprint("cold", i), 1)
			})
			hot(sdk.WithTimestamps(in, func(kv) sdk.Time { return at }), s)
			return nil
		})
		if got := s.sorted(); err != nil || !slices.Equal(got, want) {
			t.Errorf("got %q, %v\nwant %q", got, err, want)
		}
	})
	for name, opts := range map[string][]sdk.Option{"slices": nil, "no slices": {sdk.AllowedLateness(time.Hour)}} {
		t.Run(name, func(t *testing.T) {
			script := teststream.New[kv]()
			for range 5 {
				script.AddAll(sdk.Timestamped[kv]{Time: at, Value: pair("hot", 1)})
			}
			play(t, script, want, func(in sdk.PCollection[kv], s *said) { hot(in, s, opts...) })
		})
	}
}

// halves splits the windows of the function that it embeds.
type halves struct{ window.FixedFn }

func (h halves) AssignWindows(dst []window.Window, at mtime.Time) []window.Window {
	w := h.FixedFn.AssignWindows(nil, at)[0]
	if mid := (w.Start + w.End) / 2; at < mid {
		w.End = mid
	} else {
		w.Start = mid
	}
	return append(dst, w)
}

// total embeds a sum that adds batches, and has its own idea of an element.
type total struct{ batched }

func (total) AddInput(a, v int64) int64 { return a + max(v, -v) }

type batched struct{ sumFn }

func (batched) AddBatch(a int64, in []int64) int64 {
	for _, v := range in {
		a += v
	}
	return a
}

func (batched) AddInputs(accs []int64, of []uint32, in []int64) {
	for i, at := range of {
		accs[at] += in[i]
	}
}

// What a type embeds does not speak for what it replaces.
func TestEmbedding(t *testing.T) {
	got := collect(t, &direct.Runner{}, func(p *sdk.Pipeline) sdk.PCollection[string] {
		in := sdk.Of[int64](p, 1, -2, 3)
		keyed := sdk.CombinePerKey(sdk.WithKeys(in, func(int64) string { return "k" }), total{})
		return sdk.Flatten(
			sdk.Map(sdk.CombineGlobally(in, total{}), func(v int64) string { return fmt.Sprint("all ", v) }),
			sdk.Map(keyed, func(s kv) string { return fmt.Sprint(s) }))
	})
	if want := []string{"all 6", "{k 6}"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	got = collect(t, &direct.Runner{}, func(p *sdk.Pipeline) sdk.PCollection[string] {
		in := sdk.WithTimestamps(sdk.Of[int64](p, 1, 6, 7), func(v int64) sdk.Time { return mtime.Time(v) })
		in = sdk.WindowInto(in, halves{window.Fixed(10 * time.Millisecond)})
		return sdk.Map(sdk.Reify(in), func(e sdk.Element[int64]) string { return brief(e.Windows[0]) })
	})
	if want := []string{"[0, 5)", "[5, 10)", "[5, 10)"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
