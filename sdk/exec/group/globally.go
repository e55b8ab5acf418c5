package group

import (
	"sync"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// NewCombineGlobally returns the exchange of a combine of everything, per window: it takes I and gives O. With
// defaults, an empty input in the global window gives the output of a fresh accumulator.
func NewCombineGlobally[I, A, O any](h *exec.Host, cfg Config, _ coder.Coder[A], fn CombineFn[I, A, O], defaults bool) (exec.Exchange, error) {
	return &globally[I, A, O]{cfg: cfg, mode: cfg.mode(), fn: fn, defaults: defaults, accs: map[window.Window]globalAcc[A]{}}, nil
}

// batchAdder is an optional part of a CombineFn: AddInput for some elements, in their order. A call an element is what
// adding cheap things up costs.
type batchAdder[I, A any] interface {
	AddBatch(acc A, in []I) A
}

type globalAcc[A any] struct {
	acc A
	ts  mtime.Time
}

type globally[I, A, O any] struct {
	cfg      Config
	mode     mode
	fn       CombineFn[I, A, O]
	defaults bool

	mu   sync.Mutex
	accs map[window.Window]globalAcc[A]
}

type globalWriter[I, A, O any] struct {
	x    *globally[I, A, O]
	step *exec.Step
	all  batchAdder[I, A] // the CombineFn, if it is one
	accs map[window.Window]*globalAcc[A]
	last window.Window
	cur  *globalAcc[A]
}

// NewWriter implements exec.Exchange.
func (x *globally[I, A, O]) NewWriter(b *exec.Build, step *exec.Step, _ int) (exec.Sink, error) {
	w := &globalWriter[I, A, O]{x: x, step: step, accs: map[window.Window]*globalAcc[A]{}}
	if all, ok := x.fn.(batchAdder[I, A]); ok && !embeds[batchAdder[I, A]](x.fn) {
		w.all = all
	}
	b.Add(w)
	return exec.Sink(w), nil
}

func (w *globalWriter[I, A, O]) at(win window.Window, ts mtime.Time) *globalAcc[A] {
	if w.cur != nil && w.last == win {
		return w.cur
	}
	a := w.accs[win]
	if a == nil {
		a = &globalAcc[A]{acc: w.x.fn.CreateAccumulator(), ts: w.x.mode.assign(win, ts)}
		w.accs[win] = a
	}
	w.last, w.cur = win, a
	return a
}

// Push implements exec.Sink.
func (w *globalWriter[I, A, O]) Push(batch any) (err error) {
	b := batch.(*exec.Batch[I])
	w.step.In.Add(int64(len(b.V)))
	defer func() {
		if p := recover(); p != nil {
			err = exec.UserPanic(w.step, p)
		}
	}()
	fn, m := w.x.fn, w.x.mode
	if len(b.V) > 0 && b.Meta.S == nil && len(b.Meta.Windows(0)) == 1 && !m.timed {
		a := w.at(b.Meta.Windows(0)[0], b.Meta.Time(0))
		if w.all != nil {
			a.acc = w.all.AddBatch(a.acc, b.V)
			return nil
		}
		acc := a.acc
		for i := range b.V {
			acc = fn.AddInput(acc, b.V[i])
		}
		a.acc = acc
		return nil
	}
	for i := range b.V {
		for _, win := range b.Meta.Windows(i) {
			a := w.at(win, b.Meta.Time(i))
			a.acc = fn.AddInput(a.acc, b.V[i])
			if m.timed {
				a.ts = m.combiner.Combine(a.ts, m.assign(win, b.Meta.Time(i)))
			}
		}
	}
	return nil
}

func (w *globalWriter[I, A, O]) StartBundle() error  { return nil }
func (w *globalWriter[I, A, O]) FinishBundle() error { return nil }

func (w *globalWriter[I, A, O]) Close(failed bool) error {
	if failed {
		return nil
	}
	w.x.mu.Lock()
	defer w.x.mu.Unlock()
	for win, a := range w.accs {
		if have, ok := w.x.accs[win]; ok {
			w.x.accs[win] = globalAcc[A]{w.x.fn.MergeAccumulators(have.acc, a.acc), w.x.mode.combiner.Combine(have.ts, a.ts)}
			continue
		}
		w.x.accs[win] = *a
	}
	return nil
}

// Seal implements exec.Exchange.
func (x *globally[I, A, O]) Seal() error {
	if len(x.accs) == 0 && x.defaults {
		x.accs[window.Global] = globalAcc[A]{x.fn.CreateAccumulator(), window.Global.MaxTimestamp()}
	}
	return nil
}

type everything struct{}

func (everything) Size() int64 { return 1 }

// Work implements exec.Feed.
func (x *globally[I, A, O]) Work(int) ([]exec.Work, error) {
	if len(x.accs) == 0 {
		return nil, nil
	}
	return []exec.Work{everything{}}, nil
}

// NewRoot implements exec.Feed.
func (x *globally[I, A, O]) NewRoot(_ *exec.Build, step *exec.Step, sink exec.Sink) (exec.Root, error) {
	return &globalRoot[I, A, O]{x: x, step: step, to: sink}, nil
}

type globalRoot[I, A, O any] struct {
	x    *globally[I, A, O]
	step *exec.Step
	to   exec.Sink
}

// Run implements exec.Root.
func (r *globalRoot[I, A, O]) Run(exec.Work) error {
	for w, a := range r.x.accs {
		b := exec.Batch[O]{V: []O{r.x.fn.ExtractOutput(a.acc)}, Meta: exec.Meta{T0: w.MaxTimestamp(), P0: window.OnlyFiring}}
		if r.x.mode.timed {
			b.Meta.T0 = a.ts
		}
		if r.x.mode.windowed {
			b.Meta.Sets = exec.NewWindowSets(w)
		}
		r.step.Out.Add(1)
		if err := r.to.Push(&b); err != nil {
			return err
		}
	}
	return nil
}

// Close implements exec.Exchange.
func (x *globally[I, A, O]) Close() error { return nil }
