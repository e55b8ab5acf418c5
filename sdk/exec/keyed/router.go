package keyed

import (
	"unsafe"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/exec/keys"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// Router sends each row to the task that owns its key's group. It is the upstream end of a keyed edge.
type Router[K, V any] struct {
	step  *exec.Step
	key   *keys.Type[K]
	col   keys.Column
	group []uint8
	out   []outbox[coder.KV[K, V]]
	size  int
}

// outbox collects the rows for one task.
type outbox[R any] struct {
	port exec.Port
	b    *exec.Batch[R]
	moved
}

// moved is the window sets of the rows that have been moved to an outbox.
type moved struct {
	sets *exec.WindowSets // the batch's own
	from *exec.WindowSets // the table of the source batch that moved is about
	to   []uint32         // for each set of from, its number in sets plus one, or 0
}

func newRouter[K, V any](b *exec.Build, step *exec.Step, key *keys.Type[K], ports []exec.Port) *Router[K, V] {
	r := &Router[K, V]{step: step, key: key, size: max(b.Host.Rows(), 1)}
	for _, p := range ports {
		r.out = append(r.out, outbox[coder.KV[K, V]]{port: p})
	}
	b.Add(&sender{flush: r.flush})
	return r
}

// Push implements exec.Sink.
func (r *Router[K, V]) Push(b *exec.Batch[coder.KV[K, V]]) error {
	n := len(b.V)
	if n == 0 {
		return nil
	}
	r.step.In.Add(int64(n))
	for i := range r.out {
		r.out[i].from = nil
	}
	if len(r.out) == 1 {
		for i := range b.V {
			r.out[0].add(b, i, r.size)
		}
		return nil
	}
	if err := r.key.Load(&r.col, unsafe.Pointer(&b.V[0].Key), unsafe.Sizeof(b.V[0]), n); err != nil {
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
		r.out[int(x)*len(r.out)/coder.KeyGroups].add(b, i, r.size)
	}
	return nil
}

// add appends row i of b.
func (o *outbox[R]) add(b *exec.Batch[R], i, size int) {
	d := o.b
	if d == nil {
		d = o.open()
	}
	d.V = append(d.V, b.V[i])
	d.T = append(d.T, b.Time(i))
	d.P = append(d.P, b.Pane(i))
	d.S = append(d.S, o.set(&b.Meta, i))
	if len(d.V) >= size {
		o.flush()
	}
}

func (o *outbox[R]) open() *exec.Batch[R] {
	if b, ok := o.port.Spare().(*exec.Batch[R]); ok && b != nil {
		clear(b.V)
		b.V, b.T, b.S, b.P = b.V[:0], b.T[:0], b.S[:0], b.P[:0]
		b.Sets.Reset()
		o.b = b
	} else {
		o.b = &exec.Batch[R]{Meta: exec.Meta{T: []mtime.Time{}, S: []uint32{}, P: []window.Pane{}, Sets: &exec.WindowSets{}}}
	}
	o.sets, o.from = o.b.Sets, nil
	return o.b
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

func (o *outbox[R]) flush() {
	if o.b == nil {
		return
	}
	b := o.b
	o.b = nil
	o.port.Send(b, len(b.V))
}

// flush sends what the bundle has left.
func (r *Router[K, V]) flush() {
	for i := range r.out {
		r.out[i].flush()
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
