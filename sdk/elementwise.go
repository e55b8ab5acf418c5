package sdk

import (
	"errors"
	"iter"

	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/graph"
	"github.com/millrace-go/millrace/sdk/window"
)

// op adds a transform of one input and one output, of elements e, whose running form is made by wire: from where its output
// goes, its input.
func op(p *Pipeline, in *graph.Collection, e exec.Element, verb string, f any, o *options, wire func(b *exec.Build, step *exec.Step, out exec.Sink) exec.Sink) *graph.Collection {
	p = same(verb, p)
	if o.display == "" {
		o.display = funcName(f)
	}
	n := p.add(verb, graph.ParDo, o)
	if f != nil && pointerIsNil(f) {
		p.fail(n.At, n.Path, errNilFunc)
	}
	n.In = []*graph.Collection{in}
	n.Op = func(b *exec.Build, step *exec.Step, outs []exec.Sink) (exec.Sink, error) {
		return awaiting(b, n, wire(b, step, outs[0])), nil
	}
	return p.collection(n, in.Windowing, e)
}

// mapped is op for a one-to-one function m, which is f or calls it.
func mapped(p *Pipeline, in *graph.Collection, e exec.Element, verb string, f any, m exec.Mapper, opts []Option) *graph.Collection {
	var out *graph.Collection
	out = op(p, in, e, verb, f, parse(opts).only(verb, false), func(b *exec.Build, step *exec.Step, to exec.Sink) exec.Sink {
		return exec.NewMap(b, step, m, out.Elem, to)
	})
	return out
}

var errNilFunc = errors.New("the function is nil")

var errViewInSource = errors.New("a splittable DoFn cannot read a view: read it in a ParDo behind it")

// Map applies f to every element. Timestamps, windows and panes stay.
//
// f is called from several goroutines at once; what it captures must be safe for that. On a remote runner it
// is the same function, with what it captures, because the worker builds the pipeline again; captured values
// that differ there cannot be detected.
func Map[I, O any](in PCollection[I], f func(I) O, opts ...Option) PCollection[O] {
	return PCollection[O]{in.p, mapped(in.p, in.c, exec.ElementOf[O](), "Map", f, exec.MapperOf(f), opts)}
}

// Filter keeps the elements for which keep is true.
func Filter[T any](in PCollection[T], keep func(T) bool, opts ...Option) PCollection[T] {
	return PCollection[T]{in.p, op(in.p, in.c, exec.ElementOf[T](), "Filter", keep, parse(opts).only("Filter", false), func(b *exec.Build, step *exec.Step, out exec.Sink) exec.Sink {
		return exec.NewFilter(b, step, keep, out)
	})}
}

// FlatMap replaces every element by the elements of f's sequence, which may be nil for none.
func FlatMap[I, O any](in PCollection[I], f func(I) iter.Seq[O], opts ...Option) PCollection[O] {
	return PCollection[O]{in.p, op(in.p, in.c, exec.ElementOf[O](), "FlatMap", f, parse(opts).only("FlatMap", false), func(b *exec.Build, step *exec.Step, out exec.Sink) exec.Sink {
		return exec.NewFlatMap(b, step, f, out)
	})}
}

// tryFn makes a DoFn of a function.
type tryFn[I, O any] func(*Context, I, Emitter[O]) error

func (f tryFn[I, O]) ProcessElement(c *Context, in I, out Emitter[O]) error { return f(c, in, out) }

// TryMap is [Map] with a function that can fail: what happens then is said with [OnError].
func TryMap[I, O any](in PCollection[I], f func(I) (O, error), opts ...Option) PCollection[O] {
	return try(in, "TryMap", f == nil, f, opts, func(_ *Context, v I, out Emitter[O]) error {
		w, err := f(v)
		if err == nil {
			out.Emit(w)
		}
		return err
	})
}

// TryFilter is [Filter] with a function that can fail: what happens then is said with [OnError].
func TryFilter[T any](in PCollection[T], keep func(T) (bool, error), opts ...Option) PCollection[T] {
	return try(in, "TryFilter", keep == nil, keep, opts, func(_ *Context, v T, out Emitter[T]) error {
		ok, err := keep(v)
		if err == nil && ok {
			out.Emit(v)
		}
		return err
	})
}

// TryFlatMap is [FlatMap] with a sequence that can fail: the first pair with an error fails the element, and
// what it gave before is taken back.
func TryFlatMap[I, O any](in PCollection[I], f func(I) iter.Seq2[O, error], opts ...Option) PCollection[O] {
	return try(in, "TryFlatMap", f == nil, f, opts, func(_ *Context, v I, out Emitter[O]) error {
		s := f(v)
		if s == nil {
			return nil
		}
		for w, err := range s {
			if err != nil {
				return err
			}
			out.Emit(w)
		}
		return nil
	})
}

func try[I, O any](in PCollection[I], verb string, isNil bool, f any, opts []Option, fn tryFn[I, O]) PCollection[O] {
	out := parDo[I, O](in, fn, verb, false, append([]Option{func(o *options) { o.display = funcName(f) }}, opts...))
	if isNil {
		out.p.fail(out.c.From.At, out.c.From.Path, errNilFunc)
	}
	return out
}

// WithKeys pairs every element with a key.
func WithKeys[T, K any](in PCollection[T], key func(T) K, opts ...Option) PCollection[KV[K, T]] {
	return PCollection[KV[K, T]]{in.p, mapped(in.p, in.c, exec.ElementOf[KV[K, T]](), "WithKeys", key, exec.MapperOf(func(v T) KV[K, T] { return KV[K, T]{Key: key(v), Value: v} }), opts)}
}

// Keys keeps the keys.
func Keys[K, V any](in PCollection[KV[K, V]], opts ...Option) PCollection[K] {
	return PCollection[K]{in.p, mapped(in.p, in.c, exec.ElementOf[K](), "Keys", nil, exec.MapperOf(func(kv KV[K, V]) K { return kv.Key }), opts)}
}

// Values keeps the values.
func Values[K, V any](in PCollection[KV[K, V]], opts ...Option) PCollection[V] {
	return PCollection[V]{in.p, mapped(in.p, in.c, exec.ElementOf[V](), "Values", nil, exec.MapperOf(func(kv KV[K, V]) V { return kv.Value }), opts)}
}

// Reify makes timestamp, windows and pane part of the element.
func Reify[T any](in PCollection[T], opts ...Option) PCollection[Element[T]] {
	return parDo[T, Element[T]](in, tryFn[T, Element[T]](func(c *Context, v T, out Emitter[Element[T]]) error {
		out.Emit(Element[T]{Value: v, Time: c.EventTime(), Windows: append([]window.Window(nil), c.Windows()...), Pane: c.Pane()})
		return nil
	}), "Reify", false, opts)
}
