package group

import (
	"github.com/millrace-go/millrace/sdk/exec/keys"

	"github.com/millrace-go/millrace/sdk/exec/spill"
)

// loaded is what the two kinds of sides share: a partition's chunks and the groups of their rows.
type loaded struct {
	s     *store
	index int // which input
	cs    []chunk
	segs  []spill.Segment // what is on disk
	rows  int             // in cs
	bytes int64           // of cs, as they were charged
	ids   []uint32
	col   keys.Column

	runs  *runWriter
	mem   []byte      // the run that was in memory
	extra *spill.File // of runs that are written while reading
}

func (l *loaded) load(p int) (rows int, spilled bool, err error) {
	l.cs, l.segs, l.rows, l.bytes = l.cs[:0], l.segs[:0], 0, 0
	for _, w := range l.s.writers {
		pt, segs, err := w.take(p)
		if err != nil {
			return 0, false, err
		}
		l.cs, l.segs = append(l.cs, pt.chunks...), append(l.segs, segs...)
		l.rows += pt.total()
		l.bytes += pt.bytes
	}
	rows = l.rows
	for _, s := range l.segs {
		rows += int(s.Rows)
	}
	return rows, len(l.segs) > 0, nil
}

// unload lets go of what was loaded.
func (l *loaded) unload() {
	clear(l.cs)
	clear(l.segs)
	l.cs, l.segs = l.cs[:0], l.segs[:0]
	if cap(l.mem) > 2*maxMemoryRun {
		l.mem = nil
	}
}

func (l *loaded) assign(t *table, keys *keyColumn) error {
	n := 0
	for i := range l.cs {
		n += l.cs[i].n
	}
	if cap(l.ids) < n {
		l.ids = make([]uint32, n)
	}
	l.ids = l.ids[:n]
	at := 0
	for i := range l.cs {
		c := &l.cs[i]
		if c.n == 0 {
			continue
		}
		if err := l.s.key.Load(&l.col, c.rows, l.s.stride, c.n); err != nil {
			return err
		}
		ids := l.ids[at : at+c.n]
		t.ids(&l.col, ids)
		if err := keys.learn(t); err != nil {
			return err
		}
		if l.s.mode.windowed {
			for j := range ids {
				ids[j] = t.group(ids[j], c.win[j])
			}
		}
		at += c.n
	}
	return nil
}

// maxMemoryRun is how much of a partition, in bytes, is sorted in memory when its other parts are on disk.
const maxMemoryRun = 2 << 20

// sorted returns what was loaded as runs. Many rows that are in memory go to disk: they are read once more, but not
// held twice.
func (l *loaded) sorted() ([]spill.Segment, error) {
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
