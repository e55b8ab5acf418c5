package ptest_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace-go/millrace/io/generatorio"
	"github.com/millrace-go/millrace/runners/ptest"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/passert"
	"github.com/millrace-go/millrace/sdk/state"
	"github.com/millrace-go/millrace/sdk/teststream"
	"github.com/millrace-go/millrace/sdk/window"
)

type stampFn struct{}

func (stampFn) ProcessElement(c *sdk.Context, s string, out sdk.Emitter[string]) error {
	for w := range strings.FieldsSeq(s) {
		out.Emit(w + "@" + c.EventTime().String())
	}
	return nil
}

func TestDoFn(t *testing.T) {
	at := mtime.Time(1000)
	got := ptest.DoFn(t, stampFn{}).At(at).Process("a b", "c")
	if want := []string{"a@" + at.String(), "b@" + at.String(), "c@" + at.String()}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// counts tells how often instances are set up and how large bundles are.
type counts struct {
	Setups, Downs, Bundles, Elements, Largest *atomic.Int64

	n int64
}

func (c *counts) Setup(*sdk.Context) error {
	c.Setups.Add(1)
	return nil
}

func (c *counts) Teardown() error {
	if c.Downs != nil {
		c.Downs.Add(1)
	}
	return nil
}

func (c *counts) StartBundle(*sdk.Context) error {
	c.n = 0
	return nil
}

func (c *counts) ProcessElement(_ *sdk.Context, v int, out sdk.Emitter[int]) error {
	c.n++
	c.Elements.Add(1)
	out.Emit(v)
	return nil
}

func (c *counts) FinishBundle(*sdk.Context, sdk.Emitter[int]) error {
	if c.n > 0 {
		c.Bundles.Add(1)
	}
	for m := c.Largest.Load(); c.n > m && !c.Largest.CompareAndSwap(m, c.n); m = c.Largest.Load() {
	}
	return nil
}

func TestStrictIsSmallBundles(t *testing.T) {
	var setups, bundles, elements, largest atomic.Int64
	ptest.Run(t, func(p *sdk.Pipeline) {
		in := sdk.Create(p, make([]int, 100))
		passert.Count(sdk.ParDo(in, &counts{Setups: &setups, Bundles: &bundles, Elements: &elements, Largest: &largest}), 100)
	})
	if setups.Load() < 3 || elements.Load() != 100 || largest.Load() > 7 || bundles.Load() < 15 {
		t.Errorf("%d set up, %d bundles of at most %d, %d elements", setups.Load(), bundles.Load(), largest.Load(), elements.Load())
	}
}

// A strict streaming run has small bundles too, and tears instances down, before a stateful DoFn and behind it.
func TestStrictStreamIsSmallBundles(t *testing.T) {
	const n = 200
	for name, opts := range map[string][]ptest.Option{
		"wall clock": nil, "clock": {ptest.OnClock(ptest.NewSelfWindingClock(epoch))}, "test stream": nil,
	} {
		t.Run(name, func(t *testing.T) {
			type tally struct{ setups, downs, bundles, elements, largest atomic.Int64 }
			var before, behind tally
			counted := func(c sdk.PCollection[int], a *tally) sdk.PCollection[int] {
				return sdk.ParDo(c, &counts{Setups: &a.setups, Downs: &a.downs, Bundles: &a.bundles, Elements: &a.elements, Largest: &a.largest})
			}
			var seen ptest.Seen[sdk.KV[int, int]]
			ptest.Run(t, func(p *sdk.Pipeline) {
				var in sdk.PCollection[int]
				if name == "test stream" {
					in = teststream.Read(p, teststream.New[int]().Add(0, make([]int, n)...))
				} else {
					in = sdk.Map(generatorio.Sequence(p, generatorio.To(n), generatorio.Splits(3), generatorio.Rate(2000)), func(int64) int { return 0 })
				}
				pairs := sdk.Map(counted(in, &before), func(int) sdk.KV[int, int] { return sdk.MakeKV(0, 1) })
				sums := sdk.StatefulParDo(pairs, &runningSum{})
				seen.Watch(sdk.Map(counted(sums, &behind), func(v int) sdk.KV[int, int] { return sdk.MakeKV(0, v) }))
			}, opts...)
			for i, v := range seen.Take() {
				if v.Value != i+1 {
					t.Fatalf("sum %d is %d: the state has not lasted", i, v.Value)
				}
			}
			if a, b := before.setups.Load(), behind.setups.Load(); name != "test stream" && (a < 8 || b < 8) {
				t.Errorf("%d and %d instances have been set up", a, b)
			}
			for where, a := range map[string]*tally{"before": &before, "behind": &behind} {
				if a.elements.Load() != n || a.largest.Load() > 7 || a.bundles.Load() < n/7 || a.setups.Load() != a.downs.Load() {
					t.Errorf("%s: %d elements, %d bundles of at most %d, %d instances set up, %d torn down", where,
						a.elements.Load(), a.bundles.Load(), a.largest.Load(), a.setups.Load(), a.downs.Load())
				}
			}
		})
	}
}

// runningSum emits the sum of a key after each element.
type runningSum struct{ Sum state.Value[int] }

func (f *runningSum) ProcessElement(_ *sdk.Context, _, v int, out sdk.Emitter[int]) error {
	f.Sum.Write(f.Sum.Get() + v)
	out.Emit(f.Sum.Get())
	return nil
}

func TestStrictFindsMutation(t *testing.T) {
	for name, build := range map[string]func(p *sdk.Pipeline){
		"of an input": func(p *sdk.Pipeline) {
			sdk.Map(sdk.Of(p, []int{1, 2}), func(v []int) int { v[0] = 9; return 0 })
		},
	} {
		_, err := ptest.RunErr(t, func(p *sdk.Pipeline) error { build(p); return nil }, ptest.Seed(4))
		if err == nil || !strings.Contains(err.Error(), "changed") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestStrictFindsWhatDoesNotSurvive(t *testing.T) {
	_, err := ptest.RunErr(t, func(p *sdk.Pipeline) error {
		sdk.Filter(sdk.Map(sdk.Of(p, 1), func(int) picky { return picky{} }), func(picky) bool { return true })
		return nil
	})
	if !errors.Is(err, errPicky) {
		t.Errorf("error %v", err)
	}
}

type picky struct{}

var errPicky = errors.New("not today")

func (picky) MarshalBinary() ([]byte, error) { return nil, errPicky }
func (*picky) UnmarshalBinary([]byte) error  { return nil }

func TestFailingAssertion(t *testing.T) {
	_, err := ptest.RunErr(t, func(p *sdk.Pipeline) error {
		passert.Equals(sdk.Of(p, 1, 2, 3), 2, 3, 4)
		return nil
	})
	if !errors.Is(err, passert.ErrFailed) || !strings.Contains(err.Error(), "- 4") || !strings.Contains(err.Error(), "+ 1") {
		t.Errorf("error %v", err)
	}
	for name, f := range map[string]func(p *sdk.Pipeline){
		"Empty": func(p *sdk.Pipeline) { passert.Empty(sdk.Of(p, 1)) },
		"Count": func(p *sdk.Pipeline) { passert.Count(sdk.Of(p, 1), 2) },
	} {
		if _, err := ptest.RunErr(t, func(p *sdk.Pipeline) error { f(p); return nil }); !errors.Is(err, passert.ErrFailed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// shareFn says what part an element is of the sum of its window.
type shareFn struct{ Sum sdk.SingletonView[int] }

func (f *shareFn) ProcessElement(c *sdk.Context, v int, out sdk.Emitter[string]) error {
	out.Emit(fmt.Sprint(v, "/", f.Sum.Get(c)))
	return nil
}

type sum struct{}

func (sum) CreateAccumulator() int         { return 0 }
func (sum) AddInput(s, v int) int          { return s + v }
func (sum) MergeAccumulators(a, b int) int { return a + b }
func (sum) ExtractOutput(s int) int        { return s }

// Rows that wait for a view keep the instance that they wait in, on both sides of a stateful DoFn; no row is lost, and none
// sees another window's view.
func TestStrictStreamWithView(t *testing.T) {
	for seed := range uint64(20) {
		script := teststream.New[int]()
		var want, behind []string
		for w := range 8 {
			total := 0
			for v := range 9 {
				total += 10*w + v
			}
			for v := range 9 {
				script.Add(teststream.At(time.Duration(w)*time.Minute+time.Duration(v)*time.Second), 10*w+v)
				want, behind = append(want, fmt.Sprint(10*w+v, "/", total)), append(behind, fmt.Sprint(-10*w-v, "/", total))
			}
			if w%3 == 2 {
				script.Watermark(teststream.At(time.Duration(w) * time.Minute))
			}
		}
		ptest.Run(t, func(p *sdk.Pipeline) {
			in := sdk.WindowInto(teststream.Read(p, script), window.Fixed(time.Minute))
			view := sdk.AsSingleton(sdk.CombineGlobally(in, sum{}))
			passert.Equals(sdk.ParDo(in, &shareFn{Sum: view}), want...)
			negated := sdk.StatefulParDo(sdk.Map(in, func(v int) sdk.KV[int, int] { return sdk.MakeKV(v%2, v) }), &negateFn{})
			passert.Equals(sdk.ParDo(negated, &shareFn{Sum: view}), behind...)
		}, ptest.Seed(seed))
	}
}

type negateFn struct{ Seen state.Value[int] }

func (f *negateFn) ProcessElement(_ *sdk.Context, _, v int, out sdk.Emitter[int]) error {
	f.Seen.Write(v)
	out.Emit(-v)
	return nil
}
