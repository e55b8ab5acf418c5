package keyed

import (
	"fmt"
	"unsafe"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/exec/keys"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/state"
	"github.com/millrace-go/millrace/sdk/timer"
	"github.com/millrace-go/millrace/sdk/window"
)

// StatefulFn is per-element code with state by key and window.
type StatefulFn[K, V, O any] interface {
	ProcessElement(c *exec.Context, key K, value V, out exec.Emitter[O]) error
}

// The optional methods of a StatefulFn.
type (
	// TimerFn is told that a timer has fired.
	TimerFn[K, O any] interface {
		OnTimer(c *exec.Context, key K, t timer.Fired, out exec.Emitter[O]) error
	}
	// ExpirationFn is told that a window has expired, before the state of the key goes.
	ExpirationFn[K, O any] interface {
		OnWindowExpiration(c *exec.Context, key K, out exec.Emitter[O]) error
	}
)

// StatefulConfig is how a stateful ParDo runs its DoFn.
type StatefulConfig[K, V, O any] struct {
	Config
	Fn       StatefulFn[K, V, O]
	Columns  func(at *uint32) []state.Column // binds the DoFn's cells
	Timers   []timer.Field                   // the DoFn's
	Names    []string                        // of Timers
	Policy   exec.Policy
	Dead     *exec.Out[exec.Failed[coder.KV[K, V]]]
	Out      *exec.Out[O]
	Extra    []any // additional outputs: each an *exec.Out of some type
	Late     any   // the Sink of droppable rows, or nil
	Finish   func(c *exec.Context) error
	Sorted   bool // rows of a key are processed in the order of their times, once the watermark has passed them
	Key      coder.Coder[K]
	Windowed bool
}

// Stateful is the exchange of a stateful ParDo.
type Stateful[K, V, O any] struct {
	key *keys.Type[K]
	// New makes the running form of the DoFn.
	New func(b *exec.Build, step *exec.Step, sinks []any) (StatefulConfig[K, V, O], error)
}

// NewStateful returns the exchange of a stateful ParDo.
func NewStateful[K, V, O any](kc coder.Coder[K], create func(b *exec.Build, step *exec.Step, sinks []any) (StatefulConfig[K, V, O], error)) *Stateful[K, V, O] {
	return &Stateful[K, V, O]{key: keys.NewType(kc), New: create}
}

// NewWriter implements exec.StreamExchange.
func (x *Stateful[K, V, O]) NewWriter(b *exec.Build, step *exec.Step, _ int, ports []exec.Port) (any, error) {
	return exec.Sink[coder.KV[K, V]](newRouter[K, V](b, step, x.key, ports)), nil
}

// NewTask implements exec.StreamExchange.
func (x *Stateful[K, V, O]) NewTask(b *exec.Build, step *exec.Step, sinks []any) (exec.Task, error) {
	cfg, err := x.New(b, step, sinks)
	if err != nil {
		return nil, err
	}
	t := &statefulTask[K, V, O]{cfg: cfg, key: x.key, em: cfg.Out.Emitter()}
	outs := append([]any{cfg.Out}, cfg.Extra...)
	if cfg.Dead != nil {
		outs = append(outs, cfg.Dead)
	}
	t.user = exec.NewUserCode(b, step, cfg.Fn, outs, cfg.Policy, cfg.Windowed, cfg.Finish)
	t.user.Describe(t.describe)
	t.onTimer, _ = cfg.Fn.(TimerFn[K, O])
	t.onExpiry, _ = cfg.Fn.(ExpirationFn[K, O])
	plain := cfg.Config
	plain.Windowing.Trigger, plain.Windowing.Combiner = nil, window.EndOfWindow
	lateness := plain.Windowing.Lateness
	plain.Windowing.Lateness = 0 // or else there would be panes
	t.core = newCore(plain, x.key.Kind, t)
	t.lateness = mtime.Time(lateness.Milliseconds())
	if cfg.Late != nil {
		t.late = newLate[coder.KV[K, V]](cfg.Late)
	}
	t.columns = cfg.Columns(&t.at)
	t.timers = newTimers(t.core, len(cfg.Timers))
	for i, f := range cfg.Timers {
		f.Bind(t, i)
		t.timers.domain = append(t.timers.domain, f.Domain())
	}
	return t, nil
}

type statefulTask[K, V, O any] struct {
	*core
	cfg      StatefulConfig[K, V, O]
	key      *keys.Type[K]
	user     *exec.UserCode
	em       exec.Emitter[O]
	onTimer  TimerFn[K, O]
	onExpiry ExpirationFn[K, O]
	late     *late[coder.KV[K, V]]
	columns  []state.Column
	timers   *timers
	col      keys.Column
	keys     []K

	at      uint32 // the slot of the call
	time    mtime.Time
	expired bool // the call is that of an expiration
	touched []uint32
	mark    []bool // by slot: in touched
	batch   *exec.Batch[coder.KV[K, V]]
	row     uint32
	buffer  *buffer[V]
}

func (t *statefulTask[K, V, O]) describe(int) (key, element string, w window.Window) {
	if int(t.at) < len(t.keys) && t.home[t.at] != nil {
		key, w = fmt.Sprint(t.keys[t.at]), t.home[t.at].w
	}
	if t.batch != nil {
		element = fmt.Sprintf("%+v", t.batch.V[t.row].Value)
		if len(element) > 200 {
			element = element[:200] + "..."
		}
	}
	return key, element, w
}

// Take implements exec.Task.
func (t *statefulTask[K, V, O]) Take(_ int, batch any) error {
	b := batch.(*exec.Batch[coder.KV[K, V]])
	if err := t.key.Load(&t.col, unsafe.Pointer(&b.V[0].Key), unsafe.Sizeof(b.V[0]), len(b.V)); err != nil {
		return err
	}
	if err := t.locate(&t.col, &b.Meta); err != nil {
		return err
	}
	for _, f := range t.fresh {
		if err := t.open(f.slot, b.V[f.row].Key); err != nil {
			return err
		}
	}
	if t.dropped += int64(len(t.core.late)); t.late != nil {
		if err := t.late.push(b, t.core.late); err != nil {
			return err
		}
	}
	if t.cfg.Sorted {
		return t.keep(b)
	}
	t.batch = b
	t.user.Begin(&b.Meta)
	err := t.process(b)
	t.batch = nil
	if err != nil {
		return err
	}
	return t.user.End()
}

func (t *statefulTask[K, V, O]) process(b *exec.Batch[coder.KV[K, V]]) error {
	call := func() error {
		return t.cfg.Fn.ProcessElement(t.user.Context(), t.keys[t.at], b.V[t.row].Value, t.em)
	}
	for j, slot := range t.slots {
		t.at, t.row = slot, t.rows[j]
		t.time = b.T[t.row]
		if !t.mark[slot] {
			t.mark[slot] = true
			t.touched = append(t.touched, slot)
		}
		if err := t.user.Call(int(t.row), call, t.save, t.dead); err != nil {
			return err
		}
	}
	return nil
}

func (t *statefulTask[K, V, O]) dead(err error, attempts int) {
	if t.batch == nil {
		return
	}
	t.cfg.Dead.Emitter().Emit(exec.Failed[coder.KV[K, V]]{Element: t.batch.V[t.row], Error: err.Error(), Transform: t.name, Attempts: int64(attempts)})
}

// save returns what undoes what a call does to the cells and timers of its slot.
func (t *statefulTask[K, V, O]) save() func() {
	undo := []func(){t.timers.save(t.at)}
	for _, c := range t.columns {
		undo = append(undo, c.Save(t.at))
	}
	return func() {
		for _, f := range undo {
			f()
		}
	}
}

// open makes room for a slot and keeps its key.
func (t *statefulTask[K, V, O]) open(slot uint32, key K) error {
	for int(slot) >= len(t.keys) {
		t.keys, t.mark = append(t.keys, *new(K)), append(t.mark, false)
	}
	for _, c := range t.columns {
		c.Grow(slot)
	}
	t.timers.grow(slot)
	var err error
	t.keys[slot], err = t.key.Keep(key, t.kept(slot))
	return err
}

// Set implements timer.Service.
func (t *statefulTask[K, V, O]) Set(family int, tag string, s timer.Setting) {
	w := t.home[t.at].w
	s.At = s.At.Clamp()
	if t.timers.domain[family] == timer.Event {
		if limit := t.expiry(w) - 1; s.At > limit && !w.IsGlobal() {
			panic(fmt.Errorf("timer %s is set to %v, after its window %v expires at %v: it would never fire", t.cfg.Names[family], s.At, w, t.expiry(w)))
		}
		if t.clock.Draining && w.IsGlobal() && s.At > t.clock.Watermark-1 && t.clock.Watermark == mtime.Max {
			t.timers.dropped++ // it would loop for ever
			return
		}
		if !s.HasOutput {
			s.Output = s.At
		}
	} else if !s.HasOutput {
		s.Output = t.time
	}
	if s.HasOutput && s.Output < t.time {
		panic(fmt.Errorf("timer %s is set with the output time %v, before the element's own, %v: what it emits could be late", t.cfg.Names[family], s.Output, t.time))
	}
	t.timers.set(t.at, family, tag, s)
}

// Clear implements timer.Service.
func (t *statefulTask[K, V, O]) Clear(family int, tag string) { t.timers.clear(t.at, family, tag) }

// EndBundle implements exec.Task: keys that have nothing left are forgotten.
func (t *statefulTask[K, V, O]) EndBundle(c exec.Clock) error {
	t.clock = c
	for t.buffer != nil && t.buffer.ready.len() > 0 && t.buffer.ready.next() < c.Watermark { // late, but not too late
		if err := t.release1(); err != nil {
			return err
		}
	}
	for _, slot := range t.touched {
		if t.mark[slot] = false; t.home[slot] == nil || !t.idle(slot) {
			continue
		}
		f := t.home[slot]
		f.table.remove(tagOf(t.hash(slot)), slot)
		t.release(slot)
	}
	t.touched = t.touched[:0]
	return nil
}

// idle reports whether a slot holds nothing. With OnWindowExpiration a key is remembered until its window expires.
func (t *statefulTask[K, V, O]) idle(slot uint32) bool {
	if t.onExpiry != nil || t.timers.any(slot) || t.buffer != nil && t.buffer.any(slot) {
		return false
	}
	for _, c := range t.columns {
		if !c.Empty(slot) {
			return false
		}
	}
	return true
}

// Advance implements exec.Task: event-time timers in the order of their times, those that they set included, and
// windows as they expire; then what the processing time has made due.
func (t *statefulTask[K, V, O]) Advance(c exec.Clock) (more bool, err error) {
	t.clock = c
	t.user.SetDraining(c.Draining)
	for range perStep {
		expires, fires := t.events.next(), t.timers.next(timer.Event)
		if b := t.buffer; b != nil {
			if at := b.ready.next(); b.ready.len() > 0 && at < c.Watermark && at <= fires && at < expires {
				if err := t.release1(); err != nil {
					return false, err
				}
				continue
			}
		}
		switch {
		case t.timers.ready(timer.Event, c.Watermark) && fires < expires:
			err = t.fire(timer.Event, c.Watermark)
		case t.events.ready(c.Watermark):
			d := t.events.pop()
			f := t.byID[d.id]
			switch {
			case f.gen != d.gen:
			case t.expiry(f.w) > d.at:
				f.passed = true
				t.events.push(due{t.expiry(f.w), d.id, d.gen})
			default:
				err = t.expire(f)
			}
		case c.Watermark != mtime.Max && t.timers.ready(timer.Processing, c.Processing):
			err = t.fire(timer.Processing, c.Processing)
		default:
			return false, t.EndBundle(c)
		}
		if err != nil {
			return false, err
		}
	}
	return true, t.EndBundle(c)
}

// fire calls OnTimer for the next timer of a domain, if it still holds.
func (t *statefulTask[K, V, O]) fire(d timer.Domain, now mtime.Time) error {
	slot, family, tag, s, ok := t.timers.pop(d)
	if !ok || t.onTimer == nil {
		return nil
	}
	t.at, t.time = slot, s.Output
	t.touch(slot)
	fired := timer.Fired{Family: t.cfg.Names[family], Tag: tag, At: s.At}
	return t.one(s.Output, func() error {
		return t.onTimer.OnTimer(t.user.Context(), t.keys[slot], fired, t.em)
	})
}

func (t *statefulTask[K, V, O]) touch(slot uint32) {
	if !t.mark[slot] {
		t.mark[slot] = true
		t.touched = append(t.touched, slot)
	}
}

// one makes a call that is about no row, at a time.
func (t *statefulTask[K, V, O]) one(ts mtime.Time, call func() error) error {
	m := exec.Meta{T0: ts, P0: window.NoFiring}
	if w := t.home[t.at].w; !w.IsGlobal() {
		m.Sets = exec.NewWindowSets(w)
	}
	t.user.BeginOne(m)
	if err := t.user.Call(0, call, t.save, t.dead); err != nil {
		return err
	}
	return t.user.End()
}

// expire ends a window.
func (t *statefulTask[K, V, O]) expire(f *frame) error {
	t.sweep = t.sweep[:0]
	f.table.each(func(slot uint32) { t.sweep = append(t.sweep, slot) })
	for _, slot := range t.sweep {
		if t.onExpiry != nil {
			t.at, t.time = slot, f.w.MaxTimestamp()
			err := t.one(f.w.MaxTimestamp(), func() error {
				return t.onExpiry.OnWindowExpiration(t.user.Context(), t.keys[slot], t.em)
			})
			if err != nil {
				return err
			}
		}
		t.release(slot)
	}
	t.drop(f)
	return nil
}

// Hold implements exec.Task.
func (t *statefulTask[K, V, O]) Hold() mtime.Time {
	h := t.timers.hold()
	if t.buffer != nil {
		h = min(h, t.buffer.ready.next())
	}
	if t.onExpiry != nil && t.lateness > 0 {
		for _, f := range t.frames {
			h = min(h, f.w.MaxTimestamp())
		}
	}
	return h
}

// Wake implements exec.Task.
func (t *statefulTask[K, V, O]) Wake() mtime.Time { return t.timers.next(timer.Processing) }

// Stats implements exec.Task.
func (t *statefulTask[K, V, O]) Stats() exec.TaskStats {
	s := t.stats(16)
	for _, c := range t.columns {
		s.Bytes += c.Size()
	}
	s.Bytes += t.timers.size()
	return s
}

func (t *statefulTask[K, V, O]) emit([]firing) error  { return nil }
func (t *statefulTask[K, V, O]) clear(uint32)         {}
func (t *statefulTask[K, V, O]) merge(uint32, uint32) {}

func (t *statefulTask[K, V, O]) free(slot uint32) {
	for _, c := range t.columns {
		c.Clear(slot)
	}
	t.timers.forget(slot)
	clear(t.keys[slot : slot+1])
}
