package keyed

import (
	"reflect"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/exec/keys"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// Router sends each row to the task that owns its key's group. It is the upstream end of a keyed edge.
type Router struct {
	step   *exec.Step
	key    *keys.Type
	row    *exec.ElementType
	col    keys.Column
	group  []uint8
	out    []outbox
	size   int
	all    []uint32 // 0, 1, 2, ...
	places exec.Places
}

// typeOf returns the ElementType of T for what does not encode elements.
func typeOf[T any]() *exec.ElementType {
	return exec.NewElementType(exec.ElementOf[T](), coder.Untyped{}, nil)
}

// outbox collects the rows for one task.
type outbox struct {
	port exec.Port
	b    any      // of the rows' type, or nil
	rows []uint32 // of the source batch, that go there
	moved
}

// moved is the window sets of the rows that have been moved to an outbox.
type moved struct {
	sets *exec.WindowSets // the batch's own
	from *exec.WindowSets // the table of the source batch that moved is about
	to   []uint32         // for each set of from, its number in sets plus one, or 0
}

func newRouter(b *exec.Build, step *exec.Step, key *keys.Type, row *exec.ElementType, ports []exec.Port) *Router {
	r := &Router{step: step, key: key, row: row, size: max(b.Host.Rows(), 1)}
	for _, p := range ports {
		r.out = append(r.out, outbox{port: p})
	}
	b.Add(&sender{flush: r.flush})
	return r
}

// Push implements exec.Sink.
func (r *Router) Push(b any) error {
	n := r.row.LenOf(b)
	if n == 0 {
		return nil
	}
	r.step.In.Add(int64(n))
	if len(r.out) == 1 {
		for i := len(r.all); i < n; i++ {
			r.all = append(r.all, uint32(i))
		}
		r.out[0].from = nil
		r.out[0].add(r.row, b, r.all[:n], r.size, &r.places)
		return nil
	}
	if err := r.key.Load(&r.col, r.row.Rows(b), r.row.RowSize(), n); err != nil {
		return exec.UserError(r.step, err)
	}
	if cap(r.group) < n {
		r.group = make([]uint8, max(n, exec.BatchSize))
	}
	g := r.group[:n]
	if err := r.key.Groups(&r.col, g); err != nil {
		return err
	}
	for i, x := range g {
		o := &r.out[int(x)*len(r.out)/coder.KeyGroups]
		o.rows = append(o.rows, uint32(i))
	}
	for i := range r.out {
		o := &r.out[i]
		o.from = nil
		o.add(r.row, b, o.rows, r.size, &r.places)
		o.rows = o.rows[:0]
	}
	return nil
}

// add appends rows of b, and sends what there is whenever that is size of them.
func (o *outbox) add(t *exec.ElementType, b any, rows []uint32, size int, places *exec.Places) {
	from := t.Meta(b)
	for len(rows) > 0 {
		if o.b == nil {
			o.open(t)
		}
		n := min(len(rows), size-t.Len(o.b))
		t.Gather(o.b, b, rows[:n], places)
		d := t.Meta(o.b)
		for _, i := range rows[:n] {
			d.T = append(d.T, from.Time(int(i)))
			d.P = append(d.P, from.Pane(int(i)))
			d.S = append(d.S, o.set(from, int(i)))
		}
		if t.Len(o.b) >= size {
			o.flush(t)
		}
		rows = rows[n:]
	}
}

func (o *outbox) open(t *exec.ElementType) {
	if b := o.port.Spare(); b != nil && reflect.TypeOf(b) == t.BatchType() {
		t.Reset(b)
		m := t.Meta(b)
		m.T, m.S, m.P = m.T[:0], m.S[:0], m.P[:0]
		m.Sets.Reset()
		o.b = b
	} else {
		o.b = t.New(0, exec.Meta{T: []mtime.Time{}, S: []uint32{}, P: []window.Pane{}, Sets: &exec.WindowSets{}})
	}
	o.sets, o.from = t.Meta(o.b).Sets, nil
}

// set returns the number that the windows of row i have in the batch that is being filled.
func (o *moved) set(m *exec.Meta, i int) uint32 {
	k := uint32(0)
	if m.S != nil {
		k = m.S[i]
	}
	sets := m.Sets
	if sets == nil {
		sets = globalSets
	}
	if o.from != sets {
		o.from = sets
		n := 1
		if m.Sets != nil {
			n = m.Sets.Len()
		}
		for len(o.to) < n {
			o.to = append(o.to, 0)
		}
		clear(o.to)
	}
	if o.to[k] == 0 {
		o.to[k] = o.sets.Add(m.Windows(i)...) + 1
	}
	return o.to[k] - 1
}

var globalSets = &exec.WindowSets{}

func (o *outbox) flush(t *exec.ElementType) {
	if o.b == nil {
		return
	}
	b := o.b
	o.b = nil
	o.port.Send(b, t.Len(b))
}

// flush sends what the bundle has left.
func (r *Router) flush() {
	for i := range r.out {
		r.out[i].flush(r.row)
	}
}

// sender is a Router's part in the life of a bundle.
type sender struct{ flush func() }

// StartBundle implements exec.Op.
func (s *sender) StartBundle() error { return nil }

// FinishBundle implements exec.Op: what the bundle has sent goes before the watermark behind it.
func (s *sender) FinishBundle() error {
	s.flush()
	return nil
}

// Close implements exec.Op.
func (s *sender) Close(bool) error { return nil }
