package sdk

import (
	"fmt"
)

// onceValues are the results of Once, by path, kept over the calls of a build function.
type onceValues struct {
	values map[string]onceValue
	seen   map[string]string
}

type onceValue struct {
	v   any
	err error
}

func (o *onceValues) rewind() { o.seen = map[string]string{} }

// Once decides something once: f runs when the pipeline is first built, and its result is what every further
// call with that name gives, here and on workers. Use it for what would differ from call to call: the time, a
// listing, a schema that is read from a file. An error of f is a construction error, and Once then returns the
// zero value.
func Once[T any](p *Pipeline, name string, f func() (T, error)) T {
	var zero T
	at, _ := callSite()
	path := join(p.scope, name)
	if first, ok := p.once.seen[path]; ok {
		p.fail(at, path, fmt.Errorf("another sdk.Once has this name (%s)", first))
		return zero
	}
	p.once.seen[path] = at
	got, ok := p.once.values[path]
	if !ok {
		v, err := f()
		got = onceValue{v: v, err: err}
		if p.once.values == nil {
			p.once.values = map[string]onceValue{}
		}
		p.once.values[path] = got
	}
	if got.err != nil {
		p.fail(at, path, got.err)
		return zero
	}
	v, ok := got.v.(T)
	if !ok {
		p.fail(at, path, fmt.Errorf("sdk.Once gave a %T the first time and is now asked for a %T", got.v, zero))
	}
	return v
}
