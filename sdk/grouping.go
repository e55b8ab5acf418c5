package sdk

import (
	"errors"
	"fmt"
	"iter"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/exec/group"
	"github.com/millrace-go/millrace/sdk/exec/spool"
	"github.com/millrace-go/millrace/sdk/graph"
	"github.com/millrace-go/millrace/sdk/window"
)

// ErrUnboundedGlobal is why an unbounded collection in the global window cannot be grouped: no group would ever
// be complete.
var ErrUnboundedGlobal = errors.New("grouping an unbounded collection in the global window, where no group is ever complete: give it windows with WindowInto, or a trigger")

// grouped adds an exchange of ins.
func grouped(p *Pipeline, verb string, opts []Option, ins ...*graph.Collection) *graph.Node {
	n := p.add(verb, graph.Exchange, parse(opts).only(verb, false))
	n.In = ins
	for i, c := range ins {
		if c.Unbounded && window.IsGlobalFn(c.Windowing.Fn) {
			p.fail(n.At, n.Path, ErrUnboundedGlobal)
		}
		if a, b := ins[0].Windowing, c.Windowing; i > 0 && (a.Fn.String() != b.Fn.String() || a.Combiner != b.Combiner || a.Merged != b.Merged) {
			p.fail(n.At, n.Path, fmt.Errorf("input 1 is windowed by %v but input %d by %v: window them alike first", a.Fn, i+1, b.Fn))
		}
	}
	return n
}

// after is the windowing of what comes out of a grouping: windows that were merged are not merged again.
func after(w window.Strategy) window.Strategy {
	if w.Merger() != nil {
		w.Merged = true
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

// GroupByKey collects the values of each key, per window (Beam: GroupByKey).
//
// Keys are equal if their encodings are. The values of a group are a sequence that may be iterated any number
// of times until the function it is given to returns, and not after; it may be larger than memory, and comes
// in no particular order. If reading it fails, the sequence ends early and the element fails whatever the
// function returns.
func GroupByKey[K, V any](in PCollection[KV[K, V]], opts ...Option) PCollection[KV[K, iter.Seq[V]]] {
	p := same("GroupByKey", in.p)
	n := grouped(p, "GroupByKey", opts, in.c)
	kc, vc := keyCoder[K](p, n), encodable[V](p, n, "value")
	n.Exchange = func(h *exec.Host) (exec.Exchange, error) {
		return group.NewGroupByKey(h, groupConfig(n), kc, vc)
	}
	if kc != nil && vc != nil {
		setCoder(p, coder.NewKV(kc, coder.Iterable(vc)))
	}
	return output[KV[K, iter.Seq[V]]](p, n, after(in.c.Windowing))
}

// CombineFn is an aggregation in four steps, so that it can run before and after the shuffle.
//
// MergeAccumulators owns and may change its first argument; the second is read-only and may be merged into
// several windows. ExtractOutput must not change the accumulator. CreateAccumulator returns a fresh one. The
// value given to a verb is shared by all instances and must not change.
type CombineFn[I, A, O any] = group.CombineFn[I, A, O]

// CombinePerKey aggregates the values of each key, per window. It aggregates before the shuffle too.
func CombinePerKey[K, I, A, O any, F CombineFn[I, A, O]](in PCollection[KV[K, I]], fn F, opts ...Option) PCollection[KV[K, O]] {
	p := same("CombinePerKey", in.p)
	n := grouped(p, "CombinePerKey", opts, in.c)
	n.Display = fmt.Sprintf("%T", fn)
	if isNil(fn) {
		p.fail(n.At, n.Path, errors.New("the CombineFn is nil"))
	}
	kc, ac := keyCoder[K](p, n), encodable[A](p, n, "accumulator")
	n.Exchange = func(h *exec.Host) (exec.Exchange, error) {
		return group.NewCombinePerKey[K, I, A, O](h, groupConfig(n), kc, ac, fn)
	}
	return output[KV[K, O]](p, n, after(in.c.Windowing))
}

// CombineGlobally aggregates all elements, per window. In the global window there is a result also if there are
// no elements: ExtractOutput of a fresh accumulator.
func CombineGlobally[I, A, O any, F CombineFn[I, A, O]](in PCollection[I], fn F, opts ...Option) PCollection[O] {
	p := same("CombineGlobally", in.p)
	n := grouped(p, "CombineGlobally", opts, in.c)
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
	return output[O](p, n, in.c.Windowing)
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
	n := grouped(p, "CoGroupByKey2", opts, a.c, b.c)
	kc, ac, bc := keyCoder[K](p, n), encodable[A](p, n, "value of input 1"), encodable[B](p, n, "value of input 2")
	n.Exchange = func(h *exec.Host) (exec.Exchange, error) {
		return group.NewCoGroup2(h, groupConfig(n), kc, ac, bc)
	}
	return output[KV[K, CoGroup2[A, B]]](p, n, after(a.c.Windowing))
}

// CoGroupByKey3 is [CoGroupByKey2] for three collections.
func CoGroupByKey3[K, A, B, C any](a PCollection[KV[K, A]], b PCollection[KV[K, B]], c PCollection[KV[K, C]], opts ...Option) PCollection[KV[K, CoGroup3[A, B, C]]] {
	p := same("CoGroupByKey3", a.p, b.p, c.p)
	n := grouped(p, "CoGroupByKey3", opts, a.c, b.c, c.c)
	kc, ac, bc, cc := keyCoder[K](p, n), encodable[A](p, n, "value of input 1"), encodable[B](p, n, "value of input 2"), encodable[C](p, n, "value of input 3")
	n.Exchange = func(h *exec.Host) (exec.Exchange, error) {
		return group.NewCoGroup3(h, groupConfig(n), kc, ac, bc, cc)
	}
	return output[KV[K, CoGroup3[A, B, C]]](p, n, after(a.c.Windowing))
}

// CoGroupByKey4 is [CoGroupByKey2] for four collections.
func CoGroupByKey4[K, A, B, C, D any](a PCollection[KV[K, A]], b PCollection[KV[K, B]], c PCollection[KV[K, C]], d PCollection[KV[K, D]], opts ...Option) PCollection[KV[K, CoGroup4[A, B, C, D]]] {
	p := same("CoGroupByKey4", a.p, b.p, c.p, d.p)
	n := grouped(p, "CoGroupByKey4", opts, a.c, b.c, c.c, d.c)
	kc, ac, bc, cc, dc := keyCoder[K](p, n), encodable[A](p, n, "value of input 1"), encodable[B](p, n, "value of input 2"), encodable[C](p, n, "value of input 3"), encodable[D](p, n, "value of input 4")
	n.Exchange = func(h *exec.Host) (exec.Exchange, error) {
		return group.NewCoGroup4(h, groupConfig(n), kc, ac, bc, cc, dc)
	}
	return output[KV[K, CoGroup4[A, B, C, D]]](p, n, after(a.c.Windowing))
}

// Reshuffle redistributes elements over workers: what comes after it runs apart from what comes before. Use it
// behind a step of few elements that each become many.
func Reshuffle[T any](in PCollection[T], opts ...Option) PCollection[T] {
	p := same("Reshuffle", in.p)
	n := p.add("Reshuffle", graph.Exchange, parse(opts).only("Reshuffle", false))
	n.In = []*graph.Collection{in.c}
	tc := encodable[T](p, n, "element")
	n.Exchange = func(h *exec.Host) (exec.Exchange, error) { return spool.New(h, n.Path, tc), nil }
	return output[T](p, n, in.c.Windowing)
}

func isNil(v any) bool {
	if v == nil {
		return true
	}
	return pointerIsNil(v)
}
