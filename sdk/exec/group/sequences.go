package group

import (
	"unsafe"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/mtime"
)

// sequences is a side whose groups are sequences.
type sequences struct {
	loaded
	seq    coder.Sequence
	slots  []*slot
	vals   exec.Column
	start  []uint32
	places []unsafe.Pointer // where values of a block go

	got   exec.Column // collected from runs
	gotG  []uint32
	gotT  []mtime.Time
	arena exec.Column // groups of the current batch, from runs
}

func newSequences(s *store, index int, in Input) *sequences {
	v := &sequences{loaded: loaded{s: s, index: index}, seq: in.Seq, places: make([]unsafe.Pointer, block)}
	v.vals.T, v.got.T, v.arena.T = in.Value, in.Value, in.Value
	return v
}

// slot is the sequence that a row of the batch holds. There are as many as rows in a batch, made once.
type slot struct {
	coder.Values
	of   *sequences
	big  *bigRange
	each func(yield func(unsafe.Pointer) bool) // read, made once
}

// dress implements side.
func (v *sequences) dress(value unsafe.Pointer) {
	s := &slot{of: v}
	s.each = s.read
	v.slots = append(v.slots, s)
	v.seq.Set(unsafe.Add(value, uintptr(v.index)*unsafe.Sizeof(uintptr(0))), &s.Values)
}

// read gives the values of a group that is read as it is iterated.
func (s *slot) read(yield func(unsafe.Pointer) bool) {
	vs := exec.Column{T: s.of.s.value}
	var ts []mtime.Time
	s.big.each(s.of.index, func(c *cursor) bool {
		var err error
		vs.N = 0
		if ts, err = decode(c, s.of.s.mode.timed, &vs, ts[:0]); err != nil {
			s.big.err = err
			return false
		}
		for i := range vs.N {
			if !yield(vs.Place(i)) {
				return false
			}
		}
		return true
	})
}

// scatter implements side.
func (v *sequences) scatter(groups int, remap []uint32, ts *times) {
	v.offsets(groups, v.ids, remap)
	n := len(v.ids)
	if v.vals.Cap < n {
		v.vals.At, v.vals.Cap = v.vals.T.Make(n), n
	}
	v.vals.N = n
	ids := v.ids
	for i := range v.cs {
		c := &v.cs[i]
		v.lay(ids[:c.n], unsafe.Add(c.rows, v.s.offset), v.s.stride)
		for j := range c.ts {
			ts.add(ids[j], c.ts[j])
		}
		ids = ids[c.n:]
		v.cs[i] = chunk{} // the rows are not needed any more
	}
	v.rewind()
}

// lay puts the values, which lie stride bytes apart, where those of their groups begin, and moves that on.
func (v *sequences) lay(groups []uint32, from unsafe.Pointer, stride uintptr) {
	size, at, start := v.vals.T.RowSize(), v.vals.At, v.start
	for lo := 0; lo < len(groups); lo += block {
		part := groups[lo:min(lo+block, len(groups))]
		to := v.places[:len(part)]
		for i, g := range part {
			to[i] = unsafe.Add(at, uintptr(start[g])*size)
			start[g]++
		}
		v.vals.T.Place(to, unsafe.Add(from, uintptr(lo)*stride), stride, nil)
	}
}

// offsets sets start[g] to where group g begins, applying remap to ids.
func (v *sequences) offsets(groups int, ids, remap []uint32) {
	if cap(v.start) < groups+1 {
		v.start = make([]uint32, groups+1)
	}
	v.start = v.start[:groups+1]
	clear(v.start)
	if remap != nil {
		for i, g := range ids {
			ids[i] = remap[g]
		}
	}
	for _, g := range ids {
		v.start[g+1]++
	}
	for g := range groups {
		v.start[g+1] += v.start[g]
	}
}

// rewind undoes the moving of start that scattering has done: each had reached the next one's beginning.
func (v *sequences) rewind() {
	copy(v.start[1:], v.start[:len(v.start)-1])
	v.start[0] = 0
}

// bind implements side.
func (v *sequences) bind(i, g int, _ unsafe.Pointer) {
	s := v.slots[i]
	lo, hi := v.start[g], v.start[g+1]
	s.big, s.Each, s.At, s.N = nil, nil, nil, int(hi-lo)
	if hi > lo { // a pointer behind the last value would be to something else
		s.At = v.vals.Place(int(lo))
	}
}

// bindBig implements side.
func (v *sequences) bindBig(i int, b *bigRange) {
	s := v.slots[i]
	s.big, s.Each, s.At, s.N = b, s.each, nil, 0
}

// begin implements side.
func (v *sequences) begin() { v.got.N, v.gotG, v.gotT = 0, v.gotG[:0], v.gotT[:0] }

// collect implements side.
func (v *sequences) collect(c *cursor, g uint32) (int, error) {
	var err error
	if v.gotT, err = decode(c, v.s.mode.timed, &v.got, v.gotT); err != nil {
		return 0, err
	}
	for range c.n {
		v.gotG = append(v.gotG, g)
	}
	return len(c.vals), nil
}

// settle implements side.
func (v *sequences) settle(groups int, remap []uint32, ts *times) {
	v.offsets(groups, v.gotG, remap)
	if n := v.got.N; v.arena.Cap-v.arena.N < n {
		v.arena = exec.Column{T: v.vals.T} // the old one is still held by the batch
		v.arena.Grow(max(n, 1024))
	}
	v.vals.N, v.vals.At, v.vals.Cap = v.got.N, nil, v.got.N
	if v.got.N > 0 {
		v.vals.At = v.arena.Place(v.arena.N)
	}
	v.arena.N += v.got.N
	v.lay(v.gotG, v.got.At, v.vals.T.RowSize())
	if v.s.mode.timed {
		for i, g := range v.gotG {
			ts.add(g, v.gotT[i])
		}
	}
	v.rewind()
}

// stamps adds the times of c's record to those of group 0.
func (v *sequences) stamps(c *cursor, ts *times) error {
	vs := exec.Column{T: v.s.value}
	at, err := decode(c, true, &vs, nil)
	for _, t := range at {
		ts.add(0, t)
	}
	return err
}

// done implements side.
func (v *sequences) done() {
	v.unload()
	clear(v.places)
	v.arena = exec.Column{T: v.vals.T}
	v.got.Clear()
	for _, s := range v.slots {
		s.At, s.N, s.Each, s.big = nil, 0, nil, nil
	}
	const keep = 1 << 20
	if v.vals.Bytes() > keep {
		v.vals.At, v.vals.N, v.vals.Cap = nil, 0, 0
	}
	v.vals.Reset()
}
