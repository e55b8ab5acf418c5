package keyed

import (
	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// buffer keeps rows until the watermark has passed them, for a DoFn that wants them in the order of their times (Beam:
// RequiresTimeSortedInput). Rows of one time stay in the order in which they came.
type buffer[V any] struct {
	ready timerQueue // by time and order; the slot of the key is the row's place
	rows  []buffered[V]
	free  []uint32
	count []uint32 // rows of a slot
	order uint64
}

type buffered[V any] struct {
	v    V
	slot uint32
	t    mtime.Time
	pane window.Pane
}

func (b *buffer[V]) any(slot uint32) bool { return int(slot) < len(b.count) && b.count[slot] > 0 }

// next is the time of the earliest row, or Max.
func (b *buffer[V]) next() mtime.Time {
	if len(b.ready.h) == 0 {
		return mtime.Max
	}
	return b.ready.h[0].at
}

// passed reports whether a watermark has passed the earliest row.
func (b *buffer[V]) passed(mark mtime.Time) bool {
	return len(b.ready.h) > 0 && b.ready.h[0].at < mark
}

func (t *statefulTask[K, V, O]) keep(in *exec.Batch[coder.KV[K, V]]) error {
	if t.buffer == nil {
		t.buffer = &buffer[V]{}
	}
	b := t.buffer
	for j, slot := range t.slots {
		row := int(t.rows[j])
		for int(slot) >= len(b.count) {
			b.count = append(b.count, 0)
		}
		b.count[slot]++
		x := buffered[V]{v: in.V[row].Value, slot: slot, t: in.Meta.Time(row), pane: in.Meta.Pane(row)}
		var at uint32
		if n := len(b.free); n > 0 {
			at, b.free = b.free[n-1], b.free[:n-1]
			b.rows[at] = x
		} else {
			at = uint32(len(b.rows))
			b.rows = append(b.rows, x)
		}
		// A row whose time is not in its window must not outlive the window.
		b.ready.push(timerDue{at: min(x.t, t.home[slot].w.MaxTimestamp()), serial: b.order, key: timerKey{slot: at}})
		b.order++
	}
	return nil
}

// release1 processes the earliest row.
func (t *statefulTask[K, V, O]) release1() error {
	b := t.buffer
	at := b.ready.pop().key.slot
	x := b.rows[at]
	b.rows[at] = buffered[V]{}
	b.free = append(b.free, at)
	b.count[x.slot]--
	t.at, t.time = x.slot, x.t
	t.touch(x.slot)
	t.lone.V = append(t.lone.V[:0], coder.KV[K, V]{Key: t.keys[x.slot], Value: x.v})
	t.batch, t.row = &t.lone, 0
	err := t.one(x.t, x.pane, t.element)
	t.batch = nil
	clear(t.lone.V)
	return err
}
