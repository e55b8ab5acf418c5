package direct_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/sdf"
	"github.com/millrace-go/millrace/sdk/teststream"
	"github.com/millrace-go/millrace/sdk/window"
)

// begin starts a job of a pipeline on two workers.
func begin(t *testing.T, build func(p *sdk.Pipeline) error) sdk.Job {
	t.Helper()
	g, err := sdk.Build(build)
	if err != nil {
		t.Fatal(err)
	}
	job, err := (&direct.Runner{Workers: 2, Log: quiet()}).Start(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	return job
}

// ticksFn gives the numbers of a range, number n at n ms, from as many splits as there are elements.
type ticksFn struct {
	Stripes int64
	ready   bool
}

func (f *ticksFn) Setup(*sdk.Context) error {
	f.ready = true
	return nil
}

func (*ticksFn) Unbounded() bool { return true }

func (*ticksFn) InitialRestriction(r sdf.OffsetRange) sdf.OffsetRange { return r }

func (*ticksFn) NewTracker(r sdf.OffsetRange) *sdf.OffsetTracker { return sdf.NewOffsetTracker(r) }

func (f *ticksFn) NewWatermarkEstimator(_, _ sdf.OffsetRange, start sdk.Time) sdf.WatermarkEstimator {
	return sdf.NewManual(start)
}

func (f *ticksFn) ProcessElement(c *sdk.Context, in sdf.OffsetRange, t *sdf.OffsetTracker, out sdk.Emitter[int64]) (sdk.Continuation, error) {
	if !f.ready {
		return sdf.Stop(), errors.New("Setup has not been called")
	}
	est := c.WatermarkEstimator().(*sdf.Manual)
	for n := t.Restriction().Lo; t.TryClaim(n); n++ {
		if n%f.Stripes == in.Hi%f.Stripes { // each split takes its own
			out.EmitAt(mtime.Time(n), n)
		}
		est.Set(mtime.Time(n + 1))
	}
	return sdf.Stop(), nil
}

func ticks(p *sdk.Pipeline, n, stripes int64) sdk.PCollection[int64] {
	var ranges []sdf.OffsetRange
	for s := range stripes {
		hi := n
		for hi%stripes != s {
			hi++
		}
		ranges = append(ranges, sdf.OffsetRange{Lo: 0, Hi: hi})
	}
	all := sdk.ParDoSplittable(sdk.Create(p, ranges), &ticksFn{Stripes: stripes})
	return sdk.Filter(all, func(v int64) bool { return v < n })
}

type collected[T any] struct {
	mu sync.Mutex
	v  []T
}

func (c *collected[T]) add(v T) T {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.v = append(c.v, v)
	return v
}

type sumFn struct{}

func (sumFn) CreateAccumulator() int64           { return 0 }
func (sumFn) AddInput(a, v int64) int64          { return a + v }
func (sumFn) MergeAccumulators(a, b int64) int64 { return a + b }
func (sumFn) ExtractOutput(a int64) int64        { return a }

// A windowed sum over an unbounded source is that of a loop, whatever the number of workers and splits.
func TestStreamingSums(t *testing.T) {
	const n = 100_000
	for _, workers := range []int{1, 2, 3} {
		for _, stripes := range []int64{1, 3} {
			t.Run(fmt.Sprintf("%d workers, %d splits", workers, stripes), func(t *testing.T) {
				var got collected[string]
				_, err := sdk.Run(context.Background(), &direct.Runner{Workers: workers}, func(p *sdk.Pipeline) error {
					got.v = nil
					w := sdk.WindowInto(ticks(p, n, stripes), window.Fixed(10*time.Second))
					kv := sdk.WithKeys(w, func(v int64) int64 { return v % 7 })
					sums := sdk.CombinePerKey(kv, sumFn{})
					sdk.Map(sdk.Reify(sums), func(e sdk.Element[sdk.KV[int64, int64]]) string {
						return got.add(fmt.Sprint(e.Windows[0].Start, e.Value.Key, e.Value.Value, e.Pane))
					})
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				var want []string
				for start := int64(0); start < n; start += 10_000 {
					var sums [7]int64
					for v := start; v < start+10_000; v++ {
						sums[v%7] += v
					}
					for k, s := range sums {
						want = append(want, fmt.Sprint(mtime.Time(start), k, s, window.OnlyFiring))
					}
				}
				slices.Sort(want)
				slices.Sort(got.v)
				if !slices.Equal(got.v, want) {
					t.Errorf("got %d panes, want %d; first %q, want %q", len(got.v), len(want), got.v[:min(2, len(got.v))], want[:2])
				}
			})
		}
	}
}

type joinFn struct {
	Rate  sdk.SingletonView[int64]
	Names sdk.MapView[int64, string]
}

func (f *joinFn) ProcessElement(c *sdk.Context, v int64, out sdk.Emitter[string]) error {
	name, _ := f.Names.Get(c, v%3)
	out.Emit(fmt.Sprint(c.EventTime()/1000, name, f.Rate.Get(c)))
	return nil
}

// Rows wait for the views of their window: the sum of the window itself, and a bounded table.
func TestStreamingViews(t *testing.T) {
	for _, workers := range []int{1, 3} {
		var got collected[string]
		_, err := sdk.Run(context.Background(), &direct.Runner{Workers: workers}, func(p *sdk.Pipeline) error {
			got.v = nil
			w := sdk.WindowInto(ticks(p, 40_000, 2), window.Fixed(10*time.Second))
			names := sdk.AsMap(sdk.Of(p, sdk.MakeKV(int64(0), "a"), sdk.MakeKV(int64(1), "b"), sdk.MakeKV(int64(2), "c")))
			sum := sdk.AsSingleton(sdk.CombineGlobally(w, sumFn{}))
			some := sdk.Filter(w, func(v int64) bool { return v%1000 == 0 })
			sdk.Map(sdk.ParDo(some, &joinFn{Rate: sum, Names: names}), got.add)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for v := int64(0); v < 40_000; v += 1000 {
			lo := v / 10_000 * 10_000
			want = append(want, fmt.Sprint(mtime.Time(v)/1000, [...]string{"a", "b", "c"}[v%3], (lo+lo+9999)*10_000/2))
		}
		slices.Sort(want)
		slices.Sort(got.v)
		if !slices.Equal(got.v, want) {
			t.Errorf("%d workers: %q\nwant %q", workers, got.v, want)
		}
	}
}

// A job whose state only grows rests its sources at the budget, and fails with the figure and the transform that holds it.
func TestStreamingStateOverBudget(t *testing.T) {
	if testing.Short() {
		t.Skip("takes ten seconds")
	}
	_, err := sdk.Run(context.Background(), &direct.Runner{Budget: 8 << 20, Log: quiet()}, func(p *sdk.Pipeline) error {
		w := sdk.WindowInto(ticks(p, 50_000_000, 1), window.Fixed(1000*time.Hour))
		sdk.CombinePerKey(sdk.WithKeys(w, func(v int64) int64 { return v }), sumFn{}, sdk.Name("hoard"))
		return nil
	})
	said := regexp.MustCompile(`holds (\d+) bytes, more than the budget of (\d+), .*; hoard holds most of it, (\d+) bytes`).FindStringSubmatch(fmt.Sprint(err))
	if said == nil {
		t.Fatalf("got %v, want the budget, the bytes and the transform", err)
	}
	var figures [3]int64
	for i := range figures {
		figures[i], _ = strconv.ParseInt(said[i+1], 10, 64)
	}
	if all, limit, most := figures[0], figures[1], figures[2]; all <= limit || limit <= 0 || limit > 8<<20 || most < all/2 || most > all {
		t.Errorf("all hold %d, the budget is %d, one holds %d", all, limit, most)
	}
}

type evenFn struct{}

func (evenFn) ProcessElement(_ *sdk.Context, v int64, out sdk.Emitter[int64]) error {
	if v%2 == 0 {
		out.Emit(v)
	}
	return nil
}

func (evenFn) ProcessBatch(_ *sdk.Context, in []int64, out *sdk.BatchEmitter[int64]) error {
	for i, v := range in {
		if v%2 == 0 {
			out.Emit(i, v)
		}
	}
	return nil
}

// What a ProcessBatch emits for a row has the row's time, the last one's too.
func TestProcessBatchKeepsTimes(t *testing.T) {
	var got collected[string]
	_, err := sdk.Run(context.Background(), &direct.Runner{Workers: 1}, func(p *sdk.Pipeline) error {
		got.v = nil
		var vs []sdk.Timestamped[int64]
		for i := range int64(10) {
			vs = append(vs, sdk.Timestamped[int64]{Time: mtime.Time(i), Value: i})
		}
		even := sdk.ParDo(sdk.CreateTimestamped(p, vs), evenFn{})
		sdk.Map(sdk.Reify(even), func(e sdk.Element[int64]) string { return got.add(fmt.Sprint(e.Value, int64(e.Time))) })
		return nil
	})
	if want := []string{"0 0", "2 2", "4 4", "6 6", "8 8"}; err != nil || !slices.Equal(got.v, want) {
		t.Errorf("got %q, %v; want %q", got.v, err, want)
	}
}

// Windows fire while a source that always has something to give goes on: it keeps no other source from its turn.
func TestWindowsFireAsTimeGoes(t *testing.T) {
	var early atomic.Int64
	const n = 2_000_000
	var read atomic.Int64
	_, err := sdk.Run(context.Background(), &direct.Runner{Workers: 2}, func(p *sdk.Pipeline) error {
		in := sdk.Map(ticks(p, n, 1), func(v int64) int64 {
			read.Add(1)
			return v
		})
		sums := sdk.CombineGlobally(sdk.WindowInto(in, window.Fixed(time.Minute)), sumFn{})
		sdk.Map(sums, func(int64) bool {
			if read.Load() < n/2 {
				early.Add(1)
			}
			return true
		})
		return nil
	})
	if err != nil || early.Load() == 0 {
		t.Errorf("no window has fired in the first half of the events; %v", err)
	}
}

// A batch that is not full goes when its first value has waited, or its window has expired.
func TestBatchesThatWait(t *testing.T) {
	s := teststream.New[int64]().
		Add(0, 1, 2, 3, 4).          // a full one, and one
		Advance(6*time.Second).      // not yet
		Add(0, 5).                   //
		Advance(4*time.Second).      // 4 has waited for ten seconds
		Add(0, 6).Advance(time.Hour) // alone
	s.Add(0, 7).End()
	var got collected[string]
	_, err := sdk.Run(context.Background(), &direct.Runner{Workers: 2}, func(p *sdk.Pipeline) error {
		got.v = nil
		in := sdk.WithKeys(teststream.Read(p, s), func(int64) string { return "k" })
		batches := sdk.GroupIntoBatches(in, sdk.BatchLimits{Count: 3, Wait: 10 * time.Second})
		sdk.Map(batches, func(b sdk.KV[string, []int64]) string { return got.add(fmt.Sprint(b.Value)) })
		return nil
	})
	if want := []string{"[1 2 3]", "[4 5]", "[6]", "[7]"}; err != nil || !slices.Equal(got.v, want) {
		t.Errorf("got %q, %v; want %q", got.v, err, want)
	}
}
