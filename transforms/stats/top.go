package stats

import (
	"container/heap"
	"slices"

	"github.com/millrace-go/millrace/sdk"
)

// Top is the n greatest elements by less, greatest first, as one list; empty if there are none. Which of equal
// elements are kept is not defined. less is called from several goroutines.
func Top[T any](in sdk.PCollection[T], n int, less func(a, b T) bool, opts ...sdk.Option) sdk.PCollection[[]T] {
	return sdk.CombineGlobally(in, topN(n, less), opts...)
}

// TopPerKey is the n greatest values of each key by less, greatest first.
func TopPerKey[K, V any](in sdk.PCollection[sdk.KV[K, V]], n int, less func(a, b V) bool, opts ...sdk.Option) sdk.PCollection[sdk.KV[K, []V]] {
	return sdk.CombinePerKey(in, topN(n, less), opts...)
}

func topN[T any](n int, less func(a, b T) bool) *top[T] {
	return &top[T]{n: max(n, 0), less: less}
}

// top keeps a heap of the n greatest, the least of them first.
type top[T any] struct {
	n    int
	less func(a, b T) bool
}

type heapOf[T any] struct {
	vs   []T
	less func(a, b T) bool
}

func (h *heapOf[T]) Len() int           { return len(h.vs) }
func (h *heapOf[T]) Less(i, j int) bool { return h.less(h.vs[i], h.vs[j]) }
func (h *heapOf[T]) Swap(i, j int)      { h.vs[i], h.vs[j] = h.vs[j], h.vs[i] }
func (h *heapOf[T]) Push(any)           {} // rows are appended directly: no boxing
func (h *heapOf[T]) Pop() any           { return nil }

func (*top[T]) CreateAccumulator() []T { return nil }

func (t *top[T]) AddInput(a []T, v T) []T {
	h := heapOf[T]{a, t.less}
	switch {
	case len(a) < t.n:
		h.vs = append(h.vs, v)
		if len(h.vs) == t.n {
			heap.Init(&h)
		}
	case t.n > 0 && t.less(a[0], v):
		h.vs[0] = v
		heap.Fix(&h, 0)
	}
	return h.vs
}

func (t *top[T]) MergeAccumulators(a, b []T) []T {
	for _, v := range b {
		a = t.AddInput(a, v)
	}
	return a
}

func (t *top[T]) ExtractOutput(a []T) []T {
	out := slices.Clone(a)
	slices.SortFunc(out, func(x, y T) int {
		switch {
		case t.less(y, x):
			return -1
		case t.less(x, y):
			return 1
		}
		return 0
	})
	return out
}
