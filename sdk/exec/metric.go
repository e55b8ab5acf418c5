package exec

import (
	"slices"
	"sync/atomic"
)

// CellKind is the kind of a metric.
type CellKind uint8

// The kinds of metrics, after Beam's.
const (
	CounterCell CellKind = iota
	DistributionCell
	GaugeCell
)

// Cell is one metric of one step instance. It is written by the instance's goroutine and read by anyone.
type Cell struct {
	Kind CellKind
	n    atomic.Int64 // counter: sum; distribution: count; gauge: the value
	sum  atomic.Int64
	min  atomic.Int64
	max  atomic.Int64
	at   atomic.Int64 // gauge: when set, in nanoseconds since the epoch
}

// Value is a copy of a cell's figures.
type Value struct {
	Kind                     CellKind
	Count, Sum, Min, Max, At int64
}

// Add adds d to a counter.
func (c *Cell) Add(d int64) { c.n.Add(d) }

// Observe adds v to a distribution.
func (c *Cell) Observe(v int64) {
	// One writer: plain read-modify-write is enough, the atomics are for readers.
	n := c.n.Load()
	if n == 0 || v < c.min.Load() {
		c.min.Store(v)
	}
	if n == 0 || v > c.max.Load() {
		c.max.Store(v)
	}
	c.sum.Store(c.sum.Load() + v)
	c.n.Store(n + 1)
}

// Set sets a gauge; at is nanoseconds since the epoch.
func (c *Cell) Set(v, at int64) { c.n.Store(v); c.at.Store(at) }

// Load returns the cell's figures.
func (c *Cell) Load() Value {
	return Value{Kind: c.Kind, Count: c.n.Load(), Sum: c.sum.Load(), Min: c.min.Load(), Max: c.max.Load(), At: c.at.Load()}
}

func (c *Cell) restore(v Value) {
	c.n.Store(v.Count)
	c.sum.Store(v.Sum)
	c.min.Store(v.Min)
	c.max.Store(v.Max)
	c.at.Store(v.At)
}

// Merge adds what another instance's cell of the same metric says.
func (v Value) Merge(o Value) Value {
	switch v.Kind {
	case DistributionCell:
		if v.Count == 0 {
			return o
		}
		if o.Count > 0 {
			v.Min, v.Max = min(v.Min, o.Min), max(v.Max, o.Max)
		}
		v.Sum += o.Sum
		v.Count += o.Count
	case GaugeCell:
		if o.At > v.At {
			return o
		}
	default:
		v.Count += o.Count
	}
	return v
}

// Cell returns the step's metric of that name, made at the first call. It is called while the plan is wired,
// never while it runs.
func (s *Step) Cell(name string, kind CellKind) *Cell {
	s.cellsMu.Lock()
	defer s.cellsMu.Unlock()
	if c := s.cells[name]; c != nil {
		return c
	}
	if s.cells == nil {
		s.cells = map[string]*Cell{}
	}
	c := &Cell{Kind: kind}
	s.cells[name] = c
	s.ordered = append(s.ordered, c)
	return c
}

// Cells calls f for the metrics of the step, by name. Anyone may call it at any time, also while the plan is
// wired; f must not call the step.
func (s *Step) Cells(f func(name string, v Value)) {
	s.cellsMu.Lock()
	defer s.cellsMu.Unlock()
	names := make([]string, 0, len(s.cells))
	for n := range s.cells {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		f(n, s.cells[n].Load())
	}
}
