package window

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/millrace-go/millrace/sdk/mtime"
)

// ErrMalformed is wrapped by the errors of decoding.
var ErrMalformed = errors.New("window: malformed encoding")

// AppendTime appends t as Beam encodes instants: eight bytes, big endian, ordered as time is.
func AppendTime(dst []byte, t mtime.Time) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(t)^1<<63)
}

// DecodeTime undoes AppendTime.
func DecodeTime(src []byte) (mtime.Time, []byte, error) {
	if len(src) < 8 {
		return 0, src, fmt.Errorf("%w: a time ends early", ErrMalformed)
	}
	return mtime.Time(binary.BigEndian.Uint64(src) ^ 1<<63), src[8:], nil
}

// AppendInterval appends w, which has no tag, as beam:coder:interval_window:v1: its last instant and its length.
func AppendInterval(dst []byte, w Window) []byte {
	dst = AppendTime(dst, w.End)
	return binary.AppendUvarint(dst, uint64(w.End-w.Start))
}

// DecodeInterval undoes AppendInterval.
func DecodeInterval(src []byte) (Window, []byte, error) {
	end, rest, err := DecodeTime(src)
	if err != nil {
		return Window{}, src, err
	}
	span, n := binary.Uvarint(rest)
	if n <= 0 {
		return Window{}, src, fmt.Errorf("%w: an interval ends early", ErrMalformed)
	}
	return Window{Start: end - mtime.Time(span), End: end}, rest[n:], nil
}

// AppendPane appends p as Beam encodes panes in windowed values (PaneInfo's coder).
func AppendPane(dst []byte, p Pane) []byte {
	b := byte(p.Timing) << 2
	if p.First {
		b |= 1
	}
	if p.Last {
		b |= 2
	}
	switch {
	case p.Timing == Unknown && p.First, p.Index == 0 && p.First && p.Timing != Early && p.NonSpeculativeIndex == 0:
		return append(dst, b)
	case p.Index == p.NonSpeculativeIndex || p.Timing == Early:
		return binary.AppendUvarint(append(dst, b|1<<4), uint64(p.Index))
	}
	dst = binary.AppendUvarint(append(dst, b|2<<4), uint64(p.Index))
	return binary.AppendUvarint(dst, uint64(p.NonSpeculativeIndex))
}

// DecodePane undoes AppendPane.
func DecodePane(src []byte) (Pane, []byte, error) {
	if len(src) == 0 {
		return Pane{}, src, fmt.Errorf("%w: a pane ends early", ErrMalformed)
	}
	b := src[0]
	p := Pane{Timing: Timing(b >> 2 & 3), First: b&1 != 0, Last: b&2 != 0}
	rest := src[1:]
	n := int(b >> 4)
	if n > 2 {
		return Pane{}, src, fmt.Errorf("%w: a pane of kind %d", ErrMalformed, n)
	}
	var idx [2]uint64
	for i := range n {
		v, k := binary.Uvarint(rest)
		if k <= 0 {
			return Pane{}, src, fmt.Errorf("%w: a pane ends early", ErrMalformed)
		}
		idx[i], rest = v, rest[k:]
	}
	p.Index = int64(idx[0])
	switch {
	case n == 2:
		p.NonSpeculativeIndex = int64(idx[1])
	case p.Timing == Early:
		p.NonSpeculativeIndex = -1
	default:
		p.NonSpeculativeIndex = p.Index
	}
	return p, rest, nil
}
