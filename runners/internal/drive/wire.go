package drive

import (
	"fmt"

	"github.com/millrace-go/millrace/runners/internal/stage"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/graph"
)

// edges is where rows leave a stage, for a wirer.
type edges interface {
	// end returns the Sink that takes the rows of the n-th input of an Exchange, Splittable or ViewOf.
	end(b *exec.Build, n *graph.Node, input int) (exec.Sink, error)
	// spool returns the Sink that takes the rows of a collection that is spooled by e.
	spool(b *exec.Build, e *stage.End) (exec.Sink, error)
}

// wirer connects the operators of one stage instance.
type wirer struct {
	edges
	plan  *stage.Plan
	log   *ledger
	s     *stage.Stage
	b     *exec.Build
	sinks map[*graph.Collection]exec.Sink
	memo  map[*graph.Node]exec.Sink // the input of a transform, for collections that reach it twice
	waits map[*graph.Node][]exec.Waiter
}

// wire makes an instance of s for a worker.
func (r *Run) wire(s *stage.Stage, host *exec.Host) (*exec.Plan, exec.Root, error) {
	w := newWirer(r, r.plan, &r.ledger, s, host)
	root, err := r.root(w)
	if err != nil {
		return nil, nil, fmt.Errorf("starting stage %s: %w", s.Name(), err)
	}
	return w.b.Plan(root), root, nil
}

func newWirer(e edges, p *stage.Plan, log *ledger, s *stage.Stage, host *exec.Host) *wirer {
	return &wirer{edges: e, plan: p, log: log, s: s, b: &exec.Build{Host: host}, sinks: map[*graph.Collection]exec.Sink{}, memo: map[*graph.Node]exec.Sink{}, waits: map[*graph.Node][]exec.Waiter{}}
}

func (r *Run) root(w *wirer) (exec.Root, error) {
	if w.s.Root == nil {
		sink, err := w.sink(w.s.Spool)
		if err != nil {
			return nil, err
		}
		return r.exchanges[w.s].NewRoot(w.b, r.step(w.s.Spool.From, w.b.Host, false), sink)
	}
	n := w.s.Root
	step := r.step(n, w.b.Host, true)
	sinks, err := w.outputs(n)
	if err != nil {
		return nil, err
	}
	for i, c := range n.Out {
		if w.b.Host.Strict {
			sinks[i] = exec.NewBundler(w.b, c.Elem, sinks[i])
		}
	}
	switch n.Kind {
	case graph.Source:
		return n.Feed.NewRoot(w.b, step, sinks[0])
	case graph.Splittable:
		return r.inboxes[n].NewRoot(w.b, step, sinks)
	default:
		return r.exchanges[w.s].NewRoot(w.b, step, sinks[0])
	}
}

// outputs returns the Sinks of a transform's outputs.
func (w *wirer) outputs(n *graph.Node) ([]exec.Sink, error) {
	sinks := make([]exec.Sink, len(n.Out))
	for i, c := range n.Out {
		var err error
		if sinks[i], err = w.sink(c); err != nil {
			return nil, err
		}
	}
	return sinks, nil
}

// end implements edges.
func (r *Run) end(b *exec.Build, n *graph.Node, input int) (exec.Sink, error) {
	switch n.Kind {
	case graph.Exchange:
		return r.exchanges[r.reader[n]].NewWriter(b, r.step(n, b.Host, true), input)
	case graph.Splittable:
		return r.inboxes[n].NewWriter(b, r.step(n, b.Host, false))
	default:
		return r.views[n.Makes.ID].NewWriter(b, r.step(n, b.Host, true))
	}
}

// spool implements edges.
func (r *Run) spool(b *exec.Build, e *stage.End) (exec.Sink, error) {
	return r.exchanges[e.Reader].NewWriter(b, r.step(e.Spool.From, b.Host, false), 0)
}

// sink returns the Sink that takes the rows of c in this stage.
func (w *wirer) sink(c *graph.Collection) (exec.Sink, error) {
	if s, ok := w.sinks[c]; ok {
		return s, nil
	}
	var to []exec.Sink
	// The rows of a spool have been to the other readers of the collection, but for those that wait for a view.
	spooled := w.s.Root == nil && c == w.s.Spool
	for _, n := range w.plan.Readers(c) {
		if spooled && n.Kind != graph.ParDo {
			continue
		}
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
		case graph.Exchange, graph.Splittable, graph.ViewOf:
			for i, in := range n.In {
				if in != c {
					continue
				}
				s, err := w.end(w.b, n, i)
				if err != nil {
					return nil, fmt.Errorf("%s (%s): %w", n.Path, n.At, err)
				}
				to = append(to, s)
			}
		default:
		}
	}
	for _, e := range w.s.Ends {
		if e.Spool == c {
			s, err := w.spool(w.b, e)
			if err != nil {
				return nil, err
			}
			to = append(to, s)
		}
	}
	s := exec.Tee(to)
	if w.b.Host.Strict {
		s = exec.NewCheck(c.From.Path, c.Elem, s)
	}
	w.sinks[c] = s
	return s, nil
}

// input returns the Sink of a fused transform.
func (w *wirer) input(n *graph.Node) (exec.Sink, error) {
	if s, ok := w.memo[n]; ok {
		return s, nil
	}
	outs, err := w.outputs(n)
	if err != nil {
		return nil, err
	}
	before := len(w.b.Waiters())
	s, err := n.Op(w.b, w.log.step(n, w.b.Host, true), outs)
	if err != nil {
		return nil, fmt.Errorf("%s (%s): %w", n.Path, n.At, err)
	}
	w.memo[n] = s
	w.waits[n] = w.b.Waiters()[before:]
	return s, nil
}

// waitsBefore returns what may make rows of c wait inside the stage: the operators between its root and c.
func (w *wirer) waitsBefore(c *graph.Collection) (ws []exec.Waiter) {
	seen := map[*graph.Node]bool{}
	var visit func(n *graph.Node)
	visit = func(n *graph.Node) {
		if seen[n] || !w.s.Runs(n) {
			return
		}
		seen[n] = true
		ws = append(ws, w.waits[n]...)
		for _, in := range n.In {
			visit(in.From)
		}
	}
	visit(c.From)
	return ws
}
