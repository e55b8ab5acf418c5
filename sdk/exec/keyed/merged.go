package keyed

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/exec/keys"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// merged is what a core has more where windows merge. Keys have numbers of their own then, and each key a list of
// slots, one for each of its windows.
type merged struct {
	table   table // of key numbers
	head    []uint32
	unused  []uint32
	all     frame // stands for the window that a slot has in c.home
	key     []uint32
	span    []window.Window
	next    []uint32
	expired []uint32 // slots to be released when their panes are emitted

	ws []window.Window
}

// keyOf is where the key of a slot is.
func (c *core) keyOf(slot uint32) uint32 {
	if c.merged != nil {
		return c.merged.key[slot]
	}
	return slot
}

func (c *core) locateMerging(col *keys.Column, m *exec.Meta) error {
	for i := range col.N {
		row := uint32(i)
		key := uint32(0)
		known := false
		for _, w := range m.Windows(i) {
			if !known {
				key, known = c.number(col, row), true
			}
			slot, state, err := c.place(key, w)
			if err != nil {
				return err
			}
			switch {
			case state == isLate, c.panes != nil && state == isOld && c.panes.closed(slot):
				c.late = append(c.late, row)
				continue
			case state == isFresh:
				c.fresh = append(c.fresh, fresh{slot, row})
			}
			c.rows = append(c.rows, row)
			c.slots = append(c.slots, slot)
		}
		if known && c.merged.head[key] == 0 {
			c.forget(key)
		}
	}
	return nil
}

// number returns the number of a row's key.
func (c *core) number(col *keys.Column, row uint32) uint32 {
	g := c.merged
	t := &g.table
	t.reserve(1)
	tag := tagOf(col.Hash[row])
	i := tag & t.mask
	for e := t.entries[i]; e != 0; e = t.entries[i] {
		if k := uint32(e) - 1; uint32(e>>32) == tag && c.isKey(k, col, row) {
			return k
		}
		i = (i + 1) & t.mask
	}
	var k uint32
	if n := len(g.unused); n > 0 {
		k = g.unused[n-1]
		g.unused = g.unused[:n-1]
	} else {
		k = uint32(len(g.head))
		g.head = append(g.head, 0)
		c.growKeys()
	}
	if c.kind == keys.Words {
		c.word[k] = col.Word[row]
	} else {
		c.pair[k], c.text[k] = col.Pair[row], strings.Clone(col.Key(int(row)))
	}
	t.entries[i] = uint64(tag)<<32 | uint64(k+1)
	t.n++
	return k
}

func (c *core) isKey(k uint32, col *keys.Column, row uint32) bool {
	if c.kind == keys.Words {
		return c.word[k] == col.Word[row]
	}
	p := col.Pair[row]
	return c.pair[k] == p && (!p.IsLong() || c.text[k] == col.Key(int(row)))
}

// forget takes out a key that has no windows.
func (c *core) forget(key uint32) {
	c.merged.table.remove(tagOf(c.hash(key)), key)
	c.merged.unused = append(c.merged.unused, key)
	if c.kind != keys.Words {
		c.text[key] = ""
	}
}

type placing uint8

const (
	isOld placing = iota
	isFresh
	isLate
)

// place returns the slot of w for a key, after merging.
func (c *core) place(key uint32, w window.Window) (uint32, placing, error) {
	if c.gap {
		slot, state := c.placeGap(key, w)
		return slot, state, nil
	}
	g := c.merged
	g.ws = g.ws[:0]
	for s := g.head[key]; s != 0; s = g.next[s-1] {
		if g.span[s-1] == w {
			return s - 1, isOld, nil
		}
		g.ws = append(g.ws, g.span[s-1])
	}
	g.ws = append(g.ws, w)
	slices.SortFunc(g.ws, window.Window.Compare)
	named := map[window.Window]bool{}
	result, has := uint32(0), false
	to := w
	for _, m := range c.merger.MergeWindows(slices.Clone(g.ws)) {
		if len(m.From) == 0 || m.To.End <= m.To.Start {
			return 0, 0, fmt.Errorf("the window function merged %v into %v: it needs windows to merge and a result that is not empty", m.From, m.To)
		}
		for _, f := range m.From {
			if !slices.Contains(g.ws, f) {
				return 0, 0, fmt.Errorf("the window function merged %v, which is not one of the windows that it was given", f)
			}
			if named[f] {
				return 0, 0, fmt.Errorf("the window function merged %v twice, the second time into %v", f, m.To)
			}
			named[f] = true
		}
		target, found := c.slotOf(key, m.To)
		for _, f := range m.From {
			s, ok := c.slotOf(key, f)
			switch {
			case !ok || found && s == target:
			case !found:
				target, found = s, true
			default:
				c.fold(key, target, s)
			}
		}
		if found && g.span[target] != m.To {
			c.stretch(target, m.To)
		}
		if slices.Contains(m.From, w) {
			result, has, to = target, found, m.To
		}
	}
	if has {
		return result, isOld, nil
	}
	if slot, ok := c.slotOf(key, to); ok {
		return slot, isOld, nil
	}
	if c.expired(to) {
		return 0, isLate, nil
	}
	return c.openSpan(key, to), isFresh, nil
}

// placeGap is place where windows merge that overlap: then the windows that a key has are apart.
func (c *core) placeGap(key uint32, w window.Window) (uint32, placing) {
	g := c.merged
	target, found, span := uint32(0), false, w
	for s := g.head[key]; s != 0; {
		slot := s - 1
		s = g.next[slot]
		if o := g.span[slot]; w.Intersects(o) {
			span.Start, span.End = min(span.Start, o.Start), max(span.End, o.End)
			if !found {
				target, found = slot, true
			} else {
				c.fold(key, target, slot)
			}
		}
	}
	if !found {
		if c.expired(w) {
			return 0, isLate
		}
		return c.openSpan(key, w), isFresh
	}
	if span != g.span[target] {
		c.stretch(target, span)
	}
	return target, isOld
}

func (c *core) slotOf(key uint32, w window.Window) (uint32, bool) {
	g := c.merged
	for s := g.head[key]; s != 0; s = g.next[s-1] {
		if g.span[s-1] == w {
			return s - 1, true
		}
	}
	return 0, false
}

// openSpan gives a key a window.
func (c *core) openSpan(key uint32, w window.Window) uint32 {
	g := c.merged
	slot := c.alloc(&g.all)
	for int(slot) >= len(g.span) {
		g.key, g.span, g.next = append(g.key, 0), append(g.span, window.Window{}), append(g.next, 0)
	}
	g.key[slot], g.span[slot], g.next[slot] = key, w, g.head[key]
	g.head[key] = slot + 1
	at := w.End
	if at <= c.clock.Watermark {
		at = c.expiry(w)
	}
	c.events.push(due{at, slot, c.gen[slot]})
	return slot
}

// stretch gives a slot another window.
func (c *core) stretch(slot uint32, w window.Window) {
	g := c.merged
	ended := g.span[slot].End <= c.clock.Watermark
	g.span[slot] = w
	if ended && w.End > c.clock.Watermark {
		c.events.push(due{w.End, slot, c.gen[slot]}) // it is still to come to its end
	}
	if c.panes != nil {
		c.panes.stretched(slot)
	}
}

// fold merges the slot from into to.
func (c *core) fold(key, to, from uint32) {
	c.cells.merge(to, from)
	if c.panes != nil {
		c.panes.merge(to, from)
	}
	c.unlink(key, from)
	c.release(from)
}

func (c *core) unlink(key, slot uint32) {
	g := c.merged
	p := &g.head[key]
	for *p != slot+1 {
		p = &g.next[*p-1]
	}
	*p = g.next[slot]
}

func (c *core) advanceMerging() (more bool, err error) {
	g := c.merged
	for range perStep {
		if !c.events.ready(c.clock.Watermark) {
			if err := c.settle(); err != nil {
				return false, err
			}
			if c.panes != nil {
				return c.panes.tick()
			}
			return false, nil
		}
		d := c.events.pop()
		if c.home[d.id] == nil || c.gen[d.id] != d.gen {
			continue
		}
		w := g.span[d.id]
		expiring := c.expiry(w) <= c.clock.Watermark
		if expiring && c.lateness > 0 { // its on-time pane, if it is waiting too, must be out and cleared by then
			if err := c.flush(); err != nil {
				return false, err
			}
		}
		switch {
		case w.End > d.at && w.End > c.clock.Watermark:
			c.events.push(due{w.End, d.id, d.gen})
			continue
		case c.panes == nil:
			c.fired = append(c.fired, firing{slot: d.id, ts: w.MaxTimestamp(), w: w, pane: window.OnlyFiring})
		default:
			c.panes.endOfWindow(d.id, expiring)
		}
		if expiring {
			g.expired = append(g.expired, d.id)
			c.gen[d.id]++ // what else names it is out of date
		} else {
			c.events.push(due{c.expiry(w), d.id, d.gen})
		}
		if len(c.fired) >= exec.BatchSize {
			if err := c.settle(); err != nil {
				return false, err
			}
		}
	}
	return true, c.settle()
}

// settle emits what has fired and releases what has expired.
func (c *core) settle() error {
	if err := c.flush(); err != nil {
		return err
	}
	for _, slot := range c.merged.expired {
		key := c.merged.key[slot]
		c.unlink(key, slot)
		c.release(slot)
		if c.merged.head[key] == 0 {
			c.forget(key)
		}
	}
	c.merged.expired = c.merged.expired[:0]
	return nil
}

// stretched is told that the window of a slot has become another: its panes are counted anew, and what its trigger
// has said of the old end may hold no more (Beam: TriggerStateMachine.onMerge).
func (p *panes) stretched(slot uint32) {
	s := &p.state[slot]
	s.index, s.spoken = 0, 0
	s.flags &^= onTime
	if s.flags&told != 0 {
		st := p.of(slot)
		p.m.Merge(st, [][]int64{st}, p.clock(slot))
		p.reopen(slot, s, st)
	}
	if s.flags&timed != 0 && p.c.strategy.Combiner == window.EndOfWindow {
		s.flags &^= timed
		p.stamp(slot, s, p.c.window(slot).MaxTimestamp())
	}
}

// merge adds the state of another slot.
func (p *panes) merge(to, from uint32) {
	s, o := &p.state[to], &p.state[from]
	s.pending += o.pending
	s.arrived += o.arrived
	if o.flags&timed != 0 {
		p.stamp(to, s, max(o.ts, p.c.clock.Watermark))
	}
	// Windows merge before their triggers see the elements of the bundle: one that was opened by these has no state.
	if st, with := p.of(to), [][]int64{p.of(to), p.of(from)}; o.flags&told != 0 {
		if s.flags&told == 0 {
			with = with[1:]
		}
		p.m.Merge(st, with, p.clock(to))
		p.reopen(to, s, st)
		s.flags |= told
	}
	s.alarm = mtime.Max
	if s.flags&touched == 0 {
		s.flags |= touched
		p.touched = append(p.touched, to)
	}
}

func (p *panes) reopen(slot uint32, s *pane, st []int64) {
	s.flags &^= closed
	if p.m.Finished(st) {
		s.flags |= closed
	}
}
