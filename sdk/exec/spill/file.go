// Package spill writes what does not fit into memory to temporary files, in compressed, checksummed blocks, and
// reads it back.
//
// A file holds segments, each written and read from its beginning; a segment holds records, which never span
// two blocks. Files are private to one process: they are unlinked when they are closed, and what a crash leaves
// is removed with its directory.
package spill

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/klauspost/compress/s2"
	"github.com/zeebo/xxh3"
)

// ErrCorrupt is wrapped by the errors of blocks that are not what was written.
var ErrCorrupt = errors.New("spill file is damaged")

const (
	blockSize  = 128 << 10
	headerSize = 16      // stored length, raw length, checksum of both and of what is stored
	maxBlock   = 1 << 31 // an int: machines of 32 bits are not supported, and this does not compile there
)

// Stats counts the bytes that spilling has moved. It is safe for concurrent use.
type Stats struct{ Written, Read atomic.Int64 }

// File is a temporary file of segments. Segments are written one at a time; any number may be read meanwhile.
type File struct {
	f     *os.File
	stats *Stats
	off   int64
	spare buffers

	// Blocks to store as they are, after one that did not compress: 15, after three such in a row 63.
	skip, misses int

	closing sync.Once
	err     error
}

// Create makes a file in dir. stats may be nil.
func Create(dir string, stats *Stats) (*File, error) {
	f, err := os.CreateTemp(dir, "spill-*")
	if err != nil {
		return nil, fmt.Errorf("spill: creating a file: %w; set the runner's temporary directory to one that can be written", err)
	}
	if stats == nil {
		stats = &Stats{}
	}
	return &File{f: f, stats: stats}, nil
}

// Close closes and removes the file. It is safe to call more than once.
func (f *File) Close() error {
	f.closing.Do(func() {
		f.err = errors.Join(f.f.Close(), os.Remove(f.f.Name()))
	})
	return f.err
}

func (f *File) write(b []byte) error {
	n, err := f.f.WriteAt(b, f.off)
	f.off += int64(n)
	f.stats.Written.Add(int64(n))
	if err != nil {
		return fmt.Errorf("spill: writing %d bytes to %s, which has %d: %w; free space there, set the runner's temporary directory to another disk, or give the job a larger budget",
			len(b), filepath.Dir(f.f.Name()), f.off, err)
	}
	return nil
}

// Segment is a part of a file that has been written.
type Segment struct {
	file     *File
	mem      []byte // a segment in memory, if file is nil
	off, end int64
	Rows     int64 // as Writer.Close was told
	Raw      int64 // bytes before compression
}

// Memory returns a segment of records in memory: the same to a reader as one on disk.
func Memory(records []byte, rows int64) Segment {
	return Segment{mem: records, end: 1, Rows: rows, Raw: int64(len(records))}
}

// Same reports whether s and t are one segment.
func (s Segment) Same(t Segment) bool {
	return s.file == t.file && s.off == t.off && unsafe.SliceData(s.mem) == unsafe.SliceData(t.mem)
}

// Writer appends a segment to a file.
type Writer struct {
	f     *File
	start int64
	raw   int64
	buffers
}

// buffers are what a writer works in: the block that is being filled, behind room for its header, and the same
// compressed. A file keeps one pair for the next segment: most are small.
type buffers struct{ block, comp []byte }

// Writer begins a segment.
func (f *File) Writer() *Writer {
	w := &Writer{f: f, start: f.off, buffers: f.spare}
	f.spare = buffers{}
	if w.block == nil {
		w.block = make([]byte, headerSize, headerSize+blockSize)
	}
	return w
}

// Append adds a record.
func (w *Writer) Append(rec []byte) error {
	if len(w.block) > headerSize && len(w.block)-headerSize+len(rec) > blockSize {
		if err := w.flush(); err != nil {
			return err
		}
	}
	w.block = append(w.block, rec...)
	w.raw += int64(len(rec))
	return nil
}

// Begin returns the block that is being filled, for a record to be appended to it; [Writer.End] is given the result.
// What was there before is not to be touched.
func (w *Writer) Begin() []byte { return w.block }

// End takes the block with one more record. A block is written once it is full, so that it is longer than others by
// less than a record.
func (w *Writer) End(block []byte) error {
	w.raw += int64(len(block) - len(w.block))
	w.block = block
	if len(block) < headerSize+blockSize {
		return nil
	}
	return w.flush()
}

// flush writes the block. The header is in front of what is stored, in the buffer that it is in already.
func (w *Writer) flush() error {
	raw := len(w.block) - headerSize
	if raw == 0 {
		return nil
	}
	if raw >= maxBlock {
		return fmt.Errorf("spill: a record of %d bytes: at most %d can be written", raw, maxBlock)
	}
	out := w.block // as it is: equal lengths say so
	if w.f.skip > 0 {
		w.f.skip--
	} else {
		if need := headerSize + s2.MaxEncodedLen(raw); cap(w.comp) < need {
			w.comp = make([]byte, need)
		}
		w.comp = w.comp[:cap(w.comp)]
		if stored := len(s2.Encode(w.comp[headerSize:], w.block[headerSize:])); stored <= raw*7/8 {
			out, w.f.misses = w.comp[:headerSize+stored], 0
		} else {
			w.f.misses = min(w.f.misses+1, 3)
			w.f.skip = 1<<(3+w.f.misses) - 1
		}
	}
	n := uint32(len(out) - headerSize)
	binary.LittleEndian.PutUint32(out, n)
	binary.LittleEndian.PutUint32(out[4:], uint32(raw))
	binary.LittleEndian.PutUint64(out[8:], checksum(out[headerSize:], n, uint32(raw)))
	w.block = w.block[:headerSize]
	return w.f.write(out)
}

// checksum covers the lengths too: they say whether a block is compressed, and a wrong one would give out what is
// stored as if it were what was written.
func checksum(stored []byte, n, raw uint32) uint64 {
	return xxh3.HashSeed(stored, uint64(n)|uint64(raw)<<32)
}

// Close ends the segment. The writer is not to be used again.
func (w *Writer) Close(rows int64) (Segment, error) {
	if err := w.flush(); err != nil {
		return Segment{}, err
	}
	if cap(w.block) <= 4*blockSize { // one that had a huge record is not worth keeping
		w.f.spare = w.buffers
	}
	w.buffers = buffers{}
	return Segment{file: w.f, off: w.start, end: w.f.off, Rows: rows, Raw: w.raw}, nil
}

// Reader reads a segment block by block.
type Reader struct {
	s     Segment
	at    int64 // of the block after the current one
	cur   int64 // of the current block
	buf   []byte
	block []byte
}

// Open returns a reader at the beginning of the segment. Readers of one segment are independent.
func (s Segment) Open() *Reader { return &Reader{s: s, at: s.off, cur: s.off} }

// Reset makes r a reader at the beginning of s, with the memory that it has.
func (r *Reader) Reset(s Segment) { r.ResetAt(s, s.off) }

// ResetAt is Reset for a reader whose next block is the one that begins at pos.
func (r *Reader) ResetAt(s Segment, pos int64) { r.s, r.at, r.cur = s, pos, pos }

// Block returns the next block, which is valid until the next call, or io.EOF.
func (r *Reader) Block() ([]byte, error) {
	if r.at >= r.s.end {
		return nil, io.EOF
	}
	if r.s.file == nil {
		r.at, r.cur = 1, 0
		return r.s.mem, nil
	}
	r.cur = r.at
	var h [headerSize]byte
	if err := r.read(h[:], r.at); err != nil {
		return nil, err
	}
	n, raw, sum := binary.LittleEndian.Uint32(h[:]), binary.LittleEndian.Uint32(h[4:]), binary.LittleEndian.Uint64(h[8:])
	if int64(n) > r.s.end-r.at-headerSize || n > raw || raw > maxBlock {
		return nil, r.corrupt("a block of %d bytes where %d are left", n, r.s.end-r.at-headerSize)
	}
	if cap(r.buf) < int(n) {
		r.buf = make([]byte, int(n)+int(n)/16) // blocks are about as long as each other
	}
	r.buf = r.buf[:n]
	if err := r.read(r.buf, r.at+headerSize); err != nil {
		return nil, err
	}
	if checksum(r.buf, n, raw) != sum {
		return nil, r.corrupt("checksum does not match")
	}
	r.at += headerSize + int64(n)
	if n == raw {
		return r.buf, nil
	}
	if l, err := s2.DecodedLen(r.buf); err != nil || l != int(raw) {
		return nil, r.corrupt("a compressed block of wrong length")
	}
	if cap(r.block) < int(raw) {
		r.block = make([]byte, int(raw)+int(raw)/16)
	}
	b, err := s2.Decode(r.block[:cap(r.block)], r.buf)
	if err != nil {
		return nil, r.corrupt("%v", err)
	}
	r.block = b
	return b, nil
}

func (r *Reader) read(b []byte, at int64) error {
	n, err := r.s.file.f.ReadAt(b, at)
	r.s.file.stats.Read.Add(int64(n))
	if err != nil {
		if errors.Is(err, io.EOF) {
			return r.corrupt("the file ends at %d", at+int64(n))
		}
		return fmt.Errorf("spill: reading %s: %w", r.s.file.f.Name(), err)
	}
	return nil
}

func (r *Reader) corrupt(format string, args ...any) error {
	return fmt.Errorf("spill: %s at offset %d: %w: %s", r.s.file.f.Name(), r.at, ErrCorrupt, fmt.Sprintf(format, args...))
}

// Pos is where the current block begins, for OpenAt.
func (r *Reader) Pos() int64 { return r.cur }

// OpenAt returns a reader whose next block is the one that begins at pos.
func (s Segment) OpenAt(pos int64) *Reader { return &Reader{s: s, at: pos, cur: pos} }

// Segment is what r reads.
func (r *Reader) Segment() Segment { return r.s }
