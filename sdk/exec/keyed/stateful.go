package keyed

import (
	"fmt"
	"math"
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
	Extra    []any     // additional outputs: each an *exec.Out of some type
	Late     exec.Sink // the Sink of droppable rows, or nil
	Finish   func(c *exec.Context) error
	Sorted   bool // rows of a key are processed in the order of their times, once the watermark has passed them
	Windowed bool
}

// Stateful is the exchange of a stateful ParDo.
type Stateful[K, V, O any] struct {
	key *keys.Type
	// New makes the running form of the DoFn.
	New func(b *exec.Build, step *exec.Step, sinks []exec.Sink) (StatefulConfig[K, V, O], error)
}

// NewStateful returns the exchange of a stateful ParDo.
func NewStateful[K, V, O any](kc coder.Coder[K], create func(b *exec.Build, step *exec.Step, sinks []exec.Sink) (StatefulConfig[K, V, O], error)) *Stateful[K, V, O] {
	return &Stateful[K, V, O]{key: keys.TypeOf(kc), New: create}
}

// NewWriter implements exec.StreamExchange.
func (x *Stateful[K, V, O]) NewWriter(b *exec.Build, step *exec.Step, _ int, ports []exec.Port) (exec.Sink, error) {
	return exec.Sink(newRouter(b, step, x.key, typeOf[coder.KV[K, V]](), ports)), nil
}

// NewTask implements exec.StreamExchange.
func (x *Stateful[K, V, O]) NewTask(b *exec.Build, step *exec.Step, sinks []exec.Sink) (exec.Task, error) {
	cfg, err := x.New(b, step, sinks)
	if err != nil {
		return nil, err
	}
	t := &statefulTask[K, V, O]{cfg: cfg, step: step, key: x.key, em: cfg.Out.Emitter(), at: noSlot}
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
	t.of = step
	if cfg.Late != nil {
		t.late = newLate(typeOf[coder.KV[K, V]](), cfg.Late)
	}
	t.makeCalls()
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
	step     *exec.Step
	key      *keys.Type
	user     *exec.UserCode
	em       exec.Emitter[O]
	onTimer  TimerFn[K, O]
	onExpiry ExpirationFn[K, O]
	late     *late
	columns  []state.Column
	timers   *timers
	col      keys.Column
	keys     []K

	element, alarm, expiration func() error // the calls of the DoFn, made once: a closure for each would be an allocation

	at      uint32 // the slot of the call, or noSlot
	alarmed timer.Fired
	oneSets exec.WindowSets // the window of a call that is about no row of a batch
	time    mtime.Time
	timing  bool // the call is that of a timer, or of an expiration
	firing  firingTimer
	touched []uint32
	mark    []bool // by slot: in touched
	batch   *exec.Batch[coder.KV[K, V]]
	row     uint32
	buffer  *buffer[V]
	lone    exec.Batch[coder.KV[K, V]] // a row that has waited
	wide    explosion[coder.KV[K, V]]  // rows of several windows
	lost    error                      // of a call that no dead letter can tell of
	before  uint64                     // processing-time timers set after this one wait for the next Advance
	going   bool                       // the last Advance had more to do
}

// firingTimer is the timer whose call is being made.
type firingTimer struct {
	family int
	tag    string
	at     mtime.Time
}

// noSlot is the slot outside of calls: cells and timers that are used there have none.
const noSlot = math.MaxUint32

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
		return exec.UserError(t.step, err)
	}
	if err := t.locate(&t.col, &b.Meta); err != nil {
		return err
	}
	for _, f := range t.fresh {
		if err := t.open(f.slot, unsafe.Pointer(&b.V[f.row].Key)); err != nil {
			return err
		}
	}
	if late := t.core.late; len(late) > 0 && t.lose(int64(len(late))) && t.late == nil {
		t.tell(&b.Meta, late[0], b.V[late[0].row])
	}
	if t.lateness > 0 {
		for _, slot := range t.slots {
			if t.home[slot].w.End <= t.clock.Watermark {
				t.tardy++
			}
		}
	}
	if t.late != nil {
		if err := t.late.push(b, t.core.late); err != nil {
			return err
		}
	}
	if t.cfg.Sorted {
		return t.keep(b)
	}
	if wide(&b.Meta) {
		b = t.explode(b)
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
	for j, slot := range t.slots {
		t.at, t.row = slot, t.rows[j]
		t.time = b.Meta.Time(int(t.row))
		if !t.mark[slot] {
			t.mark[slot] = true
			t.touched = append(t.touched, slot)
		}
		if err := t.user.Call(int(t.row), t.element, t.save, t.dead); err != nil {
			return err
		}
	}
	t.at = noSlot
	return nil
}

func (t *statefulTask[K, V, O]) makeCalls() {
	t.element = func() error {
		return t.cfg.Fn.ProcessElement(t.user.Context(), t.keys[t.at], t.batch.V[t.row].Value, t.em)
	}
	t.alarm = func() error { return t.onTimer.OnTimer(t.user.Context(), t.keys[t.at], t.alarmed, t.em) }
	t.expiration = func() error { return t.onExpiry.OnWindowExpiration(t.user.Context(), t.keys[t.at], t.em) }
}

// dead makes a dead letter of the element of the call. A timer has none: its failure is kept for the caller.
func (t *statefulTask[K, V, O]) dead(err error, attempts int) {
	if t.batch == nil {
		e := &exec.ElementError{Transform: t.step.Path, At: t.step.At, Attempts: attempts, Err: err}
		e.Key, e.Element, e.Window = t.describe(0)
		t.lost = e
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
func (t *statefulTask[K, V, O]) open(slot uint32, key unsafe.Pointer) error {
	for int(slot) >= len(t.keys) {
		t.keys, t.mark = append(t.keys, *new(K)), append(t.mark, false)
	}
	for _, c := range t.columns {
		c.Grow(slot)
	}
	t.timers.grow(slot)
	return t.key.Keep(unsafe.Pointer(&t.keys[slot]), key, t.kept(slot))
}

// Now implements timer.Service.
func (t *statefulTask[K, V, O]) Now() mtime.Time { return t.clock.Processing }

// Set implements timer.Service.
func (t *statefulTask[K, V, O]) Set(family int, tag string, s timer.Setting) {
	if t.at == noSlot {
		panic(fmt.Errorf("timer %s is set outside of ProcessElement, OnTimer and OnWindowExpiration: there is no key that it could be of", t.cfg.Names[family]))
	}
	w, event := t.home[t.at].w, t.timers.domain[family] == timer.Event
	limit := t.expiry(w) - 1
	s.At = s.At.Clamp()
	if event && s.At > limit {
		panic(fmt.Errorf("timer %s is set to %v, after its window %v expires at %v: it would never fire", t.cfg.Names[family], s.At, w, t.expiry(w)))
	}
	switch {
	case s.HasOutput && s.Output < t.time:
		panic(fmt.Errorf("timer %s is set with the output time %v, before the element's own, %v: what it emits could be late", t.cfg.Names[family], s.Output, t.time))
	case s.HasOutput && s.Output > limit:
		panic(fmt.Errorf("timer %s is set with the output time %v, after its window %v expires at %v: what it emits would be too late", t.cfg.Names[family], s.Output, w, t.expiry(w)))
	case s.HasOutput:
	case event:
		s.Output = s.At
	default:
		s.Output = t.time
	}
	// A timer that sets itself again to no later time does not come to an end by itself.
	spins := t.timing && t.firing.family == family && t.firing.tag == tag && s.At <= t.firing.at
	if t.timing && t.clock.Draining && (w.IsGlobal() || spins && event) {
		t.timers.lost++ // it would loop for ever
		return
	}
	if spins && !event {
		t.timers.floor = t.clock.Processing + 1 // others have their turn in between
	}
	t.timers.set(t.at, family, tag, s)
	t.timers.floor = mtime.Min
}

// Clear implements timer.Service.
func (t *statefulTask[K, V, O]) Clear(family int, tag string) {
	if t.at == noSlot {
		panic(fmt.Errorf("timer %s is cleared outside of ProcessElement, OnTimer and OnWindowExpiration: there is no key that it could be of", t.cfg.Names[family]))
	}
	t.timers.clear(t.at, family, tag)
}

// EndBundle implements exec.Task: keys that have nothing left are forgotten.
func (t *statefulTask[K, V, O]) EndBundle(c exec.Clock) error {
	t.clock = c
	t.user.SetDraining(c.Draining)
	for t.buffer != nil && t.buffer.passed(c.Watermark) { // late, but not too late
		if err := t.release1(); err != nil {
			return err
		}
	}
	t.forget()
	return nil
}

// forget gives back the slots that the last calls have left with nothing.
func (t *statefulTask[K, V, O]) forget() {
	for _, slot := range t.touched {
		if t.mark[slot] = false; t.home[slot] == nil || !t.idle(slot) {
			continue
		}
		f := t.home[slot]
		f.table.remove(tagOf(t.hash(slot)), slot)
		t.release(slot)
	}
	t.touched = t.touched[:0]
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
// windows as they expire; then what the processing time has made due. Processing-time timers that these set wait for the
// next call, so that one which is set again and again does not keep everything else waiting.
func (t *statefulTask[K, V, O]) Advance(c exec.Clock) (more bool, err error) {
	t.clock = c
	t.user.SetDraining(c.Draining)
	if !t.going {
		t.before = t.timers.serial
	}
	t.going = false
	for range perStep {
		expires, fires := t.events.next(), t.timers.next(timer.Event)
		switch {
		case t.sweeping != nil:
			err = t.expire()
		case t.buffer != nil && t.buffer.passed(c.Watermark) && t.buffer.next() <= fires && t.buffer.next() < expires:
			err = t.release1()
		case t.timers.ready(timer.Event, c.Watermark) && fires < expires:
			err = t.fire(timer.Event)
		case t.events.ready(c.Watermark):
			d := t.events.pop()
			f := t.byID[d.id]
			switch {
			case f.gen != d.gen:
			case t.expiry(f.w) > d.at:
				t.events.push(due{t.expiry(f.w), d.id, d.gen})
			default:
				t.sweeping, t.sweep = f, t.sweep[:0]
				f.table.each(func(slot uint32) { t.sweep = append(t.sweep, slot) })
			}
		case c.Watermark != mtime.Max && t.timers.due(c.Processing, t.before):
			err = t.fire(timer.Processing)
		default:
			t.forget()
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	t.going = true
	t.forget()
	return true, nil
}

// fire calls OnTimer for the next timer of a domain, if it still holds.
func (t *statefulTask[K, V, O]) fire(d timer.Domain) error {
	slot, family, tag, s, ok := t.timers.pop(d)
	if !ok || t.onTimer == nil {
		return nil
	}
	t.at, t.time, t.firing = slot, s.Output, firingTimer{family, tag, s.At}
	t.touch(slot)
	t.alarmed = timer.Fired{Family: t.cfg.Names[family], Tag: tag, At: s.At}
	if told := t.step.Host.Fired; told != nil {
		told(exec.Firing{Transform: t.step.Path, Key: t.keys[slot], Window: t.home[slot].w, Family: t.alarmed.Family, Tag: tag, At: s.At, Output: s.Output})
	}
	return t.timed(s.Output, t.alarm)
}

func (t *statefulTask[K, V, O]) touch(slot uint32) {
	if !t.mark[slot] {
		t.mark[slot] = true
		t.touched = append(t.touched, slot)
	}
}

// one makes a call that is about no row of a batch, at a time.
func (t *statefulTask[K, V, O]) one(ts mtime.Time, p window.Pane, call func() error) error {
	m := exec.Meta{T0: ts, P0: p}
	if w := t.home[t.at].w; !w.IsGlobal() {
		t.oneSets.Reset()
		t.oneSets.Add(w)
		m.Sets = &t.oneSets
	}
	t.user.BeginOne(m)
	err := t.user.Call(0, call, t.save, t.dead)
	t.at = noSlot
	if err != nil {
		return err
	}
	return t.user.End()
}

// timed makes the call of a timer or an expiration.
func (t *statefulTask[K, V, O]) timed(ts mtime.Time, call func() error) error {
	t.timing = true
	err := t.one(ts, window.NoFiring, call)
	t.timing = false
	if err == nil {
		err, t.lost = t.lost, nil
	}
	return err
}

// expire ends the window that is being swept: for the key of one slot, and when there is none left, for all.
func (t *statefulTask[K, V, O]) expire() error {
	n := len(t.sweep)
	if n == 0 {
		t.drop(t.sweeping)
		t.sweeping = nil
		return nil
	}
	slot := t.sweep[n-1]
	t.sweep = t.sweep[:n-1]
	if t.home[slot] == nil {
		return nil // forgotten meanwhile
	}
	if t.onExpiry != nil {
		end := t.sweeping.w.MaxTimestamp()
		t.at, t.time, t.firing = slot, end, firingTimer{family: -1}
		if err := t.timed(end, t.expiration); err != nil {
			return err
		}
	}
	t.release(slot)
	return nil
}

// Hold implements exec.Task.
func (t *statefulTask[K, V, O]) Hold() mtime.Time {
	h := min(t.timers.hold(), t.timers.next(timer.Event))
	if t.buffer != nil {
		h = min(h, t.buffer.next())
	}
	if t.onExpiry != nil && t.lateness > 0 {
		for _, f := range t.frames {
			h = min(h, f.w.MaxTimestamp())
		}
	}
	return h
}

// Wake implements exec.Task.
func (t *statefulTask[K, V, O]) Wake() mtime.Time {
	if t.timers.ready(timer.Event, t.clock.Watermark) {
		return mtime.Min // it was set in the past
	}
	return t.timers.next(timer.Processing)
}

// Stats implements exec.Task.
func (t *statefulTask[K, V, O]) Stats() exec.TaskStats {
	s := t.stats(16, 0)
	for _, c := range t.columns {
		s.Bytes += c.Size()
	}
	s.Bytes += t.timers.size()
	s.Unfired = t.timers.lost
	return s
}

func (t *statefulTask[K, V, O]) emit([]firing) error  { return nil }
func (t *statefulTask[K, V, O]) clear(uint32)         {}
func (t *statefulTask[K, V, O]) merge(uint32, uint32) {}

func (t *statefulTask[K, V, O]) free(slot uint32) {
	for _, c := range t.columns {
		c.Clear(slot)
	}
	t.timers.lose(slot)
	clear(t.keys[slot : slot+1])
}

// wide reports whether a row is in several windows.
func wide(m *exec.Meta) bool {
	if m.Sets == nil {
		return false
	}
	for s := range uint32(m.Sets.Len()) {
		if len(m.Sets.Set(s)) > 1 {
			return true
		}
	}
	return false
}

// explosion is rows of several windows, once for each.
type explosion[R any] struct {
	b    exec.Batch[R]
	t    []mtime.Time
	s    []uint32
	p    []window.Pane
	sets exec.WindowSets
}

// explode makes a batch of the located rows of b that has each once for each of its windows: what a call emits goes
// into the window that its state is of.
func (t *statefulTask[K, V, O]) explode(b *exec.Batch[coder.KV[K, V]]) *exec.Batch[coder.KV[K, V]] {
	x := &t.wide
	clear(x.b.V)
	x.b.V, x.t, x.s, x.p = x.b.V[:0], x.t[:0], x.s[:0], x.p[:0]
	x.sets.Reset()
	for j, slot := range t.slots {
		i := int(t.rows[j])
		x.b.V = append(x.b.V, b.V[i])
		x.t, x.p = append(x.t, b.Meta.Time(i)), append(x.p, b.Meta.Pane(i))
		x.s = append(x.s, x.sets.Add(t.home[slot].w))
		t.rows[j] = uint32(j)
	}
	x.b.Meta = exec.Meta{T: x.t, S: x.s, P: x.p, Sets: &x.sets}
	return &x.b
}
