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
type chunk struct {
	rows   unsafe.Pointer
	n, cap int
	win    []window.Window
	ts     []mtime.Time
}

// part is one partition of one writer.
type part struct {
	at     unsafe.Pointer // of the rows of the last chunk
	n, cap int            // of the last chunk, whose own n is not kept
	chunks []chunk
	rows   int   // in the chunks before the last
	bytes  int64 // charged for the chunks and what the rows hold
}

// total is the number of rows.
func (p *part) total() int { return p.rows + p.n }

const (
	firstChunk = 16
	maxChunk   = 64 << 10 // bytes
)

// store is one input of an exchange: the rows KV[K, V] that its writers have cut into partitions.
type store struct {
	name   string
	mode   mode
	key    *keys.Type
	row    *exec.ElementType
	stride uintptr // size of a row
	value  *exec.ElementType
	offset uintptr // of the value, in a row
	sizer  coder.RowSizer
	host   *exec.Host

	mu      sync.Mutex
	writers []*writer
	late    []*spill.File // written while reading
}

func newStore(h *exec.Host, cfg Config, k *keys.Type, in Input) *store {
	return &store{
		name: cfg.Name, mode: cfg.mode(), key: k, host: h,
		row: in.Row, stride: in.Row.RowSize(), value: in.Value, offset: in.offset(), sizer: in.Row.Sizer(),
	}
}

// writer is what one worker has written. Its lock is taken once a batch; other goroutines take it to spill, but not
// while they write to disk.
type writer struct {
	s       *store
	step    *exec.Step
	account *budget.Account
	col     keys.Column
	places  []unsafe.Pointer // where rows of a block go
	from    []uint32         // if rows are in several windows: which row goes there

	mu      sync.Mutex
	parts   [partitions]part
	segs    [partitions][]spill.Segment
	files   []*spill.File // of the segments
	idle    []*spill.File // those that nobody is writing to
	sweep   int           // the partition that is spilled next; partitions: none is being spilled
	writing [partitions]int
	written sync.Cond // of mu: a partition has been
	failed  error     // of the first spill that has: what it had to write is lost
	freed   bool
}

func (s *store) newWriter(step *exec.Step) *writer {
	w := &writer{s: s, step: step, sweep: partitions}
	w.written.L = &w.mu
	w.account = s.host.Budget.Open(s.name, w.spill)
	s.mu.Lock()
	s.writers = append(s.writers, w)
	s.mu.Unlock()
	return w
}

// block is how many rows are placed at once.
const block = 256

// add takes n rows. Their windows and times are read only in modes that want them.
func (w *writer) add(rows unsafe.Pointer, n int, m *exec.Meta) error {
	if n == 0 {
		return nil
	}
	if err := w.s.key.Load(&w.col, rows, w.s.stride, n); err != nil {
		return exec.UserError(w.step, err)
	}
	if w.places == nil {
		w.places = make([]unsafe.Pointer, block)
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
func (w *writer) held(rows unsafe.Pointer) int64 {
	if w.s.sizer.Fixed() {
		return 0
	}
	var sum int64
	for i, h := range w.col.Hash {
		n := w.s.sizer.Held(unsafe.Add(rows, uintptr(i)*w.s.stride))
		w.parts[h>>(64-partitionBits)].bytes += n
		sum += n
	}
	return sum
}

// scatter finds the places of a block of rows, and then copies them there: only that depends on their type.
func (w *writer) scatter(rows unsafe.Pointer) (grown int64) {
	size := w.s.stride
	for lo := 0; lo < len(w.col.Hash); lo += block {
		hash := w.col.Hash[lo:min(lo+block, len(w.col.Hash))]
		to := w.places[:len(hash)]
		for i, h := range hash {
			p := &w.parts[h>>(64-partitionBits)]
			if p.n == p.cap {
				grown += w.newChunk(p)
			}
			to[i] = unsafe.Add(p.at, uintptr(p.n)*size)
			p.n++
		}
		w.s.row.Place(to, unsafe.Add(rows, uintptr(lo)*size), size, nil)
		clear(to) // or it would hold on to chunks that have been written to disk
	}
	return grown
}

func (w *writer) scatterMeta(rows unsafe.Pointer, m *exec.Meta) (grown int64) {
	to, from := w.places[:0], w.from[:0]
	for i, h := range w.col.Hash {
		p := &w.parts[h>>(64-partitionBits)]
		for _, win := range m.Windows(i) {
			if len(to) == block {
				w.s.row.Place(to, rows, w.s.stride, from)
				to, from = to[:0], from[:0]
			}
			if p.n == p.cap {
				grown += w.newChunk(p)
			}
			to, from = append(to, unsafe.Add(p.at, uintptr(p.n)*w.s.stride)), append(from, uint32(i))
			p.n++
			c := &p.chunks[len(p.chunks)-1]
			if w.s.mode.windowed {
				c.win = append(c.win, win)
			}
			if w.s.mode.timed {
				c.ts = append(c.ts, w.s.mode.assign(win, m.Time(i)))
			}
		}
	}
	w.s.row.Place(to, rows, w.s.stride, from)
	clear(w.places)
	w.from = from
	return grown
}

// newChunk appends an empty chunk to p, twice as large as the one before.
func (w *writer) newChunk(p *part) (bytes int64) {
	size := int(w.s.stride)
	if w.s.mode.windowed {
		size += int(unsafe.Sizeof(window.Window{}))
	}
	if w.s.mode.timed {
		size += 8
	}
	n := firstChunk
	if p.cap > 0 {
		n = 2 * p.cap
	}
	n = max(min(n, maxChunk/max(size, 1)), firstChunk)
	p.seal()
	c := chunk{rows: w.s.row.Make(n), cap: n}
	if w.s.mode.windowed {
		c.win = make([]window.Window, 0, n)
	}
	if w.s.mode.timed {
		c.ts = make([]mtime.Time, 0, n)
	}
	p.chunks = append(p.chunks, c)
	p.rows, p.at, p.n, p.cap = p.rows+p.n, c.rows, 0, n
	p.bytes += int64(n * size)
	return int64(n * size)
}

// seal says how many rows the last chunk has.
func (p *part) seal() {
	if k := len(p.chunks); k > 0 {
		p.chunks[k-1].n = p.n
	}
}

// spill writes all partitions of w to disk. It is called by whoever needs the memory. Several may do so at once, each
// writing to a file of its own; w goes on taking rows meanwhile.
func (w *writer) spill() (freed int64, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sweep == partitions {
		w.sweep = 0
	}
	var f *spill.File
	var r *runWriter
	for {
		for w.sweep < partitions && w.parts[w.sweep].total() == 0 {
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
func (w *writer) file() (*spill.File, error) {
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
func (w *writer) spillPart(p int, f *spill.File, r *runWriter) (freed int64, err error) {
	pt := w.parts[p]
	pt.seal()
	w.parts[p] = part{}
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
		seg, err = r.segment(f, pt.chunks, pt.total())
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
func (w *writer) settled(p int) error {
	for w.writing[p] > 0 {
		w.written.Wait()
	}
	return w.failed
}

// take removes partition p: what is in memory, and what is on disk. From then on it is not spilled.
func (w *writer) take(p int) (part, []spill.Segment, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.settled(p); err != nil {
		return part{}, nil, err
	}
	pt, segs := w.parts[p], w.segs[p]
	pt.seal()
	w.account.Charge(-pt.bytes)
	w.parts[p], w.segs[p] = part{}, nil
	return pt, segs, nil
}

// close gives back memory and files.
func (s *store) close() error {
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
				w.parts[i] = part{}
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
func (s *store) size(p int) (rows int, bytes int64) {
	for _, w := range s.writers {
		w.mu.Lock()
		_ = w.settled(p) // an error is take's
		rows += w.parts[p].total()
		bytes += w.parts[p].bytes
		for _, g := range w.segs[p] {
			rows += int(g.Rows)
			bytes += g.Raw
		}
		w.mu.Unlock()
	}
	return rows, bytes
}
