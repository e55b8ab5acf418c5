package keyed

import (
	"strings"

	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/exec/keys"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// Config is what all tasks need to know.
type Config struct {
	Name      string          // path of the transform, for errors
	Windowing window.Strategy // of the input
}

// cells is what a task keeps by slot: its typed side.
type cells interface {
	// emit gives on what the slots of fs hold, as one row each.
	emit(fs []firing) error
	// clear discards what a slot holds. The slot stays.
	clear(slot uint32)
	// free discards what a slot holds, for good.
	free(slot uint32)
	// merge adds what the slot from holds to into; from is freed next.
	merge(into, from uint32)
}

// firing is a pane about to be emitted.
type firing struct {
	slot  uint32
	clear bool // the contents have been said, and are to be said no more
	ts    mtime.Time
	w     window.Window
	pane  window.Pane
}

// core is the side of a task that knows no types: it gives keys and windows their slots and decides what fires when.
type core struct {
	name     string
	strategy window.Strategy
	lateness mtime.Time
	merger   window.Merger // or nil
	gap      bool          // the merger merges what overlaps, as sessions do
	cells    cells

	// By slot; if windows merge, by the number of the key.
	kind keys.Kind
	word []uint64
	pair []keys.Pair
	text []string

	// By slot.
	home []*frame // nil: not in use
	gen  []uint32 // changes when the slot is given to another
	free []uint32
	live int

	frames map[window.Window]*frame
	recent *frame
	byID   []*frame
	unused []uint32 // numbers of frames
	events queue    // of frames; of slots if windows merge
	merged *merged  // what there is more if windows merge, or nil
	panes  *panes   // what there is more if the trigger is not the plain one, or nil
	sliced *sliced  // what there is instead of a frame for each window if windows overlap and only then, or nil

	clock  exec.Clock
	passed mtime.Time // the input watermark before the step that is being done

	// What the last locate found.
	rows  []uint32 // of the batch, for each of slots
	slots []uint32
	fresh []fresh
	late  []lateRow

	setFrames [][]*frame // by window set of the batch
	sweep     []uint32   // slots that a watermark step has still to visit
	sweeping  *frame
	expiring  bool
	fired     []firing

	losses
	tardy int64 // elements of panes that were late
}

// fresh is a slot that a row has opened.
type fresh struct{ slot, row uint32 }

// lateRow is a row and the one of its windows that has expired, or closed.
type lateRow struct {
	row uint32
	w   window.Window
}

// frame is a window and the slots of its keys.
type frame struct {
	w     window.Window
	id    uint32
	gen   uint32
	table table
	open  int // of a slice: the windows that will still ask for it
}

func newCore(cfg Config, kind keys.Kind, c cells) *core {
	s := cfg.Windowing
	k := &core{
		name: cfg.Name, strategy: s, kind: kind, cells: c,
		lateness: mtime.Time(s.Lateness.Milliseconds()),
		frames:   map[window.Window]*frame{},
		clock:    exec.Clock{Watermark: mtime.Min, Output: mtime.Min, Processing: mtime.Min},
		passed:   mtime.Min,
	}
	if k.merger = s.Merger(); k.merger != nil {
		_, k.gap = s.Fn.(window.SessionsFn)
		k.merged = &merged{spans: spans{isClosed: k.isClosed}}
	}
	if !s.HasDefaultTrigger() || s.Lateness > 0 || s.Combiner != window.EndOfWindow {
		k.panes = newPanes(k, s.Machine())
	}
	return k
}

// expired reports whether nothing more can come of w: it has ended, and so has its lateness.
func (c *core) expired(w window.Window) bool { return c.expiry(w) <= c.clock.Watermark }

// expiry is the watermark at which the state of w goes: none outlives the global window (Beam:
// LateDataUtils.garbageCollectionTime).
func (c *core) expiry(w window.Window) mtime.Time { return min(w.End+c.lateness, window.Global.End) }

// locate finds or makes the slots of the rows of a batch, one for each window that a row is in.
func (c *core) locate(col *keys.Column, m *exec.Meta) error {
	c.rows, c.slots, c.fresh, c.late = c.rows[:0], c.slots[:0], c.fresh[:0], c.late[:0]
	if c.merged != nil {
		return c.locateMerging(col, m)
	}
	if c.sliced != nil {
		c.locateSliced(col, m)
		return nil
	}
	if m.S == nil {
		for _, w := range m.Windows(0) {
			f := c.frameOf(w)
			for i := range col.N {
				if f == nil {
					c.late = append(c.late, lateRow{uint32(i), w})
					continue
				}
				c.locateRow(f, col, uint32(i))
			}
		}
		return nil
	}
	n := m.Sets.Len()
	for len(c.setFrames) < n {
		c.setFrames = append(c.setFrames, nil)
	}
	for s := range n {
		c.setFrames[s] = c.setFrames[s][:0]
		for _, w := range m.Sets.Set(uint32(s)) {
			c.setFrames[s] = append(c.setFrames[s], c.frameOf(w))
		}
	}
	for i, s := range m.S {
		for j, f := range c.setFrames[s] {
			if f == nil {
				c.late = append(c.late, lateRow{uint32(i), m.Sets.Set(s)[j]})
				continue
			}
			c.locateRow(f, col, uint32(i))
		}
	}
	return nil
}

func (c *core) locateRow(f *frame, col *keys.Column, row uint32) {
	slot, isFresh := c.find(f, col, row)
	if isFresh {
		c.fresh = append(c.fresh, fresh{slot, row})
	} else if c.panes != nil && c.panes.closed(slot) {
		c.late = append(c.late, lateRow{row, f.w})
		return
	}
	c.rows = append(c.rows, row)
	c.slots = append(c.slots, slot)
}

// frameOf returns the frame of w, or nil if w has expired.
func (c *core) frameOf(w window.Window) *frame {
	if f := c.recent; f != nil && f.w == w {
		return f
	}
	f := c.frames[w]
	if f == nil {
		if c.expired(w) {
			return nil
		}
		f = c.newFrame(w)
		if w.End <= c.clock.Watermark {
			c.events.push(due{c.expiry(w), f.id, f.gen})
		} else {
			c.events.push(due{w.End, f.id, f.gen})
		}
	}
	c.recent = f
	return f
}

func (c *core) newFrame(w window.Window) *frame {
	f := &frame{w: w}
	if n := len(c.unused); n > 0 {
		f.id = c.unused[n-1]
		f.gen = c.byID[f.id].gen + 1
		c.unused, c.byID[f.id] = c.unused[:n-1], f
	} else {
		f.id = uint32(len(c.byID))
		c.byID = append(c.byID, f)
	}
	c.frames[w] = f
	return f
}

// find returns the slot of a row's key in f.
func (c *core) find(f *frame, col *keys.Column, row uint32) (slot uint32, isFresh bool) {
	t := &f.table
	if (t.n+1)*4 > len(t.entries)*3 {
		t.reserve(max(t.n, leastTable/2))
	}
	tag := tagOf(col.Hash[row])
	i := tag & t.mask
	if c.kind == keys.Words {
		k := col.Word[row]
		for e := t.entries[i]; e != 0; e = t.entries[i] {
			if slot = uint32(e) - 1; uint32(e>>32) == tag && c.word[slot] == k {
				return slot, false
			}
			i = (i + 1) & t.mask
		}
		slot = c.alloc(f)
		c.word[slot] = k
	} else {
		p := col.Pair[row]
		for e := t.entries[i]; e != 0; e = t.entries[i] {
			if slot = uint32(e) - 1; uint32(e>>32) == tag && c.pair[slot] == p && (!p.IsLong() || c.text[slot] == col.Key(int(row))) {
				return slot, false
			}
			i = (i + 1) & t.mask
		}
		slot = c.alloc(f)
		c.pair[slot], c.text[slot] = p, strings.Clone(col.Key(int(row)))
	}
	t.entries[i] = uint64(tag)<<32 | uint64(slot+1)
	t.n++
	return slot, true
}

// hash is the hash of the key of a slot, or of key number slot.
func (c *core) hash(slot uint32) uint64 {
	if c.kind == keys.Words {
		return keys.HashWord(c.word[slot])
	}
	return c.pair[slot].Hash()
}

// kept is the core's copy of the key of a slot; empty if keys are words.
func (c *core) kept(slot uint32) string {
	if c.kind == keys.Words {
		return ""
	}
	return c.text[slot]
}

// alloc takes a slot into use.
func (c *core) alloc(f *frame) uint32 {
	c.live++
	if n := len(c.free); n > 0 {
		slot := c.free[n-1]
		c.free = c.free[:n-1]
		c.home[slot] = f
		return slot
	}
	slot := uint32(len(c.home))
	c.home, c.gen = append(c.home, f), append(c.gen, 0)
	if c.merged == nil {
		c.growKeys()
	}
	if c.panes != nil {
		c.panes.grow()
	}
	return slot
}

func (c *core) growKeys() {
	if c.kind == keys.Words {
		c.word = append(c.word, 0)
	} else {
		c.pair, c.text = append(c.pair, keys.Pair{}), append(c.text, "")
	}
}

// release gives a slot back. Its key has been taken out of its table, or the table goes too.
func (c *core) release(slot uint32) {
	c.cells.free(slot)
	c.recycle(slot)
}

// recycle is release for a slot that the cells do not know.
func (c *core) recycle(slot uint32) {
	c.live--
	c.home[slot] = nil
	c.gen[slot]++
	if c.panes != nil {
		c.panes.reset(slot)
	}
	if c.merged == nil && c.kind != keys.Words {
		c.text[slot] = ""
	}
	c.free = append(c.free, slot)
}

// drop removes a frame whose slots have been released.
func (c *core) drop(f *frame) {
	delete(c.frames, f.w)
	if c.recent == f {
		c.recent = nil
	}
	f.gen++
	f.table = table{}
	c.unused = append(c.unused, f.id)
}

// perStep is how many slots a watermark step visits before its task is asked whether what it emits can go on.
const perStep = 4096

// advance does what the clock makes due. more says that there is more to do at this clock.
func (c *core) advance(ck exec.Clock) (more bool, err error) {
	c.clock = ck
	switch {
	case c.merged != nil:
		more, err = c.advanceMerging()
	case c.sliced != nil:
		more, err = c.advanceSliced()
	default:
		more, err = c.advancePlain()
	}
	if c.told(); !more {
		c.passed = ck.Watermark
	}
	return more, err
}

// told brings the clock to where the tasks behind are told that this one is, after the call.
func (c *core) told() {
	if c.panes != nil {
		c.clock.Output = max(c.clock.Output, min(c.clock.Watermark, c.hold()))
	}
}

func (c *core) advancePlain() (more bool, err error) {
	ck := c.clock
	for steps := 0; steps < perStep; {
		if c.sweeping == nil {
			if !c.events.ready(ck.Watermark) {
				if c.panes != nil {
					return c.panes.tick()
				}
				return false, nil
			}
			d := c.events.pop()
			f := c.byID[d.id]
			if f.gen != d.gen {
				continue
			}
			c.sweeping, c.sweep = f, c.sweep[:0]
			c.expiring = c.expiry(f.w) <= ck.Watermark
			f.table.each(func(slot uint32) { c.sweep = append(c.sweep, slot) })
		}
		f := c.sweeping
		n := min(len(c.sweep), perStep-steps)
		part := c.sweep[len(c.sweep)-n:]
		for _, slot := range part {
			if c.panes != nil {
				c.panes.endOfWindow(slot, c.expiring)
			} else {
				c.fired = append(c.fired, firing{slot: slot, ts: f.w.MaxTimestamp(), w: f.w, pane: window.OnlyFiring})
			}
			if len(c.fired) >= exec.BatchSize {
				if err := c.flush(); err != nil {
					return false, err
				}
			}
		}
		if err := c.flush(); err != nil {
			return false, err
		}
		if c.expiring {
			for _, slot := range part {
				c.release(slot)
			}
		}
		c.sweep = c.sweep[:len(c.sweep)-n]
		steps += n + 1
		if len(c.sweep) > 0 {
			continue
		}
		c.sweeping = nil
		if c.expiring {
			c.drop(f)
		} else {
			c.events.push(due{c.expiry(f.w), f.id, f.gen})
		}
	}
	return true, nil
}

// flush emits what has fired.
func (c *core) flush() error {
	if len(c.fired) == 0 {
		return nil
	}
	if err := c.cells.emit(c.fired); err != nil {
		return err
	}
	for i := range c.fired {
		if f := &c.fired[i]; f.clear {
			c.cells.clear(f.slot)
		}
	}
	c.fired = c.fired[:0]
	return nil
}

// window is the window of a slot.
func (c *core) window(slot uint32) window.Window {
	if c.merged != nil {
		return c.merged.span[slot]
	}
	w := c.home[slot].w
	if c.sliced != nil {
		w.Tag = 0 // of a slice it is no part of a window
	}
	return w
}

// BeginBundle implements exec.Task.
func (c *core) BeginBundle(ck exec.Clock) { c.clock = ck }

// endBundle evaluates the triggers of what has been added to.
func (c *core) endBundle(ck exec.Clock) error {
	c.clock = ck
	if c.panes == nil {
		return nil
	}
	err := c.panes.endBundle()
	c.told()
	return err
}

// hold is a time that no pane still to come is before: Max if the watermark alone says.
func (c *core) hold() mtime.Time {
	if c.panes == nil {
		return mtime.Max
	}
	return c.panes.hold()
}

// wake is the processing time at which something is due, or Max.
func (c *core) wake() mtime.Time {
	if c.panes == nil {
		return mtime.Max
	}
	return c.panes.due.next()
}
