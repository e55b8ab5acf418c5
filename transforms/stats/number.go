// Package stats has the aggregations that every pipeline needs: counts, sums, means, extremes, quantiles,
// samples. Each comes in a form for a whole collection and one per key, and needs no type arguments:
//
//	counts := stats.Count(words)         // PCollection[KV[string, int64]]
//	totals := stats.SumPerKey(payments)  // PCollection[KV[string, float64]]
//
// All of them aggregate before the shuffle, per window.
package stats

import (
	"cmp"

	"github.com/millrace-go/millrace/sdk"
)

// Number is what can be added up.
type Number interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64
}

// Count counts how often each element occurs. Elements are equal if their encodings are.
func Count[T any](in sdk.PCollection[T], opts ...sdk.Option) sdk.PCollection[sdk.KV[T, int64]] {
	return sdk.Scope(in.Pipeline(), "stats.Count", func() sdk.PCollection[sdk.KV[T, int64]] {
		return sdk.CombinePerKey(sdk.Map(in, one[T]), count[unit]{}, opts...)
	})
}

type unit = struct{}

func one[T any](v T) sdk.KV[T, unit] { return sdk.KV[T, unit]{Key: v} }

// CountAll counts the elements; 0 if there are none.
func CountAll[T any](in sdk.PCollection[T], opts ...sdk.Option) sdk.PCollection[int64] {
	return sdk.CombineGlobally(in, count[T]{}, opts...)
}

// CountPerKey counts the values of each key.
func CountPerKey[K, V any](in sdk.PCollection[sdk.KV[K, V]], opts ...sdk.Option) sdk.PCollection[sdk.KV[K, int64]] {
	return sdk.CombinePerKey(in, count[V]{}, opts...)
}

type count[T any] struct{}

func (count[T]) CreateAccumulator() int64           { return 0 }
func (count[T]) AddInput(a int64, _ T) int64        { return a + 1 }
func (count[T]) MergeAccumulators(a, b int64) int64 { return a + b }
func (count[T]) ExtractOutput(a int64) int64        { return a }

// AddBatch is AddInput for many elements of one accumulator.
func (count[T]) AddBatch(a int64, vs []T) int64 { return a + int64(len(vs)) }

// AddInputs is AddInput for many elements, each of an accumulator of its own.
func (count[T]) AddInputs(accs []int64, of []uint32, _ []T) {
	for _, i := range of {
		accs[i]++
	}
}

// Sum adds up the elements; 0 if there are none. Integers wrap around.
func Sum[N Number](in sdk.PCollection[N], opts ...sdk.Option) sdk.PCollection[N] {
	return sdk.CombineGlobally(in, sum[N]{}, opts...)
}

// SumPerKey adds up the values of each key.
func SumPerKey[K any, N Number](in sdk.PCollection[sdk.KV[K, N]], opts ...sdk.Option) sdk.PCollection[sdk.KV[K, N]] {
	return sdk.CombinePerKey(in, sum[N]{}, opts...)
}

type sum[N Number] struct{}

func (sum[N]) CreateAccumulator() N       { return 0 }
func (sum[N]) AddInput(a, v N) N          { return a + v }
func (sum[N]) MergeAccumulators(a, b N) N { return a + b }
func (sum[N]) ExtractOutput(a N) N        { return a }

// AddBatch is AddInput for many elements of one accumulator.
func (sum[N]) AddBatch(a N, vs []N) N {
	for _, v := range vs {
		a += v
	}
	return a
}

// AddInputs is AddInput for many elements, each of an accumulator of its own.
func (sum[N]) AddInputs(accs []N, of []uint32, in []N) {
	in = in[:len(of)]
	for i, at := range of {
		accs[at] += in[i]
	}
}

// Mean is the arithmetic mean of the elements; NaN if there are none.
func Mean[N Number](in sdk.PCollection[N], opts ...sdk.Option) sdk.PCollection[float64] {
	return sdk.CombineGlobally(in, mean[N]{}, opts...)
}

// MeanPerKey is the arithmetic mean of the values of each key.
func MeanPerKey[K any, N Number](in sdk.PCollection[sdk.KV[K, N]], opts ...sdk.Option) sdk.PCollection[sdk.KV[K, float64]] {
	return sdk.CombinePerKey(in, mean[N]{}, opts...)
}

// MeanAccumulator is the state of a mean.
type MeanAccumulator struct {
	Sum   float64
	Count int64
}

type mean[N Number] struct{}

func (mean[N]) CreateAccumulator() MeanAccumulator { return MeanAccumulator{} }
func (mean[N]) AddInput(a MeanAccumulator, v N) MeanAccumulator {
	return MeanAccumulator{a.Sum + float64(v), a.Count + 1}
}

func (mean[N]) MergeAccumulators(a, b MeanAccumulator) MeanAccumulator {
	return MeanAccumulator{a.Sum + b.Sum, a.Count + b.Count}
}
func (mean[N]) ExtractOutput(a MeanAccumulator) float64 { return a.Sum / float64(a.Count) }

// AddBatch is AddInput for many.
func (mean[N]) AddBatch(a MeanAccumulator, vs []N) MeanAccumulator {
	for _, v := range vs {
		a.Sum += float64(v)
	}
	a.Count += int64(len(vs))
	return a
}

// Extreme is a least or greatest element, if there is one.
type Extreme[T any] struct {
	Value T
	Any   bool // false: there were no elements
}

// Min is the least element. Any is false if there are none.
func Min[T cmp.Ordered](in sdk.PCollection[T], opts ...sdk.Option) sdk.PCollection[Extreme[T]] {
	return sdk.CombineGlobally(in, extreme[T]{better: -1}, opts...)
}

// Max is the greatest element. Any is false if there are none.
func Max[T cmp.Ordered](in sdk.PCollection[T], opts ...sdk.Option) sdk.PCollection[Extreme[T]] {
	return sdk.CombineGlobally(in, extreme[T]{better: 1}, opts...)
}

// MinPerKey is the least value of each key.
func MinPerKey[K any, T cmp.Ordered](in sdk.PCollection[sdk.KV[K, T]], opts ...sdk.Option) sdk.PCollection[sdk.KV[K, T]] {
	return sdk.CombinePerKey(in, some[T]{extreme[T]{better: -1}}, opts...)
}

// MaxPerKey is the greatest value of each key.
func MaxPerKey[K any, T cmp.Ordered](in sdk.PCollection[sdk.KV[K, T]], opts ...sdk.Option) sdk.PCollection[sdk.KV[K, T]] {
	return sdk.CombinePerKey(in, some[T]{extreme[T]{better: 1}}, opts...)
}

type extreme[T cmp.Ordered] struct{ better int }

func (extreme[T]) CreateAccumulator() Extreme[T] { return Extreme[T]{} }
func (e extreme[T]) AddInput(a Extreme[T], v T) Extreme[T] {
	if !a.Any || cmp.Compare(v, a.Value) == e.better {
		return Extreme[T]{v, true}
	}
	return a
}

func (e extreme[T]) MergeAccumulators(a, b Extreme[T]) Extreme[T] {
	if b.Any {
		return e.AddInput(a, b.Value)
	}
	return a
}
func (extreme[T]) ExtractOutput(a Extreme[T]) Extreme[T] { return a }

// some is extreme where there is at least one element.
type some[T cmp.Ordered] struct{ extreme[T] }

func (some[T]) ExtractOutput(a Extreme[T]) T { return a.Value }
