package group

import (
	"container/heap"
	"fmt"
	"slices"

	"github.com/millrace-go/millrace/sdk/exec/keys"

	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/exec/spill"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// bigGroup is the encoded size of a group, in bytes, from which it is read from its runs as it is iterated
// instead of being collected.
const bigGroup = 4 << 20

// side is one input of a reader. Its values have a type that the reader does not know.
type side[K any] interface {
	// load takes partition p out of the store's memory.
	load(p int)
	// assign numbers the groups of the loaded rows: by key, or by key and window.
	assign(t *table, keys *[]K) error
	// scatter lays the loaded rows out by group. remap, if not nil, gives each group's final number.
	scatter(groups int, remap []uint32, ts *times)

	// runs returns partition p as sorted runs, what is in memory included.
	runs(p int) ([]spill.Segment, error)
	// begin forgets what was collected.
	begin()
	// collect adds the values of c's record to group g and returns how many bytes that keeps in memory.
	collect(c *cursor, g uint32) (int, error)
	// settle is scatter for what was collected.
	settle(groups int, remap []uint32, ts *times)

	// bind makes group g what slot stands for.
	bind(slot, g int)
	// bindBig makes a group that is read as it is iterated what slot stands for.
	bindBig(slot int, b *bigRange)
	// done lets go of the partition.
	done()
}

// reader turns partitions into rows of O, one for each group.
type reader[K, O any] struct {
	name  string
	mode  mode
	key   *keys.Type[K]
	step  *exec.Step
	host  *exec.Host
	to    exec.Sink[O]
	sides []side[K]
	row   func(key K, slot, group int) O
	// spilled reports whether a part of partition p is on disk, and how many rows it has.
	size func(p int) (rows int, spilled bool)

	table *table
	keys  []K
	times times
	b     exec.Batch[O]
	t     []mtime.Time
	s     []uint32
	sets  exec.WindowSets
}

// span is a range of partitions.
type span struct {
	lo, hi int
	bytes  int64
}

func (s span) Size() int64 { return s.bytes }

// Divide implements exec.Divisible.
func (s span) Divide(n int) []exec.Work {
	var ws []exec.Work
	for i := range n {
		if lo, hi := s.lo+i*(s.hi-s.lo)/n, s.lo+(i+1)*(s.hi-s.lo)/n; lo < hi {
			ws = append(ws, span{lo, hi, s.bytes / int64(n)})
		}
	}
	return ws
}

// spans cuts the partitions for a number of workers.
func spans(workers int, bytes func(p int) int64) []exec.Work {
	const least = 256 << 10 // below it a second piece costs more than it brings
	var total int64
	for p := range partitions {
		total += bytes(p)
	}
	if total == 0 {
		return nil
	}
	want := max(total/int64(8*workers), least)
	var ws []exec.Work
	cur := span{}
	for p := range partitions {
		cur.hi = p + 1
		cur.bytes += bytes(p)
		if cur.bytes >= want || p == partitions-1 && cur.bytes > 0 {
			ws = append(ws, cur)
			cur = span{lo: p + 1, hi: p + 1}
		}
	}
	return ws
}

// Run implements exec.Root.
func (r *reader[K, O]) Run(w exec.Work) error {
	s := w.(span)
	if r.table == nil {
		r.table = newTable(r.key.Kind, false)
		r.times.m = r.mode
		r.b.V = make([]O, 0, r.host.Rows())
	}
	for p := s.lo; p < s.hi; p++ {
		if err := r.host.Cancelled(); err != nil {
			return err
		}
		rows, spilled := r.size(p)
		if rows == 0 {
			continue
		}
		var err error
		if spilled {
			err = r.merge(p)
		} else {
			err = r.memory(p, rows)
		}
		if err == nil {
			err = r.flush() // before the values go
		}
		for _, sd := range r.sides {
			sd.done()
		}
		if err != nil {
			return err
		}
	}
	clear(r.keys[:cap(r.keys)])
	return nil
}

// memory reads a partition that is in memory.
func (r *reader[K, O]) memory(p, rows int) error {
	t := r.table
	t.reset(rows)
	r.keys = r.keys[:0]
	for _, sd := range r.sides {
		sd.load(p)
		if err := sd.assign(t, &r.keys); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	groups, remap := t.groups, []uint32(nil)
	n := t.n
	if r.mode.windowed {
		if r.mode.merger != nil {
			var err error
			if remap, groups, err = mergeGroups(r.mode.merger, t); err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
		}
		n = len(groups)
	}
	r.times.reset(n)
	for _, sd := range r.sides {
		sd.scatter(n, remap, &r.times)
	}
	for g := range n {
		k, w := r.keys[min(g, len(r.keys)-1)], window.Global
		if r.mode.windowed {
			k, w = r.keys[groups[g].key], groups[g].w
		}
		if err := r.emit(k, w, g); err != nil {
			return err
		}
	}
	return nil
}

// emit adds the row of a group to the batch.
func (r *reader[K, O]) emit(k K, w window.Window, g int) error {
	slot := len(r.b.V)
	for _, sd := range r.sides {
		sd.bind(slot, g)
	}
	r.b.V = append(r.b.V, r.row(k, slot, g))
	r.stamp(w, r.times.of(g, w))
	if len(r.b.V) == cap(r.b.V) {
		return r.flush()
	}
	return nil
}

func (r *reader[K, O]) stamp(w window.Window, ts mtime.Time) {
	if r.mode.timed || r.mode.windowed {
		r.t = append(r.t, ts)
	}
	if r.mode.windowed {
		r.s = append(r.s, r.sets.Add(w))
	}
}

func (r *reader[K, O]) flush() error {
	if len(r.b.V) == 0 {
		return nil
	}
	if err := r.host.Cancelled(); err != nil {
		return err
	}
	r.step.Out.Add(int64(len(r.b.V)))
	r.b.Meta = exec.Meta{T0: mtime.EndOfGlobalWindow, P0: window.OnlyFiring}
	if r.mode.timed || r.mode.windowed {
		r.b.T = r.t
	}
	if r.mode.windowed {
		r.b.Sets, r.b.S = &r.sets, r.s
	}
	err := r.to.Push(&r.b)
	clear(r.b.V)
	r.b.V, r.t, r.s = r.b.V[:0], r.t[:0], r.s[:0]
	r.sets.Reset()
	return err
}

// cursors is a heap by key and window.
type cursors []*cursor

func (h cursors) Len() int           { return len(h) }
func (h cursors) Less(i, j int) bool { return h[i].compare(h[j]) < 0 }
func (h cursors) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *cursors) Push(x any)        { *h = append(*h, x.(*cursor)) }
func (h *cursors) Pop() any {
	old := *h
	c := old[len(old)-1]
	*h = old[:len(old)-1]
	return c
}

// merge reads a partition that is on disk, in whole or part, as a merge of sorted runs.
func (r *reader[K, O]) merge(p int) error {
	var h cursors
	for i, sd := range r.sides {
		segs, err := sd.runs(p)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		for _, s := range segs {
			c, err := openCursor(i, r.mode.windowed, s)
			if err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			if !c.done {
				h = append(h, c)
			}
		}
	}
	heap.Init(&h)
	for len(h) > 0 {
		if err := r.mergeGroup(&h); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	return nil
}

// mergeGroup reads the next key of h; without merging windows, its next window.
func (r *reader[K, O]) mergeGroup(h *cursors) error {
	first := *(*h)[0]
	first.key = slices.Clone(first.key)
	merging := r.mode.merger != nil
	same := func(c *cursor) bool {
		if merging {
			return c.compareKey(&first) == 0
		}
		return c.compare(&first) == 0
	}
	for _, sd := range r.sides {
		sd.begin()
	}
	var marks []mark
	var ws []window.Window
	bytes := 0
	for len(*h) > 0 && same((*h)[0]) {
		c := (*h)[0]
		if i := slices.IndexFunc(marks, func(m mark) bool { return m.seg.Same(c.r.Segment()) }); i < 0 {
			marks = append(marks, c.mark())
		}
		if n := len(ws); n == 0 || merging && ws[n-1] != c.w {
			ws = append(ws, c.w)
		}
		n, err := r.sides[c.input].collect(c, uint32(len(ws)-1))
		if err != nil {
			return err
		}
		bytes += n
		if bytes > bigGroup {
			return r.big(h, &first, marks, same)
		}
		if err := c.next(); err != nil {
			return err
		}
		if c.done {
			heap.Pop(h)
			continue
		}
		heap.Fix(h, 0)
	}
	k, err := r.key.Value(first.key)
	if err != nil {
		return err
	}
	if !r.mode.windowed {
		ws[0] = window.Global
	}
	var remap []uint32
	if merging {
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
		if err := r.emit(k, w, g); err != nil {
			return err
		}
	}
	return nil
}

// distinctMerged merges ws, which may repeat, and numbers what is left.
func distinctMerged(m window.Merger, ws []window.Window) (remap []uint32, out []window.Window, err error) {
	merged, err := mergeWindows(m, ws)
	if err != nil {
		return nil, nil, err
	}
	seen := map[window.Window]uint32{}
	for _, w := range merged {
		g, ok := seen[w]
		if !ok {
			g = uint32(len(out))
			seen[w] = g
			out = append(out, w)
		}
		remap = append(remap, g)
	}
	return remap, out, nil
}

// bigRange is a group that is read from its runs each time it is iterated.
type bigRange struct {
	host   *exec.Host
	marks  []mark
	same   func(*cursor) bool
	accept func(window.Window) bool // of a merged window's parts; nil: all
	ends   []mark                   // where the group ends in each run, known after the first full iteration
	err    error
}

// each calls f at each record of the group, of one input, until it returns false.
func (b *bigRange) each(input int, f func(c *cursor) bool) {
	ends := make([]mark, 0, len(b.marks))
	for _, m := range b.marks {
		if m.input != input && input >= 0 {
			continue
		}
		c, err := m.open()
		for ; err == nil && !c.done && b.same(c); err = c.next() {
			if b.err = b.host.Cancelled(); b.err != nil {
				return
			}
			if b.accept != nil && !b.accept(c.w) {
				continue
			}
			if !f(c) {
				return
			}
		}
		if err != nil {
			b.err = err
			return
		}
		ends = append(ends, c.mark())
	}
	if len(ends) == len(b.marks) {
		b.ends = ends
	}
}

// big pushes a group that does not fit into memory, alone in its batch.
func (r *reader[K, O]) big(h *cursors, first *cursor, marks []mark, same func(*cursor) bool) error {
	if err := r.flush(); err != nil {
		return err
	}
	// Runs of the key that have not been reached begin with it, or do not have it.
	for _, c := range *h {
		if same(c) && !slices.ContainsFunc(marks, func(m mark) bool { return m.seg.Same(c.r.Segment()) }) {
			marks = append(marks, c.mark())
		}
	}
	k, err := r.key.Value(first.key)
	if err != nil {
		return err
	}
	all := &bigRange{host: r.host, marks: marks, same: same}
	windows := []window.Window{first.w}
	into := map[window.Window]window.Window{}
	if r.mode.merger != nil {
		var ws []window.Window
		all.each(-1, func(c *cursor) bool {
			if n := len(ws); n == 0 || ws[n-1] != c.w {
				ws = append(ws, c.w)
			}
			return true
		})
		if all.err != nil {
			return all.err
		}
		merged, err := mergeWindows(r.mode.merger, ws)
		if err != nil {
			return err
		}
		for i, w := range ws {
			into[w] = merged[i]
		}
		windows = slices.Clone(merged)
		slices.SortFunc(windows, window.Window.Compare)
		windows = slices.Compact(windows)
	}
	if !r.mode.windowed {
		windows[0] = window.Global
	}
	for _, w := range windows {
		b := &bigRange{host: r.host, marks: marks, same: same}
		if r.mode.merger != nil {
			b.accept = func(v window.Window) bool { return into[v] == w }
		}
		ts, err := r.bigTime(b, w)
		if err != nil {
			return err
		}
		for _, sd := range r.sides {
			sd.bindBig(0, b)
		}
		r.b.V = append(r.b.V, r.row(k, 0, -1))
		r.stamp(w, ts)
		err = r.flush()
		if b.err != nil {
			return b.err // whatever the user's function made of the part that it saw
		}
		if err != nil {
			return err
		}
		if b.ends != nil {
			all.ends = b.ends
		}
	}
	if all.ends == nil {
		all.each(-1, func(*cursor) bool { return true })
		if all.err != nil {
			return all.err
		}
	}
	// Go on behind the group.
	var rest cursors
	for _, c := range *h {
		i := slices.IndexFunc(all.ends, func(m mark) bool { return m.seg.Same(c.r.Segment()) })
		if i >= 0 {
			var err error
			if c, err = all.ends[i].open(); err != nil {
				return err
			}
		}
		if !c.done {
			rest = append(rest, c)
		}
	}
	*h = rest
	heap.Init(h)
	return nil
}

// bigTime is the timestamp of a big group: with a combiner that looks at the elements, a pass over them.
func (r *reader[K, O]) bigTime(b *bigRange, w window.Window) (mtime.Time, error) {
	if !r.mode.timed {
		return w.MaxTimestamp(), nil
	}
	r.times.reset(1)
	var err error
	b.each(-1, func(c *cursor) bool {
		err = r.sides[c.input].(interface {
			stamps(c *cursor, ts *times) error
		}).stamps(c, &r.times)
		return err == nil
	})
	if b.err != nil {
		return 0, b.err
	}
	return r.times.ts[0], err
}
