package exec

import (
	"context"
	"errors"
	"sync"
)

type asyncOp[I, O any] struct {
	user
	f       func(context.Context, I) (O, error)
	limit   int
	ordered bool
	policy  Policy
	out     *Out[O]
	dead    *Out[Failed[I]]

	ctx    context.Context
	cancel context.CancelFunc
	ring   []*call[I, O] // in flight, oldest first
	done   chan *call[I, O]
	wg     sync.WaitGroup
}

type call[I, O any] struct {
	in    Batch[I] // one row
	out   O
	err   error
	tries int
	ended bool
}

// NewAsync adds to b what keeps limit calls of f in flight. Results keep the time, windows and pane of their
// element; with ordered they come in the order of the elements.
func NewAsync[I, O any](b *Build, step *Step, limit int, ordered bool, policy Policy, f func(context.Context, I) (O, error), out *Out[O], dead *Out[Failed[I]]) Sink {
	a := &asyncOp[I, O]{
		user: user{step: step}, f: f, limit: limit, ordered: ordered, policy: policy, out: out, dead: dead,
		done: make(chan *call[I, O], limit),
	}
	a.describes()
	b.Add(a)
	return a
}

func (a *asyncOp[I, O]) StartBundle() error {
	a.ctx, a.cancel = context.WithCancel(a.step.Host.Ctx)
	return nil
}

func (a *asyncOp[I, O]) Push(batch any) error {
	b := batch.(*Batch[I])
	outer := a.enter(b, len(b.V))
	defer func() {
		a.in = nil
		a.step.Host.Pulse.leave(outer)
	}()
	for i := range b.V {
		for len(a.ring) >= a.limit {
			if err := a.settle(); err != nil {
				return err
			}
		}
		c := &call[I, O]{}
		m := b.Meta.Slice(i, i+1)
		c.in = Batch[I]{V: []I{b.V[i]}, Meta: m.Clone()}
		a.ring = append(a.ring, c)
		a.wg.Go(func() {
			defer func() { a.done <- c }()
			a.run(c)
		})
	}
	return nil
}

// errExited is the failure of a call that has ended its goroutine.
var errExited = errors.New("the function has ended its goroutine, by runtime.Goexit, as Fatal and FailNow of package testing do: return an error instead")

// run makes the call, on a goroutine of its own.
func (a *asyncOp[I, O]) run(c *call[I, O]) {
	for c.tries < max(a.policy.Attempts, 1) {
		if c.tries > 0 && pause(a.ctx, a.policy.Backoff, c.tries) != nil {
			return
		}
		c.tries++
		func() {
			c.err = errExited // unless it returns, or panics
			defer func() {
				if r := recover(); r != nil {
					c.err = recovered(r)
				}
			}()
			c.out, c.err = a.f(a.ctx, c.in.V[0])
		}()
		if c.err == nil || a.ctx.Err() != nil {
			return
		}
	}
}

// settle waits for a call to end and emits what may be emitted.
func (a *asyncOp[I, O]) settle() error {
	select {
	case c := <-a.done:
		c.ended = true
	case <-a.step.Host.Ctx.Done():
		return context.Cause(a.step.Host.Ctx)
	}
	keep := a.ring[:0]
	blocked := false
	for _, c := range a.ring {
		if !c.ended || blocked {
			blocked = blocked || a.ordered
			keep = append(keep, c)
			continue
		}
		if err := a.emit(c); err != nil {
			return err
		}
	}
	clear(a.ring[len(keep):])
	a.ring = keep
	return nil
}

func (a *asyncOp[I, O]) emit(c *call[I, O]) error {
	a.in = &c.in
	a.step.row.set(0)
	defer func() { a.in = nil }()
	if c.err != nil {
		if a.policy.Kind != DeadLetter || a.ctx.Err() != nil {
			return a.step.failure(c.err, c.tries)
		}
		a.dead.begin(&c.in.Meta)
		a.dead.row = 0
		a.dead.Emitter().Emit(Failed[I]{Element: c.in.V[0], Error: c.err.Error(), Transform: a.step.Path, Attempts: int64(c.tries)})
		a.dead.end(0)
		return a.dead.endBatch()
	}
	a.out.begin(&c.in.Meta)
	a.out.row = 0
	a.out.Emitter().Emit(c.out)
	a.out.end(0)
	return a.out.endBatch()
}

func (a *asyncOp[I, O]) FinishBundle() error {
	for len(a.ring) > 0 {
		if err := a.settle(); err != nil {
			return err
		}
	}
	a.cancel()
	if err := a.out.finish(); err != nil {
		return err
	}
	if a.dead != nil {
		return a.dead.finish()
	}
	return nil
}

func (a *asyncOp[I, O]) Close(bool) error {
	if a.cancel != nil {
		a.cancel()
	}
	a.wg.Wait() // calls that are in flight after a failure: their context has ended
	return nil
}
