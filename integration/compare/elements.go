package compare

import (
	"fmt"
	"iter"
	"slices"

	"github.com/millrace-go/millrace/integration/model"
	"github.com/millrace-go/millrace/sdk"
)

type (
	group   = sdk.KV[string, iter.Seq[int64]]
	cogroup = sdk.KV[string, sdk.CoGroup2[int64, int64]]
)

func groupElement(v group) model.Element {
	return model.Element{Key: v.Key, Grouped: true, Values: slices.Sorted(v.Value)}
}

func cogroupElement(v cogroup) model.Element {
	others := slices.Sorted(v.Value.B)
	if others == nil {
		others = []int64{}
	}
	return model.Element{Key: v.Key, Grouped: true, Values: slices.Sorted(v.Value.A), Others: others}
}

// mapPlain applies a function of the model to plain elements.
func mapPlain(in sdk.PCollection[pair], f model.MapFn, name sdk.Option) (sdk.PCollection[pair], error) {
	n := f.Arg
	modulo := func(v, n int64) int64 { return ((v % n) + n) % n }
	switch f.Name {
	case "add":
		return sdk.Map(in, func(p pair) pair { return pair{Key: p.Key, Value: p.Value + n} }, name), nil
	case "mul":
		return sdk.Map(in, func(p pair) pair { return pair{Key: p.Key, Value: p.Value * n} }, name), nil
	case "keymod":
		return sdk.Map(in, func(p pair) pair { return pair{Key: fmt.Sprintf("k%d", modulo(p.Value, n)), Value: p.Value} }, name), nil
	case "onekey":
		return sdk.Map(in, func(p pair) pair { return pair{Key: "all", Value: p.Value} }, name), nil
	case "keep":
		return sdk.Filter(in, func(p pair) bool { return modulo(p.Value, 2) == n }, name), nil
	}
	return in, fmt.Errorf("%w: %s", ErrNotExpressible, f)
}

// mapGrouped applies a function of the model to grouped elements.
func mapGrouped(t model.Transform, in built) (out sdk.PCollection[pair], err error) {
	f := aggregateFn{How: t.Map.Name}
	switch {
	case in.grouped != nil:
		return sdk.Map(*in.grouped, func(g group) pair {
			return pair{Key: g.Key, Value: f.all(g.Value)}
		}, sdk.Name(t.Name)), nil
	case in.cogrouped != nil:
		return sdk.Map(*in.cogrouped, func(g cogroup) pair {
			return pair{Key: g.Key, Value: f.all(g.Value.A, g.Value.B)}
		}, sdk.Name(t.Name)), nil
	}
	return out, fmt.Errorf("%w: %s", ErrNotExpressible, t.Map)
}

// aggregateFn combines as the model does: sum, count, max or mean, each 0 of nothing.
type aggregateFn struct{ How string }

// aggregate is its accumulator.
type aggregate struct{ N, Sum, Max int64 }

func (aggregateFn) CreateAccumulator() aggregate { return aggregate{} }

func (aggregateFn) AddInput(a aggregate, v int64) aggregate {
	if a.N == 0 || v > a.Max {
		a.Max = v
	}
	return aggregate{N: a.N + 1, Sum: a.Sum + v, Max: a.Max}
}

func (aggregateFn) MergeAccumulators(a, b aggregate) aggregate {
	switch {
	case a.N == 0:
		return b
	case b.N == 0:
		return a
	}
	return aggregate{N: a.N + b.N, Sum: a.Sum + b.Sum, Max: max(a.Max, b.Max)}
}

func (f aggregateFn) ExtractOutput(a aggregate) int64 {
	switch f.How {
	case "sum":
		return a.Sum
	case "count":
		return a.N
	case "max":
		return a.Max
	}
	return a.Sum / max(a.N, 1)
}

func (f aggregateFn) all(seqs ...iter.Seq[int64]) int64 {
	var a aggregate
	for _, s := range seqs {
		for v := range s {
			a = f.AddInput(a, v)
		}
	}
	return f.ExtractOutput(a)
}

// join reads a view, as model.Transform.Join says.
func join(main, side sdk.PCollection[pair], how string, name sdk.Option) (sdk.PCollection[pair], error) {
	switch how {
	case "total":
		return sdk.ParDo(main, &totalFn{All: sdk.AsIterable(side)}, name), nil
	case "lookup":
		return sdk.ParDo(main, &lookupFn{ByKey: sdk.AsMultimap(side)}, name), nil
	case "size":
		return sdk.ParDo(main, &sizeFn{All: sdk.AsList(side)}, name), nil
	}
	return main, fmt.Errorf("%w: join by %s", ErrNotExpressible, how)
}

type totalFn struct{ All sdk.IterableView[pair] }

// ProcessElement implements sdk.DoFn.
func (f *totalFn) ProcessElement(c *sdk.Context, p pair, out sdk.Emitter[pair]) error {
	for x := range f.All.All(c) {
		p.Value += x.Value
	}
	out.Emit(p)
	return nil
}

type lookupFn struct {
	ByKey sdk.MultimapView[string, int64]
}

// ProcessElement implements sdk.DoFn.
func (f *lookupFn) ProcessElement(c *sdk.Context, p pair, out sdk.Emitter[pair]) error {
	for v := range f.ByKey.Get(c, p.Key) {
		p.Value += v
	}
	out.Emit(p)
	return nil
}

type sizeFn struct{ All sdk.ListView[pair] }

// ProcessElement implements sdk.DoFn.
func (f *sizeFn) ProcessElement(c *sdk.Context, p pair, out sdk.Emitter[pair]) error {
	p.Value = int64(f.All.Len(c))
	out.Emit(p)
	return nil
}
