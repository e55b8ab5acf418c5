package group

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"unsafe"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec/spill"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// A run is a segment of records, ordered by (hash, key, window):
//
//	hash      8 bytes, big endian
//	key       length and bytes, in the table's form
//	window    start, end, tag as 8 bytes each, if rows carry one
//	n         number of values
//	size      of what follows, in bytes
//	values    each its encoding, behind 8 bytes of timestamp if rows carry one
//
// A group of many values is several records of one key.

const recordSize = 32 << 10 // of values, before a group goes on in another record

// spill writes all partitions of w to disk. It is called by whoever needs the memory.
func (w *writer[K, V]) spill() (freed int64, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.freed {
		return 0, nil
	}
	var enc recordEncoder
	for p := range w.parts {
		pt := &w.parts[p]
		if pt.rows == 0 {
			continue
		}
		if w.runs == nil {
			if w.runs, err = spill.Create(w.s.host.TempDir, w.s.host.Budget.Disk()); err != nil {
				return freed, err
			}
		}
		sw := w.runs.Writer()
		if err := writeRun(w.s, pt.chunks, &enc, sw.Append); err != nil {
			return freed, err
		}
		seg, err := sw.Close(int64(pt.rows))
		if err != nil {
			return freed, err
		}
		w.segs[p] = append(w.segs[p], seg)
		freed += pt.bytes
		w.account.Charge(-pt.bytes)
		*pt = part[coder.KV[K, V]]{}
	}
	return freed, nil
}

// memoryRun returns chunks as a run in memory.
func memoryRun[K, V any](s *store[K, V], cs []chunk[coder.KV[K, V]]) (spill.Segment, error) {
	var buf []byte
	rows := 0
	for i := range cs {
		rows += len(cs[i].rows)
	}
	err := writeRun(s, cs, &recordEncoder{}, func(rec []byte) error {
		buf = append(buf, rec...)
		return nil
	})
	return spill.Memory(buf, int64(rows)), err
}

// maxMemoryRun is how much of a partition, in bytes, is sorted in memory when its other parts are on disk.
const maxMemoryRun = 2 << 20

// diskRun writes chunks as a run on disk: they are read once more, but not held twice.
func diskRun[K, V any](s *store[K, V], cs []chunk[coder.KV[K, V]]) (spill.Segment, error) {
	f, err := spill.Create(s.host.TempDir, s.host.Budget.Disk())
	if err != nil {
		return spill.Segment{}, err
	}
	s.mu.Lock()
	s.late = append(s.late, f)
	s.mu.Unlock()
	rows := 0
	for i := range cs {
		rows += len(cs[i].rows)
	}
	w := f.Writer()
	if err := writeRun(s, cs, &recordEncoder{}, w.Append); err != nil {
		return spill.Segment{}, err
	}
	return w.Close(int64(rows))
}

type recordEncoder struct{ rec, key, vals []byte }

func writeRun[K, V any](s *store[K, V], cs []chunk[coder.KV[K, V]], e *recordEncoder, put func([]byte) error) error {
	g, err := s.sortRows(cs)
	if err != nil {
		return err
	}
	type at struct{ chunk, row uint32 }
	where := make([]at, 0, len(g.order))
	for c := range cs {
		for r := range cs[c].rows {
			where = append(where, at{uint32(c), uint32(r)})
		}
	}
	for i, kw := range g.groups {
		e.key = g.table.bytes(e.key[:0], kw.key)
		n := 0
		e.vals = e.vals[:0]
		flush := func() error {
			e.rec = binary.BigEndian.AppendUint64(e.rec[:0], g.table.keyHash(kw.key))
			e.rec = append(binary.AppendUvarint(e.rec, uint64(len(e.key))), e.key...)
			if s.mode.windowed {
				e.rec = binary.BigEndian.AppendUint64(e.rec, uint64(kw.w.Start))
				e.rec = binary.BigEndian.AppendUint64(e.rec, uint64(kw.w.End))
				e.rec = binary.BigEndian.AppendUint64(e.rec, uint64(kw.w.Tag))
			}
			e.rec = binary.AppendUvarint(e.rec, uint64(n))
			e.rec = binary.AppendUvarint(e.rec, uint64(len(e.vals)))
			e.rec = append(e.rec, e.vals...)
			n, e.vals = 0, e.vals[:0]
			return put(e.rec)
		}
		for _, row := range g.order[g.start[i]:g.start[i+1]] {
			c := &cs[where[row].chunk]
			r := where[row].row
			if s.mode.timed {
				e.vals = binary.BigEndian.AppendUint64(e.vals, uint64(c.ts[r]))
			}
			if e.vals, err = s.valC.Append(e.vals, &c.rows[r].Value); err != nil {
				return fmt.Errorf("%s: encoding a value for disk: %w", s.name, err)
			}
			n++
			if len(e.vals) >= recordSize {
				if err := flush(); err != nil {
					return err
				}
			}
		}
		if n > 0 {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// cursor is a place in a run: at a record.
type cursor struct {
	input    int // which input of the exchange
	windowed bool
	r        *spill.Reader
	block    []byte
	at       int // of the record after the current one
	start    int // of the current one

	hash uint64
	key  []byte // aliases the block
	w    window.Window
	n    int
	vals []byte
	done bool
}

func openCursor(input int, windowed bool, s spill.Segment) (*cursor, error) {
	c := &cursor{input: input, windowed: windowed, r: s.Open()}
	return c, c.next()
}

// mark is a place that a cursor has been at.
type mark struct {
	input    int
	windowed bool
	seg      spill.Segment
	block    int64
	at       int
	end      bool // behind the last record
}

func (c *cursor) mark() mark {
	return mark{c.input, c.windowed, c.r.Segment(), c.r.Pos(), c.start, c.done}
}

// open returns a cursor at m.
func (m mark) open() (*cursor, error) {
	c := &cursor{input: m.input, windowed: m.windowed, r: m.seg.OpenAt(m.block), done: m.end}
	if m.end {
		return c, nil
	}
	var err error
	if c.block, err = c.r.Block(); err != nil {
		return nil, err
	}
	c.at = m.at
	return c, c.parse()
}

// next moves to the next record; done is true behind the last.
func (c *cursor) next() error {
	if c.at >= len(c.block) {
		var err error
		if c.block, err = c.r.Block(); err != nil {
			c.done = errors.Is(err, io.EOF)
			if c.done {
				return nil
			}
			return err
		}
		c.at = 0
	}
	return c.parse()
}

func (c *cursor) parse() error {
	c.start = c.at
	b := c.block[c.at:]
	fail := func() error {
		return fmt.Errorf("spill: a record at %d of its block cannot be read: %w", c.start, spill.ErrCorrupt)
	}
	if len(b) < 8 {
		return fail()
	}
	c.hash, b = binary.BigEndian.Uint64(b), b[8:]
	n, k := binary.Uvarint(b)
	if k <= 0 || n > uint64(len(b)-k) {
		return fail()
	}
	c.key, b = b[k:k+int(n)], b[k+int(n):]
	if c.windowed {
		if len(b) < 24 {
			return fail()
		}
		c.w = window.Window{
			Start: mtime.Time(binary.BigEndian.Uint64(b)), End: mtime.Time(binary.BigEndian.Uint64(b[8:])),
			Tag: int64(binary.BigEndian.Uint64(b[16:])),
		}
		b = b[24:]
	}
	n, k = binary.Uvarint(b)
	if k <= 0 {
		return fail()
	}
	c.n, b = int(n), b[k:]
	n, k = binary.Uvarint(b)
	if k <= 0 || n > uint64(len(b)-k) {
		return fail()
	}
	c.vals = b[k : k+int(n)]
	c.at = len(c.block) - len(b) + k + int(n)
	return nil
}

// compareKey orders cursors by their keys.
func (c *cursor) compareKey(d *cursor) int {
	switch {
	case c.hash < d.hash:
		return -1
	case c.hash > d.hash:
		return 1
	}
	return strings.Compare(unsafe.String(unsafe.SliceData(c.key), len(c.key)), unsafe.String(unsafe.SliceData(d.key), len(d.key)))
}

func (c *cursor) compare(d *cursor) int {
	if x := c.compareKey(d); x != 0 {
		return x
	}
	return c.w.Compare(d.w)
}

// decode appends the values of the record to vs, and their times to ts if the run has them.
func decode[V any](c *cursor, vc coder.Coder[V], timed bool, vs []V, ts []mtime.Time) ([]V, []mtime.Time, error) {
	b := c.vals
	for range c.n {
		if timed {
			if len(b) < 8 {
				return vs, ts, fmt.Errorf("spill: a value ends early: %w", spill.ErrCorrupt)
			}
			ts = append(ts, mtime.Time(binary.BigEndian.Uint64(b)))
			b = b[8:]
		}
		var v V
		var err error
		if b, err = vc.Decode(b, &v); err != nil {
			return vs, ts, err
		}
		vs = append(vs, v)
	}
	return vs, ts, nil
}
