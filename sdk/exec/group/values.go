package group

import (
	"unsafe"

	"github.com/millrace-go/millrace/sdk/exec/keys"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec/spill"
	"github.com/millrace-go/millrace/sdk/mtime"
)

// loaded is what the two kinds of sides share: a partition's chunks and the groups of their rows.
type loaded[K, V any] struct {
	s     *store[K, V]
	index int // which input
	cs    []chunk[coder.KV[K, V]]
	segs  []spill.Segment // what is on disk
	rows  int             // in cs
	bytes int64           // of cs, as they were charged
	ids   []uint32
	col   keys.Column

	runs  *runWriter[K, V]
	mem   []byte      // the run that was in memory
	extra *spill.File // of runs that are written while reading
}

func (l *loaded[K, V]) load(p int) (rows int, spilled bool, err error) {
	l.cs, l.segs, l.rows, l.bytes = l.cs[:0], l.segs[:0], 0, 0
	for _, w := range l.s.writers {
		pt, segs, err := w.take(p)
		if err != nil {
			return 0, false, err
		}
		l.cs, l.segs = append(l.cs, pt.chunks...), append(l.segs, segs...)
		l.rows += pt.rows
		l.bytes += pt.bytes
	}
	rows = l.rows
	for _, s := range l.segs {
		rows += int(s.Rows)
	}
	return rows, len(l.segs) > 0, nil
}

// unload lets go of what was loaded.
func (l *loaded[K, V]) unload() {
	clear(l.cs)
	clear(l.segs)
	l.cs, l.segs = l.cs[:0], l.segs[:0]
	if cap(l.mem) > 2*maxMemoryRun {
		l.mem = nil
	}
}

func (l *loaded[K, V]) assign(t *table, keys *[]K) error {
	n := 0
	for i := range l.cs {
		n += len(l.cs[i].rows)
	}
	if cap(l.ids) < n {
		l.ids = make([]uint32, n)
	}
	l.ids = l.ids[:n]
	at := 0
	ks := *keys
	for i := range l.cs {
		c := &l.cs[i]
		if len(c.rows) == 0 {
			continue
		}
		if err := l.s.key.Load(&l.col, unsafe.Pointer(&c.rows[0].Key), unsafe.Sizeof(c.rows[0]), len(c.rows)); err != nil {
			return err
		}
		ids := l.ids[at : at+len(c.rows)]
		t.ids(&l.col, ids)
		for j, id := range ids {
			if int(id) == len(ks) {
				ks = append(ks, c.rows[j].Key)
			}
		}
		if l.s.mode.windowed {
			for j := range ids {
				ids[j] = t.group(ids[j], c.win[j])
			}
		}
		at += len(c.rows)
	}
	*keys = ks
	return nil
}

// maxMemoryRun is how much of a partition, in bytes, is sorted in memory when its other parts are on disk.
const maxMemoryRun = 2 << 20

// sorted returns what was loaded as runs. Many rows that are in memory go to disk: they are read once more, but not
// held twice.
func (l *loaded[K, V]) sorted() ([]spill.Segment, error) {
	if len(l.cs) == 0 {
		return l.segs, nil
	}
	if l.runs == nil {
		l.runs = newRunWriter(l.s)
	}
	var run spill.Segment
	if l.bytes <= maxMemoryRun {
		if int64(cap(l.mem)) < l.bytes {
			l.mem = make([]byte, 0, l.bytes+l.bytes/8)
		}
		to := memory{l.mem[:0]}
		if err := l.runs.write(l.cs, &to); err != nil {
			return nil, err
		}
		l.mem = to.b
		run = spill.Memory(to.b, int64(l.rows))
	} else {
		if l.extra == nil {
			f, err := spill.Create(l.s.host.TempDir, l.s.host.Budget.Disk())
			if err != nil {
				return nil, err
			}
			l.extra = f
			l.s.mu.Lock()
			l.s.late = append(l.s.late, f)
			l.s.mu.Unlock()
		}
		var err error
		if run, err = l.runs.segment(l.extra, l.cs, l.rows); err != nil {
			return nil, err
		}
	}
	clear(l.cs)
	l.cs = l.cs[:0]
	l.segs = append(l.segs, run)
	return l.segs, nil
}

// values is a side whose groups are sequences.
type values[K, V any] struct {
	loaded[K, V]
	vals  []V
	start []uint32
	slots []*slot[V]

	got   []V // collected from runs
	gotG  []uint32
	gotT  []mtime.Time
	arena []V // groups of the current batch, from runs
}

// slot is the sequence that a row of the batch holds. There are as many as rows in a batch, made once.
type slot[V any] struct {
	vals  []V
	big   *bigRange
	input int
	coder coder.Coder[V]
	timed bool
	seq   func(yield func(V) bool)
}

func (s *slot[V]) all(yield func(V) bool) {
	if s.big != nil {
		var vs []V
		var ts []mtime.Time
		s.big.each(s.input, func(c *cursor) bool {
			var err error
			if vs, ts, err = decode(c, s.coder, s.timed, vs[:0], ts[:0]); err != nil {
				s.big.err = err
				return false
			}
			for _, v := range vs {
				if !yield(v) {
					return false
				}
			}
			return true
		})
		return
	}
	for _, v := range s.vals {
		if !yield(v) {
			return
		}
	}
}

func (v *values[K, V]) slot(i int) *slot[V] {
	for len(v.slots) <= i {
		s := &slot[V]{input: v.index, coder: v.s.valC, timed: v.s.mode.timed}
		s.seq = s.all
		v.slots = append(v.slots, s)
	}
	return v.slots[i]
}

func (v *values[K, V]) scatter(groups int, remap []uint32, ts *times) {
	v.offsets(groups, v.ids, remap)
	n := len(v.ids)
	if cap(v.vals) < n {
		v.vals = make([]V, n)
	}
	v.vals = v.vals[:n]
	at := 0
	for i := range v.cs {
		c := &v.cs[i]
		ids := v.ids[at : at+len(c.rows)]
		for j := range c.rows {
			g := ids[j]
			v.vals[v.start[g]] = c.rows[j].Value
			v.start[g]++
			if c.ts != nil {
				ts.add(g, c.ts[j])
			}
		}
		at += len(c.rows)
		v.cs[i] = chunk[coder.KV[K, V]]{} // the rows are not needed any more
	}
	v.rewind()
}

// offsets sets start[g] to where group g begins, applying remap to ids.
func (v *values[K, V]) offsets(groups int, ids, remap []uint32) {
	if cap(v.start) < groups+1 {
		v.start = make([]uint32, groups+1)
	}
	v.start = v.start[:groups+1]
	clear(v.start)
	if remap != nil {
		for i, g := range ids {
			ids[i] = remap[g]
		}
	}
	for _, g := range ids {
		v.start[g+1]++
	}
	for g := range groups {
		v.start[g+1] += v.start[g]
	}
}

// rewind undoes the moving of start that scattering has done: each had reached the next one's beginning.
func (v *values[K, V]) rewind() {
	copy(v.start[1:], v.start[:len(v.start)-1])
	v.start[0] = 0
}

func (v *values[K, V]) bind(i, g int) {
	s := v.slot(i)
	s.big, s.vals = nil, v.vals[v.start[g]:v.start[g+1]]
}

func (v *values[K, V]) bindBig(i int, b *bigRange) {
	s := v.slot(i)
	s.big, s.vals = b, nil
}

func (v *values[K, V]) begin() { v.got, v.gotG, v.gotT = v.got[:0], v.gotG[:0], v.gotT[:0] }

func (v *values[K, V]) collect(c *cursor, g uint32) (int, error) {
	var err error
	if v.got, v.gotT, err = decode(c, v.s.valC, v.s.mode.timed, v.got, v.gotT); err != nil {
		return 0, err
	}
	for range c.n {
		v.gotG = append(v.gotG, g)
	}
	return len(c.vals), nil
}

func (v *values[K, V]) settle(groups int, remap []uint32, ts *times) {
	v.offsets(groups, v.gotG, remap)
	if n := len(v.got); cap(v.arena)-len(v.arena) < n {
		v.arena = make([]V, 0, max(n, 1024)) // the old one is still held by the batch
	}
	at := len(v.arena)
	v.arena = v.arena[:at+len(v.got)]
	v.vals = v.arena[at:len(v.arena):len(v.arena)]
	for i, x := range v.got {
		g := v.gotG[i]
		v.vals[v.start[g]] = x
		v.start[g]++
		if v.s.mode.timed {
			ts.add(g, v.gotT[i])
		}
	}
	v.rewind()
}

func (v *values[K, V]) stamps(c *cursor, ts *times) error {
	_, at, err := decode(c, v.s.valC, true, nil, nil)
	for _, t := range at {
		ts.add(0, t)
	}
	return err
}

func (v *values[K, V]) done() {
	v.unload()
	v.arena = nil
	clear(v.vals)
	clear(v.got[:cap(v.got)])
	for _, s := range v.slots {
		s.vals, s.big = nil, nil
	}
	const keep = 1 << 20
	if cap(v.vals)*int(unsafe.Sizeof(*new(V))) > keep {
		v.vals = nil
	}
}
