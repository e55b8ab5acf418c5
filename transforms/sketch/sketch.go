// Package sketch has approximate aggregations of bounded size: distinct counts by HyperLogLog, quantiles by
// DDSketch. Both merge, so they work before and after the shuffle and per window.
package sketch

import (
	"fmt"

	"github.com/DataDog/sketches-go/ddsketch"
	"github.com/axiomhq/hyperloglog"

	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/coder"
)

// Distinct estimates the number of distinct elements, by their encoding, within about 0.8% (one standard
// error), with 16 KB for each worker and window.
func Distinct[T any](in sdk.PCollection[T], opts ...sdk.Option) sdk.PCollection[int64] {
	return sdk.CombineGlobally(in, newDistinct[T](), opts...)
}

// DistinctPerKey estimates the number of distinct values of each key; a key with few takes little memory.
func DistinctPerKey[K, V any](in sdk.PCollection[sdk.KV[K, V]], opts ...sdk.Option) sdk.PCollection[sdk.KV[K, int64]] {
	return sdk.CombinePerKey(in, newDistinct[V](), opts...)
}

type distinct[T any] struct {
	coder coder.Coder[T]
	err   error
}

func newDistinct[T any]() *distinct[T] {
	c, err := coder.For[T]()
	return &distinct[T]{c, err}
}

// Log is the state of a distinct count. It is encoded by the library.
type Log struct{ s *hyperloglog.Sketch }

// MarshalBinary implements [encoding.BinaryMarshaler].
func (l Log) MarshalBinary() ([]byte, error) { return l.s.MarshalBinary() }

// UnmarshalBinary implements [encoding.BinaryUnmarshaler].
func (l *Log) UnmarshalBinary(b []byte) error {
	l.s = hyperloglog.New14()
	return l.s.UnmarshalBinary(b)
}

func (*distinct[T]) CreateAccumulator() Log { return Log{hyperloglog.New14()} }

func (d *distinct[T]) AddInput(a Log, v T) Log {
	if d.err != nil {
		panic(d.err)
	}
	var buf [64]byte
	b, err := d.coder.Append(buf[:0], &v)
	if err != nil {
		panic(err)
	}
	a.s.Insert(b)
	return a
}

func (*distinct[T]) MergeAccumulators(a, b Log) Log {
	if err := a.s.Merge(b.s); err != nil {
		panic(err)
	}
	return a
}

// ExtractOutput must not change the accumulator; the library's estimate may tidy its sketch, so a copy is asked.
func (*distinct[T]) ExtractOutput(a Log) int64 { return int64(a.s.Clone().Estimate()) }

// accuracy is the relative error of quantiles.
const accuracy = 0.01

// Quantiles estimates the values below which the fractions qs (from 0 to 1) of the elements lie, each within 1%
// of its value. The result is empty if there are no elements.
func Quantiles[N Number](in sdk.PCollection[N], qs []float64, opts ...sdk.Option) sdk.PCollection[[]float64] {
	return sdk.CombineGlobally(in, &quantiles[N]{qs}, opts...)
}

// QuantilesPerKey estimates quantiles of the values of each key.
func QuantilesPerKey[K any, N Number](in sdk.PCollection[sdk.KV[K, N]], qs []float64, opts ...sdk.Option) sdk.PCollection[sdk.KV[K, []float64]] {
	return sdk.CombinePerKey(in, &quantiles[N]{qs}, opts...)
}

// Number is what quantiles are taken of.
type Number interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64
}

type quantiles[N Number] struct{ qs []float64 }

// Buckets is the state of quantiles.
type Buckets struct{ s *ddsketch.DDSketch }

func newBuckets() Buckets {
	s, err := ddsketch.LogUnboundedDenseDDSketch(accuracy)
	if err != nil {
		panic(err) // the accuracy is a constant that it takes
	}
	return Buckets{s}
}

// MarshalBinary implements [encoding.BinaryMarshaler].
func (b Buckets) MarshalBinary() ([]byte, error) {
	var out []byte
	b.s.Encode(&out, false)
	return out, nil
}

// UnmarshalBinary implements [encoding.BinaryUnmarshaler].
func (b *Buckets) UnmarshalBinary(p []byte) error {
	*b = newBuckets()
	if len(p) == 0 {
		return nil
	}
	return b.s.DecodeAndMergeWith(p)
}

func (*quantiles[N]) CreateAccumulator() Buckets { return newBuckets() }

func (*quantiles[N]) AddInput(a Buckets, v N) Buckets {
	if err := a.s.Add(float64(v)); err != nil {
		panic(fmt.Errorf("sketch: %v has no place among quantiles: %w", v, err))
	}
	return a
}

func (*quantiles[N]) MergeAccumulators(a, b Buckets) Buckets {
	if err := a.s.MergeWith(b.s); err != nil {
		panic(err)
	}
	return a
}

func (q *quantiles[N]) ExtractOutput(a Buckets) []float64 {
	if a.s.IsEmpty() {
		return nil
	}
	vs, err := a.s.GetValuesAtQuantiles(q.qs)
	if err != nil {
		panic(err)
	}
	return vs
}
