package textio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/millrace-go/millrace/sdk/sdf"
)

// ErrLineTooLong is wrapped by the error of a line that is longer than MaxLine.
var ErrLineTooLong = errors.New("line too long")

const (
	readSize = 256 << 10
	// Short lines are copied out of the read buffer several at a time. A line that is kept keeps the others of its
	// block in memory, so that a block is small.
	blockSize = 512
	claimSize = 8 << 10
	longLine  = 128
)

// lines cuts a file into lines.
type lines struct {
	r    io.ReaderAt
	size int64
	max  int
	path string
	ctx  context.Context
	buf  []byte
}

// read emits the lines that begin in t's restriction: a line belongs to the part that has its first byte. A part
// that does not begin the file skips the line it begins in, if that began before it.
func (l *lines) read(t *sdf.OffsetTracker, emit func(at int64, line string), count func(n int64)) error {
	part := t.Restriction()
	pos := part.Lo
	if pos > 0 {
		// Whether a line begins at pos is told by the byte before it.
		next, err := l.after(pos - 1)
		if err != nil {
			return err
		}
		pos = next
	}
	if l.buf == nil {
		l.buf = make([]byte, readSize)
	}
	for pos < l.size {
		if err := l.ctx.Err(); err != nil {
			return context.Cause(l.ctx)
		}
		if pos >= t.Restriction().Hi {
			break
		}
		n, err := l.fill(pos)
		if err != nil {
			return err
		}
		b := l.buf[:n]
		end := bytes.LastIndexByte(b, '\n') + 1
		if pos+int64(n) == l.size {
			end = n // the last line may lack its end
		}
		if end == 0 {
			if n >= l.max {
				return fmt.Errorf("textio: %s: the line at offset %d is longer than %d bytes: %w; raise textio.MaxLine", l.path, pos, l.max, ErrLineTooLong)
			}
			l.grow()
			continue
		}
		// Lines up to end are whole in the buffer. They are claimed a few at a time, so that the rest can be given
		// away while user code is slow. Those that begin below the claimed end are ours.
		for at := 0; at < end; {
			want := pos + int64(min(at+claimSize, end))
			claimed := t.ClaimUpTo(want)
			done := l.cut(b[at:end], pos+int64(at), claimed, emit)
			count(int64(done))
			at += done
			if claimed < want {
				return nil
			}
		}
		pos += int64(end)
	}
	t.ClaimUpTo(max(t.Restriction().Hi, part.Lo)) // no line begins in the rest
	return nil
}

// fill reads from pos and returns how much: a full buffer, or up to the end of the file.
func (l *lines) fill(pos int64) (int, error) {
	n, err := l.r.ReadAt(l.buf[:min(int64(len(l.buf)), l.size-pos)], pos)
	if err != nil && !(errors.Is(err, io.EOF) && pos+int64(n) == l.size) {
		return n, fmt.Errorf("textio: reading %s at offset %d: %w", l.path, pos+int64(n), err)
	}
	return n, nil
}

func (l *lines) grow() { l.buf = make([]byte, min(2*len(l.buf), max(l.max, len(l.buf)+1))) }

// after returns the offset behind the first line end at or after pos.
func (l *lines) after(pos int64) (int64, error) {
	small := make([]byte, 8<<10)
	for pos < l.size {
		n, err := l.r.ReadAt(small[:min(int64(len(small)), l.size-pos)], pos)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, fmt.Errorf("textio: reading %s at offset %d: %w", l.path, pos, err)
		}
		if i := bytes.IndexByte(small[:n], '\n'); i >= 0 {
			return pos + int64(i) + 1, nil
		}
		if n == 0 {
			break
		}
		pos += int64(n)
		if len(small) < 1<<20 {
			small = make([]byte, 2*len(small))
		}
	}
	return l.size, nil
}

// cut emits the lines in b, which is at offset pos and ends with a line, as far as they begin below limit. It
// returns the length of what it has emitted.
func (l *lines) cut(b []byte, pos, limit int64, emit func(at int64, line string)) int {
	at := 0
	for at < len(b) && pos+int64(at) < limit {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			i = len(b) - at
		}
		if i >= longLine {
			emit(pos+int64(at), string(chomp(b[at:at+i])))
			at += i + 1
			continue
		}
		// A block of short lines: one copy.
		end := min(at+blockSize, len(b))
		block := string(b[at:end])
		off := 0
		for off < len(block) && pos+int64(at+off) < limit {
			j := strings.IndexByte(block[off:], 0x0a)
			if j < 0 {
				if end < len(b) {
					break // the line goes on behind the block
				}
				j = len(block) - off
			}
			line := block[off : off+j]
			if j > 0 && line[j-1] == '\r' {
				line = line[:j-1]
			}
			emit(pos+int64(at+off), line)
			off += j + 1
		}
		at += off
	}
	return min(at, len(b))
}

func chomp(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '\r' {
		return b[:n-1]
	}
	return b
}

// stream emits the lines of a stream.
func (l *lines) stream(r io.Reader, emit func(at int64, line string)) error {
	l.buf = make([]byte, readSize)
	var pos int64
	n := 0
	for {
		if err := l.ctx.Err(); err != nil {
			return context.Cause(l.ctx)
		}
		k, err := io.ReadFull(r, l.buf[n:])
		n += k
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) && k < len(l.buf)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			// ReadFull says so at the end of every stream; only the decompressor knows whether it is cut off.
			var more [1]byte
			if m, err2 := r.Read(more[:]); m == 0 && err2 != nil && !errors.Is(err2, io.EOF) {
				return fmt.Errorf("textio: reading %s: the compressed data is damaged or cut off after %d bytes of text: %w", l.path, pos+int64(n), err2)
			}
		} else if err != nil && !last {
			return fmt.Errorf("textio: reading %s: the compressed data is damaged or cut off after %d bytes of text: %w", l.path, pos+int64(n), err)
		}
		end := n
		if !last {
			end = bytes.LastIndexByte(l.buf[:n], '\n') + 1
		}
		if end == 0 && !last {
			if n >= l.max {
				return fmt.Errorf("textio: %s: the line at offset %d is longer than %d bytes: %w; raise textio.MaxLine", l.path, pos, l.max, ErrLineTooLong)
			}
			old := l.buf
			l.grow()
			copy(l.buf, old[:n])
			continue
		}
		l.cut(l.buf[:end], pos, pos+int64(end), emit)
		if last {
			return nil
		}
		pos += int64(end)
		n = copy(l.buf, l.buf[end:n])
	}
}
