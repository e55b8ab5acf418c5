package exec

import (
	"encoding/binary"
	"errors"

	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

var errMeta = errors.New("exec: the times and windows of a batch cannot be read: malformed")

const (
	hasT = 1 << iota
	hasSets
	hasS
	hasP
)

// AppendMeta appends the encoding of the meta of n rows, for rows that leave memory.
func AppendMeta(dst []byte, m *Meta, n int) []byte {
	var flags byte
	for bit, on := range map[byte]bool{hasT: m.T != nil, hasSets: m.Sets != nil, hasS: m.S != nil, hasP: m.P != nil} {
		if on {
			flags |= bit
		}
	}
	dst = binary.AppendUvarint(append(dst, flags), uint64(n))
	dst = binary.AppendVarint(dst, int64(m.T0))
	dst = window.AppendPane(dst, m.P0)
	for _, t := range m.T {
		dst = binary.AppendVarint(dst, int64(t))
	}
	if m.Sets != nil {
		dst = binary.AppendUvarint(dst, uint64(m.Sets.Len()))
		for i := range m.Sets.Len() {
			ws := m.Sets.Set(uint32(i))
			dst = binary.AppendUvarint(dst, uint64(len(ws)))
			for _, w := range ws {
				dst = binary.AppendVarint(dst, int64(w.Start))
				dst = binary.AppendVarint(dst, int64(w.End))
				dst = binary.AppendVarint(dst, w.Tag)
			}
		}
	}
	for _, s := range m.S {
		dst = binary.AppendUvarint(dst, uint64(s))
	}
	for _, p := range m.P {
		dst = window.AppendPane(dst, p)
	}
	return dst
}

// metaReader reads numbers until one is missing.
type metaReader struct {
	b   []byte
	bad bool
}

func (r *metaReader) uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

// count is a number of things that take a byte each at least.
func (r *metaReader) count() int {
	v := r.uint()
	if v > uint64(len(r.b)) {
		r.bad = true
		return 0
	}
	return int(v)
}

func (r *metaReader) int() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *metaReader) pane() window.Pane {
	p, rest, err := window.DecodePane(r.b)
	if err != nil {
		r.bad, r.b = true, nil
	}
	r.b = rest
	return p
}

// DecodeMeta undoes AppendMeta: the number of rows, and their meta.
func DecodeMeta(src []byte) (m Meta, n int, rest []byte, err error) {
	if len(src) == 0 {
		return m, 0, src, errMeta
	}
	flags := src[0]
	r := &metaReader{b: src[1:]}
	n = r.count()
	m.T0 = mtime.Time(r.int())
	m.P0 = r.pane()
	if flags&hasT != 0 {
		m.T = make([]mtime.Time, n)
		for i := range m.T {
			m.T[i] = mtime.Time(r.int())
		}
	}
	if flags&hasSets != 0 {
		m.Sets = &WindowSets{}
		for range r.count() {
			var ws []window.Window
			for range r.count() {
				ws = append(ws, window.Window{Start: mtime.Time(r.int()), End: mtime.Time(r.int()), Tag: r.int()})
			}
			m.Sets.Add(ws...)
		}
	}
	if flags&hasS != 0 {
		m.S = make([]uint32, n)
		for i := range m.S {
			if m.S[i] = uint32(r.uint()); m.Sets == nil || int(m.S[i]) >= m.Sets.Len() {
				r.bad = true
			}
		}
	}
	if flags&hasP != 0 {
		m.P = make([]window.Pane, n)
		for i := range m.P {
			m.P[i] = r.pane()
		}
	}
	if r.bad {
		return Meta{}, 0, src, errMeta
	}
	return m, n, r.b, nil
}
