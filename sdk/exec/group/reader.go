package group

import (
	"fmt"

	"github.com/millrace-go/millrace/sdk/exec/keys"

	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/exec/spill"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// side is one input of a reader. Its values have a type that the reader does not know.
type side[K any] interface {
	// load takes partition p out of the store, and says how many rows it has and whether some are on disk.
	load(p int) (rows int, spilled bool, err error)
	// assign numbers the groups of the loaded rows: by key, or by key and window.
	assign(t *table, keys *[]K) error
	// scatter lays the loaded rows out by group. remap, if not nil, gives each group's final number.
	scatter(groups int, remap []uint32, ts *times)

	// sorted returns what was loaded as sorted runs.
	sorted() ([]spill.Segment, error)
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
	table *table
	keys  []K
	times times
	b     exec.Batch[O]
	t     []mtime.Time
	s     []uint32
	sets  exec.WindowSets

	merging merging
	k       K
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
		err := r.partition(p)
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

func (r *reader[K, O]) partition(p int) error {
	all, onDisk := 0, false
	for _, sd := range r.sides {
		rows, spilled, err := sd.load(p)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		all += rows
		onDisk = onDisk || spilled
	}
	switch {
	case all == 0:
		return nil
	case onDisk:
		return r.merge()
	default:
		return r.memory(all)
	}
}

// memory reads a partition that is in memory.
func (r *reader[K, O]) memory(rows int) error {
	t := r.table
	t.reset(rows)
	r.keys = r.keys[:0]
	for _, sd := range r.sides {
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
