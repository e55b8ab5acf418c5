package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/millrace-go/millrace/integration/bench/data"
	"github.com/millrace-go/millrace/integration/bench/limit"
	"github.com/millrace-go/millrace/io/textio"
	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/sdf"
	"github.com/millrace-go/millrace/transforms/stats"
)

// Our side of the cases: pipelines as a user would write them.

// numbers is a source of the numbers of a range.
type numbers struct{}

func (numbers) InitialRestriction(n int64) sdf.OffsetRange { return sdf.OffsetRange{Hi: n} }
func (numbers) NewTracker(r sdf.OffsetRange) *sdf.OffsetTracker {
	return sdf.NewOffsetTracker(r)
}

func (numbers) ProcessElement(_ *sdk.Context, _ int64, t *sdf.OffsetTracker, out sdk.Emitter[int64]) (sdk.Continuation, error) {
	for at := t.Restriction().Lo; ; {
		end := t.ClaimUpTo(at + 4096)
		for ; at < end; at++ {
			out.Emit(at)
		}
		if at >= t.Restriction().Hi {
			return sdf.Stop(), nil
		}
	}
}

// rows is a source of the rows of the grouping cases.
type rows struct {
	numbers
	Keys int64
}

func (r rows) ProcessElement(_ *sdk.Context, _ int64, t *sdf.OffsetTracker, out sdk.Emitter[sdk.KV[int64, int64]]) (sdk.Continuation, error) {
	for at := t.Restriction().Lo; ; {
		end := t.ClaimUpTo(at + 4096)
		for ; at < end; at++ {
			out.Emit(sdk.MakeKV(data.Key(at, r.Keys), at))
		}
		if at >= t.Restriction().Hi {
			return sdf.Stop(), nil
		}
	}
}

// disk is how many bytes this process has written to spill files and read back.
var disk int64

func runOurs(ctx context.Context, r *direct.Runner, build func(p *sdk.Pipeline)) error {
	r.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	res, err := sdk.Run(ctx, r, func(p *sdk.Pipeline) error { build(p); return nil })
	if res != nil {
		disk = res.Status.Spilled + res.Status.Unspilled
	}
	return err
}

// total gives the sum of a collection to check.
func total(c sdk.PCollection[int64], check *int64) {
	sdk.Map(stats.Sum(c), func(v int64) bool { *check = v; return true })
}

func oursWordCount(ctx context.Context, path string) (check int64, err error) {
	err = runOurs(ctx, &direct.Runner{}, func(p *sdk.Pipeline) {
		words := sdk.FlatMap(textio.Read(p, path), strings.FieldsSeq)
		total(sdk.Map(stats.Count(words), func(c sdk.KV[string, int64]) int64 { return data.Check(c.Key, c.Value) }), &check)
	})
	return check, err
}

//go:noinline
func mapA(i int64) int64 { return i + 1 }

//go:noinline
func mapB(i int64) int64 { return i * 3 }

//go:noinline
func mapC(i int64) int64 { return i ^ 5 }

func oursMaps(ctx context.Context, n int64) (check int64, err error) {
	err = runOurs(ctx, &direct.Runner{}, func(p *sdk.Pipeline) {
		c := sdk.ParDoSplittable(sdk.Of(p, n), numbers{})
		total(sdk.Map(sdk.Map(sdk.Map(c, mapA), mapB), mapC), &check)
	})
	return check, err
}

func oursGroup(ctx context.Context, n, keys int64) (check int64, err error) {
	err = runOurs(ctx, &direct.Runner{}, func(p *sdk.Pipeline) {
		c := sdk.ParDoSplittable(sdk.Of(p, n), rows{Keys: keys})
		total(sdk.Map(sdk.GroupByKey(c), func(g sdk.KV[int64, iter.Seq[int64]]) int64 {
			var s int64
			for v := range g.Value {
				s += v
			}
			return data.Check("", s^g.Key)
		}), &check)
	})
	return check, err
}

func oursCombine(ctx context.Context, n, keys int64) (check int64, err error) {
	err = runOurs(ctx, &direct.Runner{}, func(p *sdk.Pipeline) {
		c := sdk.ParDoSplittable(sdk.Of(p, n), rows{Keys: keys})
		total(sdk.Map(stats.SumPerKey(c), func(s sdk.KV[int64, int64]) int64 { return data.Check("", s.Value^s.Key) }), &check)
	})
	return check, err
}

// second is when the second worker of oursLines got its first element, since the start.
var second time.Duration

// wordsFn counts the words of lines. It notes when its second instance has begun.
type wordsFn struct {
	Start time.Time
	Begun *atomic.Int64 // instances that have
	begun bool
}

func (f *wordsFn) ProcessElement(_ *sdk.Context, line string, out sdk.Emitter[int64]) error {
	if !f.begun {
		if f.begun = true; f.Begun.Add(1) == 2 {
			second = time.Since(f.Start)
		}
	}
	var n int64
	for range strings.FieldsSeq(line) {
		n++
	}
	out.Emit(n)
	return nil
}

// oursLines counts the words of a file.
func oursLines(ctx context.Context, path string) (check int64, err error) {
	start := time.Now()
	err = runOurs(ctx, &direct.Runner{}, func(p *sdk.Pipeline) {
		total(sdk.ParDo(textio.Read(p, path), &wordsFn{Start: start, Begun: new(atomic.Int64)}), &check)
	})
	return check, err
}

func oursBRC(ctx context.Context, path string) (check int64, err error) {
	err = runOurs(ctx, &direct.Runner{}, func(p *sdk.Pipeline) {
		c := sdk.CombinePerKey(sdk.Map(textio.Read(p, path), parseMeasurement), stationFn{})
		total(sdk.Map(c, func(s sdk.KV[string, limit.Station]) int64 { return s.Value.Check(s.Key) }), &check)
	})
	return check, err
}

func parseMeasurement(line string) sdk.KV[string, int64] {
	i := strings.IndexByte(line, ';')
	var t int64
	s := line[i+1:]
	neg := s[0] == '-'
	if neg {
		s = s[1:]
	}
	for j := range len(s) {
		if c := s[j]; c != '.' {
			t = t*10 + int64(c-'0')
		}
	}
	if neg {
		t = -t
	}
	return sdk.MakeKV(line[:i], t)
}

type stationFn struct{}

func (stationFn) CreateAccumulator() limit.Station { return limit.Station{Min: 1 << 62, Max: -1 << 62} }

func (stationFn) AddInput(a limit.Station, t int64) limit.Station {
	return limit.Station{Min: min(a.Min, t), Max: max(a.Max, t), Sum: a.Sum + t, N: a.N + 1}
}

func (stationFn) MergeAccumulators(a, b limit.Station) limit.Station {
	return limit.Station{Min: min(a.Min, b.Min), Max: max(a.Max, b.Max), Sum: a.Sum + b.Sum, N: a.N + b.N}
}
func (stationFn) ExtractOutput(a limit.Station) limit.Station { return a }

// oursSpill groups n values by keys keys with a budget. A value is its key, its number and bytes that do not
// compress; the check is the sum of all numbers, 3 for each value and 7 for each group.
func oursSpill(ctx context.Context, dir string, budget, n, keys int64) (check int64, err error) {
	err = runOurs(ctx, &direct.Runner{Budget: budget, TempDir: dir}, func(p *sdk.Pipeline) {
		c := sdk.Map(sdk.ParDoSplittable(sdk.Of(p, n), rows{Keys: keys}), func(kv sdk.KV[int64, int64]) sdk.KV[int64, []byte] {
			b := make([]byte, valueSize)
			binary.LittleEndian.PutUint64(b, uint64(kv.Key))
			data.Fill(b[8:], uint64(kv.Value))
			binary.LittleEndian.PutUint64(b[valueSize-8:], uint64(kv.Value))
			return sdk.MakeKV(kv.Key, b)
		})
		total(sdk.TryMap(sdk.GroupByKey(c), func(g sdk.KV[int64, iter.Seq[[]byte]]) (int64, error) {
			sum := int64(7)
			for b := range g.Value {
				if len(b) != valueSize || binary.LittleEndian.Uint64(b) != uint64(g.Key) {
					return 0, fmt.Errorf("a value of %d bytes, or of another key than %d", len(b), g.Key)
				}
				sum += 3 + int64(binary.LittleEndian.Uint64(b[valueSize-8:]))
			}
			return sum, nil
		}), &check)
	})
	return check, err
}
