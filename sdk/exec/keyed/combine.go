package keyed

import (
	"fmt"
	"unsafe"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/exec/group"
	"github.com/millrace-go/millrace/sdk/exec/keys"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// combine is the exchange of a combine per key: KV[K, I] to KV[K, O]. Where windows do not merge, each writer
// aggregates what a bundle brings before it is sent.
type combine[K, I, A, O any] struct {
	cfg    Config
	key    *keys.Type
	fn     group.CombineFn[I, A, O]
	lifted bool
}

// lifted is the accumulator of some elements, on its way to the task.
type lifted[A any] struct {
	acc A
	n   int64
}

// NewCombinePerKey returns the exchange of a combine per key. Rows that come too late go to the task's second output,
// if it has one; then nothing is aggregated before they are sent.
func NewCombinePerKey[K, I, A, O any](cfg Config, kc coder.Coder[K], fn group.CombineFn[I, A, O], droppable bool) exec.StreamExchange {
	return &combine[K, I, A, O]{cfg: cfg, key: keys.TypeOf(kc), fn: fn, lifted: liftable(cfg.Windowing) && !droppable}
}

// liftable reports whether elements can be combined before the task sees them. Not if windows merge, per key; nor if
// the pane's time depends on its elements, and on which of them are late, which the task alone knows.
func liftable(s window.Strategy) bool {
	return s.Merger() == nil && s.Combiner == window.EndOfWindow
}

// NewWriter implements exec.StreamExchange.
func (x *combine[K, I, A, O]) NewWriter(b *exec.Build, step *exec.Step, _ int, ports []exec.Port) (exec.Sink, error) {
	if !x.lifted {
		return exec.Sink(newRouter(b, step, x.key, typeOf[coder.KV[K, I]](), ports)), nil
	}
	r := newRouter(b, &exec.Step{Path: step.Path, Host: step.Host}, x.key, typeOf[coder.KV[K, lifted[A]]](), ports)
	l := &lift[K, I, A]{step: step, key: x.key, to: r, fn: x.fn}
	step.Describe(l.describe)
	b.Add(l)
	return exec.Sink(l), nil
}

// NewTask implements exec.StreamExchange.
func (x *combine[K, I, A, O]) NewTask(_ *exec.Build, step *exec.Step, sinks []exec.Sink) (exec.Task, error) {
	t := &combineTask[K, I, A, O]{x: x, step: step, out: newEmitter[coder.KV[K, O]](step, sinks[0]), size: int64(unsafe.Sizeof(*new(A))), sizer: coder.SizerFor[A]()}
	if t.core = newCore(x.cfg, x.key.Kind, t); keepsSlices(x.cfg.Windowing) {
		t.slice(t)
	}
	step.Describe(t.describe)
	t.of = step
	if len(sinks) > 1 {
		t.late = newLate(typeOf[coder.KV[K, I]](), sinks[1])
	}
	return t, nil
}

type combineTask[K, I, A, O any] struct {
	*core
	x     *combine[K, I, A, O]
	step  *exec.Step
	col   keys.Column
	keys  []K // by key number
	accs  []A // by slot
	out   *emitter[coder.KV[K, O]]
	late  *late
	size  int64
	sizer coder.Sizer[A]
	at    uint32 // the slot that user code is at
}

func (t *combineTask[K, I, A, O]) describe(int) (key, element string, w window.Window) {
	if k := t.keyOf(t.at); int(k) < len(t.keys) && t.home[t.at] != nil {
		key, w = fmt.Sprint(t.keys[k]), t.window(t.at)
	}
	return key, "", w
}

// Take implements exec.Task.
func (t *combineTask[K, I, A, O]) Take(_ int, batch any) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = exec.UserPanic(t.step, p)
		}
	}()
	if b, ok := batch.(*exec.Batch[coder.KV[K, lifted[A]]]); ok {
		return t.takeLifted(b)
	}
	b := batch.(*exec.Batch[coder.KV[K, I]])
	if err := t.prepare(&b.V[0].Key, unsafe.Sizeof(b.V[0]), len(b.V), &b.Meta); err != nil {
		return err
	}
	fn := t.x.fn
	for j, slot := range t.slots {
		t.at = slot
		t.accs[slot] = fn.AddInput(t.accs[slot], b.V[t.rows[j]].Value)
	}
	if t.panes != nil {
		for j, slot := range t.slots {
			t.panes.add(slot, 1, b.Meta.T[t.rows[j]])
		}
	}
	if late := t.core.late; len(late) > 0 && t.lose(int64(len(late))) && t.late == nil {
		t.tell(&b.Meta, late[0], b.V[late[0].row])
	}
	if t.late != nil {
		return t.late.push(b, t.core.late)
	}
	return nil
}

func (t *combineTask[K, I, A, O]) takeLifted(b *exec.Batch[coder.KV[K, lifted[A]]]) error {
	if err := t.prepare(&b.V[0].Key, unsafe.Sizeof(b.V[0]), len(b.V), &b.Meta); err != nil {
		return err
	}
	fn := t.x.fn
	for j, slot := range t.slots {
		t.at = slot
		t.accs[slot] = fn.MergeAccumulators(t.accs[slot], b.V[t.rows[j]].Value.acc)
	}
	if t.panes != nil {
		for j, slot := range t.slots {
			t.panes.add(slot, b.V[t.rows[j]].Value.n, b.Meta.T[t.rows[j]])
		}
	}
	for _, l := range t.core.late {
		if row := &b.V[l.row]; t.lose(row.Value.n) {
			t.tell(&b.Meta, l, row.Key)
		}
	}
	return nil
}

// prepare locates n rows, of which the keys are stride bytes apart, and makes accumulators for the slots that they open.
func (t *combineTask[K, I, A, O]) prepare(first *K, stride uintptr, n int, m *exec.Meta) error {
	if err := t.x.key.Load(&t.col, unsafe.Pointer(first), stride, n); err != nil {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	if err := t.locate(&t.col, m); err != nil {
		return err
	}
	for _, f := range t.fresh {
		if err := t.open(f.slot, unsafe.Add(unsafe.Pointer(first), uintptr(f.row)*stride)); err != nil {
			return err
		}
		t.accs[f.slot] = t.x.fn.CreateAccumulator()
	}
	return nil
}

// open makes room for a slot and keeps its key.
func (t *combineTask[K, I, A, O]) open(slot uint32, key unsafe.Pointer) error {
	for int(slot) >= len(t.accs) {
		t.accs = append(t.accs, *new(A))
	}
	k := t.keyOf(slot)
	for int(k) >= len(t.keys) {
		t.keys = append(t.keys, *new(K))
	}
	return t.x.key.Keep(unsafe.Pointer(&t.keys[k]), key, t.kept(k))
}

func (t *combineTask[K, I, A, O]) emit(fs []firing) error {
	t.out.begin()
	for i := range fs {
		f := &fs[i]
		t.at = f.slot
		t.out.add(coder.KV[K, O]{Key: t.keys[t.keyOf(f.slot)], Value: t.x.fn.ExtractOutput(t.accs[f.slot])}, f)
	}
	return t.out.end()
}

func (t *combineTask[K, I, A, O]) clear(slot uint32) { t.accs[slot] = t.x.fn.CreateAccumulator() }

func (t *combineTask[K, I, A, O]) free(slot uint32) {
	clear(t.accs[slot : slot+1])
	if t.merged == nil {
		clear(t.keys[slot : slot+1])
	}
}

func (t *combineTask[K, I, A, O]) merge(into, from uint32) {
	t.at = into
	t.accs[into] = t.x.fn.MergeAccumulators(t.accs[into], t.accs[from])
}

func (t *combineTask[K, I, A, O]) fork(into, from uint32) {
	for int(into) >= len(t.accs) {
		t.accs = append(t.accs, *new(A))
	}
	for int(into) >= len(t.keys) {
		t.keys = append(t.keys, *new(K))
	}
	t.at = from
	t.accs[into], t.keys[into] = t.x.fn.CreateAccumulator(), t.keys[from]
}

// EndBundle implements exec.Task.
func (t *combineTask[K, I, A, O]) EndBundle(c exec.Clock) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = exec.UserPanic(t.step, p)
		}
	}()
	return t.endBundle(c)
}

// Advance implements exec.Task.
func (t *combineTask[K, I, A, O]) Advance(c exec.Clock) (more bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = exec.UserPanic(t.step, p)
		}
	}()
	return t.advance(c)
}

// Hold implements exec.Task.
func (t *combineTask[K, I, A, O]) Hold() mtime.Time { return t.hold() }

// Wake implements exec.Task.
func (t *combineTask[K, I, A, O]) Wake() mtime.Time { return t.wake() }

// Stats implements exec.Task.
func (t *combineTask[K, I, A, O]) Stats() exec.TaskStats {
	return t.stats(t.size, heldBy(t.sizer, t.accs, t.live))
}

// lift aggregates what a bundle brings, by key and set of windows, before it is sent.
type lift[K, I, A any] struct {
	step *exec.Step
	key  *keys.Type
	to   *Router
	fn   lifter[I, A]

	col   keys.Column
	table keyTable
	keys  []K
	sets  setNumbers
	cells [][]uint32 // by set and key: where in accs, plus one
	accs  []lifted[A]
	of    []liftedKey
	out   exec.Batch[coder.KV[K, lifted[A]]]
	outS  []uint32
	in    *exec.Batch[coder.KV[K, I]]
	row   int // that user code is at
}

func (l *lift[K, I, A]) describe(int) (key, element string, w window.Window) {
	if l.in == nil {
		return
	}
	kv := l.in.V[l.row]
	return fmt.Sprint(kv.Key), fmt.Sprintf("%.200s", fmt.Sprint(kv.Value)), l.in.Meta.Windows(l.row)[0]
}

type lifter[I, A any] interface {
	CreateAccumulator() A
	AddInput(acc A, in I) A
}

type liftedKey struct{ key, set uint32 }

// maxLifted is how many accumulators a writer holds before it sends them.
const maxLifted = 64 << 10

// Push implements exec.Sink.
func (l *lift[K, I, A]) Push(batch any) (err error) {
	b := batch.(*exec.Batch[coder.KV[K, I]])
	n := len(b.V)
	if n == 0 {
		return nil
	}
	l.step.In.Add(int64(n))
	l.in = b
	defer func() {
		if p := recover(); p != nil {
			err = exec.UserPanic(l.step, p)
		}
		l.in = nil
	}()
	if err := l.key.Load(&l.col, unsafe.Pointer(&b.V[0].Key), unsafe.Sizeof(b.V[0]), n); err != nil {
		return exec.UserError(l.step, err)
	}
	l.table.kind = l.key.Kind
	ids := l.table.ids(&l.col)
	for i, id := range ids {
		if int(id) == len(l.keys) {
			l.keys = append(l.keys, *new(K))
			if err := l.key.Keep(unsafe.Pointer(&l.keys[id]), unsafe.Pointer(&b.V[i].Key), l.table.kept(id)); err != nil {
				return err
			}
		}
	}
	l.sets.learn(&b.Meta)
	for n := len(l.cells); n < l.sets.n(); n++ {
		if n < cap(l.cells) {
			l.cells = l.cells[:n+1]
			l.cells[n] = l.cells[n][:0]
		} else {
			l.cells = append(l.cells, nil)
		}
	}
	for s := range l.cells {
		for len(l.cells[s]) < len(l.keys) {
			l.cells[s] = append(l.cells[s], 0)
		}
	}
	set := l.sets.known[0]
	for i, id := range ids {
		if b.Meta.S != nil {
			set = l.sets.known[b.Meta.S[i]]
		}
		c := l.cells[set][id]
		if c == 0 {
			l.accs = append(l.accs, lifted[A]{acc: l.fn.CreateAccumulator()})
			l.of = append(l.of, liftedKey{id, set})
			c = uint32(len(l.accs))
			l.cells[set][id] = c
		}
		a := &l.accs[c-1]
		l.row = i
		a.acc = l.fn.AddInput(a.acc, b.V[i].Value)
		a.n++
	}
	if len(l.accs) >= maxLifted {
		return l.flush()
	}
	return nil
}

// flush sends the accumulators on.
func (l *lift[K, I, A]) flush() error {
	size := len(l.accs)
	for lo := 0; lo < size; lo += exec.BatchSize {
		hi := min(lo+exec.BatchSize, size)
		l.out.V, l.outS = l.out.V[:0], l.outS[:0]
		for i := lo; i < hi; i++ {
			l.out.V = append(l.out.V, coder.KV[K, lifted[A]]{Key: l.keys[l.of[i].key], Value: l.accs[i]})
			l.outS = append(l.outS, l.of[i].set)
		}
		l.out.Meta = exec.Meta{Sets: &l.sets.sets, S: l.outS, P0: window.NoFiring} // times are asked no more
		if err := l.to.Push(&l.out); err != nil {
			return err
		}
	}
	clear(l.accs)
	clear(l.keys)
	clear(l.out.V[:cap(l.out.V)])
	l.accs, l.keys, l.of = l.accs[:0], l.keys[:0], l.of[:0]
	l.table.reset()
	l.sets.reset()
	l.cells = l.cells[:0]
	return nil
}

// StartBundle implements exec.Op.
func (l *lift[K, I, A]) StartBundle() error { return nil }

// FinishBundle implements exec.Op.
func (l *lift[K, I, A]) FinishBundle() error { return l.flush() }

// Close implements exec.Op.
func (l *lift[K, I, A]) Close(bool) error { return nil }
