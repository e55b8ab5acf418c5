package sdk

import (
	"errors"
	"iter"

	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/graph"
	"github.com/millrace-go/millrace/sdk/window"
)

// op adds a transform of one input and one output whose running form is made by wire: from where its output goes, a
// Sink[O], its input, a Sink[I].
func op[O any](p *Pipeline, in *graph.Collection, verb string, isNil bool, f any, o *options, wire func(b *exec.Build, step *exec.Step, out any) any) PCollection[O] {
	n := opNode(p, in, verb, isNil, f, o, wire)
	return output[O](n.p, n.n, in.Windowing)
}

// placed is a node of a pipeline.
type placed struct {
	p *Pipeline
	n *graph.Node
}

func opNode(p *Pipeline, in *graph.Collection, verb string, isNil bool, f any, o *options, wire func(b *exec.Build, step *exec.Step, out any) any) placed {
	p = same(verb, p)
	if o.display == "" {
		o.display = funcName(f)
	}
	n := p.add(verb, graph.ParDo, o)
	if isNil {
		p.fail(n.At, n.Path, errNilFunc)
	}
	n.In = []*graph.Collection{in}
	n.Op = func(b *exec.Build, step *exec.Step, outs []any) (any, error) {
		return awaiting(b, n, wire(b, step, outs[0])), nil
	}
	return placed{p, n}
}

var errNilFunc = errors.New("the function is nil")

var errViewInSource = errors.New("a splittable DoFn cannot read a view: read it in a ParDo behind it")

// Map applies f to every element. Timestamps, windows and panes stay.
//
// f is called from several goroutines at once; what it captures must be safe for that. On a remote runner it
// is the same function, with what it captures, because the worker builds the pipeline again; captured values
// that differ there cannot be detected.
func Map[I, O any](in PCollection[I], f func(I) O, opts ...Option) PCollection[O] {
	return op[O](in.p, in.c, "Map", f == nil, f, parse(opts).only("Map", false), func(b *exec.Build, step *exec.Step, out any) any {
		return exec.NewMap(b, step, f, out.(exec.Sink[O]))
	})
}

// Filter keeps the elements for which keep is true.
func Filter[T any](in PCollection[T], keep func(T) bool, opts ...Option) PCollection[T] {
	return op[T](in.p, in.c, "Filter", keep == nil, keep, parse(opts).only("Filter", false), func(b *exec.Build, step *exec.Step, out any) any {
		return exec.NewFilter(b, step, keep, out.(exec.Sink[T]))
	})
}

// FlatMap replaces every element by the elements of f's sequence, which may be nil for none.
func FlatMap[I, O any](in PCollection[I], f func(I) iter.Seq[O], opts ...Option) PCollection[O] {
	return op[O](in.p, in.c, "FlatMap", f == nil, f, parse(opts).only("FlatMap", false), func(b *exec.Build, step *exec.Step, out any) any {
		return exec.NewFlatMap(b, step, f, out.(exec.Sink[O]))
	})
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
	return op[KV[K, T]](in.p, in.c, "WithKeys", key == nil, key, parse(opts).only("WithKeys", false), func(b *exec.Build, step *exec.Step, out any) any {
		return exec.NewMap(b, step, func(v T) KV[K, T] { return KV[K, T]{Key: key(v), Value: v} }, out.(exec.Sink[KV[K, T]]))
	})
}

// Keys keeps the keys.
func Keys[K, V any](in PCollection[KV[K, V]], opts ...Option) PCollection[K] {
	return op[K](in.p, in.c, "Keys", false, nil, parse(opts).only("Keys", false), func(b *exec.Build, step *exec.Step, out any) any {
		return exec.NewMap(b, step, func(kv KV[K, V]) K { return kv.Key }, out.(exec.Sink[K]))
	})
}

// Values keeps the values.
func Values[K, V any](in PCollection[KV[K, V]], opts ...Option) PCollection[V] {
	return op[V](in.p, in.c, "Values", false, nil, parse(opts).only("Values", false), func(b *exec.Build, step *exec.Step, out any) any {
		return exec.NewMap(b, step, func(kv KV[K, V]) V { return kv.Value }, out.(exec.Sink[V]))
	})
}

// Reify makes timestamp, windows and pane part of the element.
func Reify[T any](in PCollection[T], opts ...Option) PCollection[Element[T]] {
	return parDo[T, Element[T]](in, tryFn[T, Element[T]](func(c *Context, v T, out Emitter[Element[T]]) error {
		out.Emit(Element[T]{Value: v, Time: c.EventTime(), Windows: append([]window.Window(nil), c.Windows()...), Pane: c.Pane()})
		return nil
	}), "Reify", false, opts)
}
