package stats

import (
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/mtime"
)

// LatestPerKey is the value of each key with the greatest event time. Which of several at one time is not
// defined.
func LatestPerKey[K, V any](in sdk.PCollection[sdk.KV[K, V]], opts ...sdk.Option) sdk.PCollection[sdk.KV[K, V]] {
	return sdk.Scope(in.Pipeline(), "stats.LatestPerKey", func() sdk.PCollection[sdk.KV[K, V]] {
		timed := sdk.ParDo(in, timeValues[K, V]{})
		return sdk.CombinePerKey(timed, latest[V]{}, opts...)
	})
}

// Latest is the element with the greatest event time. Any is false if there are none.
func Latest[T any](in sdk.PCollection[T], opts ...sdk.Option) sdk.PCollection[Extreme[T]] {
	return sdk.Scope(in.Pipeline(), "stats.Latest", func() sdk.PCollection[Extreme[T]] {
		return sdk.CombineGlobally(sdk.ParDo(in, timeElements[T]{}), maybeLatest[T]{}, opts...)
	})
}

// Timed is a value and when it happened, in milliseconds since the epoch.
type Timed[T any] struct {
	Value T
	At    int64
	Any   bool
}

type timeValues[K, V any] struct{}

func (timeValues[K, V]) ProcessElement(c *sdk.Context, kv sdk.KV[K, V], out sdk.Emitter[sdk.KV[K, Timed[V]]]) error {
	out.Emit(sdk.MakeKV(kv.Key, Timed[V]{kv.Value, int64(c.EventTime()), true}))
	return nil
}

type timeElements[T any] struct{}

func (timeElements[T]) ProcessElement(c *sdk.Context, v T, out sdk.Emitter[Timed[T]]) error {
	out.Emit(Timed[T]{v, int64(c.EventTime()), true})
	return nil
}

type latest[T any] struct{}

func (latest[T]) CreateAccumulator() Timed[T] { return Timed[T]{At: int64(mtime.Min) - 1} }
func (latest[T]) AddInput(a, v Timed[T]) Timed[T] {
	if v.At > a.At {
		return v
	}
	return a
}
func (l latest[T]) MergeAccumulators(a, b Timed[T]) Timed[T] { return l.AddInput(a, b) }
func (latest[T]) ExtractOutput(a Timed[T]) T                 { return a.Value }

type maybeLatest[T any] struct{ latest[T] }

func (maybeLatest[T]) ExtractOutput(a Timed[T]) Extreme[T] { return Extreme[T]{a.Value, a.Any} }
