// Package metrics has the metrics that user code counts: declared as exported fields of a DoFn, reported per
// transform and field name (Beam programming guide, "Metrics").
//
//	type parseFn struct {
//		Bad metrics.Counter
//	}
//
// A metric is counted when its element has succeeded: a failed attempt leaves no trace in it.
package metrics

import (
	"time"

	"github.com/millrace-go/millrace/sdk/exec"
)

// Counter is a sum of increments. The zero value, as a field of a DoFn, is ready.
type Counter struct{ cell *exec.Cell }

// Inc adds n. On a DoFn that no runner has bound (in a plain test) it does nothing.
func (c *Counter) Inc(n int64) {
	if c.cell != nil {
		c.cell.Add(n)
	}
}

// Bind connects the metric to a running step. For package sdk.
func (c *Counter) Bind(s *exec.Step, name string) { c.cell = s.Cell(name, exec.CounterCell) }

// Distribution keeps count, sum, least and greatest of the values it is given.
type Distribution struct{ cell *exec.Cell }

// Update adds v.
func (d *Distribution) Update(v int64) {
	if d.cell != nil {
		d.cell.Observe(v)
	}
}

// Bind connects the metric to a running step. For package sdk.
func (d *Distribution) Bind(s *exec.Step, name string) { d.cell = s.Cell(name, exec.DistributionCell) }

// Gauge keeps the latest value it was given.
type Gauge struct{ cell *exec.Cell }

// Set replaces the value.
func (g *Gauge) Set(v int64) {
	if g.cell != nil {
		g.cell.Set(v, time.Now().UnixNano())
	}
}

// Bind connects the metric to a running step. For package sdk.
func (g *Gauge) Bind(s *exec.Step, name string) { g.cell = s.Cell(name, exec.GaugeCell) }
