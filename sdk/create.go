package sdk

import (
	"errors"
	"fmt"
	"slices"

	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/graph"
	"github.com/millrace-go/millrace/sdk/window"
)

// Impulse is a collection of one empty element, at the beginning of time in the global window: the seed of
// sources.
func Impulse(p *Pipeline, opts ...Option) PCollection[[]byte] {
	return source[[]byte](p, "Impulse", &exec.Rows[[]byte]{V: [][]byte{{}}}, parse(opts).only("Impulse", false))
}

// Create is a collection of the given values, at the beginning of time in the global window. It keeps the
// slice.
func Create[T any](p *Pipeline, values []T, opts ...Option) PCollection[T] {
	return source[T](p, "Create", &exec.Rows[T]{V: values}, parse(opts).only("Create", false))
}

// Of is [Create] with the values as arguments.
func Of[T any](p *Pipeline, values ...T) PCollection[T] {
	return source[T](p, "Create", &exec.Rows[T]{V: values}, parse(nil))
}

// Timestamped is a value and its event time.
type Timestamped[T any] struct {
	Time  Time
	Value T
}

// CreateTimestamped is a collection of the given values at their times, in the global window.
func CreateTimestamped[T any](p *Pipeline, values []Timestamped[T], opts ...Option) PCollection[T] {
	r := &exec.Rows[T]{T: []Time{}}
	for _, v := range values {
		r.V, r.T = append(r.V, v.Value), append(r.T, v.Time.Clamp())
	}
	return source[T](p, "CreateTimestamped", r, parse(opts).only("CreateTimestamped", false))
}

func source[T any](p *Pipeline, verb string, feed exec.Feed, o *options) PCollection[T] {
	n := same(verb, p).add(verb, graph.Source, o)
	n.Feed = feed
	return output[T](p, n, window.Default())
}

// Scripted is a collection of what feed gives when a script says so: the source of package teststream, which is what
// tests use.
func Scripted[T any](p *Pipeline, verb string, feed exec.Feed, script func() exec.Script, opts ...Option) PCollection[T] {
	c := source[T](p, verb, feed, parse(opts).only(verb, false))
	c.c.From.Script = script
	c.c.Unbounded = true
	return c
}

// Flatten is the union of collections of one type and windowing.
func Flatten[T any](first PCollection[T], rest ...PCollection[T]) PCollection[T] {
	ps := []*Pipeline{first.p}
	for _, c := range rest {
		ps = append(ps, c.p)
	}
	p := same("Flatten", ps...)
	n := p.add("Flatten", graph.Flatten, parse(nil))
	n.In = []*graph.Collection{first.c}
	for i, c := range rest {
		if a, b := first.c.Windowing.String(), c.c.Windowing.String(); a != b {
			p.fail(n.At, n.Path, fmt.Errorf("input 1 is windowed by %s but input %d by %s: window them alike first", a, i+2, b))
		}
		if !slices.Contains(n.In, c.c) {
			n.In = append(n.In, c.c)
			continue
		}
		// The same collection twice: the graph has one edge per reader and collection, so this one gets its own.
		n.In = append(n.In, Map(c, func(v T) T { return v }).c)
	}
	if len(p.g.Nodes) > n.ID+1 { // keep inputs before readers
		p.g.MoveLast(n)
	}
	return output[T](p, n, first.c.Windowing)
}

// Partition splits a collection into n by the number in [0, n) that f gives for each element; another number
// fails the element.
func Partition[T any](in PCollection[T], n int, f func(T) int, opts ...Option) []PCollection[T] {
	p := same("Partition", in.p)
	o := parse(opts)
	o.display = funcName(f)
	node := p.add("Partition", graph.ParDo, o)
	if f == nil {
		p.fail(node.At, node.Path, errNilFunc)
	}
	if n < 1 {
		p.fail(node.At, node.Path, fmt.Errorf("%d partitions: at least 1 is needed", n))
		n = 1
	}
	if o.dead != nil {
		p.fail(node.At, node.Path, errors.New("sdk.DeadLetter does not apply to Partition: give what cannot be placed a partition of its own"))
	}
	node.In = []*graph.Collection{in.c}
	outs := make([]PCollection[T], n)
	for i := range outs {
		outs[i] = output[T](p, node, in.c.Windowing)
	}
	node.Op = func(b *exec.Build, step *exec.Step, sinks []exec.Sink) (exec.Sink, error) {
		cfg := exec.ParDoConfig[T, T]{Policy: o.policy}
		ems := make([]Emitter[T], n)
		main := exec.NewOut[T](b, step, sinks[0], true)
		ems[0] = main.Emitter()
		for i := 1; i < n; i++ {
			out := exec.NewOut[T](b, step, sinks[i], true)
			ems[i] = out.Emitter()
			cfg.Extra = append(cfg.Extra, out)
		}
		cfg.Fn = tryFn[T, T](func(_ *Context, v T, _ Emitter[T]) error {
			k := f(v)
			if k < 0 || k >= n {
				return fmt.Errorf("the function chose partition %d of %d", k, n)
			}
			ems[k].Emit(v)
			return nil
		})
		return exec.NewParDo(b, step, main, cfg), nil
	}
	return outs
}
