package sdk

import (
	"reflect"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/exec/spool"
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

// elementType is what the graph knows of an element type, made once per type and pipeline.
type elementType[T any] struct {
	coder coder.Coder[T]
	err   error
}

func typeOf[T any](p *Pipeline) *elementType[T] {
	rt := reflect.TypeFor[T]()
	if t, ok := p.types[rt]; ok {
		return t.(*elementType[T])
	}
	t := &elementType[T]{}
	t.coder, t.err = coder.For[T]()
	p.types[rt] = t
	return t
}

// setCoder says how T is encoded where [coder.For] cannot know.
func setCoder[T any](p *Pipeline, c coder.Coder[T]) {
	rt := reflect.TypeFor[T]()
	if _, ok := p.types[rt]; !ok {
		p.types[rt] = &elementType[T]{coder: c}
	}
}

// output makes the handle of an output of n.
func output[T any](p *Pipeline, n *graph.Node, w window.Strategy) PCollection[T] {
	t := typeOf[T](p)
	c := &graph.Collection{Type: reflect.TypeFor[T](), Windowing: w, CoderErr: t.err, Tee: teeOf[T]}
	if t.err == nil {
		c.CoderID = t.coder.ID()
	}
	for _, in := range n.In {
		c.Unbounded = c.Unbounded || in.Unbounded
	}
	path := n.Path
	c.Spool = func(h *exec.Host, name string) (exec.Exchange, error) {
		if t.err != nil {
			return nil, t.err
		}
		return spool.New(h, name, t.coder), nil
	}
	c.Check = func(b *exec.Build, sink any) any {
		return exec.NewCheck(b, path, t.coder, t.err, sink.(exec.Sink[T]))
	}
	c.Bundle = func(b *exec.Build, sink any) any { return exec.NewBundler(b, sink.(exec.Sink[T])) }
	p.g.AddCollection(c, n)
	return PCollection[T]{p: p, c: c}
}

func teeOf[T any](sinks []any) any { return exec.NewTee[T](sinks) }

// encodable records an error if T has no encoding, for verbs whose data may leave the process's memory.
func encodable[T any](p *Pipeline, n *graph.Node, what string) coder.Coder[T] {
	t := typeOf[T](p)
	if t.err != nil {
		p.fail(n.At, n.Path, &EncodingError{What: what, Err: t.err})
	}
	return t.coder
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
