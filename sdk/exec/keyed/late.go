package keyed

import (
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// late gives on the rows that came after one of their windows had expired or closed, once for each such window and in that
// window only (Beam: droppable data).
type late struct {
	row    *exec.ElementType
	to     exec.Sink
	b      any
	rows   []uint32
	places exec.Places
	m      lateMeta
}

func newLate(row *exec.ElementType, sink exec.Sink) *late {
	return &late{row: row, to: sink, b: row.New(0, exec.Meta{})}
}

func (l *late) push(b any, rows []lateRow) error {
	if len(rows) == 0 {
		return nil
	}
	l.rows = l.rows[:0]
	for _, r := range rows {
		l.rows = append(l.rows, r.row)
	}
	l.row.Reset(l.b)
	l.row.Gather(l.b, b, l.rows, &l.places)
	*l.row.Meta(l.b) = l.m.of(l.row.Meta(b), rows)
	return l.to.Push(l.b)
}

// lateMeta is the part of a late that does not know the rows.
type lateMeta struct {
	t    []mtime.Time
	s    []uint32
	p    []window.Pane
	sets exec.WindowSets
}

// of returns the meta of late rows of a batch with meta m.
func (l *lateMeta) of(m *exec.Meta, rows []lateRow) exec.Meta {
	l.t, l.s, l.p = l.t[:0], l.s[:0], l.p[:0]
	l.sets.Reset()
	for j, r := range rows {
		i := int(r.row)
		if j == 0 || r.w != rows[j-1].w {
			l.sets.Add(r.w)
		}
		l.t, l.p, l.s = append(l.t, m.Time(i)), append(l.p, m.Pane(i)), append(l.s, uint32(l.sets.Len()-1))
	}
	late := exec.Meta{T: l.t, P: l.p}
	if m.Sets != nil {
		late.Sets, late.S = &l.sets, l.s
	}
	return late
}
