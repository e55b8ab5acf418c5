package main

import (
	"context"
	"io"
	"iter"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync/atomic"

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
	Keys uint64
}

func (r rows) ProcessElement(_ *sdk.Context, _ int64, t *sdf.OffsetTracker, out sdk.Emitter[sdk.KV[int64, int64]]) (sdk.Continuation, error) {
	for at := t.Restriction().Lo; ; {
		end := t.ClaimUpTo(at + 4096)
		for ; at < end; at++ {
			out.Emit(sdk.MakeKV(key(at, r.Keys), at))
		}
		if at >= t.Restriction().Hi {
			return sdf.Stop(), nil
		}
	}
}

func runOurs(budget int64, build func(p *sdk.Pipeline)) error {
	r := &direct.Runner{Budget: budget, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	res, err := sdk.Run(context.Background(), r, func(p *sdk.Pipeline) error { build(p); return nil })
	if res != nil {
		lastStatus = res.Status
	}
	return err
}

var lastStatus sdk.Status

// total gives the sum of a collection to check.
func total(c sdk.PCollection[int64], check *int64) {
	sdk.Map(stats.Sum(c), func(v int64) bool { *check = v; return true })
}

func oursWordCount(path string) (check int64, err error) {
	err = runOurs(0, func(p *sdk.Pipeline) {
		words := sdk.FlatMap(textio.Read(p, path), strings.FieldsSeq)
		total(sdk.Map(stats.Count(words), func(c sdk.KV[string, int64]) int64 { return c.Value * int64(len(c.Key)) }), &check)
	})
	return check, err
}

func oursMaps(n int64) (check int64, err error) {
	err = runOurs(0, func(p *sdk.Pipeline) {
		c := sdk.ParDoSplittable(sdk.Of(p, n), numbers{})
		total(sdk.Map(sdk.Map(sdk.Map(c, mapA), mapB), mapC), &check)
	})
	return check, err
}

func oursGroup(n int64, keys uint64) (check int64, err error) {
	err = runOurs(0, func(p *sdk.Pipeline) {
		c := sdk.ParDoSplittable(sdk.Of(p, n), rows{Keys: keys})
		total(sdk.Map(sdk.GroupByKey(c), func(g sdk.KV[int64, iter.Seq[int64]]) int64 {
			var s int64
			for v := range g.Value {
				s += v
			}
			return s ^ g.Key
		}), &check)
	})
	return check, err
}

func oursCombine(n int64, keys uint64) (check int64, err error) {
	err = runOurs(0, func(p *sdk.Pipeline) {
		c := sdk.ParDoSplittable(sdk.Of(p, n), rows{Keys: keys})
		total(sdk.Map(stats.SumPerKey(c), func(kv sdk.KV[int64, int64]) int64 { return kv.Value ^ kv.Key }), &check)
	})
	return check, err
}

func oursBRC(path string) (check int64, err error) {
	err = runOurs(0, func(p *sdk.Pipeline) {
		kv := sdk.Map(textio.Read(p, path), parseMeasurement)
		c := sdk.CombinePerKey(kv, stationFn{})
		total(sdk.Map(c, func(s sdk.KV[string, Station]) int64 {
			return int64(len(s.Key)) * (s.Value.Min + 3*s.Value.Max + 5*s.Value.Sum + 7*s.Value.N)
		}), &check)
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

// Station is the accumulator of the brc case.
type Station struct{ Min, Max, Sum, N int64 }

type stationFn struct{}

func (stationFn) CreateAccumulator() Station { return Station{Min: 1 << 62, Max: -1 << 62} }
func (stationFn) AddInput(a Station, t int64) Station {
	return Station{min(a.Min, t), max(a.Max, t), a.Sum + t, a.N + 1}
}

func (stationFn) MergeAccumulators(a, b Station) Station {
	return Station{min(a.Min, b.Min), max(a.Max, b.Max), a.Sum + b.Sum, a.N + b.N}
}
func (stationFn) ExtractOutput(a Station) Station { return a }

// oursSpill groups n values of size bytes by keys keys with a budget of 512 MB, and returns their number.
func oursSpill(n int64, size int, keys uint64) (check int64, err error) {
	var groups atomic.Int64
	err = runOurs(512<<20, func(p *sdk.Pipeline) {
		c := sdk.Map(sdk.ParDoSplittable(sdk.Of(p, n), rows{Keys: keys}), func(kv sdk.KV[int64, int64]) sdk.KV[int64, []byte] {
			b := make([]byte, size)
			x := rand.NewPCG(uint64(kv.Value), 1) // incompressible
			for i := 0; i+8 <= size; i += 8 {
				v := x.Uint64()
				for k := range 8 {
					b[i+k] = byte(v >> (8 * k))
				}
			}
			return sdk.MakeKV(kv.Key, b)
		})
		total(sdk.Map(sdk.GroupByKey(c), func(g sdk.KV[int64, iter.Seq[[]byte]]) int64 {
			groups.Add(1)
			var s int64
			for b := range g.Value {
				s += int64(len(b))
			}
			return s
		}), &check)
	})
	return check / int64(size), err
}
