package stats

import (
	"math/rand/v2"
	"slices"

	"github.com/millrace-go/millrace/sdk"
)

// Sample is n elements chosen at random, each set of n equally likely; all of them if there are fewer. The
// choice differs from run to run.
func Sample[T any](in sdk.PCollection[T], n int, opts ...sdk.Option) sdk.PCollection[[]T] {
	return sdk.CombineGlobally(in, sample[T]{n: max(n, 0)}, opts...)
}

// SamplePerKey is n values of each key chosen at random.
func SamplePerKey[K, V any](in sdk.PCollection[sdk.KV[K, V]], n int, opts ...sdk.Option) sdk.PCollection[sdk.KV[K, []V]] {
	return sdk.CombinePerKey(in, sample[V]{n: max(n, 0)}, opts...)
}

// Drawn is an element and the random number that decides whether it is in the sample: the n least are. That way
// samples of parts merge into a sample of the whole.
type Drawn[T any] struct {
	Value T
	Draw  uint64
}

type sample[T any] struct{ n int }

func (sample[T]) CreateAccumulator() []Drawn[T] { return nil }

func (s sample[T]) AddInput(a []Drawn[T], v T) []Drawn[T] {
	return s.add(a, Drawn[T]{v, rand.Uint64()}) //nolint:gosec // a sample, not a secret
}

// add keeps a sorted by draw.
func (s sample[T]) add(a []Drawn[T], d Drawn[T]) []Drawn[T] {
	if len(a) == s.n && (s.n == 0 || d.Draw >= a[s.n-1].Draw) {
		return a
	}
	i, _ := slices.BinarySearchFunc(a, d.Draw, func(x Drawn[T], draw uint64) int {
		switch {
		case x.Draw < draw:
			return -1
		case x.Draw > draw:
			return 1
		}
		return 0
	})
	if len(a) == s.n {
		a = a[:s.n-1]
	}
	return slices.Insert(a, i, d)
}

func (s sample[T]) MergeAccumulators(a, b []Drawn[T]) []Drawn[T] {
	for _, d := range b {
		a = s.add(a, d)
	}
	return a
}

func (sample[T]) ExtractOutput(a []Drawn[T]) []T {
	out := make([]T, len(a))
	for i, d := range a {
		out[i] = d.Value
	}
	return out
}
