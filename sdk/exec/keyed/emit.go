package keyed

import (
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// emitter makes batches of panes.
type emitter[O any] struct {
	step *exec.Step
	to   exec.Sink
	b    exec.Batch[O]
	m    paneMeta
}

func newEmitter[O any](step *exec.Step, sink exec.Sink) *emitter[O] {
	return &emitter[O]{step: step, to: sink}
}

// begin empties the batch. Between begin and end there are at most as many rows as the firings of one call.
func (e *emitter[O]) begin() {
	e.b.V = e.b.V[:0]
	e.m.reset()
}

func (e *emitter[O]) add(v O, f *firing) {
	e.b.V = append(e.b.V, v)
	e.m.add(f)
}

func (e *emitter[O]) end() error {
	n := len(e.b.V)
	if n == 0 {
		return nil
	}
	e.b.Meta = e.m.meta()
	e.step.Out.Add(int64(n))
	err := e.to.Push(&e.b)
	clear(e.b.V)
	return err
}

// paneMeta is the part of an emitter that does not know the type of the rows.
type paneMeta struct {
	t    []mtime.Time
	s    []uint32
	p    []window.Pane
	last window.Window // of the last set
	sets exec.WindowSets
}

func (m *paneMeta) reset() {
	m.t, m.s, m.p = m.t[:0], m.s[:0], m.p[:0]
	m.sets.Reset()
}

func (m *paneMeta) add(f *firing) {
	if m.sets.Len() == 0 || f.w != m.last {
		m.sets.Add(f.w)
		m.last = f.w
	}
	m.t = append(m.t, f.ts)
	m.s = append(m.s, uint32(m.sets.Len()-1))
	m.p = append(m.p, f.pane)
}

func (m *paneMeta) meta() exec.Meta {
	b := exec.Meta{T: m.t, P: m.p, Sets: &m.sets}
	switch {
	case m.sets.Len() > 1:
		b.S = m.s
	case m.last.IsGlobal():
		b.Sets = nil
	}
	return b
}
