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
func typeOf[T any](p *Pipeline) (reflect.Type, exec.ElementType) {
	rt := reflect.TypeFor[T]()
	t, ok := p.types[rt]
	if !ok {
		t = exec.NewElementType(coder.For[T]())
		p.types[rt] = t
	}
	return rt, t
}

// setCoder says how T is encoded where [coder.For] cannot know.
func setCoder[T any](p *Pipeline, c coder.Coder[T]) {
	rt := reflect.TypeFor[T]()
	if _, ok := p.types[rt]; !ok {
		p.types[rt] = exec.NewElementType(c, nil)
	}
}

// output makes the handle of an output of n.
func output[T any](p *Pipeline, n *graph.Node, w window.Strategy) PCollection[T] {
	rt, t := typeOf[T](p)
	return PCollection[T]{p: p, c: p.collection(n, w, rt, t)}
}

// collection makes an output of n.
func (p *Pipeline) collection(n *graph.Node, w window.Strategy, rt reflect.Type, t exec.ElementType) *graph.Collection {
	c := &graph.Collection{Type: rt, Windowing: w, CoderErr: t.Err(), CoderID: exec.CoderID(t), Elem: t}
	for _, in := range n.In {
		c.Unbounded = c.Unbounded || in.Unbounded
	}
	return p.g.AddCollection(c, n)
}

// encodable records an error if T has no encoding, for verbs whose data may leave the process's memory.
func encodable[T any](p *Pipeline, n *graph.Node, what string) coder.Coder[T] {
	_, t := typeOf[T](p)
	c, err := exec.CoderOf[T](t)
	if err != nil {
		p.fail(n.At, n.Path, &EncodingError{What: what, Err: err})
	}
	return c
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
