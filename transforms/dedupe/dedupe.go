// Package dedupe removes duplicates, per window.
package dedupe

import (
	"github.com/millrace-go/millrace/sdk"
)

// Distinct keeps each element once. Elements are equal if their encodings are.
func Distinct[T any](in sdk.PCollection[T], opts ...sdk.Option) sdk.PCollection[T] {
	return sdk.Scope(in.Pipeline(), "dedupe.Distinct", func() sdk.PCollection[T] {
		kv := sdk.Map(in, func(v T) sdk.KV[T, struct{}] { return sdk.KV[T, struct{}]{Key: v} })
		return sdk.Keys(sdk.CombinePerKey(kv, any1[struct{}]{}, opts...))
	})
}

// ByKey keeps one element for each key that key gives; which one is not defined.
func ByKey[T, K any](in sdk.PCollection[T], key func(T) K, opts ...sdk.Option) sdk.PCollection[T] {
	return sdk.Scope(in.Pipeline(), "dedupe.ByKey", func() sdk.PCollection[T] {
		return sdk.Values(sdk.CombinePerKey(sdk.WithKeys(in, key), any1[T]{}, opts...))
	})
}

// Representative is the element that was kept so far.
type Representative[T any] struct {
	Value T
	Any   bool
}

// any1 keeps the first element it is given.
type any1[T any] struct{}

func (any1[T]) CreateAccumulator() Representative[T] { return Representative[T]{} }
func (any1[T]) AddInput(a Representative[T], v T) Representative[T] {
	if a.Any {
		return a
	}
	return Representative[T]{v, true}
}

func (any1[T]) MergeAccumulators(a, b Representative[T]) Representative[T] {
	if a.Any {
		return a
	}
	return b
}
func (any1[T]) ExtractOutput(a Representative[T]) T { return a.Value }
