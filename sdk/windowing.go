package sdk

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/graph"
	"github.com/millrace-go/millrace/sdk/window"
)

// WindowOption is an option of [WindowInto] beyond those that every verb takes.
type WindowOption interface{ apply(*window.Strategy) }

type combinerOption struct{ c window.TimestampCombiner }

func (o combinerOption) apply(s *window.Strategy) { s.Combiner = o.c }

// WithTimestampCombiner sets the timestamp of groups: the end of their window, the default, or the earliest or
// latest of their elements.
func WithTimestampCombiner(c window.TimestampCombiner) Option {
	return func(o *options) { o.window = append(o.window, combinerOption{c}) }
}

// WindowInto assigns windows by timestamp: what is grouped later is grouped per window. fn is one of package
// window's functions or the program's own; one that is also a [window.Merger] merges windows, per key, when
// elements are grouped.
func WindowInto[T any](in PCollection[T], fn window.Fn, opts ...Option) PCollection[T] {
	return windowInto(in, "WindowInto", fn, nil, opts)
}

// WindowFn is a window function that looks at the element too. It may also be a [window.Merger]. String
// identifies it and its parameters.
type WindowFn[T any] interface {
	// AssignWindows appends the windows of v, an element at t, to dst. Appending none is an error.
	AssignWindows(dst []window.Window, t Time, v T) []window.Window
	String() string
}

// WindowIntoFunc assigns windows by element and timestamp.
func WindowIntoFunc[T any, W WindowFn[T]](in PCollection[T], fn W, opts ...Option) PCollection[T] {
	w := any(fn)
	if isNil(w) {
		return windowInto(in, "WindowIntoFunc", nil, nil, opts)
	}
	named := customFn{name: fn.String()}
	var f window.Fn = named
	if m, ok := w.(window.Merger); ok {
		f = mergingFn{named, m}
	}
	return windowInto(in, "WindowIntoFunc", f, func(dst []window.Window, t Time, v *T) []window.Window {
		return fn.AssignWindows(dst, t, *v)
	}, opts)
}

// customFn names a function of the element where only a function of time would do: elements have their windows
// by then.
type customFn struct{ name string }

func (f customFn) AssignWindows(dst []window.Window, _ Time) []window.Window { return dst }
func (f customFn) String() string                                            { return "custom(" + f.name + ")" }

type mergingFn struct {
	customFn
	window.Merger
}

func windowInto[T any](in PCollection[T], verb string, fn window.Fn, assign func([]window.Window, Time, *T) []window.Window, opts []Option) PCollection[T] {
	p := same(verb, in.p)
	o := parse(opts).only(verb, false)
	n := p.add(verb, graph.ParDo, o)
	n.In = []*graph.Collection{in.c}
	s := window.Strategy{Fn: fn, Custom: assign != nil, Combiner: in.c.Windowing.Combiner}
	if fn == nil || isNil(fn) {
		p.fail(n.At, n.Path, errors.New("the window function is nil"))
		s.Fn = window.GlobalWindows()
	} else if v, ok := fn.(window.Validator); ok {
		if err := v.Validate(); err != nil {
			p.fail(n.At, n.Path, err)
		}
	}
	for _, w := range o.window {
		w.apply(&s)
	}
	n.Config = fmt.Sprintf("%v %v", s.Fn, s.Combiner)
	n.Op = func(b *exec.Build, step *exec.Step, outs []any) (any, error) {
		return exec.NewWindowInto(b, step, fn, assign, outs[0].(exec.Sink[T])), nil
	}
	return output[T](p, n, s)
}

// WithTimestamps gives elements the event times that f finds in them. A time earlier than the one an element
// has fails the element, but for [AllowedSkew]; elements of bounded sources start at the beginning of time.
func WithTimestamps[T any](in PCollection[T], f func(T) Time, opts ...Option) PCollection[T] {
	o := parse(opts).only("WithTimestamps", false)
	return op(in, "WithTimestamps", f == nil, f, o, func(b *exec.Build, step *exec.Step, out exec.Sink[T]) exec.Sink[T] {
		return exec.NewWithTimestamps(b, step, f, o.skew, out)
	})
}

func pointerIsNil(v any) bool {
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Pointer, reflect.Func, reflect.Map, reflect.Slice, reflect.Interface, reflect.Chan:
		return r.IsNil()
	default:
		return false
	}
}

func isGlobal(c *graph.Collection) bool { return window.IsGlobalFn(c.Windowing.Fn) }
