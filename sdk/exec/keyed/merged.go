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

// merged is what a core has more where windows merge. Keys have numbers of their own then, and each key a slot for each
// of its windows.
type merged struct {
	spans
	table   table // of key numbers
	unused  []uint32
	all     frame    // stands for the window that a slot has in c.home
	key     []uint32 // by slot
	expired []uint32 // slots to be released when their panes are emitted

	// Of the batch that is being located.
	batch  uint32   // its number
	born   []uint32 // by slot: the batch that opened it
	into   []uint32 // by slot: what it has been folded into, plus one
	folded []uint32 // slots to be released when all rows are located

	ws    []window.Window
	found []uint32 // slots of the key that is being placed
}

// isFresh reports whether a slot was opened by the batch that is being located: the cells do not know it yet.
func (g *merged) isFresh(slot uint32) bool { return g.born[slot] == g.batch }

// keyOf is where the key of a slot is.
func (c *core) keyOf(slot uint32) uint32 {
	if c.merged != nil {
		return c.merged.key[slot]
	}
	return slot
}

func (c *core) locateMerging(col *keys.Column, m *exec.Meta) error {
	c.merged.batch++
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
				return fmt.Errorf("%s: %w", c.name, err)
			}
			switch {
			case state == isLate:
				c.late = append(c.late, lateRow{row, w})
				continue
			case state == isFresh:
				c.fresh = append(c.fresh, fresh{slot, row})
			}
			c.rows = append(c.rows, row)
			c.slots = append(c.slots, slot)
		}
		if known && c.merged.none(key) {
			c.forget(key)
		}
	}
	c.unfold()
	return nil
}

// unfold puts the rows that were located in slots which other rows then merged into the slots that are left.
func (c *core) unfold() {
	g := c.merged
	if len(g.folded) == 0 {
		return
	}
	for i, slot := range c.slots {
		for g.into[slot] != 0 {
			slot = g.into[slot] - 1
		}
		c.slots[i] = slot
	}
	c.fresh = slices.DeleteFunc(c.fresh, func(f fresh) bool { return g.into[f.slot] != 0 })
	for _, slot := range g.folded {
		if g.into[slot] = 0; g.isFresh(slot) {
			c.recycle(slot)
		} else {
			c.release(slot)
		}
	}
	g.folded = g.folded[:0]
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
		g.addKey()
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

// place returns the slot of w for a key, after merging. Windows whose trigger has finished do not merge: they only drop what
// is in just their span (Beam: ReduceFnRunnerTest.testMergingWithClosedDoesNotPoison).
func (c *core) place(key uint32, w window.Window) (uint32, placing, error) {
	if c.gap {
		slot, state := c.placeGap(key, w)
		return slot, state, nil
	}
	g := c.merged
	g.ws = g.ws[:0]
	g.found = g.appendAll(g.found[:0], key)
	for _, s := range g.found {
		if c.isClosed(s) {
			continue
		}
		if g.span[s] == w {
			return s, isOld, nil
		}
		g.ws = append(g.ws, g.span[s])
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
				target = c.fold(key, target, s)
			}
		}
		if found && g.span[target] != m.To {
			c.stretch(key, target, m.To)
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
	slot, state := c.openSpan(key, to)
	return slot, state, nil
}

// placeGap is place where windows merge that overlap: then the windows that a key has are apart.
func (c *core) placeGap(key uint32, w window.Window) (uint32, placing) {
	g := c.merged
	target, found, span := uint32(0), false, w
	g.found = g.appendOverlapping(g.found[:0], key, w)
	for _, slot := range g.found {
		o := g.span[slot]
		span.Start, span.End = min(span.Start, o.Start), max(span.End, o.End)
		if !found {
			target, found = slot, true
		} else {
			target = c.fold(key, target, slot)
		}
	}
	if !found {
		return c.openSpan(key, w)
	}
	if span != g.span[target] {
		c.stretch(key, target, span)
	}
	return target, isOld
}

func (c *core) isClosed(slot uint32) bool { return c.panes != nil && c.panes.closed(slot) }

// slotOf returns the slot of a window that is open.
func (c *core) slotOf(key uint32, w window.Window) (uint32, bool) { return c.spanOf(key, w, false) }

func (c *core) spanOf(key uint32, w window.Window, closed bool) (uint32, bool) {
	var few [4]uint32
	for _, s := range c.merged.appendEqual(few[:0], key, w) {
		if c.isClosed(s) == closed {
			return s, true
		}
	}
	return 0, false
}

// openSpan gives a key a window, unless it has expired or is closed.
func (c *core) openSpan(key uint32, w window.Window) (uint32, placing) {
	g := c.merged
	if c.expired(w) {
		return 0, isLate
	}
	if _, closed := c.spanOf(key, w, true); closed {
		return 0, isLate
	}
	slot := c.alloc(&g.all)
	for int(slot) >= len(g.key) {
		g.key, g.born, g.into = append(g.key, 0), append(g.born, 0), append(g.into, 0)
	}
	g.key[slot], g.born[slot] = key, g.batch
	g.add(key, slot, w)
	at := w.End
	if at <= c.clock.Watermark {
		at = c.expiry(w)
	}
	c.events.push(due{at, slot, c.gen[slot]})
	return slot, isFresh
}

// stretch gives a slot another window. Was there one that is closed, then it is open again, or what this one holds would be
// lost.
func (c *core) stretch(key, slot uint32, w window.Window) {
	g := c.merged
	if old, closed := c.spanOf(key, w, true); closed {
		g.unlink(key, old)
		c.release(old)
	}
	ended := g.span[slot].End <= c.clock.Watermark
	g.change(key, slot, w)
	if ended && w.End > c.clock.Watermark {
		c.events.push(due{w.End, slot, c.gen[slot]}) // it is still to come to its end
	}
	if c.panes != nil {
		c.panes.stretched(slot)
	}
}

// fold merges two slots and returns the one that is left. That is one which the cells know, if there is one.
func (c *core) fold(key, to, from uint32) uint32 {
	g := c.merged
	if g.isFresh(to) {
		to, from = from, to
	}
	if !g.isFresh(from) {
		c.cells.merge(to, from)
	}
	if c.panes != nil {
		c.panes.merge(to, from)
	}
	g.unlink(key, from)
	g.into[from] = to + 1
	g.folded = append(g.folded, from)
	return to
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
		c.merged.unlink(key, slot)
		c.release(slot)
		if c.merged.none(key) {
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
		p.holdAt(to, s, o.ts)
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
	p.shut(slot, s, p.m.Finished(st))
}
