package exec

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	brim
	v    []T  // what has been emitted
	m    Meta // of the rows before mark: of its columns those that cols names are in use
	cols columns
	mark int      // rows before it are settled: they have their meta
	lent Batch[T] // what flush pushes
	to   Sink
	step *Step
	main bool // counts as the step's output

	in         *Meta // of the batch being processed
	row        int
	rows       int  // of a batch
	held       bool // the current element's rows must not leave yet
	start      int  // where they begin
	overflowed bool
	sets       WindowSets // for rows that are emitted into a window of their own
	finishing  bool       // FinishBundle is running: there is no input row
	windowless bool       // in FinishBundle: what Emit emits has no window
	skew       time.Duration
	eager      bool                    // rows must not wait for the next batch
	after      func(m *Meta, rows int) // a batch has been pushed
	unchecked  bool                    // the caller of Extend has filled in timestamps
	err        error
}

// brim is the part of an Out that does not depend on its element type, so that Emit can be inlined.
type brim struct {
	full  int // Emit asks for room when there are so many rows
	pours func()
}

func (b *brim) room() { b.pours() }

// columns says which of a meta's columns are in use.
type columns uint8

const (
	colT columns = 1 << iota
	colS
	colP
)

func columnsOf(m *Meta) (c columns) {
	if m.T != nil {
		c |= colT
	}
	if m.S != nil {
		c |= colS
	}
	if m.P != nil {
		c |= colP
	}
	return c
}

// NewOut returns an Out that pushes to sink. main marks the output that the step's element counter counts.
func NewOut[T any](b *Build, step *Step, sink Sink, main bool) *Out[T] {
	o := &Out[T]{rows: b.Host.Rows(), to: sink, step: step, main: main, eager: Lent[T]()}
	o.v = make([]T, 0, o.rows)
	o.full, o.pours = o.rows, o.pour
	return o
}

// Emitter is where a DoFn puts its output. It belongs to the goroutine of the call, and is valid during it.
type Emitter[T any] struct{ o *Out[T] }

// Emit emits v with the timestamp, windows and pane of the element that is being processed. In FinishBundle,
// where there is none, it emits at the end of the global window, and fails the bundle in a collection that is
// windowed otherwise; use [Emitter.EmitIn] there.
func (e Emitter[T]) Emit(v T) {
	// At the limit of what the compiler inlines (go build -gcflags=-m=2): one node more and each emit is a call.
	o := e.o
	if o.v = append(o.v, v); len(o.v) >= o.full {
		o.room()
	}
}

// EmitAt emits v at event time ts, in the windows of the element that is being processed. A time before the
// element's own fails the element, unless the transform has declared a skew (Beam: "allowed timestamp skew").
func (e Emitter[T]) EmitAt(ts mtime.Time, v T) { e.o.emitAt(ts, v) }

// EmitIn emits v at event time ts into window w. It is for FinishBundle, which has no element to take them from.
func (e Emitter[T]) EmitIn(w window.Window, ts mtime.Time, v T) { e.o.emitIn(w, ts, v) }

// Extend appends n rows for the caller to fill, with their timestamps, in the windows of the element that is being
// processed: for sources that read in blocks. The slices are valid until the next call of any method; times may not be
// before the element's own. At most 64 Ki rows at once.
func (e Emitter[T]) Extend(n int) (rows []T, times []mtime.Time) { return e.o.extendAt(n) }

// pour makes room for more rows.
func (o *Out[T]) pour() {
	switch {
	case o.err != nil || o.overflowed:
		o.truncate(min(o.start, len(o.v))) // nothing of this will be used
	case o.held && len(o.v)-o.start <= maxHeld:
		// The rows of earlier elements may go, those of this one may not.
		o.full = min(2*len(o.v), o.start+maxHeld+1)
	case o.held:
		o.overflowed = true
		o.truncate(o.start)
	default:
		o.settle()
		o.flush()
	}
}

// begin says that rows of a batch with meta m are processed next.
func (o *Out[T]) begin(m *Meta) {
	o.in = m
	if len(o.v) > 0 && !o.fits(m) {
		o.flush()
	}
	if len(o.v) == 0 {
		o.adopt(m)
	}
}

// adopt gives the rows to come the form of m.
func (o *Out[T]) adopt(m *Meta) {
	o.m.T0, o.m.P0, o.m.Sets = m.T0, m.P0, m.Sets
	o.cols = columnsOf(m)
}

// fits reports whether rows of a batch with meta m can follow those that wait.
func (o *Out[T]) fits(m *Meta) bool {
	return o.cols == columnsOf(m) && o.m.Sets == m.Sets && (m.T != nil || o.m.T0 == m.T0) && (m.P != nil || o.m.P0 == m.P0)
}

// end says that the element in row i has succeeded: what it emitted is settled. With rows that are all alike
// it does nothing.
func (o *Out[T]) end(i int) {
	if o.cols == 0 {
		o.mark = len(o.v)
		return
	}
	o.row = i
	o.settle()
}

// settle gives the rows emitted since the mark the meta of the current row.
func (o *Out[T]) settle() {
	n := len(o.v)
	if o.cols != 0 && o.mark < n {
		if o.finishing {
			o.settleFinish(n)
		} else if o.in != nil {
			o.settleRow(n)
		}
	}
	o.mark = n
}

func (o *Out[T]) settleRow(n int) {
	if o.cols&colT != 0 {
		t := o.in.Time(o.row)
		for range n - o.mark {
			o.m.T = append(o.m.T, t)
		}
	}
	if o.cols&colS != 0 {
		s := uint32(0)
		if o.in.S != nil {
			s = o.in.S[o.row]
		}
		for range n - o.mark {
			o.m.S = append(o.m.S, s)
		}
	}
	if o.cols&colP != 0 {
		p := o.in.Pane(o.row)
		for range n - o.mark {
			o.m.P = append(o.m.P, p)
		}
	}
}

func (o *Out[T]) settleFinish(n int) {
	if o.windowless && o.err == nil {
		o.err = errNoWindow
	}
	global := o.sets.Add(window.Global)
	for range n - o.mark {
		o.m.T, o.m.S, o.m.P = append(o.m.T, mtime.EndOfGlobalWindow), append(o.m.S, global), append(o.m.P, window.NoFiring)
	}
}

// stamped makes the timestamps of the settled rows a column.
func (o *Out[T]) stamped() {
	if o.cols&colT != 0 {
		return
	}
	o.cols |= colT
	for range o.mark {
		o.m.T = append(o.m.T, o.m.T0)
	}
}

func (o *Out[T]) emitAt(ts mtime.Time, v T) {
	ts = ts.Clamp()
	if o.finishing {
		o.emitIn(window.Global, ts, v)
		return
	}
	if own := o.in.Time(o.row); ts < own.Add(-o.skew) && o.err == nil {
		o.err = fmt.Errorf("emitted at %v, before the element's own time %v: an output may not be earlier than its input, as it could be late; declare sdk.AllowedSkew", ts, own)
	}
	o.settle()
	o.stamped()
	o.v = append(o.v, v)
	o.settle()
	o.m.T[len(o.m.T)-1] = ts
	if len(o.v) >= o.full {
		o.room()
	}
}

func (o *Out[T]) emitIn(w window.Window, ts mtime.Time, v T) {
	if !o.finishing {
		o.err = errors.Join(o.err, errors.New("EmitIn is for FinishBundle; an element's output goes into its own windows"))
		return
	}
	o.settle()
	o.v = append(o.v, v)
	o.m.T, o.m.S, o.m.P = append(o.m.T, ts.Clamp()), append(o.m.S, o.sets.Add(w)), append(o.m.P, window.NoFiring)
	o.mark = len(o.v)
	if len(o.v) >= o.full {
		o.room()
	}
}

// gather appends the rows of b, the batch that was begun, whose numbers sel lists.
func (o *Out[T]) gather(b *Batch[T], sel []uint32) {
	if len(sel) == len(b.V) && len(o.v) == 0 {
		o.push(b)
		return
	}
	for len(sel) > 0 && o.err == nil {
		n := min(len(sel), max(o.full-len(o.v), 1))
		for _, i := range sel[:n] {
			o.v = append(o.v, b.V[i])
		}
		if o.cols&colT != 0 {
			for _, i := range sel[:n] {
				o.m.T = append(o.m.T, b.Meta.T[i])
			}
		}
		if o.cols&colS != 0 {
			for _, i := range sel[:n] {
				o.m.S = append(o.m.S, b.Meta.S[i])
			}
		}
		if o.cols&colP != 0 {
			for _, i := range sel[:n] {
				o.m.P = append(o.m.P, b.Meta.P[i])
			}
		}
		o.mark = len(o.v)
		sel = sel[n:]
		if len(o.v) >= o.full {
			o.flush()
		}
	}
}

// extend appends n rows for the caller to fill, one for each row of the batch that was begun.
func (o *Out[T]) extend(n int) []T {
	o.settle()
	if len(o.v) > 0 && len(o.v)+n > o.rows {
		o.flush()
	}
	at := len(o.v)
	o.v = slices.Grow(o.v, n)[:at+n]
	if o.cols&colT != 0 {
		o.m.T = append(o.m.T, o.in.T...)
	}
	if o.cols&colS != 0 {
		o.m.S = append(o.m.S, o.in.S...)
	}
	if o.cols&colP != 0 {
		o.m.P = append(o.m.P, o.in.P...)
	}
	o.mark = len(o.v)
	return o.v[at:]
}

func (o *Out[T]) extendAt(n int) ([]T, []mtime.Time) {
	o.settle()
	o.stamped()
	o.unchecked = true
	if len(o.v) > 0 && len(o.v)+n > o.rows {
		o.flush()
		o.stamped()
	}
	at := len(o.v)
	o.v = slices.Grow(o.v, n)[:at+n]
	o.m.T = slices.Grow(o.m.T, n)[:at+n]
	if o.cols&colS != 0 {
		s := uint32(0)
		if o.in.S != nil {
			s = o.in.S[o.row]
		}
		for range n {
			o.m.S = append(o.m.S, s)
		}
	}
	if o.cols&colP != 0 {
		for range n {
			o.m.P = append(o.m.P, o.in.Pane(o.row))
		}
	}
	o.mark = len(o.v)
	return o.v[at:], o.m.T[at:]
}

// truncate takes back all rows but the first n.
func (o *Out[T]) truncate(n int) {
	clear(o.v[n:])
	o.v = o.v[:n]
	o.m.T, o.m.S, o.m.P = o.m.T[:min(n, len(o.m.T))], o.m.S[:min(n, len(o.m.S))], o.m.P[:min(n, len(o.m.P))]
	o.mark = min(o.mark, n)
}

// flush pushes what has been collected and settled.
func (o *Out[T]) flush() {
	if len(o.v) == 0 {
		return
	}
	if o.unchecked {
		o.check()
	}
	b := &o.lent // a field, so that lending a batch costs no allocation
	b.V, b.Meta = o.v, o.m
	if o.cols&colT == 0 {
		b.Meta.T = nil
	}
	if o.cols&colS == 0 {
		b.Meta.S = nil
	}
	if o.cols&colP == 0 {
		b.Meta.P = nil
	}
	o.push(b)
	if cap(o.v) > 4*o.rows { // after an element of many rows
		o.v = make([]T, 0, o.rows)
	}
	o.v, o.mark, o.full = o.v[:0], 0, o.rows
	o.m.T, o.m.S, o.m.P = o.m.T[:0], o.m.S[:0], o.m.P[:0]
	switch {
	case o.finishing:
		o.sets.Reset()
	case o.in != nil:
		o.adopt(o.in)
	}
}

// check looks at the timestamps that were filled in by the caller of Extend.
func (o *Out[T]) check() {
	o.unchecked = false
	least := mtime.Min
	if o.in != nil {
		least = o.in.Time(o.row).Add(-o.skew)
	}
	for i, t := range o.m.T {
		o.m.T[i] = t.Clamp()
		if o.m.T[i] < least && o.err == nil {
			o.err = fmt.Errorf("emitted at %v, before the element's own time %v: an output may not be earlier than its input, as it could be late", t, least)
		}
	}
}

func (o *Out[T]) push(b *Batch[T]) {
	if o.err != nil {
		return
	}
	// A DoFn that emits and does not look at its Context is stopped by what it emits being dropped from now on.
	if ctx := o.step.Host.Ctx; ctx != nil && ctx.Err() != nil {
		o.err = passOn(context.Cause(ctx))
		return
	}
	if o.main {
		o.step.Out.Add(int64(len(b.V)))
	}
	if err := o.to.Push(b); err != nil {
		o.err = passOn(err)
	}
	if o.after != nil {
		o.after(&b.Meta, len(b.V))
	}
}

// endBatch settles the batch. Rows that refer to a table of its windows leave now; others may wait for more.
func (o *Out[T]) endBatch() error {
	if o.m.Sets != nil || o.eager || len(o.v) >= o.rows {
		o.flush()
	}
	o.in = nil
	return o.err
}

func (o *Out[T]) startFinish(windowed bool) {
	o.flush()
	o.in, o.finishing, o.windowless = nil, true, windowed
	o.sets.Reset()
	o.m.Sets, o.cols = &o.sets, colT|colS|colP
}

// finish pushes everything out, at the end of a bundle, and forgets references to elements.
func (o *Out[T]) finish() error {
	o.settle()
	o.flush()
	o.finishing, o.in = false, nil
	o.adopt(&Meta{})
	clear(o.v[:cap(o.v)])
	return o.err
}

// outlet is an Out of any element type, for the operator's own bookkeeping: once a batch or on failure, and
// once an element for additional outputs.
type outlet interface {
	begin(m *Meta)
	setRow(i int)
	end(i int)
	hold(on bool)
	cut()
	problem() error
	clearProblem()
	endBatch() error
	startFinish(windowed bool)
	finish() error
}

func (o *Out[T]) setRow(i int) { o.row = i }

// hold says whether what is emitted from now on must stay, so that it can be taken back.
func (o *Out[T]) hold(on bool) {
	o.held = on
	if on {
		o.start = len(o.v)
	} else {
		o.full = o.rows
	}
}

// cut takes back what the current element has emitted.
func (o *Out[T]) cut() {
	o.truncate(o.start)
	o.overflowed = false
}

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
