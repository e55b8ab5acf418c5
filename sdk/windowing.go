package sdk

import (
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/graph"
	"github.com/millrace-go/millrace/sdk/trigger"
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

type strategyOption func(*window.Strategy)

func (f strategyOption) apply(s *window.Strategy) { f(s) }

func windowOption(f strategyOption) Option {
	return func(o *options) { o.window = append(o.window, f) }
}

// Trigger says when the panes of the windows are emitted. By default that is when the watermark passes the end of a
// window, and after that for each bundle of late elements. In a bounded job a window has one pane, whatever the trigger.
//
// A trigger that comes to its end closes its windows: what arrives later is dropped, and counted. One that would do so
// before the allowed lateness is over is a construction error, unless [MayLoseData] is given too.
func Trigger(t trigger.Trigger) Option {
	return windowOption(func(s *window.Strategy) { s.Trigger = t })
}

// MayLoseData says that a trigger which comes to its end is meant to: what arrives later is dropped.
func MayLoseData() Option { return func(o *options) { o.mayLose = true } }

// Accumulating makes each pane of a window hold what the panes before it held too. By default a pane holds what is new.
func Accumulating() Option {
	return windowOption(func(s *window.Strategy) { s.Accumulating = true })
}

// AllowedLateness is how far the watermark may be past the end of a window while elements for it are still taken;
// milliseconds count. By default it is 0: what comes later is dropped, counted, and can be had with [Droppable].
func AllowedLateness(d time.Duration) Option {
	return func(o *options) {
		if d < 0 {
			o.errs = append(o.errs, fmt.Errorf("sdk.AllowedLateness: %v is negative", d))
		}
		o.window = append(o.window, strategyOption(func(s *window.Strategy) { s.Lateness = d }))
	}
}

// OnTime says whether the pane at the end of a window is emitted if it holds nothing new. By default it is.
func OnTime(b window.Behavior) Option {
	return windowOption(func(s *window.Strategy) { s.OnTime = b })
}

// Closing says whether the last pane of a window is emitted if it holds nothing new. By default it is not.
func Closing(b window.Behavior) Option {
	return windowOption(func(s *window.Strategy) { s.Closing = b })
}

// Windowing is how a collection is windowed, for authors of transforms that depend on it: one that sets timers, say, has
// to know the allowed lateness, as no timer is later than that.
func Windowing[T any](c PCollection[T]) window.Strategy {
	return c.c.Windowing
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
	s := in.c.Windowing // what is not said here stays
	s.Fn, s.Custom, s.Merged = fn, assign != nil, false
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
	if s.Trigger != nil {
		if err := s.Trigger.Validate(); err != nil {
			p.fail(n.At, n.Path, err)
		} else if !o.mayLose && s.Trigger.MayLoseData(s.Lateness) {
			p.fail(n.At, n.Path, fmt.Errorf("the trigger %v comes to its end, and what arrives after that is dropped: repeat it with trigger.Repeat, or say sdk.MayLoseData", s.Trigger))
		}
	}
	n.Config = s.String()
	n.Op = func(b *exec.Build, step *exec.Step, outs []exec.Sink) (exec.Sink, error) {
		return exec.NewWindowInto(b, step, fn, assign, outs[0]), nil
	}
	return output[T](p, n, s)
}

// WithTimestamps gives elements the event times that f finds in them. A time earlier than the one an element
// has fails the element, but for [AllowedSkew]; elements of bounded sources start at the beginning of time.
func WithTimestamps[T any](in PCollection[T], f func(T) Time, opts ...Option) PCollection[T] {
	o := parse(opts).only("WithTimestamps", false)
	return PCollection[T]{in.p, op(in.p, in.c, exec.ElementOf[T](), "WithTimestamps", f, o, func(b *exec.Build, step *exec.Step, out exec.Sink) exec.Sink {
		return exec.NewWithTimestamps(b, step, f, o.skew, out)
	})}
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
