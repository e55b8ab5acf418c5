package exec

import (
	"context"
	"errors"
	"fmt"

	"github.com/millrace-go/millrace/sdk/window"
)

// UserCode calls a DoFn for an operator that is not in this package: it keeps the Context, the outputs and the life of
// the DoFn. It is an [Op] and belongs to one goroutine.
type UserCode struct {
	step     *Step
	fn       any
	outs     []outlet // main first; the dead-letter output last, if there is one
	ctx      Context
	meta     Meta // of a call that has no batch
	policy   Policy
	windowed bool
	setup    bool
	stop     context.CancelFunc
	finish   func(c *Context) error // FinishBundle, or nil
	cells    []Value
}

// NewUserCode adds to b what calls fn. outs are its outputs, each an *Out of some type, the main one first. finish, if
// not nil, calls the DoFn's FinishBundle. windowed says that the output is not in the global window.
func NewUserCode(b *Build, step *Step, fn any, outs []any, policy Policy, windowed bool, finish func(c *Context) error) *UserCode {
	u := &UserCode{step: step, fn: fn, policy: policy, windowed: windowed, finish: finish}
	for _, o := range outs {
		u.outs = append(u.outs, o.(outlet))
	}
	u.ctx = Context{Context: b.Host.Ctx, step: step}
	b.Add(u)
	return u
}

// Describe sets what tells of the element of a row, for errors.
func (u *UserCode) Describe(f func(row int) (key, element string, w window.Window)) {
	u.step.describe = f
}

// Context is what the DoFn is given.
func (u *UserCode) Context() *Context { return &u.ctx }

// SetDraining says whether the input has been cut off.
func (u *UserCode) SetDraining(on bool) { u.ctx.draining = on }

// Begin says that rows with meta m are processed next.
func (u *UserCode) Begin(m *Meta) {
	u.ctx.meta = m
	for _, o := range u.outs {
		o.begin(m)
	}
}

// BeginOne says that a call follows that is about no row: a timer's.
func (u *UserCode) BeginOne(m Meta) {
	u.meta = m
	u.Begin(&u.meta)
}

// Call makes the call for row i; what it emits is settled if it returns nil. With a policy, save is asked for what
// takes the call's other effects back, and dead is given the error of an element that goes to the dead-letter output.
func (u *UserCode) Call(i int, call func() error, save func() (restore func()), dead func(err error, attempts int)) (err error) {
	u.at(i)
	outer := u.step.Host.Pulse.enter(u.step)
	if u.policy.Kind != Fail {
		defer u.step.Host.Pulse.leave(outer)
		return u.guarded(i, call, save, dead)
	}
	defer func() {
		if p := recover(); p != nil {
			err = u.step.failure(recovered(p), 1)
		}
		u.step.Host.Pulse.leave(outer)
	}()
	if err := call(); err != nil {
		return u.step.failure(err, 1)
	}
	return u.settle(i)
}

// at says that row i is next.
func (u *UserCode) at(i int) {
	u.ctx.row = i
	u.step.row.set(i)
	for _, o := range u.outs {
		o.setRow(i)
	}
}

// enter and leave are around the rows of a batch; leave makes a panic an error.
func (u *UserCode) enter(rows int) (outer *Step) {
	u.step.In.Add(int64(rows))
	return u.step.Host.Pulse.enter(u.step)
}

func (u *UserCode) leave(outer *Step, panicked any, err error) error {
	if panicked != nil {
		err = u.step.failure(recovered(panicked), 1)
	}
	u.ctx.meta = nil
	u.step.Host.Pulse.leave(outer)
	return err
}

// whole settles what a call for all rows of a batch has emitted.
func (u *UserCode) whole(err error, rows int) error {
	if err != nil {
		return u.step.failure(err, 1)
	}
	return u.settle(rows - 1)
}

// noState is the save of calls that have no other effects.
func noState() func() { return func() {} }

func (u *UserCode) settle(i int) error {
	for _, o := range u.outs {
		if err := o.problem(); err != nil {
			return u.step.failure(err, 1)
		}
		o.end(i)
	}
	return nil
}

func (u *UserCode) guarded(i int, call func() error, save func() func(), dead func(error, int)) error {
	restore := save()
	for _, o := range u.outs {
		o.hold(true)
	}
	u.cells = u.cells[:0]
	for _, c := range u.step.ordered {
		u.cells = append(u.cells, c.Load())
	}
	undo := func() {
		restore()
		for _, o := range u.outs {
			o.cut()
			o.clearProblem()
		}
		for k, c := range u.step.ordered {
			c.restore(u.cells[k])
		}
	}
	tries := max(u.policy.Attempts, 1)
	var err error
	for n := range tries {
		if n > 0 {
			undo()
			restore = save()
			if err := pause(u.step.Host.Ctx, u.policy.Backoff, n); err != nil {
				return err
			}
		}
		u.ctx.attempt = n
		if err = u.attempt(call); err == nil || errors.Is(err, ErrFanOut) {
			tries = n + 1
			break
		}
		if cerr := u.step.Host.Cancelled(); cerr != nil {
			return cerr
		}
	}
	u.ctx.attempt = 0
	for _, o := range u.outs {
		o.hold(false)
	}
	if err != nil {
		undo()
		if isForeign(err) || u.policy.Kind != DeadLetter || errors.Is(err, ErrFanOut) {
			return u.step.failure(err, tries)
		}
		dead(err, tries)
	}
	for _, o := range u.outs {
		o.end(i)
	}
	return nil
}

func (u *UserCode) attempt(call func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = recovered(p)
		}
	}()
	if err := call(); err != nil {
		return err
	}
	for _, o := range u.outs {
		if err := o.problem(); err != nil {
			return err
		}
	}
	return nil
}

// End says that there are no more rows of the batch.
func (u *UserCode) End() error {
	u.ctx.meta = nil
	for _, o := range u.outs {
		if err := o.endBatch(); err != nil {
			return err
		}
	}
	return nil
}

func (u *UserCode) guard(what string, f func() error) (err error) {
	outer := u.step.Host.Pulse.enter(u.step)
	defer u.step.Host.Pulse.leave(outer)
	defer func() {
		if p := recover(); p != nil {
			err = recovered(p)
		}
		if err != nil {
			err = fmt.Errorf("%s (%s): %s: %w", u.step.Path, u.step.At, what, err)
		}
	}()
	return f()
}

// StartBundle implements [Op].
func (u *UserCode) StartBundle() error {
	if !u.setup {
		u.setup = true
		if s, ok := u.fn.(Setupper); ok {
			if err := u.guard("Setup", func() error { return s.Setup(&u.ctx) }); err != nil {
				return err
			}
		}
	}
	u.ctx.Context, u.stop = context.WithCancel(u.step.Host.Ctx)
	if s, ok := u.fn.(BundleStarter); ok {
		return u.guard("StartBundle", func() error { return s.StartBundle(&u.ctx) })
	}
	return nil
}

// FinishBundle implements [Op].
func (u *UserCode) FinishBundle() error {
	defer func() {
		if u.stop != nil {
			u.stop()
			u.stop = nil
		}
		u.ctx.Context = u.step.Host.Ctx
	}()
	if u.finish != nil {
		for _, o := range u.outs {
			o.startFinish(u.windowed)
		}
		if err := u.guard("FinishBundle", func() error { return u.finish(&u.ctx) }); err != nil {
			return err
		}
	}
	var errs []error
	for _, o := range u.outs {
		errs = append(errs, o.finish())
	}
	return errors.Join(errs...)
}

// Close implements [Op].
func (u *UserCode) Close(bool) error {
	if u.stop != nil {
		u.stop()
	}
	if t, ok := u.fn.(Teardowner); ok && u.setup {
		return u.guard("Teardown", t.Teardown)
	}
	return nil
}
