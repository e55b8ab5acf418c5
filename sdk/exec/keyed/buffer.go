package keyed

import (
	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/window"
)

// buffer keeps rows until the watermark has passed them, for a DoFn that wants them in the order of their times (Beam:
// RequiresTimeSortedInput). Rows of one time stay in the order in which they came.
type buffer[V any] struct {
	ready queue // by time; the id is the row's place
	rows  []buffered[V]
	free  []uint32
	count []uint32 // rows of a slot
	order uint32
}

type buffered[V any] struct {
	v    V
	slot uint32
	pane window.Pane
}

func (b *buffer[V]) any(slot uint32) bool { return int(slot) < len(b.count) && b.count[slot] > 0 }

func (t *statefulTask[K, V, O]) keep(in *exec.Batch[coder.KV[K, V]]) error {
	if t.buffer == nil {
		t.buffer = &buffer[V]{}
	}
	b := t.buffer
	for j, slot := range t.slots {
		row := t.rows[j]
		for int(slot) >= len(b.count) {
			b.count = append(b.count, 0)
		}
		b.count[slot]++
		x := buffered[V]{v: in.V[row].Value, slot: slot, pane: in.Pane(int(row))}
		var at uint32
		if n := len(b.free); n > 0 {
			at, b.free = b.free[n-1], b.free[:n-1]
			b.rows[at] = x
		} else {
			at = uint32(len(b.rows))
			b.rows = append(b.rows, x)
		}
		b.ready.push(due{at: in.T[row], id: b.order, gen: at})
		b.order++
	}
	return nil
}

// release1 processes the earliest row.
func (t *statefulTask[K, V, O]) release1() error {
	b := t.buffer
	d := b.ready.pop()
	x := b.rows[d.gen]
	b.rows[d.gen] = buffered[V]{}
	b.free = append(b.free, d.gen)
	b.count[x.slot]--
	if b.ready.len() == 0 {
		b.order = 0
	}
	t.at, t.time = x.slot, d.at
	t.touch(x.slot)
	return t.one(d.at, func() error {
		return t.cfg.Fn.ProcessElement(t.user.Context(), t.keys[x.slot], x.v, t.em)
	})
}
