package exec

import (
	"errors"
	"slices"

	"github.com/millrace-go/millrace/sdk/mtime"
)

// Op is an operator's part in the life of a stage instance. An operator is also a [Sink]; the two meet in the
// concrete type.
type Op interface {
	// StartBundle prepares for a bundle.
	StartBundle() error
	// FinishBundle pushes downstream what the operator still holds. It is called upstream first, so that what
	// one operator flushes passes through those below it before they finish.
	FinishBundle() error
	// Close ends the instance: it is called once, whether or not the bundle before it succeeded. After a failure
	// (failed is true) an operator discards what it holds.
	Close(failed bool) error
}

// Work is one piece of a stage's input: a range of partitions, a part of a restriction, some rows. It is run as
// one bundle.
type Work interface {
	// Size is an estimate of the work in bytes, for ordering and progress; 0 if it is not known.
	Size() int64
}

// Root feeds a stage instance from a piece of work.
type Root interface {
	// Run pushes all rows of w into the stage. The plan has started the bundle and finishes it.
	Run(w Work) error
}

// Exchange is a blocking edge between stages, of bounded input: all writers finish, it is sealed, and then its
// contents are read as pieces of work. Its methods but those of the writers and roots are called by one
// goroutine at a time.
type Exchange interface {
	Feed
	// NewWriter adds to b the operator that takes the exchange's n-th input, and returns its Sink.
	NewWriter(b *Build, step *Step, n int) (sink Sink, err error)
	// Seal ends writing, after every writer has been closed.
	Seal() error
	// Close releases memory and files. It is safe at any time and more than once.
	Close() error
}

// Build collects the operators of one stage instance while it is wired, downstream first.
type Build struct {
	Host *Host
	ops  []Op
	cut  func() error
	wait []Waiter
}

// Waiter is an operator of a streaming job whose rows may have to wait for a view.
type Waiter interface {
	// Hold is the least timestamp of the rows that wait, or mtime.Max.
	Hold() mtime.Time
	// Ready reports whether rows can go on.
	Ready() bool
	// Release lets them, inside a bundle.
	Release() error
}

// AddWaiter registers an operator that may wait.
func (b *Build) AddWaiter(w Waiter) { b.wait = append(b.wait, w) }

// Waiters returns the operators that may wait, downstream first.
func (b *Build) Waiters() []Waiter { return b.wait }

// Add registers an operator. Operators are wired downstream first, so the ones it pushes to are already there.
func (b *Build) Add(op Op) { b.ops = append(b.ops, op) }

// Plan is a running instance of a stage. It is used by one goroutine at a time.
type Plan struct {
	root   Root
	ops    []Op // upstream first
	failed bool
	closed bool
}

// Plan ends the wiring.
func (b *Build) Plan(root Root) *Plan {
	slices.Reverse(b.ops)
	p := &Plan{root: root, ops: b.ops}
	b.cut = p.cut
	return p
}

// cut ends the bundle and begins another, between two batches of the root's.
func (p *Plan) cut() error {
	if err := p.finish(); err != nil {
		return err
	}
	return p.start()
}

func (p *Plan) start() error {
	for _, op := range slices.Backward(p.ops) {
		if any(op) == any(p.root) {
			continue
		}
		if err := op.StartBundle(); err != nil {
			return err
		}
	}
	return nil
}

func (p *Plan) finish() error {
	for _, op := range p.ops {
		if any(op) == any(p.root) {
			continue
		}
		if err := op.FinishBundle(); err != nil {
			return err
		}
	}
	return nil
}

// Start begins a bundle, for a host that pushes rows itself. After an error the plan can only be closed.
func (p *Plan) Start() error {
	err := p.start()
	if op, ok := p.root.(Op); ok && err == nil {
		err = op.StartBundle()
	}
	p.failed = p.failed || err != nil
	return err
}

// Finish ends the bundle that Start has begun.
func (p *Plan) Finish() (err error) {
	if op, ok := p.root.(Op); ok {
		err = op.FinishBundle()
	}
	if err == nil {
		err = p.finish()
	}
	p.failed = p.failed || err != nil
	return err
}

// Fail says that the bundle has failed, so that Close discards what is held.
func (p *Plan) Fail() { p.failed = true }

// Run processes one piece of work as a bundle. After an error the plan can only be closed.
func (p *Plan) Run(w Work) error {
	err := p.run(w)
	p.failed = p.failed || err != nil
	return err
}

func (p *Plan) run(w Work) error {
	if err := p.start(); err != nil {
		return err
	}
	op, isOp := p.root.(Op)
	if isOp {
		if err := op.StartBundle(); err != nil {
			return err
		}
	}
	if err := p.root.Run(w); err != nil {
		return err
	}
	if isOp {
		if err := op.FinishBundle(); err != nil {
			return err
		}
	}
	return p.finish()
}

// Close ends the instance. failed says that the job has failed elsewhere, so that what is held is discarded.
// A second call does nothing.
func (p *Plan) Close(failed bool) error {
	if p.closed {
		return nil
	}
	p.closed = true
	var errs []error
	for _, op := range p.ops {
		errs = append(errs, op.Close(failed || p.failed))
	}
	return errors.Join(errs...)
}
