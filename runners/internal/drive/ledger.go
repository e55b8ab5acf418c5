package drive

import (
	"sync"

	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/graph"
)

// ledger knows the steps of all stage instances, to tell what each transform has done. It is safe for concurrent use.
type ledger struct {
	mu    sync.Mutex
	steps map[*graph.Node][]*exec.Step
}

// step makes a step of n; counted says that it is the one that tells what n has done.
func (l *ledger) step(n *graph.Node, h *exec.Host, counted bool) *exec.Step {
	s := &exec.Step{Path: n.Path, At: n.At, Host: h}
	if counted {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.steps == nil {
			l.steps = map[*graph.Node][]*exec.Step{}
		}
		l.steps[n] = append(l.steps[n], s)
	}
	return s
}

// report appends what the transforms of g have done.
func (l *ledger) report(g *graph.Graph, st *sdk.Status) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range g.Nodes {
		ss := l.steps[n]
		if len(ss) == 0 {
			continue
		}
		row := sdk.StepStatus{Transform: n.Path}
		metrics := map[string]exec.Value{}
		var order []string
		for _, s := range ss {
			row.In += s.In.Load()
			row.Out += s.Out.Load()
			row.Bytes += s.Bytes.Load()
			s.Cells(func(name string, v exec.Value) {
				if old, ok := metrics[name]; ok {
					metrics[name] = old.Merge(v)
					return
				}
				metrics[name] = v
				order = append(order, name)
			})
		}
		st.Steps = append(st.Steps, row)
		for _, name := range order {
			v := metrics[name]
			kind := [...]string{"counter", "distribution", "gauge"}[v.Kind]
			st.Metrics = append(st.Metrics, sdk.Metric{Transform: n.Path, Name: name, Kind: kind, Value: v})
		}
	}
}
