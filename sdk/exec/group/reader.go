package group

import (
	"fmt"
	"unsafe"

	"github.com/millrace-go/millrace/sdk/exec/keys"

	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/exec/spill"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// side is one input of a reader. Its values have a type that the reader does not know.
type side interface {
	// load takes partition p out of the store, and says how many rows it has and whether some are on disk.
	load(p int) (rows int, spilled bool, err error)
	// assign numbers the groups of the loaded rows: by key, or by key and window.
	assign(t *table, keys *keyColumn) error
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

	// dress makes the next slot. value is where the value of the slot's row is: an iter.Seq, or a struct of one for each side.
	dress(value unsafe.Pointer)
	// bind makes group g what slot stands for. value is where the value of the slot's row is.
	bind(slot, g int, value unsafe.Pointer)
	// bindBig makes a group that is read as it is iterated what slot stands for.
	bindBig(slot int, b *bigRange)
	// done lets go of the partition.
	done()
}

// reader turns partitions into rows of the output's type, KV[K, O], one for each group.
type reader struct {
	name   string
	mode   mode
	key    *keys.Type
	step   *exec.Step
	host   *exec.Host
	to     exec.Sink
	sides  []side
	out    *exec.ElementType
	offset uintptr // of the value in a row
	// The values of rows are slots, which say something else for each batch.
	lasting bool
	table   *table
	keys    keyColumn
	times   times

	b    any            // the batch that is being filled
	rows unsafe.Pointer // its rows
	n    int            // those that are filled
	cap  int
	t    []mtime.Time
	s    []uint32
	sets exec.WindowSets

	merging merging
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
func (r *reader) Run(w exec.Work) error {
	s := w.(span)
	if r.table == nil {
		r.table = newTable(r.key.Kind, false)
		r.times.m = r.mode
		r.keys = newKeyColumn(r.key)
		r.dress(r.host.Rows())
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
	r.keys.clear()
	if !r.lasting {
		r.out.Clear(r.rows, r.cap)
		return nil
	}
	for i := range r.cap {
		r.keys.values.Forgotten(r.row(i))
	}
	return nil
}

// dress makes a batch of n rows. What a row holds beside its key is its slot's: it is put there once.
func (r *reader) dress(n int) {
	r.b, r.cap = r.out.New(n, exec.Meta{}), n
	r.rows = r.out.Rows(r.b)
	for i := range n {
		for _, sd := range r.sides {
			sd.dress(unsafe.Add(r.row(i), r.offset))
		}
	}
}

// row is where row i of the batch is, and its key.
func (r *reader) row(i int) unsafe.Pointer { return unsafe.Add(r.rows, uintptr(i)*r.out.RowSize()) }

func (r *reader) partition(p int) error {
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
func (r *reader) memory(rows int) error {
	t := r.table
	t.reset(rows)
	r.keys.n = 0
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
		id, w := uint32(g), window.Global
		if r.mode.windowed {
			id, w = groups[g].key, groups[g].w
		}
		r.keys.set(r.row(r.n), t, id)
		if err := r.emit(w, g); err != nil {
			return err
		}
	}
	return nil
}

// emit adds the row of a group, whose key has been set, to the batch.
func (r *reader) emit(w window.Window, g int) error {
	value := unsafe.Add(r.row(r.n), r.offset)
	for _, sd := range r.sides {
		sd.bind(r.n, g, value)
	}
	r.n++
	r.stamp(w, r.times.of(g, w))
	if r.n == r.cap {
		return r.flush()
	}
	return nil
}

func (r *reader) stamp(w window.Window, ts mtime.Time) {
	if r.mode.timed || r.mode.windowed {
		r.t = append(r.t, ts)
	}
	if r.mode.windowed {
		r.s = append(r.s, r.sets.Add(w))
	}
}

func (r *reader) flush() error {
	n := r.n
	if n == 0 {
		return nil
	}
	if err := r.host.Cancelled(); err != nil {
		return err
	}
	r.step.Out.Add(int64(n))
	m := exec.Meta{T0: mtime.EndOfGlobalWindow, P0: window.OnlyFiring}
	if r.mode.timed || r.mode.windowed {
		m.T = r.t
	}
	if r.mode.windowed {
		m.Sets, m.S = &r.sets, r.s
	}
	*r.out.Meta(r.b) = m
	r.out.Resize(r.b, n)
	err := r.to.Push(r.b)
	r.n, r.t, r.s = 0, r.t[:0], r.s[:0]
	r.sets.Reset()
	return err
}
