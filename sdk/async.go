package sdk

import (
	"context"
	"fmt"
	"reflect"

	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/graph"
)

// AsyncMap applies f, which may wait for something outside (a service, a database), to every element, with up
// to limit calls in flight per worker. Results keep their element's timestamp, windows and pane, and come in the
// order of the elements; with [Unordered], as they end.
//
// The context ends with the job. Calls that are in flight when a bundle ends are waited for. Failing calls
// obey [OnError].
func AsyncMap[I, O any](in PCollection[I], limit int, f func(context.Context, I) (O, error), opts ...Option) PCollection[O] {
	p := same("AsyncMap", in.p)
	o := parse(opts)
	o.display = funcName(f)
	n := p.add("AsyncMap", graph.ParDo, o)
	n.In = []*graph.Collection{in.c}
	if f == nil {
		p.fail(n.At, n.Path, errNilFunc)
	}
	if limit < 1 {
		p.fail(n.At, n.Path, fmt.Errorf("a limit of %d calls: at least 1 is needed", limit))
		limit = 1
	}
	out := output[O](p, n, in.c.Windowing)
	if o.dead != nil && !o.declareDead(p, n, reflect.TypeFor[Failed[I]](), reflect.TypeFor[I]()) {
		return out
	}
	n.Op = func(b *exec.Build, step *exec.Step, outs []exec.Sink) (exec.Sink, error) {
		var dead *exec.Out[Failed[I]]
		if o.dead != nil {
			dead = exec.NewOut[Failed[I]](b, step, outs[1], false)
		}
		return exec.NewAsync(b, step, limit, !o.unordered, o.policy, f, exec.NewOut[O](b, step, outs[0], true), dead), nil
	}
	return out
}

// Unordered lets [AsyncMap] give its results in the order in which the calls end.
func Unordered() Option { return func(o *options) { o.unordered = true } }

// declareDead makes the dead-letter output one of n's, if its elements are of failed's type.
func (o *options) declareDead(p *Pipeline, n *graph.Node, failed, elem reflect.Type) bool {
	if !o.dead.matches(failed) {
		p.fail(n.At, n.Path, fmt.Errorf("sdk.DeadLetter: the output is a %s, but the transform's elements are %s: declare it as sdk.Output[sdk.Failed[%s]]",
			reflect.TypeOf(o.dead).Elem(), elem, elem))
		return false
	}
	if !o.dead.declare(p, n) {
		p.fail(n.At, n.Path, fmt.Errorf("sdk.DeadLetter: the output serves another transform already: declare one for each"))
		return false
	}
	return true
}
