package drive

import (
	"fmt"

	"github.com/millrace-go/millrace/runners/internal/stage"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/graph"
)

// wirer connects the operators of one stage instance.
type wirer struct {
	r     *Run
	s     *stage.Stage
	b     *exec.Build
	sinks map[*graph.Collection]any
	memo  map[*graph.Node]any // the input of a transform, for collections that reach it twice
}

// wire makes an instance of s for a worker.
func (r *Run) wire(s *stage.Stage, host *exec.Host) (*exec.Plan, exec.Root, error) {
	w := &wirer{r: r, s: s, b: &exec.Build{Host: host}, sinks: map[*graph.Collection]any{}, memo: map[*graph.Node]any{}}
	root, err := w.root()
	if err != nil {
		return nil, nil, fmt.Errorf("starting stage %s: %w", s.Name(), err)
	}
	return w.b.Plan(root), root, nil
}

func (w *wirer) root() (exec.Root, error) {
	if w.s.Root == nil {
		sink, err := w.sink(w.s.Spool)
		if err != nil {
			return nil, err
		}
		return w.r.exchanges[w.s].NewRoot(w.b, w.r.step(w.s.Spool.From, w.b.Host, false), sink)
	}
	n := w.s.Root
	step := w.r.step(n, w.b.Host, true)
	sinks := make([]any, len(n.Out))
	for i, c := range n.Out {
		var err error
		if sinks[i], err = w.sink(c); err != nil {
			return nil, err
		}
		if w.b.Host.Strict {
			sinks[i] = c.Bundle(w.b, sinks[i])
		}
	}
	switch n.Kind {
	case graph.Source:
		return n.Feed.NewRoot(w.b, step, sinks[0])
	case graph.Splittable:
		return w.r.inboxes[n].NewRoot(w.b, step, sinks)
	default:
		return w.r.exchanges[w.s].NewRoot(w.b, step, sinks[0])
	}
}

// sink returns the Sink that takes the rows of c in this stage.
func (w *wirer) sink(c *graph.Collection) (any, error) {
	if s, ok := w.sinks[c]; ok {
		return s, nil
	}
	var to []any
	for _, n := range w.r.plan.Readers(c) {
		switch n.Kind {
		case graph.ParDo:
			if !w.s.Runs(n) {
				continue
			}
			in, err := w.input(n)
			if err != nil {
				return nil, err
			}
			to = append(to, in)
		case graph.Flatten:
			in, err := w.sink(n.Out[0])
			if err != nil {
				return nil, err
			}
			to = append(to, in)
		case graph.Exchange:
			for i, in := range n.In {
				if in != c {
					continue
				}
				x := w.r.exchanges[w.r.reader[n]]
				s, err := x.NewWriter(w.b, w.r.step(n, w.b.Host, true), i)
				if err != nil {
					return nil, fmt.Errorf("%s (%s): %w", n.Path, n.At, err)
				}
				to = append(to, s)
			}
		case graph.Splittable:
			s, err := w.r.inboxes[n].NewWriter(w.b, w.r.step(n, w.b.Host, false))
			if err != nil {
				return nil, fmt.Errorf("%s (%s): %w", n.Path, n.At, err)
			}
			to = append(to, s)
		case graph.ViewOf:
			s, err := w.r.views[n.Makes.ID].NewWriter(w.b, w.r.step(n, w.b.Host, true))
			if err != nil {
				return nil, fmt.Errorf("%s (%s): %w", n.Path, n.At, err)
			}
			to = append(to, s)
		default:
		}
	}
	for _, e := range w.s.Ends {
		if e.Spool == c {
			s, err := w.r.exchanges[e.Reader].NewWriter(w.b, w.r.step(c.From, w.b.Host, false), 0)
			if err != nil {
				return nil, err
			}
			to = append(to, s)
		}
	}
	s := c.Tee(to)
	if w.b.Host.Strict {
		s = c.Check(w.b, s)
	}
	w.sinks[c] = s
	return s, nil
}

// input returns the Sink of a fused transform.
func (w *wirer) input(n *graph.Node) (any, error) {
	if s, ok := w.memo[n]; ok {
		return s, nil
	}
	outs := make([]any, len(n.Out))
	for i, c := range n.Out {
		var err error
		if outs[i], err = w.sink(c); err != nil {
			return nil, err
		}
	}
	s, err := n.Op(w.b, w.r.step(n, w.b.Host, true), outs)
	if err != nil {
		return nil, fmt.Errorf("%s (%s): %w", n.Path, n.At, err)
	}
	w.memo[n] = s
	return s, nil
}
