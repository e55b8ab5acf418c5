package group

import (
	"fmt"
	"slices"

	"github.com/millrace-go/millrace/sdk/window"
)

// bigGroup is the encoded size of a group, in bytes, from which it is read from its runs as it is iterated
// instead of being collected.
const bigGroup = 4 << 20

// merging is a reader's merge of the runs of a partition.
type merging struct {
	heap    heads
	cursors []*cursor // of all runs; their memory is used again for the next partition
	group   uint64    // number of the current group

	first   cursor    // hash, key and window of the current group; nothing else
	touched []*cursor // the runs that the current group has been read from
	ws      []window.Window
}

// merge reads what has been loaded of a partition, which is on disk in whole or part, as a merge of sorted runs.
func (r *reader) merge() error {
	m := &r.merging
	m.heap = m.heap[:0]
	n := 0
	for i, sd := range r.sides {
		segs, err := sd.sorted()
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		for _, s := range segs {
			if n == len(m.cursors) {
				m.cursors = append(m.cursors, &cursor{windowed: r.mode.windowed, kind: r.key.Kind})
			}
			c := m.cursors[n]
			n++
			c.input = i
			if err := c.open(s); err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			if !c.done {
				m.heap = append(m.heap, head{c.hash, c})
			}
		}
	}
	m.heap.init()
	for len(m.heap) > 0 {
		if err := r.mergeGroup(); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	return nil
}

// isNext reports whether c is at a record of the current group: its key, without merging windows its window too.
func (r *reader) isNext(c *cursor, first *cursor) bool {
	if r.mode.merger != nil {
		return c.compareKey(first) == 0
	}
	return c.compare(first) == 0
}

// mergeGroup reads the next key; without merging windows, its next window.
func (r *reader) mergeGroup() error {
	m := &r.merging
	at := m.heap[0].c
	m.first.hash, m.first.w = at.hash, at.w
	m.first.key = append(m.first.key[:0], at.key...)
	m.group++
	m.touched = m.touched[:0]
	for _, sd := range r.sides {
		sd.begin()
	}
	ws := m.ws[:0]
	bytes := 0
	for len(m.heap) > 0 && r.isNext(m.heap[0].c, &m.first) {
		c := m.heap[0].c
		if c.group != m.group {
			c.group, c.first = m.group, c.place()
			m.touched = append(m.touched, c)
		}
		if n := len(ws); n == 0 || r.mode.merger != nil && ws[n-1] != c.w {
			ws = append(ws, c.w)
		}
		n, err := r.sides[c.input].collect(c, uint32(len(ws)-1))
		if err != nil {
			return err
		}
		bytes += n
		if bytes > bigGroup {
			return r.big()
		}
		if err := c.next(); err != nil {
			return err
		}
		m.heap.moved()
	}
	m.ws = ws
	if !r.mode.windowed {
		ws[0] = window.Global
	}
	var remap []uint32
	if r.mode.merger != nil {
		var err error
		if remap, ws, err = distinctMerged(r.mode.merger, ws); err != nil {
			return err
		}
	}
	// What is bound to the batch's slots must outlive the next group's collecting.
	r.times.reset(len(ws))
	for _, sd := range r.sides {
		sd.settle(len(ws), remap, &r.times)
	}
	for g, w := range ws {
		if err := r.key.Read(m.first.key, r.row(r.n)); err != nil {
			return err
		}
		if err := r.emit(w, g); err != nil {
			return err
		}
	}
	return nil
}

// big pushes the current group, which does not fit into memory, alone in its batch.
func (r *reader) big() error {
	if err := r.flush(); err != nil {
		return err
	}
	m := &r.merging
	first := cursor{hash: m.first.hash, key: slices.Clone(m.first.key), w: m.first.w}
	same := func(c *cursor) bool { return r.isNext(c, &first) }
	var marks []mark
	for _, c := range m.touched {
		marks = append(marks, c.mark(c.first))
	}
	// Runs of the key that have not been reached begin with it, or do not have it.
	for _, h := range m.heap {
		if h.c.group != m.group && same(h.c) {
			marks = append(marks, h.c.mark(h.c.place()))
		}
	}
	ends, err := r.pushBig(&first, marks, same)
	if err != nil {
		return err
	}
	// Go on behind the group.
	rest := m.heap[:0]
	for _, h := range m.heap {
		if i := slices.IndexFunc(ends, func(x mark) bool { return x.seg.Same(h.c.r.Segment()) }); i >= 0 {
			if err := h.c.seek(ends[i]); err != nil {
				return err
			}
		}
		if !h.c.done {
			rest = append(rest, head{h.c.hash, h.c})
		}
	}
	m.heap = rest
	m.heap.init()
	return nil
}

// head is a run in the heap of a merge, and the hash of the key that it is at.
type head struct {
	hash uint64
	c    *cursor
}

// heads is a heap by key and window.
type heads []head

func (h heads) less(i, j int) bool {
	if h[i].hash != h[j].hash {
		return h[i].hash < h[j].hash
	}
	return h[i].c.compare(h[j].c) < 0
}

func (h heads) init() {
	for i := len(h)/2 - 1; i >= 0; i-- {
		h.down(i)
	}
}

// moved puts the first run, which has moved on, where it belongs, or removes it if it is at its end.
func (h *heads) moved() {
	s := *h
	if c := s[0].c; c.done {
		n := len(s) - 1
		s[0], s[n] = s[n], head{}
		s = s[:n]
		*h = s
	} else {
		s[0].hash = c.hash
	}
	s.down(0)
}

func (h heads) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(h) {
			return
		}
		if child+1 < len(h) && h.less(child+1, child) {
			child++
		}
		if !h.less(child, i) {
			return
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}
