package exec

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
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
	Keyed    bool            // the input is KVs
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

// parDo is the loop over the rows; the rest of a DoFn's life is UserCode's, which does not know the types.
type parDo[I, O any] struct {
	*UserCode
	fn    DoFn[I, O]
	batch BatchProcessor[I, O]
	keyed bool
	out   *Out[O]
	dead  *Out[Failed[I]]
	in    *Batch[I]
	call  func() error // of the row that the Context is at
	be    BatchEmitter[O]
}

// NewParDo adds a ParDo to b and returns its input, a Sink. out is where its main output goes.
func NewParDo[I, O any](b *Build, step *Step, out *Out[O], cfg ParDoConfig[I, O]) Sink {
	p := &parDo[I, O]{fn: cfg.Fn, keyed: cfg.Keyed, out: out, dead: cfg.Dead}
	outs := append([]any{out}, cfg.Extra...)
	if p.dead != nil {
		outs = append(outs, p.dead)
	}
	out.skew = cfg.Skew
	em := Emitter[O]{out}
	var finish func(c *Context) error
	if f, ok := cfg.Fn.(BundleFinisher[O]); ok {
		finish = func(c *Context) error { return f.FinishBundle(c, em) }
	}
	p.UserCode = NewUserCode(b, step, cfg.Fn, outs, cfg.Policy, cfg.Windowed, finish)
	p.call = func() error { return p.fn.ProcessElement(&p.ctx, p.in.V[p.ctx.row], em) }
	if cfg.Policy.Kind == Fail { // a policy needs to know which row failed
		p.batch, _ = cfg.Fn.(BatchProcessor[I, O])
	}
	step.describe = p.describe
	return p
}

func (p *parDo[I, O]) describe(row int) (key, element string, w window.Window) {
	in := p.in
	if in == nil || row >= len(in.V) {
		return
	}
	v := in.V[row]
	if p.keyed {
		key = fmt.Sprintf("%.200s", fmt.Sprint(reflect.ValueOf(&v).Elem().Field(0).Interface()))
	}
	w = in.Meta.Windows(row)[0]
	return key, show(v), w
}

func (p *parDo[I, O]) Push(batch any) (err error) {
	b := batch.(*Batch[I])
	if len(b.V) == 0 {
		return nil
	}
	outer := p.enter(len(b.V))
	p.in = b
	defer func() {
		err = p.leave(outer, recover(), err)
		p.in = nil
	}()
	p.Begin(&b.Meta)
	switch {
	case p.batch != nil:
		p.be = BatchEmitter[O]{o: p.out, rows: len(b.V)}
		p.out.row = 0
		err = p.batch.ProcessBatch(&p.ctx, b.V, &p.be)
		p.out.end(p.out.row) // the row that was emitted for last
		err = p.whole(err, len(b.V))
	case p.policy.Kind != Fail:
		for i := range b.V {
			if err = p.Call(i, p.call, noState, p.bury); err != nil {
				break
			}
		}
	case len(p.outs) > 1:
		err = p.many(b)
	default:
		err = p.plain(b)
	}
	if err != nil {
		return err
	}
	return p.End()
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
	em := Emitter[O]{p.out}
	for i := range b.V {
		p.at(i)
		if err := p.fn.ProcessElement(&p.ctx, b.V[i], em); err != nil {
			return p.step.failure(err, 1)
		}
		if err := p.settle(i); err != nil {
			return err
		}
	}
	return nil
}

// bury puts the row that the Context is at into the dead-letter output.
func (p *parDo[I, O]) bury(err error, attempts int) {
	p.dead.Emitter().Emit(Failed[I]{Element: p.in.V[p.ctx.row], Error: err.Error(), Transform: p.step.Path, Attempts: int64(attempts)})
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
