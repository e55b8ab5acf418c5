package exec

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/millrace-go/millrace/sdk/window"
)

// DoFn is per-element code: what a ParDo runs. The optional methods are the interfaces below.
type DoFn[I, O any] interface {
	ProcessElement(c *Context, in I, out Emitter[O]) error
}

// The optional methods of a DoFn, by Beam's names.
type (
	// Setupper prepares an instance, once, before its first bundle.
	Setupper interface{ Setup(c *Context) error }
	// BundleStarter is told that a bundle starts.
	BundleStarter interface{ StartBundle(c *Context) error }
	// BundleFinisher is told that a bundle ends; it may emit, with EmitIn.
	BundleFinisher[O any] interface {
		FinishBundle(c *Context, out Emitter[O]) error
	}
	// Teardowner releases what Setup took. It is called once per instance that was set up, also after failures.
	Teardowner interface{ Teardown() error }
	// BatchProcessor is the vectorised form of ProcessElement. in is lent for the call.
	BatchProcessor[I, O any] interface {
		ProcessBatch(c *Context, in []I, out *BatchEmitter[O]) error
	}
)

// PolicyKind says what happens to an element that fails.
type PolicyKind uint8

// The policies for failing elements.
const (
	Fail       PolicyKind = iota // the job fails
	Retry                        // try again, then the job fails
	DeadLetter                   // the element goes to a dead-letter output
)

// Policy is what happens to an element whose user code fails or panics.
type Policy struct {
	Kind     PolicyKind
	Attempts int           // tries in all, for Retry and DeadLetter; at least 1
	Backoff  time.Duration // before the second try; doubled for each further one, at most a minute, with jitter
}

// Failed is an element that user code could not process: the row of a dead-letter output.
type Failed[T any] struct {
	Element   T
	Error     string
	Transform string // path of the transform that failed
	Attempts  int64
}

// ParDoConfig is how a ParDo runs its DoFn.
type ParDoConfig[I, O any] struct {
	Fn       DoFn[I, O] // the instance's own copy, bound to its outputs
	Policy   Policy
	Dead     *Out[Failed[I]] // for DeadLetter
	Extra    []any           // additional outputs: each an *Out of some type
	Windowed bool            // the input is not in the global window
	Skew     time.Duration   // how far behind its input an output may be
	Key      func(v *I) string
}

type parDo[I, O any] struct {
	cfg   ParDoConfig[I, O]
	step  *Step
	out   *Out[O]
	dead  *Out[Failed[I]]
	extra []outlet
	all   []outlet // out, extra and dead
	cells []Value
	ctx   Context
	fn    DoFn[I, O]
	batch BatchProcessor[I, O]
	be    BatchEmitter[O]
	in    *Batch[I]
	setup bool
	stop  context.CancelFunc
}

// NewParDo adds a ParDo to b and returns its input, a Sink[I]. out is where its main output goes.
func NewParDo[I, O any](b *Build, step *Step, out *Out[O], cfg ParDoConfig[I, O]) Sink[I] {
	p := &parDo[I, O]{cfg: cfg, step: step, out: out, dead: cfg.Dead, fn: cfg.Fn}
	p.all = append(p.all, out)
	for _, e := range cfg.Extra {
		p.extra = append(p.extra, e.(outlet))
	}
	p.all = append(p.all, p.extra...)
	if p.dead != nil {
		p.all = append(p.all, p.dead)
	}
	out.skew = cfg.Skew
	p.batch, _ = cfg.Fn.(BatchProcessor[I, O])
	if cfg.Policy.Kind != Fail {
		p.batch = nil // a policy needs to know which row failed
	}
	p.ctx = Context{Context: b.Host.Ctx, step: step}
	step.describe = p.describe
	b.Add(p)
	return p
}

func (p *parDo[I, O]) describe(row int) (key, element string, w window.Window) {
	in := p.in
	if in == nil || row >= len(in.V) {
		return
	}
	v := in.V[row]
	if p.cfg.Key != nil {
		key = p.cfg.Key(&v)
	}
	w = in.Windows(row)[0]
	return key, show(v), w
}

func (p *parDo[I, O]) call(f func() error) (err error) {
	outer := p.step.Host.Pulse.enter(p.step)
	defer p.step.Host.Pulse.leave(outer)
	defer func() {
		if r := recover(); r != nil {
			err = recovered(r)
		}
	}()
	return f()
}

func (p *parDo[I, O]) StartBundle() error {
	if !p.setup {
		p.setup = true
		if s, ok := p.fn.(Setupper); ok {
			if err := p.call(func() error { return s.Setup(&p.ctx) }); err != nil {
				return fmt.Errorf("%s (%s): Setup: %w", p.step.Path, p.step.At, err)
			}
		}
	}
	ctx, stop := context.WithCancel(p.step.Host.Ctx)
	p.ctx.Context, p.stop = ctx, stop
	if s, ok := p.fn.(BundleStarter); ok {
		if err := p.call(func() error { return s.StartBundle(&p.ctx) }); err != nil {
			return fmt.Errorf("%s (%s): StartBundle: %w", p.step.Path, p.step.At, err)
		}
	}
	return nil
}

func (p *parDo[I, O]) Push(b *Batch[I]) (err error) {
	if len(b.V) == 0 {
		return nil
	}
	step := p.step
	outer := step.Host.Pulse.enter(step)
	step.In.Add(int64(len(b.V)))
	p.in, p.ctx.meta = b, &b.Meta
	defer func() {
		if r := recover(); r != nil {
			err = step.failure(recovered(r), 1)
		}
		p.in, p.ctx.meta = nil, nil
		step.Host.Pulse.leave(outer)
	}()
	p.out.begin(&b.Meta)
	for _, o := range p.all[1:] {
		o.begin(&b.Meta)
	}
	switch {
	case p.batch != nil:
		err = p.whole(b)
	case p.cfg.Policy.Kind != Fail:
		err = p.guarded(b)
	case len(p.all) > 1:
		err = p.many(b)
	default:
		err = p.plain(b)
	}
	if err != nil {
		return err
	}
	for _, o := range p.all {
		if err := o.endBatch(); err != nil {
			return err
		}
	}
	return nil
}

// plain is the loop that matters: one output, an error fails the job.
func (p *parDo[I, O]) plain(b *Batch[I]) error {
	out, em, c, step := p.out, Emitter[O]{p.out}, &p.ctx, p.step
	for i := range b.V {
		c.row, out.row = i, i
		step.row.set(i)
		if err := p.fn.ProcessElement(c, b.V[i], em); err != nil {
			return step.failure(err, 1)
		}
		if out.err != nil {
			return step.failure(out.err, 1)
		}
		out.end(i)
	}
	return nil
}

func (p *parDo[I, O]) many(b *Batch[I]) error {
	em, c, step := Emitter[O]{p.out}, &p.ctx, p.step
	for i := range b.V {
		c.row = i
		step.row.set(i)
		for _, o := range p.all {
			o.setRow(i)
		}
		if err := p.fn.ProcessElement(c, b.V[i], em); err != nil {
			return step.failure(err, 1)
		}
		for _, o := range p.all {
			if err := o.problem(); err != nil {
				return step.failure(err, 1)
			}
			o.end(i)
		}
	}
	return nil
}

func (p *parDo[I, O]) whole(b *Batch[I]) error {
	p.be = BatchEmitter[O]{o: p.out, rows: len(b.V)}
	if err := p.batch.ProcessBatch(&p.ctx, b.V, &p.be); err != nil {
		return p.step.failure(err, 1)
	}
	if p.out.err != nil {
		return p.step.failure(p.out.err, 1)
	}
	p.out.end(len(b.V) - 1)
	return nil
}

// guarded runs each element so that a failed attempt leaves no trace.
func (p *parDo[I, O]) guarded(b *Batch[I]) error {
	em, step := Emitter[O]{p.out}, p.step
	for i := range b.V {
		step.row.set(i)
		for _, o := range p.all {
			o.setRow(i)
			o.hold(true)
		}
		p.mark()
		var err error
		tries := max(p.cfg.Policy.Attempts, 1)
		for n := range tries {
			if n > 0 {
				p.rollback()
				if err := p.wait(n); err != nil {
					return err
				}
			}
			p.ctx.row, p.ctx.attempt = i, n
			err = p.attempt(b.V[i], em)
			if err == nil || errors.Is(err, ErrFanOut) {
				tries = n + 1
				break
			}
			if cerr := step.Host.Cancelled(); cerr != nil {
				return cerr
			}
		}
		p.ctx.attempt = 0
		for _, o := range p.all {
			o.hold(false)
		}
		if err != nil {
			p.rollback()
			if isForeign(err) || p.cfg.Policy.Kind != DeadLetter || errors.Is(err, ErrFanOut) {
				return step.failure(err, tries)
			}
			p.dead.Emitter().Emit(Failed[I]{Element: b.V[i], Error: err.Error(), Transform: step.Path, Attempts: int64(tries)})
		}
		for _, o := range p.all {
			o.end(i)
		}
	}
	return nil
}

func (p *parDo[I, O]) attempt(v I, em Emitter[O]) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = recovered(r)
		}
	}()
	if err := p.fn.ProcessElement(&p.ctx, v, em); err != nil {
		return err
	}
	for _, o := range p.all {
		if err := o.problem(); err != nil {
			return err
		}
	}
	return nil
}

func (p *parDo[I, O]) mark() {
	p.cells = p.cells[:0]
	for _, c := range p.step.ordered {
		p.cells = append(p.cells, c.Load())
	}
}

// rollback takes back outputs and metrics of the current element.
func (p *parDo[I, O]) rollback() {
	for _, o := range p.all {
		o.cut()
		o.clearProblem()
	}
	for k, c := range p.step.ordered {
		c.restore(p.cells[k])
	}
}

func (p *parDo[I, O]) wait(n int) error {
	return pause(p.step.Host.Ctx, p.cfg.Policy.Backoff, n)
}

// pause waits before the n-th retry, from 1.
func pause(ctx context.Context, backoff time.Duration, n int) error {
	if backoff <= 0 {
		return nil
	}
	d := time.Minute
	if n < 16 {
		d = min(backoff<<(n-1), d)
	}
	d = d/2 + rand.N(d/2+1) //nolint:gosec // jitter, not a secret
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (p *parDo[I, O]) FinishBundle() error {
	defer func() {
		if p.stop != nil {
			p.stop()
			p.stop = nil
		}
		p.ctx.Context = p.step.Host.Ctx
	}()
	if f, ok := p.fn.(BundleFinisher[O]); ok {
		for _, o := range p.all {
			o.startFinish(p.cfg.Windowed)
		}
		if err := p.call(func() error { return f.FinishBundle(&p.ctx, Emitter[O]{p.out}) }); err != nil {
			return fmt.Errorf("%s (%s): FinishBundle: %w", p.step.Path, p.step.At, err)
		}
	}
	var errs []error
	for _, o := range p.all {
		errs = append(errs, o.finish())
	}
	return errors.Join(errs...)
}

func (p *parDo[I, O]) Close(bool) error {
	if p.stop != nil {
		p.stop()
	}
	if t, ok := p.fn.(Teardowner); ok && p.setup {
		if err := p.call(t.Teardown); err != nil {
			return fmt.Errorf("%s (%s): Teardown: %w", p.step.Path, p.step.At, err)
		}
	}
	return nil
}

// BatchEmitter takes the output of a ProcessBatch. It is valid during the call.
type BatchEmitter[T any] struct {
	o    *Out[T]
	rows int
}

// Emit emits v with the timestamp, windows and pane of input row i. Rows are emitted in the order of i.
func (e *BatchEmitter[T]) Emit(i int, v T) {
	o := e.o
	if i != o.row {
		o.end(o.row)
		o.row = i
	}
	Emitter[T]{o}.Emit(v)
}

// Rows returns the output of a one-to-one function: a slice of one row for each row of input, in their order,
// to be filled by the caller. It may be called once, and not together with Emit.
func (e *BatchEmitter[T]) Rows() []T {
	return e.o.extend(e.rows)
}
