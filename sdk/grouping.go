package sdk

import (
	"errors"
	"fmt"
	"iter"
	"reflect"
	"unsafe"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/exec/group"
	"github.com/millrace-go/millrace/sdk/exec/keyed"
	"github.com/millrace-go/millrace/sdk/exec/spool"
	"github.com/millrace-go/millrace/sdk/graph"
	"github.com/millrace-go/millrace/sdk/window"
)

// ErrUnboundedGlobal is why an unbounded collection in the global window cannot be grouped: no group would ever
// be complete.
var ErrUnboundedGlobal = errors.New("grouping an unbounded collection in the global window, where no group is ever complete: give it windows with WindowInto, or a trigger")

// groupedWith adds an exchange of ins.
func groupedWith(p *Pipeline, verb string, o *options, ins ...*graph.Collection) (*graph.Node, *options) {
	n := p.add(verb, graph.Exchange, o)
	n.In = ins
	for i, c := range ins {
		if c.Unbounded && window.IsGlobalFn(c.Windowing.Fn) && c.Windowing.HasDefaultTrigger() {
			p.fail(n.At, n.Path, ErrUnboundedGlobal)
		}
		if a, b := ins[0].Windowing.String(), c.Windowing.String(); a != b {
			p.fail(n.At, n.Path, fmt.Errorf("input 1 is windowed by %s but input %d by %s: window them alike first", a, i+1, b))
		}
	}
	return n, o
}

// declareLate makes the outputs of droppable elements, which are behind the main output.
func (o *options) declareLate(p *Pipeline, n *graph.Node, want ...any) {
	if len(o.droppable) == 0 {
		return
	}
	if len(o.droppable) != len(want) {
		p.fail(n.At, n.Path, fmt.Errorf("%d outputs of droppable elements for %d inputs: give one for each, in their order", len(o.droppable), len(want)))
		return
	}
	for i, d := range o.droppable {
		if !d.matches(want[i]) {
			p.fail(n.At, n.Path, fmt.Errorf("the output %d of droppable elements is a %T, but its input has elements of another type: %s", i+1, d, n.In[i].Type))
			continue
		}
		if !d.declare(p, n) {
			p.fail(n.At, n.Path, errors.New("the output of droppable elements is used twice"))
		}
	}
}

// after is the windowing of what comes out of a grouping: windows that were merged are not merged again, and what was
// fired early is fired on early (Beam: continuation triggers).
func after(w window.Strategy) window.Strategy {
	if w.Merger() != nil {
		w.Merged = true
	}
	if w.Trigger != nil {
		w.Trigger = w.Trigger.Continuation()
	}
	return w
}

func keyCoder[K any](p *Pipeline, n *graph.Node) coder.Coder[K] {
	c := encodable[K](p, n, "key")
	if c != nil {
		if err := c.Deterministic(); err != nil {
			p.fail(n.At, n.Path, fmt.Errorf("the key type cannot be grouped by: equal keys may have different encodings: %w", err))
		}
	}
	return c
}

func groupConfig(n *graph.Node) group.Config {
	return group.Config{Name: n.Path, Windowing: n.In[0].Windowing}
}

func keyedConfig(n *graph.Node) keyed.Config {
	return keyed.Config{Name: n.Path, Windowing: n.In[0].Windowing}
}

// stream sets how an exchange runs in a streaming job.
func stream(n *graph.Node, f func() exec.StreamExchange) {
	n.Stream = func(*exec.Host) (exec.StreamExchange, error) { return f(), nil }
}

// GroupByKey collects the values of each key, per window (Beam: GroupByKey).
//
// Keys are equal if their encodings are. The values of a group are a sequence that may be iterated any number
// of times until the function it is given to returns, and not after; it may be larger than memory, and comes
// in no particular order. If reading it fails, the sequence ends early and the element fails whatever the
// function returns.
func GroupByKey[K, V any](in PCollection[KV[K, V]], opts ...Option) PCollection[KV[K, iter.Seq[V]]] {
	p := same("GroupByKey", in.p)
	n, o := groupedWith(p, "GroupByKey", parse(opts).only("GroupByKey", false), in.c)
	kc, vc := keyCoder[K](p, n), encodable[V](p, n, "value")
	n.Exchange = func(h *exec.Host) (exec.Exchange, error) {
		return group.NewGroupByKey(h, groupConfig(n), kc, vc)
	}
	stream(n, func() exec.StreamExchange { return keyed.NewGroupByKey[K, V](keyedConfig(n), kc) })
	if kc != nil && vc != nil {
		seq := coder.UntypedIterable[V](coder.Erase(vc))
		p.coders[reflect.TypeFor[KV[K, iter.Seq[V]]]()] = coder.UntypedKV(coder.Erase(kc), seq, unsafe.Offsetof(KV[K, iter.Seq[V]]{}.Value))
	}
	out := output[KV[K, iter.Seq[V]]](p, n, after(in.c.Windowing))
	o.declareLate(p, n, new(KV[K, V]))
	return out
}

// CombineFn is an aggregation in four steps, so that it can run before and after the shuffle.
//
// MergeAccumulators owns and may change its first argument; the second is read-only and may be merged into
// several windows: it must not be returned, and nothing that it leads to may be kept. ExtractOutput must not change the accumulator. CreateAccumulator returns a fresh one. The
// value given to a verb is shared by all instances and must not change.
//
// Optional methods, which save a call for each element. Neither may keep the slices that it is given, nor write to them but for
// accs.
//
//   - AddBatch(accumulator A, in []I) A is AddInput for each of in, in their order; [CombineGlobally] uses it.
//   - AddInputs(accs []A, of []uint32, in []I) does what AddInput does for each accs[of[i]] and in[i], in this order;
//     [CombinePerKey] uses it where rows carry no window.
//
// Those of an embedded type are not used: they would not know of an AddInput that takes the place of its own.
type CombineFn[I, A, O any] = group.CombineFn[I, A, O]

// CombinePerKey aggregates the values of each key, per window. It aggregates before the shuffle too.
func CombinePerKey[K, I, A, O any, F CombineFn[I, A, O]](in PCollection[KV[K, I]], fn F, opts ...Option) PCollection[KV[K, O]] {
	p := same("CombinePerKey", in.p)
	n, o := groupedWith(p, "CombinePerKey", parse(opts).only("CombinePerKey", false), in.c)
	n.Display = fmt.Sprintf("%T", fn)
	if isNil(fn) {
		p.fail(n.At, n.Path, errors.New("the CombineFn is nil"))
	}
	kc, ac := keyCoder[K](p, n), encodable[A](p, n, "accumulator")
	n.Exchange = func(h *exec.Host) (exec.Exchange, error) {
		return group.NewCombinePerKey[K, I, A, O](h, groupConfig(n), kc, ac, fn)
	}
	stream(n, func() exec.StreamExchange {
		return keyed.NewCombinePerKey[K, I, A, O](keyedConfig(n), kc, fn, len(n.Out) > 1)
	})
	out := output[KV[K, O]](p, n, after(in.c.Windowing))
	o.declareLate(p, n, new(KV[K, I]))
	return out
}

// CombineGlobally aggregates all elements, per window. In the global window there is a result also if there are
// no elements: ExtractOutput of a fresh accumulator.
func CombineGlobally[I, A, O any, F CombineFn[I, A, O]](in PCollection[I], fn F, opts ...Option) PCollection[O] {
	p := same("CombineGlobally", in.p)
	n, o := groupedWith(p, "CombineGlobally", parse(opts).only("CombineGlobally", false), in.c)
	n.Display = fmt.Sprintf("%T", fn)
	if isNil(fn) {
		p.fail(n.At, n.Path, errors.New("the CombineFn is nil"))
	}
	if in.c.Windowing.Merger() != nil {
		p.fail(n.At, n.Path, fmt.Errorf("windows of %v merge per key, and there is no key: use CombinePerKey", in.c.Windowing.Fn))
	}
	ac := encodable[A](p, n, "accumulator")
	n.Exchange = func(h *exec.Host) (exec.Exchange, error) {
		return group.NewCombineGlobally[I, A, O](h, groupConfig(n), ac, fn, window.IsGlobalFn(in.c.Windowing.Fn))
	}
	stream(n, func() exec.StreamExchange {
		return keyed.NewCombineGlobally[I, A, O](keyedConfig(n), fn, len(n.Out) > 1, window.IsGlobalFn(in.c.Windowing.Fn))
	})
	out := output[O](p, n, after(in.c.Windowing))
	o.declareLate(p, n, new(I))
	return out
}

// CoGroup2 is the values of one key in two collections.
type CoGroup2[A, B any] = group.CoGroup2[A, B]

// CoGroup3 is the values of one key in three collections.
type CoGroup3[A, B, C any] = group.CoGroup3[A, B, C]

// CoGroup4 is the values of one key in four collections.
type CoGroup4[A, B, C, D any] = group.CoGroup4[A, B, C, D]

// CoGroupByKey2 collects the values that two collections have for each key, per window. Each key comes once, if
// any of them has it; the sequences are as in [GroupByKey].
func CoGroupByKey2[K, A, B any](a PCollection[KV[K, A]], b PCollection[KV[K, B]], opts ...Option) PCollection[KV[K, CoGroup2[A, B]]] {
	p := same("CoGroupByKey2", a.p, b.p)
	n, o := groupedWith(p, "CoGroupByKey2", parse(opts).only("CoGroupByKey2", false), a.c, b.c)
	kc, ac, bc := keyCoder[K](p, n), encodable[A](p, n, "value of input 1"), encodable[B](p, n, "value of input 2")
	n.Exchange = func(h *exec.Host) (exec.Exchange, error) {
		return group.NewCoGroup2(h, groupConfig(n), kc, ac, bc)
	}
	stream(n, func() exec.StreamExchange { return keyed.NewCoGroup2[K, A, B](keyedConfig(n), kc) })
	out := output[KV[K, CoGroup2[A, B]]](p, n, after(a.c.Windowing))
	o.declareLate(p, n, new(KV[K, A]), new(KV[K, B]))
	return out
}

// CoGroupByKey3 is [CoGroupByKey2] for three collections.
func CoGroupByKey3[K, A, B, C any](a PCollection[KV[K, A]], b PCollection[KV[K, B]], c PCollection[KV[K, C]], opts ...Option) PCollection[KV[K, CoGroup3[A, B, C]]] {
	p := same("CoGroupByKey3", a.p, b.p, c.p)
	n, o := groupedWith(p, "CoGroupByKey3", parse(opts).only("CoGroupByKey3", false), a.c, b.c, c.c)
	kc, ac, bc, cc := keyCoder[K](p, n), encodable[A](p, n, "value of input 1"), encodable[B](p, n, "value of input 2"), encodable[C](p, n, "value of input 3")
	n.Exchange = func(h *exec.Host) (exec.Exchange, error) {
		return group.NewCoGroup3(h, groupConfig(n), kc, ac, bc, cc)
	}
	stream(n, func() exec.StreamExchange { return keyed.NewCoGroup3[K, A, B, C](keyedConfig(n), kc) })
	out := output[KV[K, CoGroup3[A, B, C]]](p, n, after(a.c.Windowing))
	o.declareLate(p, n, new(KV[K, A]), new(KV[K, B]), new(KV[K, C]))
	return out
}

// CoGroupByKey4 is [CoGroupByKey2] for four collections.
func CoGroupByKey4[K, A, B, C, D any](a PCollection[KV[K, A]], b PCollection[KV[K, B]], c PCollection[KV[K, C]], d PCollection[KV[K, D]], opts ...Option) PCollection[KV[K, CoGroup4[A, B, C, D]]] {
	p := same("CoGroupByKey4", a.p, b.p, c.p, d.p)
	n, o := groupedWith(p, "CoGroupByKey4", parse(opts).only("CoGroupByKey4", false), a.c, b.c, c.c, d.c)
	kc, ac, bc, cc, dc := keyCoder[K](p, n), encodable[A](p, n, "value of input 1"), encodable[B](p, n, "value of input 2"), encodable[C](p, n, "value of input 3"), encodable[D](p, n, "value of input 4")
	n.Exchange = func(h *exec.Host) (exec.Exchange, error) {
		return group.NewCoGroup4(h, groupConfig(n), kc, ac, bc, cc, dc)
	}
	stream(n, func() exec.StreamExchange { return keyed.NewCoGroup4[K, A, B, C, D](keyedConfig(n), kc) })
	out := output[KV[K, CoGroup4[A, B, C, D]]](p, n, after(a.c.Windowing))
	o.declareLate(p, n, new(KV[K, A]), new(KV[K, B]), new(KV[K, C]), new(KV[K, D]))
	return out
}

// Reshuffle redistributes elements over workers: what comes after it runs apart from what comes before. Use it
// behind a step of few elements that each become many.
func Reshuffle[T any](in PCollection[T], opts ...Option) PCollection[T] {
	p := same("Reshuffle", in.p)
	n := p.add("Reshuffle", graph.Exchange, parse(opts).only("Reshuffle", false))
	n.In = []*graph.Collection{in.c}
	_ = encodable[T](p, n, "element")
	n.Exchange = func(h *exec.Host) (exec.Exchange, error) { return spool.New(h, n.Path, in.c.Elem), nil }
	stream(n, func() exec.StreamExchange { return keyed.Shuffle[T]{} })
	return output[T](p, n, in.c.Windowing)
}

func isNil(v any) bool {
	if v == nil {
		return true
	}
	return pointerIsNil(v)
}
