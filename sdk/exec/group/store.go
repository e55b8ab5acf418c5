package group

import (
	"errors"
	"slices"
	"sync"
	"unsafe"

	"github.com/millrace-go/millrace/sdk/exec/keys"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/exec/budget"
	"github.com/millrace-go/millrace/sdk/exec/spill"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// chunk is rows of one partition, with their windows and times where the mode wants them.
type chunk[R any] struct {
	rows []R
	win  []window.Window
	ts   []mtime.Time
}

// part is one partition of one writer.
type part[R any] struct {
	chunks []chunk[R]
	bytes  int64 // charged for the chunks and what the rows hold
	rows   int
}

const (
	firstChunk = 16
	maxChunk   = 64 << 10 // bytes
)

// store is one input of an exchange: the rows KV[K, V] that its writers have cut into partitions.
type store[K, V any] struct {
	name  string
	mode  mode
	key   *keys.Type[K]
	keyC  coder.Coder[K]
	valC  coder.Coder[V]
	sizer coder.Sizer[coder.KV[K, V]]
	host  *exec.Host

	mu      sync.Mutex
	writers []*writer[K, V]
	late    []*spill.File // written while reading
}

func newStore[K, V any](h *exec.Host, cfg Config, k *keys.Type[K], kc coder.Coder[K], vc coder.Coder[V]) *store[K, V] {
	return &store[K, V]{name: cfg.Name, mode: cfg.mode(), key: k, keyC: kc, valC: vc, sizer: coder.SizerFor[coder.KV[K, V]](), host: h}
}

// writer is what one worker has written. Its lock is taken once a batch; another goroutine takes it to spill.
type writer[K, V any] struct {
	s       *store[K, V]
	step    *exec.Step
	account *budget.Account
	col     keys.Column

	mu    sync.Mutex
	parts [partitions]part[coder.KV[K, V]]
	runs  *spill.File // made by the first spill
	segs  [partitions][]spill.Segment
	freed bool
}

func (s *store[K, V]) newWriter(step *exec.Step) *writer[K, V] {
	w := &writer[K, V]{s: s, step: step}
	w.account = s.host.Budget.Open(s.name, w.spill)
	s.mu.Lock()
	s.writers = append(s.writers, w)
	s.mu.Unlock()
	return w
}

// add takes rows. win and ts, one per row, are read only in modes that want them.
func (w *writer[K, V]) add(rows []coder.KV[K, V], m *exec.Meta) error {
	if len(rows) == 0 {
		return nil
	}
	if err := w.s.key.Load(&w.col, unsafe.Pointer(&rows[0].Key), unsafe.Sizeof(rows[0]), len(rows)); err != nil {
		return err
	}
	w.mu.Lock()
	var grown int64
	if !w.s.mode.windowed && !w.s.mode.timed {
		grown = w.scatter(rows)
	} else {
		grown = w.scatterMeta(rows, m)
	}
	grown += w.held(rows)
	w.mu.Unlock()
	if w.account.Charge(grown) {
		return w.account.Relieve()
	}
	return nil
}

// held is what the rows lead to; it is spread over the partitions' accounts evenly enough by row.
func (w *writer[K, V]) held(rows []coder.KV[K, V]) int64 {
	if w.s.sizer.Fixed() {
		return 0
	}
	var sum int64
	for i := range rows {
		n := w.s.sizer.Size(&rows[i])
		w.parts[w.col.Hash[i]>>(64-partitionBits)].bytes += n
		sum += n
	}
	return sum
}

func (w *writer[K, V]) scatter(rows []coder.KV[K, V]) (grown int64) {
	for i := range rows {
		p := &w.parts[w.col.Hash[i]>>(64-partitionBits)]
		if n := len(p.chunks); n > 0 {
			if c := &p.chunks[n-1]; len(c.rows) < cap(c.rows) {
				c.rows = append(c.rows, rows[i])
				p.rows++
				continue
			}
		}
		c, size := w.newChunk(p)
		grown += size
		c.rows = append(c.rows, rows[i])
		p.rows++
	}
	return grown
}

func (w *writer[K, V]) scatterMeta(rows []coder.KV[K, V], m *exec.Meta) (grown int64) {
	for i := range rows {
		p := &w.parts[w.col.Hash[i]>>(64-partitionBits)]
		for _, win := range m.Windows(i) {
			var c *chunk[coder.KV[K, V]]
			if n := len(p.chunks); n > 0 && len(p.chunks[n-1].rows) < cap(p.chunks[n-1].rows) {
				c = &p.chunks[n-1]
			} else {
				var size int64
				c, size = w.newChunk(p)
				grown += size
			}
			c.rows = append(c.rows, rows[i])
			if w.s.mode.windowed {
				c.win = append(c.win, win)
			}
			if w.s.mode.timed {
				c.ts = append(c.ts, w.s.mode.assign(win, m.Time(i)))
			}
			p.rows++
		}
	}
	return grown
}

// newChunk appends an empty chunk to p, twice as large as the one before.
func (w *writer[K, V]) newChunk(p *part[coder.KV[K, V]]) (*chunk[coder.KV[K, V]], int64) {
	size := int(unsafe.Sizeof(coder.KV[K, V]{}))
	if w.s.mode.windowed {
		size += int(unsafe.Sizeof(window.Window{}))
	}
	if w.s.mode.timed {
		size += 8
	}
	n := firstChunk
	if k := len(p.chunks); k > 0 {
		n = 2 * cap(p.chunks[k-1].rows)
	}
	n = max(min(n, maxChunk/max(size, 1)), firstChunk)
	c := chunk[coder.KV[K, V]]{rows: make([]coder.KV[K, V], 0, n)}
	if w.s.mode.windowed {
		c.win = make([]window.Window, 0, n)
	}
	if w.s.mode.timed {
		c.ts = make([]mtime.Time, 0, n)
	}
	p.chunks = append(p.chunks, c)
	p.bytes += int64(n * size)
	return &p.chunks[len(p.chunks)-1], int64(n * size)
}

// take removes partition p from memory and returns its chunks.
func (w *writer[K, V]) take(p int) []chunk[coder.KV[K, V]] {
	w.mu.Lock()
	defer w.mu.Unlock()
	pt := &w.parts[p]
	chunks := pt.chunks
	w.account.Charge(-pt.bytes)
	*pt = part[coder.KV[K, V]]{}
	return chunks
}

// close gives back memory and files.
func (s *store[K, V]) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	for _, f := range s.late {
		err = errors.Join(err, f.Close())
	}
	s.late = nil
	for _, w := range s.writers {
		w.mu.Lock()
		if !w.freed {
			w.freed = true
			for i := range w.parts {
				w.parts[i] = part[coder.KV[K, V]]{}
			}
			w.account.Close()
			if w.runs != nil {
				err = errors.Join(err, w.runs.Close())
			}
		}
		w.mu.Unlock()
	}
	return err
}

// rows and bytes of partition p, in memory and on disk.
func (s *store[K, V]) size(p int) (rows int, bytes int64, spilled bool) {
	for _, w := range s.writers {
		rows += w.parts[p].rows
		bytes += w.parts[p].bytes
		for _, g := range w.segs[p] {
			rows += int(g.Rows)
			bytes += g.Raw
			spilled = true
		}
	}
	return rows, bytes, spilled
}

// inMemory is what of partition p is in memory.
func (s *store[K, V]) inMemory(p int) (rows int, bytes int64) {
	for _, w := range s.writers {
		rows += w.parts[p].rows
		bytes += w.parts[p].bytes
	}
	return rows, bytes
}

func (s *store[K, V]) chunks(p int) []chunk[coder.KV[K, V]] {
	var cs []chunk[coder.KV[K, V]]
	for _, w := range s.writers {
		cs = append(cs, w.take(p)...)
	}
	return cs
}

// sortedGroups numbers the keys (and windows) of chunks, and returns for each group, ordered as runs are, which
// rows it has: order[start[g]:start[g+1]] are row numbers over all chunks.
type sortedGroups struct {
	table  *table
	groups []keyWindow // in run order; the window is zero without windows
	start  []int
	order  []uint32
}

// sortRows orders the rows of chunks by (hash, key, window).
func (s *store[K, V]) sortRows(cs []chunk[coder.KV[K, V]]) (*sortedGroups, error) {
	n := 0
	for i := range cs {
		n += len(cs[i].rows)
	}
	t := newTable(s.key.Kind, false)
	t.reset(n)
	ids := make([]uint32, n)
	var col keys.Column
	at := 0
	for i := range cs {
		c := &cs[i]
		if len(c.rows) == 0 {
			continue
		}
		if err := s.key.Load(&col, unsafe.Pointer(&c.rows[0].Key), unsafe.Sizeof(c.rows[0]), len(c.rows)); err != nil {
			return nil, err
		}
		part := ids[at : at+len(c.rows)]
		t.ids(&col, part)
		if s.mode.windowed {
			for j := range part {
				part[j] = t.group(part[j], c.win[j])
			}
		}
		at += len(c.rows)
	}
	groups := t.groups
	if !s.mode.windowed {
		groups = make([]keyWindow, t.n)
		for i := range groups {
			groups[i].key = uint32(i)
		}
	}
	g := &sortedGroups{table: t}
	rank := make([]uint32, len(groups))
	for i := range rank {
		rank[i] = uint32(i)
	}
	slices.SortFunc(rank, func(a, b uint32) int {
		x, y := groups[a], groups[b]
		if c := t.compare(x.key, y.key); c != 0 {
			return c
		}
		return x.w.Compare(y.w)
	})
	g.groups = make([]keyWindow, len(groups))
	to := make([]uint32, len(groups))
	for r, old := range rank {
		g.groups[r] = groups[old]
		to[old] = uint32(r)
	}
	g.start = make([]int, len(groups)+1)
	for _, id := range ids {
		g.start[to[id]+1]++
	}
	for i := range groups {
		g.start[i+1] += g.start[i]
	}
	g.order = make([]uint32, n)
	next := slices.Clone(g.start)
	for row, id := range ids {
		r := to[id]
		g.order[next[r]] = uint32(row)
		next[r]++
	}
	return g, nil
}
