// Package join has the joins of two keyed collections, per window, typed by what each side may lack.
//
// All of them are CoGroupByKey and a loop. For a key with many values on both sides the right one is iterated
// once for each value of the left, so give the side with more values per key as the left.
package join

import (
	"iter"

	"github.com/millrace-go/millrace/sdk"
)

// Pair is a value of each side.
type Pair[L, R any] struct {
	Left  L
	Right R
}

// Optional is a value of a side that may have none.
type Optional[T any] struct {
	Value T
	Valid bool
}

// Inner pairs every value of left with every value of right that has its key.
func Inner[K, L, R any](left sdk.PCollection[sdk.KV[K, L]], right sdk.PCollection[sdk.KV[K, R]], opts ...sdk.Option) sdk.PCollection[sdk.KV[K, Pair[L, R]]] {
	return join(left, right, "join.Inner", opts, func(k K, l iter.Seq[L], r iter.Seq[R], yield func(sdk.KV[K, Pair[L, R]]) bool) bool {
		for a := range l {
			for b := range r {
				if !yield(sdk.MakeKV(k, Pair[L, R]{a, b})) {
					return false
				}
			}
		}
		return true
	})
}

// Left is [Inner], and every value of left whose key right does not have, once.
func Left[K, L, R any](left sdk.PCollection[sdk.KV[K, L]], right sdk.PCollection[sdk.KV[K, R]], opts ...sdk.Option) sdk.PCollection[sdk.KV[K, Pair[L, Optional[R]]]] {
	return join(left, right, "join.Left", opts, func(k K, l iter.Seq[L], r iter.Seq[R], yield func(sdk.KV[K, Pair[L, Optional[R]]]) bool) bool {
		for a := range l {
			for b := range optional(r) {
				if !yield(sdk.MakeKV(k, Pair[L, Optional[R]]{a, b})) {
					return false
				}
			}
		}
		return true
	})
}

// Right is [Inner], and every value of right whose key left does not have, once.
func Right[K, L, R any](left sdk.PCollection[sdk.KV[K, L]], right sdk.PCollection[sdk.KV[K, R]], opts ...sdk.Option) sdk.PCollection[sdk.KV[K, Pair[Optional[L], R]]] {
	return join(left, right, "join.Right", opts, func(k K, l iter.Seq[L], r iter.Seq[R], yield func(sdk.KV[K, Pair[Optional[L], R]]) bool) bool {
		for a := range optional(l) {
			for b := range r {
				if !yield(sdk.MakeKV(k, Pair[Optional[L], R]{a, b})) {
					return false
				}
			}
		}
		return true
	})
}

// Full is [Inner], and every value whose key the other side does not have, once.
func Full[K, L, R any](left sdk.PCollection[sdk.KV[K, L]], right sdk.PCollection[sdk.KV[K, R]], opts ...sdk.Option) sdk.PCollection[sdk.KV[K, Pair[Optional[L], Optional[R]]]] {
	return join(left, right, "join.Full", opts, func(k K, l iter.Seq[L], r iter.Seq[R], yield func(sdk.KV[K, Pair[Optional[L], Optional[R]]]) bool) bool {
		for a := range optional(l) {
			for b := range optional(r) {
				if !yield(sdk.MakeKV(k, Pair[Optional[L], Optional[R]]{a, b})) {
					return false
				}
			}
		}
		return true
	})
}

// Semi keeps the pairs of left whose key right has.
func Semi[K, L, R any](left sdk.PCollection[sdk.KV[K, L]], right sdk.PCollection[sdk.KV[K, R]], opts ...sdk.Option) sdk.PCollection[sdk.KV[K, L]] {
	return keep(left, right, "join.Semi", true, opts)
}

// Anti keeps the pairs of left whose key right does not have.
func Anti[K, L, R any](left sdk.PCollection[sdk.KV[K, L]], right sdk.PCollection[sdk.KV[K, R]], opts ...sdk.Option) sdk.PCollection[sdk.KV[K, L]] {
	return keep(left, right, "join.Anti", false, opts)
}

func keep[K, L, R any](left sdk.PCollection[sdk.KV[K, L]], right sdk.PCollection[sdk.KV[K, R]], name string, has bool, opts []sdk.Option) sdk.PCollection[sdk.KV[K, L]] {
	return join(left, right, name, opts, func(k K, l iter.Seq[L], r iter.Seq[R], yield func(sdk.KV[K, L]) bool) bool {
		if empty(r) == has {
			return true
		}
		for a := range l {
			if !yield(sdk.MakeKV(k, a)) {
				return false
			}
		}
		return true
	})
}

func join[K, L, R, O any](left sdk.PCollection[sdk.KV[K, L]], right sdk.PCollection[sdk.KV[K, R]], name string, opts []sdk.Option, f func(k K, l iter.Seq[L], r iter.Seq[R], yield func(O) bool) bool) sdk.PCollection[O] {
	return sdk.Scope(left.Pipeline(), name, func() sdk.PCollection[O] {
		return sdk.FlatMap(sdk.CoGroupByKey2(left, right, opts...), func(g sdk.KV[K, sdk.CoGroup2[L, R]]) iter.Seq[O] {
			return func(yield func(O) bool) { f(g.Key, g.Value.A, g.Value.B, yield) }
		})
	})
}

// optional is the values of s, or one that says that there are none.
func optional[T any](s iter.Seq[T]) iter.Seq[Optional[T]] {
	return func(yield func(Optional[T]) bool) {
		none := true
		for v := range s {
			none = false
			if !yield(Optional[T]{v, true}) {
				return
			}
		}
		if none {
			yield(Optional[T]{})
		}
	}
}

func empty[T any](s iter.Seq[T]) bool {
	for range s {
		return false
	}
	return true
}
