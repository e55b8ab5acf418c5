package keyed

import (
	"unsafe"

	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// late gives on the rows that came after their window had expired, as they were (Beam: droppable data).
type late[R any] struct {
	to exec.Sink[R]
	b  exec.Batch[R]
	t  []mtime.Time
	s  []uint32
	p  []window.Pane
}

func newLate[R any](sink any) *late[R] { return &late[R]{to: sink.(exec.Sink[R])} }

func (l *late[R]) push(b *exec.Batch[R], rows []uint32) error {
	if len(rows) == 0 {
		return nil
	}
	l.b.V, l.t, l.s, l.p = l.b.V[:0], l.t[:0], l.s[:0], l.p[:0]
	for _, r := range rows {
		i := int(r)
		l.b.V = append(l.b.V, b.V[i])
		l.t, l.p = append(l.t, b.Time(i)), append(l.p, b.Pane(i))
		if b.S != nil {
			l.s = append(l.s, b.S[i])
		}
	}
	l.b.Meta = exec.Meta{T: l.t, P: l.p, Sets: b.Sets}
	if b.S != nil {
		l.b.S = l.s
	}
	return l.to.Push(&l.b)
}

// stats says what the core holds, given the fixed size in bytes of what a slot holds beside it.
func (c *core) stats(perSlot int64) exec.TaskStats {
	const fixed = 64 // of a slot, its key and its place in the tables
	per := fixed + perSlot
	if c.panes != nil {
		per += int64(unsafe.Sizeof(pane{})) + int64(8*c.panes.words)
	}
	return exec.TaskStats{Slots: int64(c.live), Bytes: per * int64(c.live), Dropped: c.dropped, Frames: int64(len(c.frames))}
}
