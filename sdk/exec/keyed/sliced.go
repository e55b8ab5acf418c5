package keyed

import (
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/exec/keys"
	"github.com/millrace-go/millrace/sdk/window"
)

// sliced is what a core has where windows overlap and each has one pane, at its end. Then what has been combined is kept by
// slice, which is a set of windows that elements are in, and not by window: an element of an hour that begins every
// minute is combined once, and not 60 times. When a window ends its slices are merged, key by key. (Krishnamurthy et al.,
// On-the-fly sharing for streamed aggregation, SIGMOD 2006, call them paired windows' slices.)
//
// The frames of the core are the slices then; a slice goes when the last of its windows has ended.
type sliced struct {
	cells slicedCells
	ends  []*ending // by number
	free  []uint32
	byW   map[window.Window]uint32

	// The window that is being emitted.
	at     *ending
	sum    frame // its keys
	merged int   // slices that have been added to sum
	entry  int   // of the next one: its table's entries that have been looked at
	emit   []uint32

	late [][]window.Window // by window set of the batch: what has ended
	one  []*frame          // by window set of the batch
}

// ending is a window that has not ended yet.
type ending struct {
	w      window.Window
	id     uint32
	slices []*frame
}

// slicedCells are cells that can be kept by slice.
type slicedCells interface {
	cells
	// fork makes into an empty slot of the key of from.
	fork(into, from uint32)
}

// keepsSlices reports whether a combine is kept by slice.
func keepsSlices(s window.Strategy) bool {
	_, overlap := s.Fn.(window.SlidingFn)
	return overlap && !s.Custom && s.HasDefaultTrigger() && s.Lateness == 0 && s.Combiner == window.EndOfWindow
}

// slice makes a core without slots keep slices.
func (c *core) slice(cells slicedCells) {
	c.sliced = &sliced{cells: cells, byW: map[window.Window]uint32{}}
}

// locateSliced is locate where slices are kept.
func (c *core) locateSliced(col *keys.Column, m *exec.Meta) {
	s := c.sliced
	if m.S == nil {
		ws := m.Windows(0)
		f, late := c.sliceOf(ws), c.ended(nil, ws)
		for i := range col.N {
			c.locateInSlice(f, late, col, uint32(i))
		}
		return
	}
	n := m.Sets.Len()
	for len(s.one) < n {
		s.one, s.late = append(s.one, nil), append(s.late, nil)
	}
	for i := range n {
		ws := m.Sets.Set(uint32(i))
		s.one[i], s.late[i] = c.sliceOf(ws), c.ended(s.late[i][:0], ws)
	}
	for i, set := range m.S {
		c.locateInSlice(s.one[set], s.late[set], col, uint32(i))
	}
}

func (c *core) locateInSlice(f *frame, late []window.Window, col *keys.Column, row uint32) {
	for _, w := range late {
		c.late = append(c.late, lateRow{row, w})
	}
	if f == nil {
		return
	}
	slot, isFresh := c.find(f, col, row)
	if isFresh {
		c.fresh = append(c.fresh, fresh{slot, row})
	}
	c.rows, c.slots = append(c.rows, row), append(c.slots, slot)
}

// ended appends those of some windows that have ended.
func (c *core) ended(dst, ws []window.Window) []window.Window {
	for _, w := range ws {
		if c.expired(w) {
			dst = append(dst, w)
		}
	}
	return dst
}

// sliceOf returns the slice of the elements that are in some windows, or nil if all of these have ended.
func (c *core) sliceOf(ws []window.Window) *frame {
	if len(ws) == 0 {
		return nil
	}
	// The windows of a set begin one period after the other: the first, the last and their number say which they are.
	name := window.Window{Start: ws[0].Start, End: ws[0].End, Tag: int64(len(ws))}
	for _, w := range ws[1:] {
		name.Start, name.End = min(name.Start, w.Start), max(name.End, w.End)
	}
	if f := c.frames[name]; f != nil {
		return f
	}
	if c.expired(name) {
		return nil
	}
	f := c.newFrame(name)
	for _, w := range ws {
		if !c.expired(w) {
			e := c.sliced.ending(c, w)
			e.slices = append(e.slices, f)
			f.open++
		}
	}
	return f
}

// ending returns the entry of a window.
func (s *sliced) ending(c *core, w window.Window) *ending {
	id, ok := s.byW[w]
	if !ok {
		if n := len(s.free); n > 0 {
			id, s.free = s.free[n-1], s.free[:n-1]
		} else {
			id = uint32(len(s.ends))
			s.ends = append(s.ends, &ending{})
		}
		e := s.ends[id]
		e.w, e.id = w, id
		s.byW[w] = id
		c.events.push(due{at: c.expiry(w), id: id})
	}
	return s.ends[id]
}

// advanceSliced emits the windows that have ended.
func (c *core) advanceSliced() (more bool, err error) {
	s := c.sliced
	for steps := 0; steps < perStep; {
		if s.at == nil {
			if !c.events.ready(c.clock.Watermark) {
				return false, nil
			}
			s.at = s.ends[c.events.pop().id]
			s.sum.w, s.merged, s.entry, s.emit = s.at.w, 0, 0, s.emit[:0]
		}
		switch {
		case s.merged < len(s.at.slices):
			steps += c.addSlice(s.at.slices[s.merged], perStep-steps)
		case len(s.emit) > 0:
			n := min(len(s.emit), exec.BatchSize)
			part := s.emit[len(s.emit)-n:]
			for _, slot := range part {
				c.fired = append(c.fired, firing{slot: slot, ts: s.at.w.MaxTimestamp(), w: s.at.w, pane: window.OnlyFiring})
			}
			if err := c.flush(); err != nil {
				return false, err
			}
			for _, slot := range part {
				c.release(slot)
			}
			s.emit = s.emit[:len(s.emit)-n]
			steps += n
		default:
			c.close(s.at)
			s.at = nil
			steps++
		}
	}
	return true, nil
}

// addSlice adds to the window that is being emitted what a slice holds, as far as most of its entries, and returns how
// many it has looked at.
func (c *core) addSlice(f *frame, most int) (looked int) {
	s := c.sliced
	t := &s.sum.table
	entries := f.table.entries[s.entry:]
	entries = entries[:min(len(entries), most)]
	for _, e := range entries {
		if e == 0 {
			continue
		}
		tag, from := uint32(e>>32), uint32(e)-1
		t.reserve(1)
		i := tag & t.mask
		into := uint32(0)
		for x := t.entries[i]; x != 0; x = t.entries[i] {
			if k := uint32(x) - 1; uint32(x>>32) == tag && c.sameKey(k, from) {
				into = k + 1
				break
			}
			i = (i + 1) & t.mask
		}
		if into == 0 {
			slot := c.alloc(&s.sum)
			c.copyKey(slot, from)
			s.cells.fork(slot, from)
			t.entries[i] = uint64(tag)<<32 | uint64(slot+1)
			t.n++
			s.emit = append(s.emit, slot)
			into = slot + 1
		}
		s.cells.merge(into-1, from)
	}
	if s.entry += len(entries); s.entry == len(f.table.entries) {
		s.merged, s.entry = s.merged+1, 0
	}
	return len(entries)
}

// close forgets a window that has been emitted, and its slices that no other window will ask for.
func (c *core) close(e *ending) {
	s := c.sliced
	for _, f := range e.slices {
		if f.open--; f.open == 0 {
			f.table.each(c.release)
			c.drop(f)
		}
	}
	delete(s.byW, e.w)
	clear(e.slices)
	e.slices = e.slices[:0]
	s.free = append(s.free, e.id)
	if t := &s.sum.table; len(t.entries) > 1024 && t.n*8 < len(t.entries) {
		*t = table{} // it was for a larger window
	} else {
		clear(t.entries)
		t.n = 0
	}
}

// sameKey reports whether two slots have one key.
func (c *core) sameKey(a, b uint32) bool {
	if c.kind == keys.Words {
		return c.word[a] == c.word[b]
	}
	p := c.pair[a]
	return p == c.pair[b] && (!p.IsLong() || c.text[a] == c.text[b])
}

func (c *core) copyKey(to, from uint32) {
	if c.kind == keys.Words {
		c.word[to] = c.word[from]
	} else {
		c.pair[to], c.text[to] = c.pair[from], c.text[from]
	}
}
