package direct_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/runners/ptest"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/passert"
	"github.com/millrace-go/millrace/sdk/window"
)

type readsAll struct {
	One  sdk.SingletonView[int]
	Def  sdk.SingletonView[string]
	It   sdk.IterableView[int]
	List sdk.ListView[int]
	Map  sdk.MapView[string, int]
	Many sdk.MultimapView[string, int]
}

func (f *readsAll) ProcessElement(c *sdk.Context, key string, out sdk.Emitter[string]) error {
	sum, byIndex := 0, 0
	for v := range f.It.All(c) {
		sum += v
	}
	for i := range f.List.Len(c) {
		byIndex += f.List.At(c, f.List.Len(c)-1-i)
	}
	v, ok := f.Map.Get(c, key)
	n := 0
	for range f.Many.Get(c, key) {
		n++
	}
	out.Emit(fmt.Sprint(key, " ", f.One.Get(c), " ", f.Def.Get(c), " ", sum, " ", byIndex, " ", v, ok, " ", n))
	return nil
}

func viewPipeline(p *sdk.Pipeline, n int) {
	var nums []int
	sum := 0
	for i := range n {
		nums = append(nums, i)
		sum += i
	}
	in := sdk.Create(p, nums)
	kv := sdk.Of(p, sdk.MakeKV("a", 1), sdk.MakeKV("b", 2))
	d := &readsAll{
		One:  sdk.AsSingleton(sdk.CombineGlobally(in, counter{})),
		Def:  sdk.AsSingletonOr(sdk.Filter(sdk.Of(p, "x"), func(string) bool { return false }), "none"),
		It:   sdk.AsIterable(in),
		List: sdk.AsList(in),
		Map:  sdk.AsMap(kv),
		Many: sdk.AsMultimap(sdk.Flatten(kv, sdk.Of(p, sdk.MakeKV("a", 7)))),
	}
	got := sdk.ParDo(sdk.Of(p, "a", "b", "c"), d)
	passert.Equals(got,
		fmt.Sprint("a ", n, " none ", sum, " ", sum, " 1 true 2"),
		fmt.Sprint("b ", n, " none ", sum, " ", sum, " 2 true 1"),
		fmt.Sprint("c ", n, " none ", sum, " ", sum, " 0 false 0"))
}

type counter struct{}

func (counter) CreateAccumulator() int         { return 0 }
func (counter) AddInput(a, _ int) int          { return a + 1 }
func (counter) MergeAccumulators(a, b int) int { return a + b }
func (counter) ExtractOutput(a int) int        { return a }

func TestViews(t *testing.T) {
	ptest.Run(t, func(p *sdk.Pipeline) { viewPipeline(p, 50) })
	ptest.Run(t, func(p *sdk.Pipeline) { viewPipeline(p, 20_000) }, ptest.Fast())
	ptest.Run(t, func(p *sdk.Pipeline) { viewPipeline(p, 20_000) }, ptest.Fast(), ptest.Budget(1000))
}

type perWindow struct{ Sum sdk.SingletonView[int] }

func (f *perWindow) ProcessElement(c *sdk.Context, v int, out sdk.Emitter[string]) error {
	out.Emit(fmt.Sprint(v, " ", f.Sum.Get(c)))
	return nil
}

// Each window of the main input sees the view's window that ends with it.
func TestWindowedView(t *testing.T) {
	ptest.Run(t, func(p *sdk.Pipeline) {
		in := sdk.CreateTimestamped(p, []sdk.Timestamped[int]{{Time: 1000, Value: 1}, {Time: 2000, Value: 2}, {Time: 11_000, Value: 10}})
		side := sdk.CombineGlobally(sdk.WindowInto(in, window.Fixed(10*time.Second)), counter{})
		passert.Equals(sdk.ParDo(sdk.WindowInto(in, window.Fixed(5*time.Second)), &perWindow{Sum: sdk.AsSingleton(side)}), "1 2", "2 2", "10 1")
		passert.Equals(sdk.ParDo(sdk.WindowInto(in, window.Sliding(10*time.Second, 10*time.Second)), &perWindow{Sum: sdk.AsSingleton(side)}), "1 2", "2 2", "10 1")
	})
}

// The waiting side of x minus the mean of x goes to disk; so does the diamond of a join and two views.
func TestWaitingSideSpills(t *testing.T) {
	for _, budget := range []int64{0, 1000} {
		ptest.Run(t, func(p *sdk.Pipeline) {
			var nums []int
			for i := range 20_000 {
				nums = append(nums, i)
			}
			in := sdk.WindowInto(sdk.Create(p, nums), window.Fixed(time.Hour))
			in = sdk.WindowInto(sdk.Map(in, func(i int) int { return i }), window.GlobalWindows())
			one := sdk.ParDo(in, &minus{V: sdk.AsSingleton(sdk.CombineGlobally(in, counter{}))})
			two := sdk.ParDo(one, &minus{V: sdk.AsSingleton(sdk.CombineGlobally(one, counter{}))})
			a, b := sdk.WithKeys(two, func(i int) int { return i % 10 }), sdk.WithKeys(in, func(i int) int { return i % 10 })
			both := sdk.Map(sdk.CoGroupByKey2(a, b), func(g sdk.KV[int, sdk.CoGroup2[int, int]]) int {
				n := 0
				for range g.Value.A {
					n++
				}
				for range g.Value.B {
					n++
				}
				return n
			})
			passert.That(both, func(got []int) error {
				n := 0
				for _, v := range got {
					n += v
				}
				if n != 40_000 {
					return fmt.Errorf("%d rows, want 40000", n)
				}
				return nil
			})
		}, ptest.Fast(), ptest.Budget(budget))
	}
}

type minus struct{ V sdk.SingletonView[int] }

func (m *minus) ProcessElement(c *sdk.Context, v int, out sdk.Emitter[int]) error {
	out.Emit(v - m.V.Get(c))
	return nil
}

func TestViewErrors(t *testing.T) {
	_, err := sdk.Run(t.Context(), &direct.Runner{Log: quiet()}, func(p *sdk.Pipeline) error {
		sdk.ParDo(sdk.Of(p, 1), &minus{V: sdk.AsSingleton(sdk.Of(p, 1, 2))})
		return nil
	})
	if err == nil {
		t.Error("a singleton of two elements was accepted")
	}
}

// A map view that is larger than the budget is looked up on disk.
func TestMapViewOnDisk(t *testing.T) {
	const n = 1000
	for _, budget := range []int64{0, 1000} {
		ptest.Run(t, func(p *sdk.Pipeline) {
			var pairs []sdk.KV[string, int]
			var keys []string
			for i := range n {
				pairs = append(pairs, sdk.MakeKV(fmt.Sprint("key ", i), i))
				keys = append(keys, fmt.Sprint("key ", i))
			}
			kv := sdk.Create(p, pairs)
			d := &lookUp{Map: sdk.AsMap(kv), Many: sdk.AsMultimap(sdk.Flatten(kv, sdk.Create(p, pairs)))}
			passert.Count(sdk.ParDo(sdk.Create(p, append(keys, "no key")), d), n)
			passert.Count(d.Missing.PCollection(), 1)
		}, ptest.Fast(), ptest.Budget(budget))
	}
}

type lookUp struct {
	Map     sdk.MapView[string, int]
	Many    sdk.MultimapView[string, int]
	Missing sdk.Output[string]
}

func (l *lookUp) ProcessElement(c *sdk.Context, key string, out sdk.Emitter[int]) error {
	v, ok := l.Map.Get(c, key)
	n := 0
	for w := range l.Many.Get(c, key) {
		if w != v {
			return fmt.Errorf("%s has %d and %d", key, v, w)
		}
		n++
	}
	switch {
	case !ok && n == 0:
		l.Missing.Emit(key)
	case n != 2 || fmt.Sprint("key ", v) != key:
		return fmt.Errorf("%s: %d, %d times", key, v, n)
	default:
		out.Emit(v)
	}
	return nil
}
