package sdk

import (
	"reflect"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/graph"
	"github.com/millrace-go/millrace/sdk/window"
)

// PCollection is a bag of T, bounded or unbounded; each element has a timestamp, windows and a pane. It is a
// small handle, to be passed by value, and means something only while the pipeline is being built.
//
// An element is immutable once it has been emitted: a function that is given one must not change what it
// points to.
type PCollection[T any] struct {
	p *Pipeline
	c *graph.Collection
}

// Pipeline returns the pipeline that the collection is part of, for composites that need a source.
func (c PCollection[T]) Pipeline() *Pipeline { return c.p }

// KV is a key and a value, the input of every grouping.
type KV[K, V any] = coder.KV[K, V]

// MakeKV returns the pair of k and v.
func MakeKV[K, V any](k K, v V) KV[K, V] { return KV[K, V]{Key: k, Value: v} }

// Element is one value with its event timestamp, windows and pane: what [Reify] makes.
type Element[T any] struct {
	Value   T
	Time    Time
	Windows []window.Window
	Pane    window.Pane
}

// typeOf returns what the graph knows of an element type, made once per type and pipeline.
func (p *Pipeline) typeOf(e exec.Element) *exec.ElementType {
	rt := e.Type()
	t := p.types[rt]
	if t == nil {
		c, err := p.untyped(rt)
		t = exec.NewElementType(e, c, err)
		p.types[rt] = t
	}
	return t
}

// untyped is the coder of a type: what a verb has said of it, or what package coder makes.
func (p *Pipeline) untyped(t reflect.Type) (coder.Untyped, error) {
	if c, ok := p.coders[t]; ok {
		return c, nil
	}
	return coder.UntypedOf(t)
}

// coderOf returns the coder of T, or nil and why it has none.
func coderOf[T any](p *Pipeline) (coder.Coder[T], error) {
	u, err := p.untyped(reflect.TypeFor[T]())
	if err != nil {
		return nil, err
	}
	return coder.Typed[T](u), nil
}

// output makes the handle of an output of n.
func output[T any](p *Pipeline, n *graph.Node, w window.Strategy) PCollection[T] {
	return PCollection[T]{p: p, c: p.collection(n, w, exec.ElementOf[T]())}
}

// collection makes an output of n.
func (p *Pipeline) collection(n *graph.Node, w window.Strategy, e exec.Element) *graph.Collection {
	t := p.typeOf(e)
	c := &graph.Collection{Type: t.Type(), Windowing: w, CoderErr: t.Err(), Elem: t}
	if c.CoderErr == nil {
		c.CoderID = t.Coder().ID()
	}
	for _, in := range n.In {
		c.Unbounded = c.Unbounded || in.Unbounded
	}
	return p.g.AddCollection(c, n)
}

// encodable records an error if T has no encoding, for verbs whose data may leave the process's memory.
func encodable[T any](p *Pipeline, n *graph.Node, what string) coder.Coder[T] {
	if u, ok := p.encodable(n, reflect.TypeFor[T](), what); ok {
		return coder.Typed[T](u)
	}
	return nil
}

// encodable returns the coder of t, or records that there is none.
func (p *Pipeline) encodable(n *graph.Node, t reflect.Type, what string) (_ coder.Untyped, ok bool) {
	c, err := p.untyped(t)
	if err != nil {
		p.fail(n.At, n.Path, &EncodingError{What: what, Err: err})
	}
	return c, err == nil
}

// EncodingError says that a type which has to be encoded cannot be.
type EncodingError struct {
	What string // "key", "value", "accumulator", ...
	Err  error
}

func (e *EncodingError) Error() string {
	return "the " + e.What + " cannot be encoded: " + e.Err.Error()
}

// Unwrap returns the coder's error.
func (e *EncodingError) Unwrap() error { return e.Err }
