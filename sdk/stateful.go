package sdk

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/exec/keyed"
	"github.com/millrace-go/millrace/sdk/graph"
	"github.com/millrace-go/millrace/sdk/state"
	"github.com/millrace-go/millrace/sdk/timer"
	"github.com/millrace-go/millrace/sdk/window"
)

// StatefulFn is per-element code that keeps state by key and window: a struct whose exported fields are cells of
// package state and timers of package timer, beside what a [DoFn] may have.
//
// The elements of a key are processed one after the other, in the order in which they come; see [SortedByTime].
//
// Optional methods, beside those of a DoFn: OnTimer(*Context, K, timer.Fired, Emitter[O]) error, called when a timer
// fires, with its output time as the element's; OnWindowExpiration(*Context, K, Emitter[O]) error, called once for each
// key of a window that has expired, before its state is cleared. In them Context.EventTime is the timestamp of what is
// emitted.
type StatefulFn[K, V, O any] interface {
	ProcessElement(c *Context, key K, value V, out Emitter[O]) error
}

// Fired is a timer that has fired: what OnTimer is given.
type Fired = timer.Fired

// StatefulParDo applies fn to every pair, with state by key and window (Beam: stateful ParDo).
//
// Windows must not merge. With a policy for failing elements (see [OnError]) what a failed call did to state and timers
// is taken back too. A failing OnTimer or OnWindowExpiration is retried, but is no element that could go to a dead-letter
// output: it fails the job.
func StatefulParDo[K, V, O any, D StatefulFn[K, V, O]](in PCollection[KV[K, V]], fn D, opts ...Option) PCollection[O] {
	p := same("StatefulParDo", in.p)
	o := parse(opts)
	n := p.add("StatefulParDo", graph.Exchange, o)
	n.In = []*graph.Collection{in.c}
	kc := keyCoder[K](p, n)
	_ = encodable[V](p, n, "value")
	if in.c.Windowing.Merger() != nil {
		p.fail(n.At, n.Path, fmt.Errorf("state on windows that merge (%v): what would the state of two windows be when they become one? Group first, or window by what does not merge", in.c.Windowing.Fn))
	}
	out := output[O](p, n, in.c.Windowing)
	t := p.template(n, fn)
	n.Display = t.name
	if len(n.Reads) > 0 {
		p.fail(n.At, n.Path, errors.New("a stateful DoFn cannot read a view: read it in a ParDo before or behind it"))
	}
	_, onTimer := any(fn).(keyed.TimerFn[K, O])
	if len(t.timers) > 0 && !onTimer {
		p.fail(n.At, n.Path, fmt.Errorf("the DoFn has a timer but no method OnTimer(*sdk.Context, %v, timer.Fired, sdk.Emitter[%v]) error", reflect.TypeFor[K](), reflect.TypeFor[O]()))
	}
	if o.policy.Kind != exec.Fail {
		checkPolicy[KV[K, V], O](p, n, fn)
	}
	o.declareLate(p, n)
	if o.dead != nil && !o.declareDead(p, n, reflect.TypeFor[Failed[KV[K, V]]](), reflect.TypeFor[KV[K, V]]()) {
		return out
	}
	stream(n, func() exec.StreamExchange {
		return keyed.NewStateful(kc, func(b *exec.Build, step *exec.Step, sinks []exec.Sink) (keyed.StatefulConfig[K, V, O], error) {
			cfg := keyed.StatefulConfig[K, V, O]{Config: keyedConfig(n), Policy: o.policy, Sorted: o.sorted}
			cfg.Windowed = !window.IsGlobalFn(in.c.Windowing.Fn)
			inst, err := t.instance(b, step, sinks, fn)
			if err != nil {
				return cfg, err
			}
			cfg.Fn = inst.fn.(keyed.StatefulFn[K, V, O])
			cfg.Extra, cfg.Timers, cfg.Names = inst.extra, inst.timers, inst.names
			cfg.Columns = func(at *uint32) []state.Column {
				var cs []state.Column
				for _, f := range inst.cells {
					cs = append(cs, f.Bind(at))
				}
				return cs
			}
			cfg.Out = exec.NewOut[O](b, step, sinks[0], true)
			if f, ok := inst.fn.(exec.BundleFinisher[O]); ok {
				em := cfg.Out.Emitter()
				cfg.Finish = func(c *Context) error { return f.FinishBundle(c, em) }
			}
			rest := sinks[1+len(t.outputs):]
			if len(o.droppable) > 0 {
				cfg.Late, rest = rest[0], rest[1:]
			}
			if o.dead != nil {
				cfg.Dead = exec.NewOut[Failed[KV[K, V]]](b, step, rest[0], false)
			}
			return cfg, nil
		})
	})
	return out
}
