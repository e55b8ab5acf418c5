package exec

import (
	"context"
	"log/slog"
	"time"

	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/sdf"
	"github.com/millrace-go/millrace/sdk/window"
)

// Context is what user code is given beside its element. As a [context.Context] it ends when the job is
// cancelled, lives as long as the bundle, and may be handed to calls and requests; everything else is about the
// element of the current call, valid only during it, and belongs to the goroutine of the call.
type Context struct {
	context.Context
	step    *Step
	meta    *Meta
	row     int
	attempt int
	est     sdf.WatermarkEstimator

	draining bool
}

// EventTime is the timestamp of the element. Outside ProcessElement it is [mtime.Min].
func (c *Context) EventTime() mtime.Time {
	if c.meta == nil {
		return mtime.Min
	}
	return c.meta.Time(c.row)
}

// Pane is the pane that the element came in: [window.NoFiring] before the first grouping.
func (c *Context) Pane() window.Pane {
	if c.meta == nil {
		return window.NoFiring
	}
	return c.meta.Pane(c.row)
}

// Now is the processing time: the wall clock, or that of a test (ptest.Clock, or the steps of a test stream). User code that
// asks here instead of package time can be tested. It is safe for concurrent use and reads the clock anew in each call.
func (c *Context) Now() time.Time { return c.step.Host.Clock() }

// Log is the job's logger, with the transform's path.
func (c *Context) Log() *slog.Logger { return c.step.Host.Log.With("transform", c.step.Path) }

// Draining reports whether the pipeline is being drained: its input has been cut off and timers that set
// themselves again are dropped.
func (c *Context) Draining() bool { return c.draining }

// Attempt says how often the element has been tried before, from 0.
func (c *Context) Attempt() int { return c.attempt }

// Epoch is the number of the checkpoint that the element's effects will belong to; 0 without checkpoints.
func (c *Context) Epoch() int64 { return 0 }

// JobID identifies the run.
func (c *Context) JobID() string { return c.step.Host.JobID }

// Worker is the number of the instance that runs the call, from 0.
func (c *Context) Worker() int { return c.step.Host.Worker }

// Windows are the windows of the element, for verbs that need them without user code asking. The slice belongs
// to the batch.
func (c *Context) Windows() []window.Window {
	if c.meta == nil {
		return globalSet
	}
	return c.meta.Windows(c.row)
}

// View returns the contents of view id for w. For the typed view handles.
func (c *Context) View(id int) any { return c.step.Host.View(id) }

// WatermarkEstimator is the one of the restriction that a splittable DoFn processes, in a streaming job; else nil.
func (c *Context) WatermarkEstimator() sdf.WatermarkEstimator { return c.est }

// AddBytes counts bytes that a source has read, for progress and metrics.
func (c *Context) AddBytes(n int64) { c.step.Bytes.Add(n) }
