// Package counted groups the values of each key by their number: count-based windows.
//
// Where the number only has to be about right, a trigger does: in the global window
//
//	sdk.WindowInto(in, window.GlobalWindows(), sdk.Trigger(trigger.Repeat(trigger.AfterCount(n))))
//
// makes every grouping behind it emit panes of n elements or more: a runner looks at triggers between bundles (Beam:
// AfterPane.elementCountAtLeast). The verbs of this package count exactly.
package counted

import (
	"errors"
	"iter"

	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/state"
)

// Window is what [CombinePerKey] and [GroupByKey] make of some consecutive values of a key.
type Window[O any] struct {
	Value O
	Count int64 // of the values: the size of the window, but for the last one
	Index int64 // how many windows of the key came before it
}

// CombinePerKey combines the values of each key, size at a time, in the order in which they come, or in that of their
// timestamps with [sdk.SortedByTime]; which of several splits of a source gives a value first is not certain, also of values with
// one timestamp. A window is emitted with the value that completes it, and at its timestamp. What
// is left of a key when the windows of the input expire, which for the global window is when the input ends, is
// emitted then with a smaller count, at the end of that window.
//
// It keeps one accumulator for each key, and counts anew in each window of the input, which must not merge. A size
// below 1 fails the job.
func CombinePerKey[K, I, A, O any, F sdk.CombineFn[I, A, O]](in sdk.PCollection[sdk.KV[K, I]], size int64, fn F, opts ...sdk.Option) sdk.PCollection[sdk.KV[K, Window[O]]] {
	return sdk.Scope(in.Pipeline(), "counted.CombinePerKey", func() sdk.PCollection[sdk.KV[K, Window[O]]] {
		return sdk.StatefulParDo(in, &countFn[K, I, A, O]{Size: size, Sum: state.NewCombining(fn)}, opts...)
	})
}

// GroupByKey collects the values of each key, size at a time, as [CombinePerKey] combines them.
func GroupByKey[K, V any](in sdk.PCollection[sdk.KV[K, V]], size int64, opts ...sdk.Option) sdk.PCollection[sdk.KV[K, Window[[]V]]] {
	return sdk.Scope(in.Pipeline(), "counted.GroupByKey", func() sdk.PCollection[sdk.KV[K, Window[[]V]]] {
		return sdk.StatefulParDo(in, &groupFn[K, V]{Size: size}, opts...)
	})
}

var errSize = errors.New("counted: the size of a window must be at least 1")

// progress is how far a key has come.
type progress struct {
	Count int64 // values in the window
	Index int64
}

type countFn[K, I, A, O any] struct {
	Size int64
	At   state.Value[progress]
	Sum  state.Combining[I, A, O]
}

func (f *countFn[K, I, A, O]) Setup(*sdk.Context) error {
	if f.Size < 1 {
		return errSize
	}
	return nil
}

func (f *countFn[K, I, A, O]) ProcessElement(_ *sdk.Context, key K, v I, out sdk.Emitter[sdk.KV[K, Window[O]]]) error {
	f.Sum.Add(v)
	at := f.At.Get()
	if at.Count++; at.Count < f.Size {
		f.At.Write(at)
		return nil
	}
	out.Emit(sdk.MakeKV(key, Window[O]{Value: f.Sum.Read(), Count: at.Count, Index: at.Index}))
	f.Sum.Clear()
	f.At.Write(progress{Index: at.Index + 1})
	return nil
}

func (f *countFn[K, I, A, O]) OnWindowExpiration(_ *sdk.Context, key K, out sdk.Emitter[sdk.KV[K, Window[O]]]) error {
	if at := f.At.Get(); at.Count > 0 {
		out.Emit(sdk.MakeKV(key, Window[O]{Value: f.Sum.Read(), Count: at.Count, Index: at.Index}))
	}
	return nil
}

type groupFn[K, V any] struct {
	Size   int64
	At     state.Value[progress]
	Values state.Bag[V]
}

func (f *groupFn[K, V]) Setup(*sdk.Context) error {
	if f.Size < 1 {
		return errSize
	}
	return nil
}

func (f *groupFn[K, V]) ProcessElement(_ *sdk.Context, key K, v V, out sdk.Emitter[sdk.KV[K, Window[[]V]]]) error {
	f.Values.Add(v)
	at := f.At.Get()
	if at.Count++; at.Count < f.Size {
		f.At.Write(at)
		return nil
	}
	out.Emit(sdk.MakeKV(key, Window[[]V]{Value: collect(f.Values.All(), at.Count), Count: at.Count, Index: at.Index}))
	f.Values.Clear()
	f.At.Write(progress{Index: at.Index + 1})
	return nil
}

func (f *groupFn[K, V]) OnWindowExpiration(_ *sdk.Context, key K, out sdk.Emitter[sdk.KV[K, Window[[]V]]]) error {
	if at := f.At.Get(); at.Count > 0 {
		out.Emit(sdk.MakeKV(key, Window[[]V]{Value: collect(f.Values.All(), at.Count), Count: at.Count, Index: at.Index}))
	}
	return nil
}

func collect[V any](values iter.Seq[V], n int64) []V {
	vs := make([]V, 0, n)
	for v := range values {
		vs = append(vs, v)
	}
	return vs
}
