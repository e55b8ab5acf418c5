package lineio

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// reader cuts a stream into lines.
type reader struct {
	q        *queue
	from     string
	max      int
	skipLong bool

	buf      []byte // what has been read of a line that has no end yet
	line     int64  // lines before it
	skipping bool   // the line is too long, and is left out
	any      bool   // something has been read
}

// errUnwanted says that the queue takes no more.
var errUnwanted = errors.New("lineio: the source has been stopped")

// read reads src to its end; the error is nil there. Of a stream that breaks off, what there is of a last line is left
// in buf, and is nobody's.
func (r *reader) read(src io.Reader) error {
	r.q.reads(1)
	defer r.q.reads(-1)
	block := make([]byte, 16<<10)
	for {
		n, err := src.Read(block)
		if n > 0 {
			r.any = true
			if err := r.cut(block[:n]); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			if len(r.buf) == 0 || r.skipping {
				return nil
			}
			return r.cut([]byte{'\n'}) // the last line lacks its end
		case err != nil:
			return err
		}
		if n == len(block) && n < 256<<10 {
			block = make([]byte, 4*n) // there is much to read
		}
	}
}

// cut puts the lines that end in b into the queue.
func (r *reader) cut(b []byte) error {
	var lines []Line
	size := 0
	put := func() (err error) {
		if len(lines) > 0 && !r.q.put(lines, size) {
			err = errUnwanted
		}
		lines, size = nil, 0
		return err
	}
	var unwanted error // what has been read is given all the same
	for {
		i := bytes.IndexByte(b, '\n')
		part := b
		if i >= 0 {
			part = b[:i]
		}
		if !r.skipping && len(r.buf)+len(part) > r.max {
			if !r.skipLong {
				// The lines before it are good.
				_ = put()
				return fmt.Errorf("lineio: %s: line %d is longer than %d bytes: %w; raise lineio.MaxLine, or leave such lines out with lineio.SkipLong", r.from, r.line+1, r.max, ErrLineTooLong)
			}
			r.skipping = true
			r.q.skip()
		}
		if i < 0 {
			if !r.skipping {
				r.buf = append(r.buf, part...)
			}
			break
		}
		if !r.skipping {
			var text string
			if len(r.buf) > 0 {
				text = string(chomp(append(r.buf, part...)))
			} else {
				text = string(chomp(part))
			}
			lines = append(lines, Line{From: r.from, Text: text})
			size += len(text) + lineOverhead
			if size >= queueBytes/4 {
				unwanted = put()
			}
		}
		r.skipping = false
		r.line++
		if cap(r.buf) > 1<<20 {
			r.buf = nil
		}
		r.buf = r.buf[:0]
		b = b[i+1:]
	}
	if err := put(); err != nil {
		return err
	}
	return unwanted
}

// lineOverhead is what a line takes in memory beside its text.
const lineOverhead = 48

func chomp(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '\r' {
		return b[:n-1]
	}
	return b
}
