package group

import (
	"sync"
	"unsafe"

	"github.com/millrace-go/millrace/sdk/exec/keys"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// CombineFn is an aggregation in four steps; see sdk.CombineFn for who owns what.
type CombineFn[I, A, O any] interface {
	CreateAccumulator() A
	AddInput(acc A, in I) A
	MergeAccumulators(a, b A) A
	ExtractOutput(acc A) O
}

const (
	maxLifted = 256 << 10 // keys in a worker's table before it is looked at
	minRatio  = 2         // rows per key below which aggregating before the shuffle does not pay
)

// NewCombinePerKey returns the exchange of a combine per key: it takes KV[K, I] and gives KV[K, O]. Writers
// aggregate what they are given before it is cut into partitions.
func NewCombinePerKey[K, I, A, O any](h *exec.Host, cfg Config, kc coder.Coder[K], ac coder.Coder[A], fn CombineFn[I, A, O]) (exec.Exchange, error) {
	if err := check(cfg, kc); err != nil {
		return nil, err
	}
	k := keys.NewType(kc)
	s := &liftedStore[K, I, A]{store: newStore(h, cfg, k, kc, ac), fn: fn}
	return &exchange[K, coder.KV[K, O]]{
		cfg: cfg, key: k, inputs: []input{s},
		sides: func() ([]side[K], func(key K, slot, group int) coder.KV[K, O]) {
			v := &accumulators[K, A]{loaded: loaded[K, A]{s: s.store}, merge: fn.MergeAccumulators}
			return []side[K]{v}, func(key K, _, g int) coder.KV[K, O] {
				return coder.KV[K, O]{Key: key, Value: fn.ExtractOutput(v.accs[g])}
			}
		},
	}, nil
}

// lifter is the part of a CombineFn that runs before the shuffle.
type lifter[I, A any] interface {
	CreateAccumulator() A
	AddInput(acc A, in I) A
}

// batchLifter is a lifter that adds many inputs in one call: in[i] to accs[of[i]], in this order.
type batchLifter[I, A any] interface {
	AddInputs(accs []A, of []uint32, in []I)
}

type liftedStore[K, I, A any] struct {
	*store[K, A]
	fn lifter[I, A]
}

// lift is the operator in front of a combine's writer: a table of accumulators by key and window.
type lift[K, I, A any] struct {
	s    *liftedStore[K, I, A]
	w    *writer[K, A]
	step *exec.Step
	fn   lifter[I, A]
	many batchLifter[I, A] // fn, if it is one

	table *table
	col   keys.Column
	ids   []uint32
	in    []I // the values of a batch, for many
	keys  []K
	accs  []A
	times times
	sizer coder.Sizer[A]

	rows   int // since the table was last empty
	held   int64
	texts  int64 // bytes of the keys
	each   int64 // an estimate of what an accumulator holds beside its fixed size
	probe  int
	direct bool // aggregating before the shuffle did not pay
	buf    []coder.KV[K, A]
	bufT   []mtime.Time
	bufS   []uint32
	sets   exec.WindowSets
}

func (s *liftedStore[K, I, A]) newSink(b *exec.Build, step *exec.Step) any {
	l := &lift[K, I, A]{s: s, w: s.newWriter(step), step: step, fn: s.fn, sizer: coder.SizerFor[A]()}
	if many, ok := s.fn.(batchLifter[I, A]); ok && !embeds[batchLifter[I, A]](s.fn) {
		l.many = many
	}
	l.table = newTable(s.key.Kind, true)
	l.table.reset(0)
	l.times.m = s.mode
	l.times.reset(0)
	b.Add(l)
	return exec.Sink[coder.KV[K, I]](l)
}

// Push implements exec.Sink.
func (l *lift[K, I, A]) Push(b *exec.Batch[coder.KV[K, I]]) (err error) {
	n := len(b.V)
	if n == 0 {
		return nil
	}
	l.step.In.Add(int64(n))
	defer func() {
		if p := recover(); p != nil {
			err = exec.UserPanic(l.step, p)
		}
	}()
	if l.direct {
		return l.through(b)
	}
	if err := l.s.key.Load(&l.col, unsafe.Pointer(&b.V[0].Key), unsafe.Sizeof(b.V[0]), n); err != nil {
		return exec.UserError(l.step, err)
	}
	if cap(l.ids) < n {
		l.ids = make([]uint32, n)
	}
	ids := l.ids[:n]
	l.table.ids(&l.col, ids)
	if l.table.n > len(l.keys) {
		l.keys = roomy(l.keys, l.table.n)
		for i, id := range ids {
			if int(id) == len(l.keys) {
				text := l.table.kept(id)
				k, err := l.s.key.Keep(b.V[i].Key, text)
				if err != nil {
					return err
				}
				l.keys = append(l.keys, k)
				l.texts += int64(len(text))
			}
		}
	}
	if l.s.mode.windowed || l.s.mode.timed {
		l.addWindowed(b, ids)
	} else {
		l.accs = roomy(l.accs, len(l.keys))
		for len(l.accs) < len(l.keys) {
			l.accs = append(l.accs, l.fn.CreateAccumulator())
		}
		if l.many != nil {
			l.in = sized(l.in, n)
			for i := range l.in {
				l.in[i] = b.V[i].Value
			}
			l.many.AddInputs(l.accs, ids, l.in)
		} else {
			accumulate(l.fn, l.accs, ids, b.V)
		}
	}
	l.rows += n
	return l.account()
}

// accumulate is a function of its own so that nothing but what the loop needs is reloaded after each call.
//
//go:noinline
func accumulate[K, I, A any](fn lifter[I, A], accs []A, ids []uint32, rows []coder.KV[K, I]) {
	rows = rows[:len(ids)]
	for i, id := range ids {
		accs[id] = fn.AddInput(accs[id], rows[i].Value)
	}
}

func (l *lift[K, I, A]) addWindowed(b *exec.Batch[coder.KV[K, I]], ids []uint32) {
	windowed := l.s.mode.windowed
	for i, id := range ids {
		for _, w := range b.Windows(i) {
			g := id
			if windowed {
				g = l.table.group(id, w)
			}
			if int(g) == len(l.accs) {
				l.accs = append(l.accs, l.fn.CreateAccumulator())
				if l.s.mode.timed {
					l.times.ts = append(l.times.ts, l.s.mode.assign(w, b.Time(i)))
				}
			}
			l.accs[g] = l.fn.AddInput(l.accs[g], b.V[i].Value)
			if l.s.mode.timed {
				l.times.add(g, l.s.mode.assign(w, b.Time(i)))
			}
		}
	}
}

// account charges what the table has grown by, and empties it when it is too large or does not pay.
func (l *lift[K, I, A]) account() error {
	per := int64(unsafe.Sizeof(*new(A))+unsafe.Sizeof(*new(K))) + 24
	if l.s.key.Kind != keys.Words {
		per += 48
	}
	if !l.sizer.Fixed() {
		l.sample()
	}
	now := int64(cap(l.accs))*per + l.texts + l.each*int64(len(l.accs))
	grown := now - l.held
	l.held = now
	if l.w.account.Charge(grown) && grown > 0 {
		if err := l.flush(); err != nil {
			return err
		}
		return l.w.account.Relieve()
	}
	n := len(l.accs)
	if n < maxLifted {
		return nil
	}
	l.direct = l.rows < minRatio*n
	return l.flush()
}

// sample looks at some accumulators, others each time, to estimate what one holds.
func (l *lift[K, I, A]) sample() {
	n := len(l.accs)
	if n == 0 {
		return
	}
	const some = 8
	var sum int64
	for range some {
		l.probe = (l.probe + 7919) % n
		sum += l.sizer.Size(&l.accs[l.probe])
	}
	l.each += (sum/some - l.each) / 4
}

// through gives rows on one by one, each as an accumulator.
func (l *lift[K, I, A]) through(b *exec.Batch[coder.KV[K, I]]) error {
	l.buf = l.buf[:0]
	if l.s.mode.windowed { // each window owns its accumulator
		l.bufT, l.bufS = l.bufT[:0], l.bufS[:0]
		l.sets.Reset()
		for i := range b.V {
			for _, w := range b.Windows(i) {
				l.buf = append(l.buf, coder.KV[K, A]{Key: b.V[i].Key, Value: l.fn.AddInput(l.fn.CreateAccumulator(), b.V[i].Value)})
				l.bufT, l.bufS = append(l.bufT, b.Time(i)), append(l.bufS, l.sets.Add(w))
			}
		}
		return l.w.add(l.buf, &exec.Meta{T: l.bufT, Sets: &l.sets, S: l.bufS})
	}
	for i := range b.V {
		l.buf = append(l.buf, coder.KV[K, A]{Key: b.V[i].Key, Value: l.fn.AddInput(l.fn.CreateAccumulator(), b.V[i].Value)})
	}
	return l.w.add(l.buf, &b.Meta)
}

// flush gives the table's contents to the writer.
func (l *lift[K, I, A]) flush() error {
	windowed, timed := l.s.mode.windowed, l.s.mode.timed
	for lo := 0; lo < len(l.accs); lo += exec.BatchSize {
		hi := min(lo+exec.BatchSize, len(l.accs))
		l.buf, l.bufT, l.bufS = l.buf[:0], l.bufT[:0], l.bufS[:0]
		l.sets.Reset()
		m := exec.Meta{}
		for g := lo; g < hi; g++ {
			k := uint32(g)
			if windowed {
				k = l.table.groups[g].key
				l.bufS = append(l.bufS, l.sets.Add(l.table.groups[g].w))
			}
			if timed {
				l.bufT = append(l.bufT, l.times.ts[g])
			}
			l.buf = append(l.buf, coder.KV[K, A]{Key: l.keys[k], Value: l.accs[g]})
		}
		if windowed {
			m.Sets, m.S = &l.sets, l.bufS
		}
		if timed {
			m.T = l.bufT
		}
		if err := l.w.add(l.buf, &m); err != nil {
			return err
		}
	}
	clear(l.accs)
	clear(l.keys)
	l.accs, l.keys = l.accs[:0], l.keys[:0]
	l.times.ts = l.times.ts[:0]
	l.table.reset(0)
	l.rows, l.texts = 0, 0
	return nil
}

// StartBundle implements exec.Op.
func (l *lift[K, I, A]) StartBundle() error { return nil }

// FinishBundle implements exec.Op. The table lives on: it is the instance's, not the bundle's.
func (l *lift[K, I, A]) FinishBundle() error { return nil }

// Close implements exec.Op.
func (l *lift[K, I, A]) Close(failed bool) error {
	if failed {
		return nil
	}
	err := l.flush()
	l.w.account.Charge(-l.held)
	l.held, l.accs, l.keys, l.table = 0, nil, nil, nil
	return err
}

// accumulators is a side that merges the values of a group into one.
type accumulators[K, A any] struct {
	loaded[K, A]
	merge func(a, b A) A
	accs  []A
	has   []bool

	got  []accumulated[A] // from runs, by group before merging
	one  []A
	oneT []mtime.Time
}

func (v *accumulators[K, A]) reset(groups int) {
	if cap(v.accs) < groups {
		v.accs, v.has = make([]A, groups), make([]bool, groups)
	}
	clear(v.accs)
	v.accs, v.has = v.accs[:groups], v.has[:groups]
	clear(v.has)
}

func (v *accumulators[K, A]) add(g uint32, a A) {
	if !v.has[g] {
		v.accs[g], v.has[g] = a, true
		return
	}
	v.accs[g] = v.merge(v.accs[g], a)
}

func (v *accumulators[K, A]) scatter(groups int, remap []uint32, ts *times) {
	v.reset(groups)
	at := 0
	for i := range v.cs {
		c := &v.cs[i]
		for j := range c.rows {
			g := v.ids[at+j]
			if remap != nil {
				g = remap[g]
			}
			v.add(g, c.rows[j].Value)
			if c.ts != nil {
				ts.add(g, c.ts[j])
			}
		}
		at += len(c.rows)
	}
}

func (v *accumulators[K, A]) begin() { v.got = v.got[:0] }

func (v *accumulators[K, A]) bind(int, int)          {}
func (v *accumulators[K, A]) bindBig(int, *bigRange) {}

// collect merges as it reads, so that a group of accumulators is never large.
func (v *accumulators[K, A]) collect(c *cursor, g uint32) (int, error) {
	var err error
	v.one, v.oneT, err = decode(c, v.s.valC, v.s.mode.timed, v.one[:0], v.oneT[:0])
	if err != nil {
		return 0, err
	}
	for i, a := range v.one {
		for int(g) >= len(v.got) {
			v.got = append(v.got, accumulated[A]{})
		}
		x := &v.got[g]
		if x.any {
			x.acc = v.merge(x.acc, a)
		} else {
			x.acc, x.any = a, true
		}
		if v.s.mode.timed {
			if x.timed {
				x.ts = v.s.mode.combiner.Combine(x.ts, v.oneT[i])
			} else {
				x.ts, x.timed = v.oneT[i], true
			}
		}
	}
	return 0, nil
}

type accumulated[A any] struct {
	acc        A
	any, timed bool
	ts         mtime.Time
}

func (v *accumulators[K, A]) settle(groups int, remap []uint32, ts *times) {
	v.reset(groups)
	for i := range v.got {
		x := &v.got[i]
		if !x.any {
			continue
		}
		g := uint32(i)
		if remap != nil {
			g = remap[g]
		}
		v.add(g, x.acc)
		if x.timed {
			ts.add(g, x.ts)
		}
	}
	clear(v.got)
}

func (v *accumulators[K, A]) done() {
	v.unload()
	clear(v.accs)
}

// NewCombineGlobally returns the exchange of a combine of everything, per window: it takes I and gives O. With
// defaults, an empty input in the global window gives the output of a fresh accumulator.
func NewCombineGlobally[I, A, O any](h *exec.Host, cfg Config, _ coder.Coder[A], fn CombineFn[I, A, O], defaults bool) (exec.Exchange, error) {
	return &globally[I, A, O]{cfg: cfg, mode: cfg.mode(), fn: fn, defaults: defaults, accs: map[window.Window]globalAcc[A]{}}, nil
}

// batchAdder is an optional part of a CombineFn: AddInput for some elements, in their order. A call an element is what
// adding cheap things up costs.
type batchAdder[I, A any] interface {
	AddBatch(acc A, in []I) A
}

type globalAcc[A any] struct {
	acc A
	ts  mtime.Time
}

type globally[I, A, O any] struct {
	cfg      Config
	mode     mode
	fn       CombineFn[I, A, O]
	defaults bool

	mu   sync.Mutex
	accs map[window.Window]globalAcc[A]
}

type globalWriter[I, A, O any] struct {
	x    *globally[I, A, O]
	step *exec.Step
	all  batchAdder[I, A] // the CombineFn, if it is one
	accs map[window.Window]*globalAcc[A]
	last window.Window
	cur  *globalAcc[A]
}

// NewWriter implements exec.Exchange.
func (x *globally[I, A, O]) NewWriter(b *exec.Build, step *exec.Step, _ int) (any, error) {
	w := &globalWriter[I, A, O]{x: x, step: step, accs: map[window.Window]*globalAcc[A]{}}
	if all, ok := x.fn.(batchAdder[I, A]); ok && !embeds[batchAdder[I, A]](x.fn) {
		w.all = all
	}
	b.Add(w)
	return exec.Sink[I](w), nil
}

func (w *globalWriter[I, A, O]) at(win window.Window, ts mtime.Time) *globalAcc[A] {
	if w.cur != nil && w.last == win {
		return w.cur
	}
	a := w.accs[win]
	if a == nil {
		a = &globalAcc[A]{acc: w.x.fn.CreateAccumulator(), ts: w.x.mode.assign(win, ts)}
		w.accs[win] = a
	}
	w.last, w.cur = win, a
	return a
}

// Push implements exec.Sink.
func (w *globalWriter[I, A, O]) Push(b *exec.Batch[I]) (err error) {
	w.step.In.Add(int64(len(b.V)))
	defer func() {
		if p := recover(); p != nil {
			err = exec.UserPanic(w.step, p)
		}
	}()
	fn, m := w.x.fn, w.x.mode
	if len(b.V) > 0 && b.S == nil && len(b.Windows(0)) == 1 && !m.timed {
		a := w.at(b.Windows(0)[0], b.Time(0))
		if w.all != nil {
			a.acc = w.all.AddBatch(a.acc, b.V)
			return nil
		}
		acc := a.acc
		for i := range b.V {
			acc = fn.AddInput(acc, b.V[i])
		}
		a.acc = acc
		return nil
	}
	for i := range b.V {
		for _, win := range b.Windows(i) {
			a := w.at(win, b.Time(i))
			a.acc = fn.AddInput(a.acc, b.V[i])
			if m.timed {
				a.ts = m.combiner.Combine(a.ts, m.assign(win, b.Time(i)))
			}
		}
	}
	return nil
}

func (w *globalWriter[I, A, O]) StartBundle() error  { return nil }
func (w *globalWriter[I, A, O]) FinishBundle() error { return nil }

func (w *globalWriter[I, A, O]) Close(failed bool) error {
	if failed {
		return nil
	}
	w.x.mu.Lock()
	defer w.x.mu.Unlock()
	for win, a := range w.accs {
		if have, ok := w.x.accs[win]; ok {
			w.x.accs[win] = globalAcc[A]{w.x.fn.MergeAccumulators(have.acc, a.acc), w.x.mode.combiner.Combine(have.ts, a.ts)}
			continue
		}
		w.x.accs[win] = *a
	}
	return nil
}

// Seal implements exec.Exchange.
func (x *globally[I, A, O]) Seal() error {
	if len(x.accs) == 0 && x.defaults {
		x.accs[window.Global] = globalAcc[A]{x.fn.CreateAccumulator(), window.Global.MaxTimestamp()}
	}
	return nil
}

type everything struct{}

func (everything) Size() int64 { return 1 }

// Work implements exec.Feed.
func (x *globally[I, A, O]) Work(int) ([]exec.Work, error) {
	if len(x.accs) == 0 {
		return nil, nil
	}
	return []exec.Work{everything{}}, nil
}

// NewRoot implements exec.Feed.
func (x *globally[I, A, O]) NewRoot(_ *exec.Build, step *exec.Step, sink any) (exec.Root, error) {
	return &globalRoot[I, A, O]{x: x, step: step, to: sink.(exec.Sink[O])}, nil
}

type globalRoot[I, A, O any] struct {
	x    *globally[I, A, O]
	step *exec.Step
	to   exec.Sink[O]
}

// Run implements exec.Root.
func (r *globalRoot[I, A, O]) Run(exec.Work) error {
	for w, a := range r.x.accs {
		b := exec.Batch[O]{V: []O{r.x.fn.ExtractOutput(a.acc)}, Meta: exec.Meta{T0: w.MaxTimestamp(), P0: window.OnlyFiring}}
		if r.x.mode.timed {
			b.T0 = a.ts
		}
		if r.x.mode.windowed {
			b.Sets = exec.NewWindowSets(w)
		}
		r.step.Out.Add(1)
		if err := r.to.Push(&b); err != nil {
			return err
		}
	}
	return nil
}

// Close implements exec.Exchange.
func (x *globally[I, A, O]) Close() error { return nil }
