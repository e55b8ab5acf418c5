package sdk

import (
	"errors"
	"fmt"
	"iter"
	"reflect"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/exec/group"
	"github.com/millrace-go/millrace/sdk/exec/keyed"
	"github.com/millrace-go/millrace/sdk/exec/keys"
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
func (o *options) declareLate(p *Pipeline, n *graph.Node) {
	if len(o.droppable) == 0 {
		return
	}
	if len(o.droppable) != len(n.In) {
		p.fail(n.At, n.Path, fmt.Errorf("%d outputs of droppable elements for %d inputs: give one for each, in their order", len(o.droppable), len(n.In)))
		return
	}
	for i, d := range o.droppable {
		if !d.matches(n.In[i].Type) {
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

// keyType returns how keys are handled; if they cannot be, it records why.
func (p *Pipeline) keyType(n *graph.Node, key keys.Key) *keys.Type {
	c, ok := p.encodable(n, key.Type(), "key")
	if !ok {
		return nil
	}
	if err := c.Deterministic(); err != nil {
		p.fail(n.At, n.Path, fmt.Errorf("the key type cannot be grouped by: equal keys may have different encodings: %w", err))
	}
	return keys.NewType(key, c)
}

// valuesOf is what has to be compiled for the values of a grouping.
type valuesOf struct {
	elem exec.Element
	seq  coder.Sequence
}

// coGroup adds a GroupByKey or CoGroupByKey of ins, rows KV[K, V] of a key and values, with elements of type out.
func coGroup(p *Pipeline, verb string, opts []Option, key keys.Key, out exec.Element, ins []*graph.Collection, values ...valuesOf) *graph.Collection {
	n, o := groupedWith(p, verb, parse(opts).only(verb, false), ins...)
	k := p.keyType(n, key)
	inputs := make([]group.Input, len(ins))
	for i, v := range values {
		what := "value"
		if len(ins) > 1 {
			what = fmt.Sprintf("value of input %d", i+1)
		}
		c, ok := p.encodable(n, v.elem.Type(), what)
		inputs[i] = group.Input{Row: ins[i].Elem, Value: p.typeOf(v.elem), Seq: v.seq}
		if ok && k != nil && len(ins) == 1 { // Beam's form of groups; those of several inputs have none
			p.coders[out.Type()] = coder.UntypedKV(k.Coder(), coder.UntypedIterable(v.seq, c), out.Type().Field(1).Offset)
		}
	}
	c := p.collection(n, after(ins[0].Windowing), out)
	o.declareLate(p, n)
	n.Exchange = func(h *exec.Host) (exec.Exchange, error) {
		return group.NewGroupByKey(h, groupConfig(n), k, c.Elem, inputs...)
	}
	stream(n, func() exec.StreamExchange { return keyed.NewGroupByKey(keyedConfig(n), k, c.Elem, inputs...) })
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
	return PCollection[KV[K, iter.Seq[V]]]{p, coGroup(p, "GroupByKey", opts, keys.KeyOf[K](), exec.ElementOf[KV[K, iter.Seq[V]]](), []*graph.Collection{in.c}, valuesOf{exec.ElementOf[V](), coder.SequenceOf[V]()})}
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
	k := p.keyType(n, keys.KeyOf[K]())
	_, _ = p.encodable(n, reflect.TypeFor[A](), "accumulator")
	accs := group.Input{Row: p.typeOf(exec.ElementOf[KV[K, A]]()), Value: p.typeOf(exec.ElementOf[A]())}
	kc, _ := coderOf[K](p)
	n.Exchange = func(h *exec.Host) (exec.Exchange, error) {
		return group.NewCombinePerKey(h, groupConfig(n), k, in.c.Elem, accs, n.Out[0].Elem, group.CombinerOf[I, A, O](fn))
	}
	stream(n, func() exec.StreamExchange {
		return keyed.NewCombinePerKey[K, I, A, O](keyedConfig(n), kc, fn, len(n.Out) > 1)
	})
	out := output[KV[K, O]](p, n, after(in.c.Windowing))
	o.declareLate(p, n)
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
	o.declareLate(p, n)
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
	return PCollection[KV[K, CoGroup2[A, B]]]{p, coGroup(p, "CoGroupByKey2", opts, keys.KeyOf[K](), exec.ElementOf[KV[K, CoGroup2[A, B]]](), []*graph.Collection{a.c, b.c}, valuesOf{exec.ElementOf[A](), coder.SequenceOf[A]()}, valuesOf{exec.ElementOf[B](), coder.SequenceOf[B]()})}
}

// CoGroupByKey3 is [CoGroupByKey2] for three collections.
func CoGroupByKey3[K, A, B, C any](a PCollection[KV[K, A]], b PCollection[KV[K, B]], c PCollection[KV[K, C]], opts ...Option) PCollection[KV[K, CoGroup3[A, B, C]]] {
	p := same("CoGroupByKey3", a.p, b.p, c.p)
	return PCollection[KV[K, CoGroup3[A, B, C]]]{p, coGroup(p, "CoGroupByKey3", opts, keys.KeyOf[K](), exec.ElementOf[KV[K, CoGroup3[A, B, C]]](), []*graph.Collection{a.c, b.c, c.c}, valuesOf{exec.ElementOf[A](), coder.SequenceOf[A]()}, valuesOf{exec.ElementOf[B](), coder.SequenceOf[B]()}, valuesOf{exec.ElementOf[C](), coder.SequenceOf[C]()})}
}

// CoGroupByKey4 is [CoGroupByKey2] for four collections.
func CoGroupByKey4[K, A, B, C, D any](a PCollection[KV[K, A]], b PCollection[KV[K, B]], c PCollection[KV[K, C]], d PCollection[KV[K, D]], opts ...Option) PCollection[KV[K, CoGroup4[A, B, C, D]]] {
	p := same("CoGroupByKey4", a.p, b.p, c.p, d.p)
	return PCollection[KV[K, CoGroup4[A, B, C, D]]]{p, coGroup(p, "CoGroupByKey4", opts, keys.KeyOf[K](), exec.ElementOf[KV[K, CoGroup4[A, B, C, D]]](), []*graph.Collection{a.c, b.c, c.c, d.c}, valuesOf{exec.ElementOf[A](), coder.SequenceOf[A]()}, valuesOf{exec.ElementOf[B](), coder.SequenceOf[B]()}, valuesOf{exec.ElementOf[C](), coder.SequenceOf[C]()}, valuesOf{exec.ElementOf[D](), coder.SequenceOf[D]()})}
}

// Reshuffle redistributes elements over workers: what comes after it runs apart from what comes before. Use it
// behind a step of few elements that each become many.
func Reshuffle[T any](in PCollection[T], opts ...Option) PCollection[T] {
	p := same("Reshuffle", in.p)
	n := p.add("Reshuffle", graph.Exchange, parse(opts).only("Reshuffle", false))
	n.In = []*graph.Collection{in.c}
	_ = encodable[T](p, n, "element")
	n.Exchange = func(h *exec.Host) (exec.Exchange, error) { return spool.New(h, n.Path, in.c.Elem), nil }
	stream(n, func() exec.StreamExchange { return keyed.Shuffle{Row: in.c.Elem} })
	return output[T](p, n, in.c.Windowing)
}

func isNil(v any) bool {
	if v == nil {
		return true
	}
	return pointerIsNil(v)
}
