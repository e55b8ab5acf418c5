package sdk

import (
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/graph"
	"github.com/millrace-go/millrace/sdk/sdf"
)

// SplittableFn is per-element code whose work on one element can be cut, before it starts and while it runs:
// the form of every source. R is the restriction, T its tracker; sdf.OffsetRange and sdf.OffsetTracker serve
// files and logs.
//
// ProcessElement claims each part before it emits what is in it, and stops when a claim fails: what is left
// belongs to somebody else by then. It must claim or return within 100 ms. A source that has nothing more just now
// returns sdf.Resume, and is called again.
//
// Optional methods: Setup and Teardown as in [DoFn]; StartRestriction(context.Context, I) (R, error) instead of
// InitialRestriction; SplitRestriction(I, R) []R; RestrictionSize(I, R) float64, in bytes. Of sources without an end:
// Unbounded() bool; NewWatermarkEstimator(I, R, start Time) sdf.WatermarkEstimator, without which the watermark stays
// at the element's timestamp; TruncateRestriction(I, R) (R, bool), what is still to be done in a drain.
type SplittableFn[I, O, R any, T sdf.Tracker[R]] = exec.SplittableFn[I, O, R, T]

// Continuation is what a splittable ProcessElement returns.
type Continuation = sdf.Continuation

// ParDoSplittable applies fn to every element, in as many parts as there are hands for.
func ParDoSplittable[I, O, R any, T sdf.Tracker[R], D SplittableFn[I, O, R, T]](in PCollection[I], fn D, opts ...Option) PCollection[O] {
	p := same("ParDoSplittable", in.p)
	n := p.add("ParDoSplittable", graph.Splittable, parse(opts).only("ParDoSplittable", false))
	n.In = []*graph.Collection{in.c}
	out := output[O](p, n, in.c.Windowing)
	if u, ok := any(fn).(exec.Unbounded); ok && u.Unbounded() {
		out.c.Unbounded = true
	}
	t := p.template(n, fn)
	n.Display = t.name
	if len(n.Reads) > 0 {
		p.fail(n.At, n.Path, errViewInSource)
	}
	n.Inbox = func(node int) graph.Inbox {
		return exec.NewSplittableInbox(exec.SplittableConfig[I, O, R, T]{
			Node: node,
			Fn:   fn,
			New: func(b *exec.Build, step *exec.Step, sinks []exec.Sink) (exec.SplittableFn[I, O, R, T], []any, error) {
				inst, err := t.instance(b, step, sinks, fn)
				if err != nil {
					return nil, nil, err
				}
				return inst.fn.(exec.SplittableFn[I, O, R, T]), inst.extra, nil
			},
		})
	}
	return out
}
