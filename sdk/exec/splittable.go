package exec

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync/atomic"

	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/sdf"
	"github.com/millrace-go/millrace/sdk/window"
)

// SplittableFn is per-element code whose work on one element can be cut: R says which part, T tracks it.
type SplittableFn[I, O, R any, T sdf.Tracker[R]] interface {
	InitialRestriction(in I) R
	NewTracker(r R) T
	ProcessElement(c *Context, in I, t T, out Emitter[O]) (sdf.Continuation, error)
}

// RestrictionSplitter is implemented by splittable DoFns that know good places to cut a restriction before it
// is started.
type RestrictionSplitter[I, R any] interface{ SplitRestriction(in I, r R) []R }

// RestrictionSizer is implemented by splittable DoFns that can tell how much work a restriction is, in bytes.
type RestrictionSizer[I, R any] interface {
	RestrictionSize(in I, r R) float64
}

// RestrictionStarter is implemented by splittable DoFns whose initial restriction can fail, as where the size
// of a file has to be asked for. It is called instead of InitialRestriction.
type RestrictionStarter[I, R any] interface {
	StartRestriction(c context.Context, in I) (R, error)
}

// Splitter is a root that can give away a part of the work it is running. Its methods are called by other
// goroutines.
type Splitter interface {
	// RequestSplit asks for the part of the remaining work beyond fraction. The answer goes to Host.Post, when the
	// running DoFn next claims.
	RequestSplit(fraction float64)
	// Progress returns done and remaining work in the source's unit, as of the last time somebody asked.
	Progress() (done, remaining float64)
}

// Estimating is implemented by splittable DoFns that say how far event time has come. Without it the watermark of a
// restriction is the timestamp of its element until it is done.
type Estimating[I, R any] interface {
	// NewWatermarkEstimator is called when a restriction is begun, and when it is resumed: start is where the last
	// estimator stood.
	NewWatermarkEstimator(in I, r R, start mtime.Time) sdf.WatermarkEstimator
}

// Unbounded is implemented by splittable DoFns whose output may have no end.
type Unbounded interface{ Unbounded() bool }

// Truncating is implemented by splittable DoFns that know what to do of a restriction when the job is drained: ok is
// false if nothing. Without it an unbounded DoFn does no more, and a bounded one all that is left.
type Truncating[I, R any] interface {
	TruncateRestriction(in I, r R) (R, bool)
}

// Restricted is the work of a splittable transform: a part of an element.
type Restricted[I, R any] struct {
	elem Batch[I] // one row
	r    R
	size float64
	wm   mtime.Time             // nothing that comes of it is earlier
	est  sdf.WatermarkEstimator // made when it is first run; nil if the DoFn has none
	trim func(w *Restricted[I, R]) Work
}

// Size implements [Work].
func (w *Restricted[I, R]) Size() int64 { return int64(w.size) }

// Watermark implements [Watermarked].
func (w *Restricted[I, R]) Watermark() mtime.Time { return w.wm }

// Truncate implements [Truncatable].
func (w *Restricted[I, R]) Truncate() Work { return w.trim(w) }

// truncate returns what is to be done of w in a drain.
func (c *SplittableConfig[I, O, R, T]) truncate(w *Restricted[I, R]) Work {
	if t, ok := c.Fn.(Truncating[I, R]); ok {
		r, some := t.TruncateRestriction(w.elem.V[0], w.r)
		if !some {
			return nil
		}
		w.r = r
		return w
	}
	if u, ok := c.Fn.(Unbounded); ok && u.Unbounded() {
		return nil
	}
	return w
}

// SplittableConfig is how a splittable transform runs its DoFn.
type SplittableConfig[I, O, R any, T sdf.Tracker[R]] struct {
	Node int
	New  func(b *Build, step *Step, sinks []Sink) (fn SplittableFn[I, O, R, T], extra []any, err error)
	Fn   SplittableFn[I, O, R, T] // the template: for restrictions only
}

// SplittableInbox makes work of elements.
type SplittableInbox[I, O, R any, T sdf.Tracker[R]] struct {
	cfg SplittableConfig[I, O, R, T]
}

// NewSplittableInbox returns the inbox of a splittable transform.
func NewSplittableInbox[I, O, R any, T sdf.Tracker[R]](cfg SplittableConfig[I, O, R, T]) *SplittableInbox[I, O, R, T] {
	return &SplittableInbox[I, O, R, T]{cfg: cfg}
}

type inboxWriter[I, O, R any, T sdf.Tracker[R]] struct {
	lifeless
	user
	cfg SplittableConfig[I, O, R, T]
}

// NewWriter adds to b what makes work of rows.
func (x *SplittableInbox[I, O, R, T]) NewWriter(b *Build, step *Step) (Sink, error) {
	w := &inboxWriter[I, O, R, T]{user: user{step: step}, cfg: x.cfg}
	w.describes()
	b.Add(w)
	return w, nil
}

func (w *inboxWriter[I, O, R, T]) Push(batch any) (err error) {
	b := batch.(*Batch[I])
	outer := w.enter(b, len(b.V))
	row := 0
	defer func() {
		if r := recover(); r != nil {
			w.step.row.set(row)
			err = w.step.failure(recovered(r), 1)
		}
		w.in = nil
		w.step.Host.Pulse.leave(outer)
	}()
	for i, v := range b.V {
		row = i
		var r R
		if s, ok := w.cfg.Fn.(RestrictionStarter[I, R]); ok {
			if r, err = s.StartRestriction(w.step.Host.Ctx, v); err != nil {
				w.step.row.set(i)
				return w.step.failure(err, 1)
			}
		} else {
			r = w.cfg.Fn.InitialRestriction(v)
		}
		rs := []R{r}
		if s, ok := w.cfg.Fn.(RestrictionSplitter[I, R]); ok {
			rs = s.SplitRestriction(v, r)
		}
		m := b.Meta.Slice(i, i+1)
		for _, r := range rs {
			w.step.Host.Post(w.cfg.Node, &Restricted[I, R]{
				elem: Batch[I]{V: []I{v}, Meta: m.Clone()}, r: r, size: sizeOf(w.cfg.Fn, v, r), wm: m.Time(0), trim: w.cfg.truncate,
			})
		}
	}
	return nil
}

func sizeOf[I, O, R any, T sdf.Tracker[R]](fn SplittableFn[I, O, R, T], v I, r R) float64 {
	if s, ok := fn.(RestrictionSizer[I, R]); ok {
		return s.RestrictionSize(v, r)
	}
	if s, ok := any(r).(interface{ Size() float64 }); ok {
		return s.Size()
	}
	return 0
}

type splittableRoot[I, O, R any, T sdf.Tracker[R]] struct {
	cfg   SplittableConfig[I, O, R, T]
	step  *Step
	fn    SplittableFn[I, O, R, T]
	out   *Out[O]
	extra []outlet
	ctx   Context
	setup bool
	cur   *Restricted[I, R]

	tracker T
	est     sdf.WatermarkEstimator
	watcher sdf.TimestampObserver // est, if it is one
	enough  func(rows int) bool   // in a streaming job
	rest    *Restricted[I, R]     // of the work that has given way

	asked     atomic.Bool
	fraction  atomic.Uint64
	done      atomic.Uint64
	remaining atomic.Uint64
	running   atomic.Bool
}

// NewRoot returns what runs the inbox's work.
func (x *SplittableInbox[I, O, R, T]) NewRoot(b *Build, step *Step, sinks []Sink) (Root, error) {
	fn, extra, err := x.cfg.New(b, step, sinks)
	if err != nil {
		return nil, err
	}
	r := &splittableRoot[I, O, R, T]{cfg: x.cfg, step: step, fn: fn, out: NewOut[O](b, step, sinks[0], true)}
	for _, e := range extra {
		r.extra = append(r.extra, e.(outlet))
	}
	r.ctx = Context{Context: b.Host.Ctx, step: step}
	step.describe = func(int) (key, element string, w window.Window) {
		if c := r.cur; c != nil {
			return "", fmt.Sprintf("%s, restriction %v", show(c.elem.V[0]), c.r), c.elem.Meta.Windows(0)[0]
		}
		return
	}
	b.Add(r)
	return r, nil
}

func (r *splittableRoot[I, O, R, T]) StartBundle() error {
	if r.setup {
		return nil
	}
	r.setup = true
	if s, ok := r.fn.(Setupper); ok {
		if err := s.Setup(&r.ctx); err != nil {
			return fmt.Errorf("%s (%s): Setup: %w", r.step.Path, r.step.At, err)
		}
	}
	return nil
}

func (r *splittableRoot[I, O, R, T]) FinishBundle() error {
	err := r.out.finish()
	for _, e := range r.extra {
		if err2 := e.finish(); err == nil {
			err = err2
		}
	}
	return err
}

func (r *splittableRoot[I, O, R, T]) Close(bool) error {
	if t, ok := r.fn.(Teardowner); ok && r.setup {
		return t.Teardown()
	}
	return nil
}

// Run implements [Root].
func (r *splittableRoot[I, O, R, T]) Run(w Work) error {
	_, err := r.run(w.(*Restricted[I, R]))
	return err
}

// RunSplit implements [SplitRoot].
func (r *splittableRoot[I, O, R, T]) RunSplit(w Work, enough func(rows int) bool) (Residual, error) {
	work := w.(*Restricted[I, R])
	r.est, r.watcher, r.rest, r.enough = nil, nil, nil, enough
	if e, ok := r.fn.(Estimating[I, R]); ok {
		if work.est == nil {
			work.est = e.NewWatermarkEstimator(work.elem.V[0], work.r, work.wm)
		}
		r.est = work.est
		r.watcher, _ = work.est.(sdf.TimestampObserver)
	}
	c, err := r.run(work)
	if err != nil {
		return Residual{}, err
	}
	res := Residual{Watermark: work.wm}
	if r.est != nil {
		res.Watermark = max(res.Watermark, r.est.Watermark().Clamp())
	}
	after, idle, resumes := c.Resumes()
	if r.rest == nil && resumes {
		if rest, ok := r.tracker.TrySplit(0); ok {
			r.rest = r.residual(work, rest)
		}
	}
	if r.rest != nil {
		res.Watermark = min(res.Watermark, mtime.Max-1) // at the end of time the source would be taken to have ended
		r.rest.wm, r.rest.est = res.Watermark, work.est
		res.Work, res.After, res.Idle = r.rest, after, idle
	}
	return res, nil
}

func (r *splittableRoot[I, O, R, T]) residual(w *Restricted[I, R], rest R) *Restricted[I, R] {
	return &Restricted[I, R]{elem: w.elem, r: rest, size: sizeOf(r.cfg.Fn, w.elem.V[0], rest), wm: w.wm, trim: w.trim}
}

// flushed is called when a batch has gone: the time to see whether it was enough.
func (r *splittableRoot[I, O, R, T]) flushed(m *Meta, rows int) {
	if r.watcher != nil {
		t := m.T0
		if m.T != nil {
			t = slices.Max(m.T)
		}
		r.watcher.Observe(t)
	}
	// After a failure behind it the DoFn has nothing to go on for: its next claim fails.
	if r.out.err != nil || r.enough != nil && r.enough(rows) {
		r.RequestSplit(0)
	}
}

func (r *splittableRoot[I, O, R, T]) run(work *Restricted[I, R]) (c sdf.Continuation, err error) {
	outer := r.step.Host.Pulse.enter(r.step)
	t := r.fn.NewTracker(work.r)
	r.cur, r.tracker = work, t
	r.asked.Store(false)
	t.Bind(r.answer)
	if c, ok := any(t).(interface{ Watch(*atomic.Bool) }); ok {
		c.Watch(&r.asked)
	}
	r.publish()
	r.running.Store(true)
	ctx, stop := context.WithCancel(r.step.Host.Ctx)
	r.ctx.Context = ctx
	deaf := context.AfterFunc(r.step.Host.Ctx, func() { r.RequestSplit(0) }) // for DoFns that only claim
	r.out.after = r.flushed
	defer func() {
		stop()
		deaf()
		r.out.after = nil
		if p := recover(); p != nil {
			err = r.step.failure(recovered(p), 1)
		}
		r.running.Store(false)
		r.asked.Store(false)
		r.cur = nil
		r.step.Host.Pulse.leave(outer)
	}()
	r.step.In.Add(1)
	m := &work.elem.Meta
	r.ctx.meta, r.ctx.row, r.ctx.est = m, 0, work.est
	r.out.begin(m)
	for _, e := range r.extra {
		e.begin(m)
	}
	c, err = r.fn.ProcessElement(&r.ctx, work.elem.V[0], t, Emitter[O]{r.out})
	if err == nil {
		err = r.out.err
	}
	if err != nil {
		return c, r.step.failure(err, 1)
	}
	if err := r.step.Host.Cancelled(); err != nil {
		return c, err
	}
	if _, _, resumes := c.Resumes(); resumes {
		if r.enough == nil {
			return c, r.step.failure(errResume, 1)
		}
	} else if err := t.Check(); err != nil {
		return c, r.step.failure(err, 1)
	}
	r.out.end(0)
	for _, e := range r.extra {
		e.end(0)
	}
	r.out.flush()
	if err := r.out.endBatch(); err != nil {
		return c, err
	}
	for _, e := range r.extra {
		if err := e.endBatch(); err != nil {
			return c, err
		}
	}
	return c, nil
}

var errResume = errors.New("the splittable DoFn asks to be resumed in a batch job, where its source is taken to have an end: give it an Unbounded method")

// answer is called on the DoFn's goroutine, by a claim.
func (r *splittableRoot[I, O, R, T]) answer() {
	r.asked.Store(false)
	r.step.Host.Pulse.beats.Add(1)
	f := math.Float64frombits(r.fraction.Load())
	if r.step.Host.Cancelled() != nil {
		f = 0 // whatever has been asked for since
	}
	if f < 1 && r.rest == nil {
		if rest, ok := r.tracker.TrySplit(f); ok {
			w := r.residual(r.cur, rest)
			if r.enough != nil {
				r.rest = w // a part that runs elsewhere would have a watermark of its own: the whole gives way
			} else {
				r.step.Host.Post(r.cfg.Node, w)
			}
		}
	}
	r.publish()
}

func (r *splittableRoot[I, O, R, T]) publish() {
	d, left := r.tracker.Progress()
	r.done.Store(math.Float64bits(d))
	r.remaining.Store(math.Float64bits(left))
}

// RequestSplit implements [Splitter]. A fraction of 1 asks for progress only.
func (r *splittableRoot[I, O, R, T]) RequestSplit(fraction float64) {
	r.fraction.Store(math.Float64bits(fraction))
	r.asked.Store(true)
}

// Progress implements [Splitter].
func (r *splittableRoot[I, O, R, T]) Progress() (done, remaining float64) {
	if !r.running.Load() {
		return 0, 0
	}
	return math.Float64frombits(r.done.Load()), math.Float64frombits(r.remaining.Load())
}
