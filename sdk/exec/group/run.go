package group

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"unsafe"

	"github.com/millrace-go/millrace/sdk/exec/keys"

	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/exec/spill"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// A run is a segment of records, ordered by (hash of the key, key, window):
//
//	key       length and bytes, in the table's form
//	window    start, end, tag as 8 bytes each, if rows carry one
//	n         number of values, 4 bytes, little endian
//	size      of what follows, in bytes, as n
//	values    each its encoding, behind 8 bytes of timestamp if rows carry one
//
// The hash is not there: it follows from the key, within this process. A group of many values is several records of
// one key.

const recordSize = 32 << 10 // of values, before a group goes on in another record

// records is where a run goes: a spill.Writer, or memory.
type records interface {
	// Begin returns what a record is to be appended to, End takes it with the record.
	Begin() []byte
	End(b []byte) error
}

// memory is records in memory.
type memory struct{ b []byte }

func (m *memory) Begin() []byte { return m.b }

func (m *memory) End(b []byte) error {
	m.b = b
	return nil
}

// runWriter writes runs, one after the other.
type runWriter struct {
	s      *store
	sorter *sorter
	where  []rowAt
	key    []byte
}

// rowAt is where a row of several chunks is.
type rowAt struct{ chunk, row uint32 }

func newRunWriter(s *store) *runWriter {
	return &runWriter{s: s, sorter: newSorter(s.key.Kind)}
}

// write writes chunks as a run. Values are encoded where they will be written from.
func (r *runWriter) write(cs []chunk, to records) error {
	s, g := r.s, r.sorter
	if err := sortRows(s, g, cs); err != nil {
		return err
	}
	r.where = r.where[:0]
	for c := range cs {
		for i := range cs[c].n {
			r.where = append(r.where, rowAt{uint32(c), uint32(i)})
		}
	}
	for _, x := range g.rank {
		kw := keyWindow{key: x.g}
		if s.mode.windowed {
			kw = g.groups[x.g]
		}
		r.key = g.table.bytes(r.key[:0], kw.key)
		for rows := g.order[g.start[x.g]:g.start[x.g+1]]; len(rows) > 0; {
			b := append(binary.AppendUvarint(to.Begin(), uint64(len(r.key))), r.key...)
			if s.mode.windowed {
				b = binary.BigEndian.AppendUint64(b, uint64(kw.w.Start))
				b = binary.BigEndian.AppendUint64(b, uint64(kw.w.End))
				b = binary.BigEndian.AppendUint64(b, uint64(kw.w.Tag))
			}
			b = append(b, 0, 0, 0, 0, 0, 0, 0, 0)
			body, n := len(b), 0
			for n < len(rows) && len(b)-body < recordSize {
				at := r.where[rows[n]]
				c := &cs[at.chunk]
				if s.mode.timed {
					b = binary.BigEndian.AppendUint64(b, uint64(c.ts[at.row]))
				}
				var err error
				if b, err = s.value.Coder().Append(b, unsafe.Add(c.rows, uintptr(at.row)*s.stride+s.offset)); err != nil {
					return fmt.Errorf("%s: encoding a value for disk: %w", s.name, err)
				}
				n++
			}
			rows = rows[n:]
			size := len(b) - body
			if size > math.MaxUint32 {
				return fmt.Errorf("%s: a value of %d bytes cannot go to disk: the limit is %d", s.name, size, math.MaxUint32)
			}
			binary.LittleEndian.PutUint32(b[body-8:], uint32(n))
			binary.LittleEndian.PutUint32(b[body-4:], uint32(size))
			if err := to.End(b); err != nil {
				return err
			}
		}
	}
	return nil
}

// segment writes chunks of a number of rows to a file.
func (r *runWriter) segment(f *spill.File, cs []chunk, rows int) (spill.Segment, error) {
	w := f.Writer()
	if err := r.write(cs, w); err != nil {
		return spill.Segment{}, err
	}
	return w.Close(int64(rows))
}

// cursor is a place in a run: at a record.
type cursor struct {
	input    int // which input of the exchange
	windowed bool
	kind     keys.Kind
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

	group uint64 // the last group that it was in, by number
	first place  // of its first record in that group
}

// place is where in a run a record begins.
type place struct {
	block int64
	at    int
}

// open moves c, which may be new, to the beginning of a run.
func (c *cursor) open(s spill.Segment) error {
	if c.r == nil {
		c.r = &spill.Reader{}
	}
	c.r.Reset(s)
	c.block, c.at, c.done, c.group = nil, 0, false, 0
	return c.next()
}

// mark is a place that a cursor has been at.
type mark struct {
	input    int
	windowed bool
	kind     keys.Kind
	seg      spill.Segment
	place
	end bool // behind the last record
}

func (c *cursor) place() place { return place{c.r.Pos(), c.start} }

func (c *cursor) mark(at place) mark {
	return mark{input: c.input, windowed: c.windowed, kind: c.kind, seg: c.r.Segment(), place: at}
}

// open returns a cursor at m.
func (m mark) open() (*cursor, error) {
	c := &cursor{input: m.input, windowed: m.windowed, kind: m.kind, r: &spill.Reader{}}
	return c, c.seek(m)
}

// seek moves c to m.
func (c *cursor) seek(m mark) error {
	c.r.ResetAt(m.seg, m.block)
	c.done = m.end
	if m.end {
		return nil
	}
	var err error
	if c.block, err = c.r.Block(); err != nil {
		return err
	}
	c.at = m.at
	return c.parse()
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
	n, k := binary.Uvarint(b)
	if k <= 0 || n > uint64(len(b)-k) || c.kind == keys.Words && n != 8 {
		return c.unreadable()
	}
	c.key, b = b[k:k+int(n)], b[k+int(n):]
	c.hash = keys.HashOf(c.kind, c.key)
	if c.windowed {
		if len(b) < 24 {
			return c.unreadable()
		}
		c.w = window.Window{
			Start: mtime.Time(binary.BigEndian.Uint64(b)), End: mtime.Time(binary.BigEndian.Uint64(b[8:])),
			Tag: int64(binary.BigEndian.Uint64(b[16:])),
		}
		b = b[24:]
	}
	if len(b) < 8 {
		return c.unreadable()
	}
	c.n = int(binary.LittleEndian.Uint32(b))
	size := binary.LittleEndian.Uint32(b[4:])
	b = b[8:]
	if uint64(size) > uint64(len(b)) {
		return c.unreadable()
	}
	c.vals = b[:size]
	c.at = len(c.block) - len(b) + int(size)
	return nil
}

func (c *cursor) unreadable() error {
	return fmt.Errorf("spill: a record at %d of its block cannot be read: %w", c.start, spill.ErrCorrupt)
}

// compareKey orders cursors by their keys.
func (c *cursor) compareKey(d *cursor) int {
	if x := cmp.Compare(c.hash, d.hash); x != 0 {
		return x
	}
	return bytes.Compare(c.key, d.key)
}

func (c *cursor) compare(d *cursor) int {
	if x := c.compareKey(d); x != 0 {
		return x
	}
	return c.w.Compare(d.w)
}

// decode appends the values of the record to vs, and their times to ts if the run has them.
func decode(c *cursor, timed bool, vs *exec.Column, ts []mtime.Time) ([]mtime.Time, error) {
	b := c.vals
	for range c.n {
		if timed {
			if len(b) < 8 {
				return ts, fmt.Errorf("spill: a value ends early: %w", spill.ErrCorrupt)
			}
			ts = append(ts, mtime.Time(binary.BigEndian.Uint64(b)))
			b = b[8:]
		}
		p := vs.Add()
		var err error
		if b, err = vs.T.Coder().Decode(b, p); err != nil {
			vs.N--
			return ts, err
		}
	}
	return ts, nil
}
