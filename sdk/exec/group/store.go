package group

import (
	"errors"
	"fmt"
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

// writer is what one worker has written. Its lock is taken once a batch; other goroutines take it to spill, but not
// while they write to disk.
type writer[K, V any] struct {
	s       *store[K, V]
	step    *exec.Step
	account *budget.Account
	col     keys.Column

	mu      sync.Mutex
	parts   [partitions]part[coder.KV[K, V]]
	segs    [partitions][]spill.Segment
	files   []*spill.File // of the segments
	idle    []*spill.File // those that nobody is writing to
	sweep   int           // the partition that is spilled next; partitions: none is being spilled
	writing [partitions]int
	written sync.Cond // of mu: a partition has been
	failed  error     // of the first spill that has: what it had to write is lost
	freed   bool
}

func (s *store[K, V]) newWriter(step *exec.Step) *writer[K, V] {
	w := &writer[K, V]{s: s, step: step, sweep: partitions}
	w.written.L = &w.mu
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
		return exec.UserError(w.step, err)
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

// spill writes all partitions of w to disk. It is called by whoever needs the memory. Several may do so at once, each
// writing to a file of its own; w goes on taking rows meanwhile.
func (w *writer[K, V]) spill() (freed int64, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sweep == partitions {
		w.sweep = 0
	}
	var f *spill.File
	var r *runWriter[K, V]
	for {
		for w.sweep < partitions && w.parts[w.sweep].rows == 0 {
			w.sweep++
		}
		if w.sweep == partitions || w.freed {
			break
		}
		p := w.sweep
		w.sweep++
		if f == nil {
			if f, err = w.file(); err != nil {
				return freed, err
			}
			r = newRunWriter(w.s)
		}
		n, err := w.spillPart(p, f, r)
		if err != nil {
			return freed, err
		}
		freed += n
	}
	if f != nil {
		w.idle = append(w.idle, f)
	}
	return freed, nil
}

// file is one that nobody is writing to.
func (w *writer[K, V]) file() (*spill.File, error) {
	if n := len(w.idle); n > 0 {
		f := w.idle[n-1]
		w.idle = w.idle[:n-1]
		return f, nil
	}
	f, err := spill.Create(w.s.host.TempDir, w.s.host.Budget.Disk())
	if err == nil {
		w.files = append(w.files, f)
	}
	return f, err
}

// spillPart writes a partition to a file, without the lock that it is called with.
func (w *writer[K, V]) spillPart(p int, f *spill.File, r *runWriter[K, V]) (freed int64, err error) {
	pt := w.parts[p]
	w.parts[p] = part[coder.KV[K, V]]{}
	w.writing[p]++
	seg, ok := spill.Segment{}, false
	func() {
		w.mu.Unlock()
		defer func() { // a coder of the program's own may panic
			w.mu.Lock()
			w.writing[p]--
			if !ok && w.failed == nil {
				w.failed = fmt.Errorf("%s: rows that were to go to disk are lost: %w", w.s.name, err)
			}
			w.written.Broadcast()
		}()
		seg, err = r.segment(f, pt.chunks, pt.rows)
		ok = err == nil
	}()
	if err != nil {
		return 0, err
	}
	w.segs[p] = append(w.segs[p], seg)
	if !w.freed { // else the account has been closed
		w.account.Charge(-pt.bytes)
	}
	return pt.bytes, nil
}

// settled waits until nothing of partition p is between memory and disk.
func (w *writer[K, V]) settled(p int) error {
	for w.writing[p] > 0 {
		w.written.Wait()
	}
	return w.failed
}

// take removes partition p: what is in memory, and what is on disk. From then on it is not spilled.
func (w *writer[K, V]) take(p int) (part[coder.KV[K, V]], []spill.Segment, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.settled(p); err != nil {
		return part[coder.KV[K, V]]{}, nil, err
	}
	pt, segs := w.parts[p], w.segs[p]
	w.account.Charge(-pt.bytes)
	w.parts[p], w.segs[p] = part[coder.KV[K, V]]{}, nil
	return pt, segs, nil
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
			for _, f := range w.files {
				err = errors.Join(err, f.Close())
			}
		}
		w.mu.Unlock()
	}
	return err
}

// size is the rows and bytes of partition p, in memory and on disk.
func (s *store[K, V]) size(p int) (rows int, bytes int64) {
	for _, w := range s.writers {
		w.mu.Lock()
		_ = w.settled(p) // an error is take's
		rows += w.parts[p].rows
		bytes += w.parts[p].bytes
		for _, g := range w.segs[p] {
			rows += int(g.Rows)
			bytes += g.Raw
		}
		w.mu.Unlock()
	}
	return rows, bytes
}
