package exec

import (
	"errors"
	"fmt"
	"time"

	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// maxHeld bounds how many rows one element may emit while a retry or dead-letter policy holds them back.
const maxHeld = 64 << 10

// ErrFanOut is why an element fails although its transform has a policy for failing elements: it had emitted
// more rows than can be held back, so that a retry can no longer take them back.
var ErrFanOut = errors.New("exec: element emitted more than 65536 rows, which can no longer be taken back")

var errNoWindow = errors.New("Emit in FinishBundle of a windowed collection: there is no element whose window could be used; use EmitIn")

// Out collects what user code emits into batches for the next operator. It belongs to one operator instance.
//
// What is emitted while an element is processed gets that element's timestamp, windows and pane, when the
// element ends ([Out.end]); so emitting is an append and nothing else.
type Out[T any] struct {
	b    Batch[T]
	lent Batch[T] // what flush pushes: b without the columns that all rows share
	to   Sink[T]
	step *Step
	main bool // counts as the step's output

	in         *Meta // of the batch being processed
	row        int
	mark       int  // rows of b before it have their meta
	uniform    bool // what is in b so far has b.Meta's T0, set 0 and P0
	held       bool // the current element's rows must not leave yet
	overflowed bool
	sets       WindowSets // for rows that are emitted into a window of their own
	finishing  bool       // FinishBundle is running: there is no input row
	skew       time.Duration
	eager      bool // rows must not wait for the next batch
	err        error
}

// NewOut returns an Out that pushes to sink. main marks the output that the step's element counter counts.
func NewOut[T any](b *Build, step *Step, sink Sink[T], main bool) *Out[T] {
	return &Out[T]{b: Batch[T]{V: make([]T, 0, b.Host.Rows())}, to: sink, step: step, main: main, uniform: true, eager: Lent[T]()}
}

// Emitter is where a DoFn puts its output. It belongs to the goroutine of the call, and is valid during it.
type Emitter[T any] struct{ o *Out[T] }

// Emit emits v with the timestamp, windows and pane of the element that is being processed. In FinishBundle,
// where there is none, it emits at the end of the global window, and fails the bundle in a collection that is
// windowed otherwise; use [Emitter.EmitIn] there.
func (e Emitter[T]) Emit(v T) {
	o := e.o
	if n := len(o.b.V); n < cap(o.b.V) {
		o.b.V = o.b.V[:n+1]
		o.b.V[n] = v
		return
	}
	o.overflow(v)
}

// EmitAt emits v at event time ts, in the windows of the element that is being processed. A time before the
// element's own fails the element, unless the transform has declared a skew (Beam: "allowed timestamp skew").
func (e Emitter[T]) EmitAt(ts mtime.Time, v T) { e.o.emitAt(ts, v) }

// EmitIn emits v at event time ts into window w. It is for FinishBundle, which has no element to take them from.
func (e Emitter[T]) EmitIn(w window.Window, ts mtime.Time, v T) { e.o.emitIn(w, ts, v) }

func (o *Out[T]) overflow(v T) {
	switch {
	case o.err != nil || o.overflowed:
		o.b.V, o.mark = o.b.V[:0], 0 // nothing of this will be used
	case o.held && len(o.b.V)-o.mark < maxHeld:
		// The rows of earlier elements may go, those of this one may not.
		o.b.V = append(o.b.V, v)
		return
	case o.held:
		o.overflowed = true
		o.b.V = o.b.V[:o.mark]
	default:
		o.fill()
		o.flush()
	}
	o.b.V = append(o.b.V, v)
}

// begin says that rows of a batch with meta m are processed next.
func (o *Out[T]) begin(m *Meta) {
	o.in = m
	if m.Uniform() {
		if len(o.b.V) > 0 && (!o.uniform || !sameMeta(&o.b.Meta, m)) {
			o.flush()
		}
		if len(o.b.V) == 0 {
			o.setUniform(m)
		}
		return
	}
	if len(o.b.V) > 0 {
		o.flush()
	}
	o.b.T, o.b.S, o.b.P = o.b.T[:0], o.b.S[:0], o.b.P[:0]
	o.b.T0, o.b.P0, o.b.Sets = m.T0, m.P0, m.Sets
	o.uniform = false
}

func (o *Out[T]) setUniform(m *Meta) {
	o.b.T0, o.b.P0, o.b.Sets = m.T0, m.P0, m.Sets
	o.b.T, o.b.S, o.b.P = o.b.T[:0], o.b.S[:0], o.b.P[:0]
	o.uniform = true
}

func sameMeta(a, b *Meta) bool { return a.T0 == b.T0 && a.Sets == b.Sets && a.P0 == b.P0 }

// end says that the element in row i has succeeded: what it emitted is settled. With rows that are all alike
// it does nothing.
func (o *Out[T]) end(i int) {
	if o.uniform {
		o.mark = len(o.b.V)
		return
	}
	o.row = i
	o.fill()
}

// fill gives the rows emitted since the mark the meta of the current row.
func (o *Out[T]) fill() {
	n := len(o.b.V)
	if !o.uniform && o.in != nil {
		for ; o.mark < n; o.mark++ {
			o.b.T = append(o.b.T, o.in.Time(o.row))
			o.b.S = append(o.b.S, o.set(o.row))
			o.b.P = append(o.b.P, o.in.Pane(o.row))
		}
	}
	o.mark = n
}

func (o *Out[T]) set(row int) uint32 {
	if o.in.S == nil {
		return 0
	}
	return o.in.S[row]
}

// columns turns a uniform output into one with a value per row.
func (o *Out[T]) columns() {
	if !o.uniform {
		return
	}
	o.uniform = false
	for range o.mark {
		o.b.T = append(o.b.T, o.b.T0)
		o.b.S = append(o.b.S, 0)
		o.b.P = append(o.b.P, o.b.P0)
	}
}

func (o *Out[T]) emitAt(ts mtime.Time, v T) {
	if o.finishing {
		o.emitIn(window.Global, ts, v)
		return
	}
	if own := o.in.Time(o.row); ts < own.Add(-o.skew) && o.err == nil {
		o.err = fmt.Errorf("emitted at %v, before the element's own time %v: an output may not be earlier than its input, as it could be late; declare sdk.AllowedSkew", ts, own)
	}
	if len(o.b.V) >= cap(o.b.V) && !o.held {
		o.fill()
		o.flush()
	}
	o.mark = min(o.mark, len(o.b.V))
	o.columns()
	o.fill()
	o.b.V = append(o.b.V, v)
	o.b.T = append(o.b.T, ts.Clamp())
	o.b.S = append(o.b.S, o.set(o.row))
	o.b.P = append(o.b.P, o.in.Pane(o.row))
	o.mark = len(o.b.V)
}

func (o *Out[T]) emitIn(w window.Window, ts mtime.Time, v T) {
	if !o.finishing {
		o.err = errors.Join(o.err, errors.New("EmitIn is for FinishBundle; an element's output goes into its own windows"))
		return
	}
	if len(o.b.V) >= cap(o.b.V) {
		o.flush()
	}
	if len(o.b.V) == 0 {
		o.sets.Reset()
	}
	o.uniform = false
	o.b.Sets = &o.sets
	o.b.V = append(o.b.V, v)
	o.b.T = append(o.b.T, ts.Clamp())
	o.b.S = append(o.b.S, o.sets.Add(w))
	o.b.P = append(o.b.P, window.NoFiring)
	o.mark = len(o.b.V)
}

// cut takes back what the current element has emitted.
func (o *Out[T]) cut(mark int) {
	clear(o.b.V[mark:])
	o.b.V = o.b.V[:mark]
	if !o.uniform {
		o.b.T, o.b.S, o.b.P = o.b.T[:mark], o.b.S[:mark], o.b.P[:mark]
	}
	o.mark = mark
	o.overflowed = false
}

// flush pushes what has been collected.
func (o *Out[T]) flush() {
	if len(o.b.V) == 0 {
		return
	}
	b := &o.lent // a field, so that lending a batch costs no allocation
	*b = o.b
	if o.uniform {
		b.T, b.S, b.P = nil, nil, nil
	}
	if o.main {
		o.step.Out.Add(int64(len(b.V)))
	}
	if !o.uniform && len(b.T) != len(b.V) && o.err == nil {
		o.err = errNoWindow
	}
	if o.err == nil {
		if err := o.to.Push(b); err != nil {
			o.err = passOn(err)
		}
	}
	o.b.V, o.mark = o.b.V[:0], 0
	o.b.T, o.b.S, o.b.P = o.b.T[:0], o.b.S[:0], o.b.P[:0]
	if o.in != nil && o.in.Uniform() && !o.finishing {
		o.setUniform(o.in)
	} else if o.in == nil {
		o.uniform = true
	}
}

// endBatch settles the batch. Rows that refer to its columns leave now; uniform ones may wait for more.
func (o *Out[T]) endBatch() error {
	if !o.uniform || o.eager || len(o.b.V) >= o.step.Host.Rows() {
		o.flush()
	}
	o.in = nil
	return o.err
}

func (o *Out[T]) startFinish(windowed bool) {
	o.flush()
	o.in, o.finishing = nil, true
	o.setUniform(&Meta{T0: mtime.EndOfGlobalWindow, P0: window.NoFiring})
	if windowed {
		// Emit would put rows into the global window of a collection that has others.
		o.uniform = false
	}
}

// finish pushes everything out, at the end of a bundle, and forgets references to elements.
func (o *Out[T]) finish() error {
	o.flush()
	o.finishing, o.in = false, nil
	o.setUniform(&Meta{})
	clear(o.b.V[:cap(o.b.V)])
	return o.err
}

// outlet is an Out of any element type, for the operator's own bookkeeping: once a batch or on failure, and
// once an element for additional outputs.
type outlet interface {
	begin(m *Meta)
	setRow(i int)
	end(i int)
	hold(on bool)
	position() int
	cut(mark int)
	problem() error
	clearProblem()
	endBatch() error
	startFinish(windowed bool)
	finish() error
}

func (o *Out[T]) setRow(i int)  { o.row = i }
func (o *Out[T]) hold(on bool)  { o.held = on }
func (o *Out[T]) position() int { return o.mark }
func (o *Out[T]) problem() error {
	if o.overflowed && o.err == nil {
		return ErrFanOut
	}
	return o.err
}

func (o *Out[T]) clearProblem() {
	var d downstream
	if !errors.As(o.err, &d) {
		o.err = nil
	}
}

// Emitter returns the Out's emitting side.
func (o *Out[T]) Emitter() Emitter[T] { return Emitter[T]{o} }
