package sdk

import (
	"fmt"
	"reflect"

	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/graph"
	"github.com/millrace-go/millrace/sdk/mtime"
)

// Output is an additional output of a DoFn, declared as an exported field of its struct:
//
//	type parseFn struct {
//		Bad sdk.Output[string]
//	}
//
// ProcessElement emits to it with [Output.Emit]; after ParDo has been applied, [Output.PCollection] of the field
// is the collection.
type Output[T any] struct {
	p  *Pipeline
	c  *graph.Collection
	em exec.Emitter[T] // of a running instance
}

// Emit emits v with the timestamp, windows and pane of the element that is being processed.
func (o *Output[T]) Emit(v T) { o.em.Emit(v) }

// EmitAt emits v at event time ts; see [Emitter.EmitAt].
func (o *Output[T]) EmitAt(ts mtime.Time, v T) { o.em.EmitAt(ts, v) }

// PCollection is what has been emitted to the output. It is there once the DoFn has been applied.
func (o *Output[T]) PCollection() PCollection[T] {
	if o.p == nil {
		at, _ := callSite()
		panic(&constructionPanic{fmt.Errorf("sdk.Output (%s): the output has no collection yet: apply its DoFn with ParDo first", at)})
	}
	return PCollection[T]{p: o.p, c: o.c}
}

func (o *Output[T]) declare(p *Pipeline, n *graph.Node) bool {
	ok := o.p != p // a second use in one pipeline is a mistake
	c := output[T](p, n, n.In[0].Windowing)
	o.p, o.c = c.p, c.c
	return ok
}

// matches reports whether the output's elements are of type t.
func (o *Output[T]) matches(t reflect.Type) bool { return t == reflect.TypeFor[T]() }

// bind connects a running instance's copy.
func (o *Output[T]) bind(b *exec.Build, step *exec.Step, sink exec.Sink) any {
	out := exec.NewOut[T](b, step, sink, false)
	o.em = out.Emitter()
	return out
}

type outputField interface {
	declare(p *Pipeline, n *graph.Node) bool
	bind(b *exec.Build, step *exec.Step, sink exec.Sink) any
}
