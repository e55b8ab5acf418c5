package keyed

import (
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// emitter makes batches of panes.
type emitter[O any] struct {
	step *exec.Step
	to   exec.Sink[O]
	b    exec.Batch[O]
	t    []mtime.Time
	s    []uint32
	p    []window.Pane
	last window.Window // of the last set
	sets exec.WindowSets
}

func newEmitter[O any](step *exec.Step, sink any) *emitter[O] {
	return &emitter[O]{step: step, to: sink.(exec.Sink[O])}
}

// begin empties the batch. Between begin and end there are at most as many rows as the firings of one call.
func (e *emitter[O]) begin() {
	e.b.V, e.t, e.s, e.p = e.b.V[:0], e.t[:0], e.s[:0], e.p[:0]
	e.sets.Reset()
}

func (e *emitter[O]) add(v O, f *firing) {
	if e.sets.Len() == 0 || f.w != e.last {
		e.sets.Add(f.w)
		e.last = f.w
	}
	e.b.V = append(e.b.V, v)
	e.t = append(e.t, f.ts)
	e.s = append(e.s, uint32(e.sets.Len()-1))
	e.p = append(e.p, f.pane)
}

func (e *emitter[O]) end() error {
	n := len(e.b.V)
	if n == 0 {
		return nil
	}
	e.b.Meta = exec.Meta{T: e.t, P: e.p, Sets: &e.sets}
	switch {
	case e.sets.Len() > 1:
		e.b.S = e.s
	case e.last.IsGlobal():
		e.b.Sets = nil
	}
	e.step.Out.Add(int64(n))
	err := e.to.Push(&e.b)
	clear(e.b.V)
	return err
}
