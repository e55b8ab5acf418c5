package group

import (
	"unsafe"

	"github.com/millrace-go/millrace/sdk/exec/keys"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/mtime"
)

const (
	maxLifted = 256 << 10 // keys in a worker's table before it is looked at
	minRatio  = 2         // rows per key below which aggregating before the shuffle does not pay
)

// NewCombinePerKey returns the exchange of a combine per key: it takes KV[K, I], the rows of in, and gives KV[K, O], those of
// out; acc is of the accumulators between them. Writers aggregate what they are given before it is cut into partitions.
func NewCombinePerKey(h *exec.Host, cfg Config, k *keys.Type, in *exec.ElementType, acc Input, out *exec.ElementType, c Combiner) (exec.Exchange, error) {
	if err := check(cfg, k); err != nil {
		return nil, err
	}
	s := &liftedStore{store: newStore(h, cfg, k, acc), in: in, c: c}
	return &exchange{
		cfg: cfg, key: k, out: out, inputs: []input{s},
		sides: func() []side { return []side{newAccumulators(s.store, c)} },
	}, nil
}

type liftedStore struct {
	*store
	in *exec.ElementType
	c  Combiner
}

// lift is the operator in front of a combine's writer: a table of accumulators by key and window.
type lift struct {
	s      *liftedStore
	w      *writer
	step   *exec.Step
	c      Combiner
	many   func(accs unsafe.Pointer, n int, of []uint32, in unsafe.Pointer, stride uintptr) // or nil
	offset uintptr                                                                          // of the value in a row

	table   *table
	col     keys.Column
	ids     []uint32
	rows    []uint32 // where rows carry windows or times: for each of groups the row
	groups  []uint32
	numbers []uint32 // 0, 1, 2, ...
	keys    keyColumn
	known   int // keys of the table that have been looked at
	accs    exec.Column
	times   times
	sizer   coder.RowSizer

	added  int // rows since the table was last empty
	held   int64
	texts  int64 // bytes of the keys
	each   int64 // an estimate of what an accumulator holds beside its fixed size
	probe  int
	direct bool        // aggregating before the shuffle did not pay
	one    exec.Column // accumulators of one row each
	buf    exec.Column // rows for the writer
	places []unsafe.Pointer
	bufT   []mtime.Time
	bufS   []uint32
	sets   exec.WindowSets
}

func (s *liftedStore) newSink(b *exec.Build, step *exec.Step) exec.Sink {
	l := &lift{s: s, w: s.newWriter(step), step: step, c: s.c, offset: s.in.Type().Field(1).Offset, sizer: s.value.Sizer()}
	if s.c.many != nil {
		l.many = s.c.many()
	}
	l.table = newTable(s.key.Kind, true)
	l.table.reset(0)
	l.keys = newKeyColumn(s.key)
	l.accs.T, l.one.T, l.buf.T = s.value, s.value, s.row
	l.times.m = s.mode
	l.times.reset(0)
	b.Add(l)
	return l
}

// Push implements exec.Sink.
func (l *lift) Push(b any) (err error) {
	in := l.s.in
	n, rows, m := in.LenOf(b), in.Rows(b), in.Meta(b)
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
		return l.through(rows, n, m)
	}
	if err := l.s.key.Load(&l.col, rows, in.RowSize(), n); err != nil {
		return exec.UserError(l.step, err)
	}
	l.ids = sized(l.ids, n)
	l.table.ids(&l.col, l.ids)
	if err := l.learn(); err != nil {
		return err
	}
	values := unsafe.Add(rows, l.offset)
	switch {
	case l.s.mode.windowed || l.s.mode.timed:
		l.locate(m)
		l.c.add(l.accs.At, l.groups, values, in.RowSize(), l.rows)
	case l.many != nil:
		l.room(l.known)
		l.many(l.accs.At, l.accs.N, l.ids, values, in.RowSize())
	default:
		l.room(l.known)
		l.c.add(l.accs.At, l.ids, values, in.RowSize(), nil)
	}
	l.added += n
	return l.account()
}

// learn looks at the keys that are new to the table.
func (l *lift) learn() error {
	if l.s.key.Kind != keys.Words {
		for _, text := range l.table.text[l.known:] {
			l.texts += int64(len(text))
		}
	}
	l.known = l.table.n
	return l.keys.learn(l.table)
}

// room makes accumulators until there are n.
func (l *lift) room(n int) {
	if more := n - l.accs.N; more > 0 {
		l.accs.Grow(n)
		l.c.create(l.accs.Place(l.accs.N), more)
		l.accs.N = n
	}
}

// locate finds the group of each row, once for each of its windows, and makes their accumulators.
func (l *lift) locate(m *exec.Meta) {
	windowed, timed := l.s.mode.windowed, l.s.mode.timed
	rows, groups := l.rows[:0], l.groups[:0]
	for i, id := range l.ids {
		for _, w := range m.Windows(i) {
			g := id
			if windowed {
				g = l.table.group(id, w)
			}
			if timed {
				t := l.s.mode.assign(w, m.Time(i))
				if int(g) == len(l.times.ts) {
					l.times.ts = append(l.times.ts, t)
				}
				l.times.add(g, t)
			}
			rows, groups = append(rows, uint32(i)), append(groups, g)
		}
	}
	l.rows, l.groups = rows, groups
	if windowed {
		l.room(len(l.table.groups))
	} else {
		l.room(l.known)
	}
}

// account charges what the table has grown by, and empties it when it is too large or does not pay.
func (l *lift) account() error {
	per := int64(l.accs.T.RowSize()+l.s.key.Size()) + 24
	if l.s.key.Kind != keys.Words {
		per += 48
	}
	if !l.sizer.Fixed() {
		l.sample()
	}
	n := l.accs.N
	now := int64(l.accs.Cap)*per + l.texts + l.each*int64(n)
	grown := now - l.held
	l.held = now
	if l.w.account.Charge(grown) && grown > 0 {
		if err := l.flush(); err != nil {
			return err
		}
		return l.w.account.Relieve()
	}
	if n < maxLifted {
		return nil
	}
	l.direct = l.added < minRatio*n
	return l.flush()
}

// sample looks at some accumulators, others each time, to estimate what one holds.
func (l *lift) sample() {
	n := l.accs.N
	if n == 0 {
		return
	}
	const some = 8
	var sum int64
	for range some {
		l.probe = (l.probe + 7919) % n
		sum += l.sizer.Held(l.accs.Place(l.probe))
	}
	l.each += (sum/some - l.each) / 4
}

// through gives n rows on one by one, each as an accumulator; one for each of its windows, as each owns its accumulator.
func (l *lift) through(in unsafe.Pointer, n int, m *exec.Meta) error {
	var rows []uint32
	if l.s.mode.windowed {
		l.rows, l.bufT, l.bufS = l.rows[:0], l.bufT[:0], l.bufS[:0]
		l.sets.Reset()
		for i := range n {
			for _, w := range m.Windows(i) {
				l.rows, l.bufT, l.bufS = append(l.rows, uint32(i)), append(l.bufT, m.Time(i)), append(l.bufS, l.sets.Add(w))
			}
		}
		rows, n = l.rows, len(l.rows)
		m = &exec.Meta{T: l.bufT, Sets: &l.sets, S: l.bufS}
	}
	for i := len(l.numbers); i < n; i++ {
		l.numbers = append(l.numbers, uint32(i))
	}
	l.one.Grow(n)
	l.c.create(l.one.At, n)
	stride := l.s.in.RowSize()
	l.c.add(l.one.At, l.numbers[:n], unsafe.Add(in, l.offset), stride, rows)
	l.buf.Grow(n)
	l.s.key.CopyAll(l.buf.At, l.s.stride, in, stride, rows, n)
	l.put(l.one.At, n)
	return l.w.add(l.buf.At, n, m)
}

// put makes n accumulators the values of the rows in buf.
func (l *lift) put(accs unsafe.Pointer, n int) {
	l.places = sized(l.places, n)
	for i := range l.places {
		l.places[i] = unsafe.Add(l.buf.At, uintptr(i)*l.s.stride+l.s.offset)
	}
	l.accs.T.Place(l.places, accs, l.accs.T.RowSize(), nil)
}

// flush gives the table's contents to the writer.
func (l *lift) flush() error {
	windowed, timed := l.s.mode.windowed, l.s.mode.timed
	l.buf.Grow(exec.BatchSize)
	for lo := 0; lo < l.accs.N; lo += exec.BatchSize {
		hi := min(lo+exec.BatchSize, l.accs.N)
		l.bufT, l.bufS = l.bufT[:0], l.bufS[:0]
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
			l.keys.set(l.buf.Place(g-lo), l.table, k)
		}
		l.put(l.accs.Place(lo), hi-lo)
		if windowed {
			m.Sets, m.S = &l.sets, l.bufS
		}
		if timed {
			m.T = l.bufT
		}
		if err := l.w.add(l.buf.At, hi-lo, &m); err != nil {
			return err
		}
	}
	l.accs.Reset()
	l.keys.clear()
	l.times.ts = l.times.ts[:0]
	l.table.reset(0)
	l.known, l.added, l.texts = 0, 0, 0
	return nil
}

// StartBundle implements exec.Op.
func (l *lift) StartBundle() error { return nil }

// FinishBundle implements exec.Op. The table lives on: it is the instance's, not the bundle's.
func (l *lift) FinishBundle() error { return nil }

// Close implements exec.Op.
func (l *lift) Close(failed bool) error {
	if failed {
		return nil
	}
	err := l.flush()
	l.w.account.Charge(-l.held)
	l.held, l.table = 0, nil
	l.accs, l.one, l.buf, l.keys = exec.Column{}, exec.Column{}, exec.Column{}, keyColumn{}
	return err
}
