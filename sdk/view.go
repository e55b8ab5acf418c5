package sdk

import (
	"fmt"
	"iter"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/exec/keyed"
	"github.com/millrace-go/millrace/sdk/exec/sideinput"
	"github.com/millrace-go/millrace/sdk/graph"
	"github.com/millrace-go/millrace/sdk/window"
)

// view is what all view handles have in common. A DoFn declares one as an exported field, set to what AsList
// and the others return; the runner completes the view before the DoFn sees its first element.
type view struct {
	p *Pipeline
	v *graph.View
}

func (v view) viewOf() (*Pipeline, *graph.View) { return v.p, v.v }

func newView[T any](in PCollection[T], verb, kind string, opts []Option, store func(h *exec.Host, n *graph.Node) exec.ViewStore) view {
	p := same(verb, in.p)
	n := p.add(verb, graph.ViewOf, parse(opts).only(verb, false))
	n.In = []*graph.Collection{in.c}
	if in.c.Unbounded && kind != "signal" && isGlobal(in.c) && in.c.Windowing.HasDefaultTrigger() {
		p.fail(n.At, n.Path, ErrUnboundedGlobal)
	}
	v := p.g.AddView(&graph.View{Kind: kind, Windowing: in.c.Windowing}, n)
	v.New = func(h *exec.Host) (exec.ViewStore, error) { return store(h, n), nil }
	return view{p: p, v: v}
}

// liveView is a view in a streaming job: the edge by which rows come to it, and what it says.
type liveView[T any] struct {
	exec.StreamExchange
	*sideinput.Live[T]
}

// live sets how a view runs in a streaming job.
func live[T any](v view, store func(name string, fn window.Fn) *sideinput.Live[T]) view {
	n := v.v.From
	v.v.Live = func(*exec.Host) (exec.LiveView, error) {
		s := store(n.Path, n.In[0].Windowing.Fn)
		return liveView[T]{keyed.NewView(keyedConfig(n), s), s}, nil
	}
	return v
}

// SingletonView is a view of one element per window.
type SingletonView[T any] struct {
	view
	def    T
	hasDef bool
}

// AsSingleton is a view of a collection of one element per window. Reading it for a window that has none fails
// the element; a window with two fails the job.
func AsSingleton[T any](in PCollection[T], opts ...Option) SingletonView[T] {
	return SingletonView[T]{view: singleton(in, opts)}
}

// AsSingletonOr is [AsSingleton] with a value for windows that have no element.
func AsSingletonOr[T any](in PCollection[T], def T, opts ...Option) SingletonView[T] {
	return SingletonView[T]{view: singleton(in, opts), def: def, hasDef: true}
}

func singleton[T any](in PCollection[T], opts []Option) view {
	v := newView(in, "AsSingleton", "singleton", opts, func(h *exec.Host, n *graph.Node) exec.ViewStore {
		return sideinput.NewSingleton[T](h, n.Path, n.In[0].Windowing.Fn)
	})
	return live(v, sideinput.NewLiveSingleton[T])
}

// Get returns the element for the window of c's element. Without one, and without a default, it panics, which
// fails the element.
func (s SingletonView[T]) Get(c *Context) T {
	v, ok := c.View(s.v.ID).(*sideinput.Singleton[T]).Get(c)
	switch {
	case ok:
		return v
	case s.hasDef:
		return s.def
	}
	panic(fmt.Errorf("the singleton view %s has no element for window %v; give it a default with AsSingletonOr", s.v.From.Path, c.Windows()[0]))
}

// IterableView is a view of all elements of a window, in no particular order. It may be larger than memory.
type IterableView[T any] struct{ view }

// AsIterable is a view of a collection as a sequence.
func AsIterable[T any](in PCollection[T], opts ...Option) IterableView[T] {
	return IterableView[T]{list(in, "AsIterable", "iterable", opts)}
}

// All returns the elements for the window of c's element. The sequence may be iterated again, and is valid
// during the call.
func (v IterableView[T]) All(c *Context) iter.Seq[T] {
	l := c.View(v.v.ID).(*sideinput.List[T])
	return func(yield func(T) bool) { must(v.v, l.All(c, yield)) }
}

// ListView is a view of all elements of a window with an index, in no particular but a fixed order.
type ListView[T any] struct{ view }

// AsList is a view of a collection as a list.
func AsList[T any](in PCollection[T], opts ...Option) ListView[T] {
	return ListView[T]{list(in, "AsList", "list", opts)}
}

func list[T any](in PCollection[T], verb, kind string, opts []Option) view {
	var c coder.Coder[T]
	v := newView(in, verb, kind, opts, func(h *exec.Host, n *graph.Node) exec.ViewStore {
		return sideinput.NewList(h, n.Path, n.In[0].Windowing.Fn, c)
	})
	c = encodable[T](v.p, v.v.From, "element")
	return live(v, sideinput.NewLiveList[T])
}

// Len is the number of elements for the window of c's element.
func (v ListView[T]) Len(c *Context) int { return c.View(v.v.ID).(*sideinput.List[T]).Len(c) }

// At returns element i, from 0. Out of range it panics, which fails the element.
func (v ListView[T]) At(c *Context, i int) T {
	x, err := c.View(v.v.ID).(*sideinput.List[T]).At(c, i)
	must(v.v, err)
	return x
}

// All returns the elements in order. The sequence is valid during the call.
func (v ListView[T]) All(c *Context) iter.Seq[T] {
	l := c.View(v.v.ID).(*sideinput.List[T])
	return func(yield func(T) bool) { must(v.v, l.All(c, yield)) }
}

// MapView is a view of one value per key.
type MapView[K, V any] struct{ view }

// AsMap is a view of a collection of pairs with distinct keys. A key twice in one window fails the job.
func AsMap[K, V any](in PCollection[KV[K, V]], opts ...Option) MapView[K, V] {
	return MapView[K, V]{multimap(in, "AsMap", "map", true, opts)}
}

// Get returns the value of k for the window of c's element.
func (v MapView[K, V]) Get(c *Context, k K) (value V, ok bool) {
	must(v.v, c.View(v.v.ID).(*sideinput.Multimap[K, V]).Get(c, k, func(x V) bool {
		value, ok = x, true
		return false
	}))
	return value, ok
}

// MultimapView is a view of the values of each key.
type MultimapView[K, V any] struct{ view }

// AsMultimap is a view of a collection of pairs.
func AsMultimap[K, V any](in PCollection[KV[K, V]], opts ...Option) MultimapView[K, V] {
	return MultimapView[K, V]{multimap(in, "AsMultimap", "multimap", false, opts)}
}

// Get returns the values of k for the window of c's element. The sequence is valid during the call.
func (v MultimapView[K, V]) Get(c *Context, k K) iter.Seq[V] {
	m := c.View(v.v.ID).(*sideinput.Multimap[K, V])
	return func(yield func(V) bool) { must(v.v, m.Get(c, k, yield)) }
}

func multimap[K, V any](in PCollection[KV[K, V]], verb, kind string, unique bool, opts []Option) view {
	var kc coder.Coder[K]
	var vc coder.Coder[V]
	v := newView(in, verb, kind, opts, func(h *exec.Host, n *graph.Node) exec.ViewStore {
		return sideinput.NewMultimap(h, n.Path, n.In[0].Windowing.Fn, kc, vc, unique)
	})
	kc, vc = keyCoder[K](v.p, v.v.From), encodable[V](v.p, v.v.From, "value")
	return live(v, func(name string, fn window.Fn) *sideinput.Live[KV[K, V]] {
		return sideinput.NewLiveMultimap[K, V](name, fn, kc, unique)
	})
}

// must turns a failing read of a view into the failure of the element.
func must(v *graph.View, err error) {
	if err != nil {
		panic(fmt.Errorf("reading view %s: %w", v.From.Path, err))
	}
}

// Handle is what a sink returns: something that is done when all of it is.
type Handle interface{ done() view }

// Done makes a [Handle] of a collection: it is done when the collection is complete.
func Done[T any](c PCollection[T]) Handle {
	v := newView(c, "Done", "signal", nil, func(*exec.Host, *graph.Node) exec.ViewStore { return sideinput.Signal[T]{} })
	v.v.Live = func(*exec.Host) (exec.LiveView, error) {
		s := sideinput.NewLiveSignal[T](v.v.From.Path)
		return liveView[T]{keyed.NewSignal(s), s}, nil
	}
	return signal{v}
}

type signal struct{ v view }

func (s signal) done() view { return s.v }

// WaitFor gives on the elements of in once all handles are done.
func WaitFor[T any](in PCollection[T], handles ...Handle) PCollection[T] {
	out := Filter(in, func(T) bool { return true }, verbName("WaitFor"))
	n := out.c.From
	for _, h := range handles {
		v := h.done()
		if v.p != in.p {
			in.p.fail(n.At, n.Path, fmt.Errorf("a handle belongs to another Pipeline"))
			continue
		}
		n.Reads = append(n.Reads, v.v)
	}
	return out
}
