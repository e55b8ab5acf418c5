package direct_test

import (
	"iter"
	"runtime"
	"testing"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/sdf"
	"github.com/millrace-go/millrace/transforms/stats"
)

// upTo is a source of the numbers below n.
type upTo struct{}

func (upTo) InitialRestriction(n int64) sdf.OffsetRange { return sdf.OffsetRange{Hi: n} }

func (upTo) NewTracker(r sdf.OffsetRange) *sdf.OffsetTracker { return sdf.NewOffsetTracker(r) }

func (upTo) ProcessElement(_ *sdk.Context, _ int64, t *sdf.OffsetTracker, out sdk.Emitter[int64]) (sdk.Continuation, error) {
	for at := t.Restriction().Lo; ; {
		end := t.ClaimUpTo(at + 1024)
		for ; at < end; at++ {
			out.Emit(at)
		}
		if at >= t.Restriction().Hi {
			return sdf.Stop(), nil
		}
	}
}

type addOne struct{}

func (addOne) ProcessElement(_ *sdk.Context, v int64, out sdk.Emitter[int64]) error {
	out.Emit(v + 1)
	return nil
}

type addOneBatch struct{ addOne }

func (addOneBatch) ProcessBatch(_ *sdk.Context, in []int64, out *sdk.BatchEmitter[int64]) error {
	rows := out.Rows()
	for i, v := range in {
		rows[i] = v + 1
	}
	return nil
}

// mallocs counts the allocations of a run.
func mallocs(t *testing.T, n int64, build func(c sdk.PCollection[int64])) int64 {
	t.Helper()
	var before, after runtime.MemStats
	g, err := sdk.Build(func(p *sdk.Pipeline) error {
		build(sdk.ParDoSplittable(sdk.Of(p, n), upTo{}))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&before)
	job, err := (&direct.Runner{Workers: 1, TempDir: t.TempDir(), Log: quiet()}).Start(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	if err := job.Wait(); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	return int64(after.Mallocs - before.Mallocs)
}

// The engine allocates nothing per element: a million elements more cost no more allocations than batches,
// chunks and tables that grow.
func TestNoAllocationPerElement(t *testing.T) {
	const n = 1_000_000
	kv := func(c sdk.PCollection[int64]) sdk.PCollection[sdk.KV[int64, int64]] {
		return sdk.WithKeys(c, func(v int64) int64 { return v % 1000 })
	}
	for name, build := range map[string]func(c sdk.PCollection[int64]){
		"Map":             func(c sdk.PCollection[int64]) { sdk.Map(c, func(v int64) int64 { return v + 1 }) },
		"Filter":          func(c sdk.PCollection[int64]) { sdk.Filter(c, func(v int64) bool { return v%3 == 0 }) },
		"ParDo":           func(c sdk.PCollection[int64]) { sdk.ParDo(c, addOne{}) },
		"ProcessBatch":    func(c sdk.PCollection[int64]) { sdk.ParDo(c, addOneBatch{}) },
		"CombinePerKey":   func(c sdk.PCollection[int64]) { stats.SumPerKey(kv(c)) },
		"CombineGlobally": func(c sdk.PCollection[int64]) { stats.Sum(c) },
		"GroupByKey": func(c sdk.PCollection[int64]) {
			sdk.Map(sdk.GroupByKey(kv(c)), func(g sdk.KV[int64, iter.Seq[int64]]) int64 { return g.Key })
		},
		"GroupByKey, a key each": func(c sdk.PCollection[int64]) {
			sdk.Map(sdk.GroupByKey(sdk.WithKeys(c, func(v int64) int64 { return v })), func(g sdk.KV[int64, iter.Seq[int64]]) int64 { return g.Key })
		},
	} {
		t.Run(name, func(t *testing.T) {
			few, many := mallocs(t, 1000, build), mallocs(t, n+1000, build)
			per := float64(many-few) / n
			// Chunks of 64 KB for a million rows, and what the runtime's own goroutines do meanwhile.
			if per > 0.005 {
				t.Errorf("%.4f allocations per element", per)
			}
			t.Logf("%.5f allocations per element", per)
		})
	}
}
