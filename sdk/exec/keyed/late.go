package keyed

import (
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// late gives on the rows that came after one of their windows had expired or closed, once for each such window and in that
// window only (Beam: droppable data).
type late[R any] struct {
	to   exec.Sink[R]
	b    exec.Batch[R]
	t    []mtime.Time
	s    []uint32
	p    []window.Pane
	sets exec.WindowSets
}

func newLate[R any](sink any) *late[R] { return &late[R]{to: sink.(exec.Sink[R])} }

func (l *late[R]) push(b *exec.Batch[R], rows []lateRow) error {
	if len(rows) == 0 {
		return nil
	}
	l.b.V, l.t, l.s, l.p = l.b.V[:0], l.t[:0], l.s[:0], l.p[:0]
	l.sets.Reset()
	for j, r := range rows {
		i := int(r.row)
		if j == 0 || r.w != rows[j-1].w {
			l.sets.Add(r.w)
		}
		l.b.V = append(l.b.V, b.V[i])
		l.t, l.p, l.s = append(l.t, b.Time(i)), append(l.p, b.Pane(i)), append(l.s, uint32(l.sets.Len()-1))
	}
	l.b.Meta = exec.Meta{T: l.t, P: l.p}
	if b.Sets != nil {
		l.b.Sets, l.b.S = &l.sets, l.s
	}
	return l.to.Push(&l.b)
}
