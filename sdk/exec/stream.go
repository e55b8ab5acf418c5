package exec

import (
	"time"

	"github.com/millrace-go/millrace/sdk/mtime"
)

// Clock says where a task stands in time.
type Clock struct {
	Watermark  mtime.Time // of the input: no row still to come is earlier, but for late ones
	Output     mtime.Time // of the output: what the tasks behind this one have been told
	Processing mtime.Time // the wall clock, or a test's
	Draining   bool       // the input has been cut off
}

// Port is the upstream end of a streaming edge, to one of the tasks behind it. It is used by one goroutine.
type Port interface {
	// Send hands over batch, a *Batch of some type with that many rows; it belongs to the receiver from then on.
	// It does not block: who sends more than there are credits for is not called again until there are.
	Send(batch any, rows int)
	// Spare returns a batch that was sent and has been read, to be filled again, or nil.
	Spare() any
}

// StreamExchange is an edge between stages of a streaming job.
type StreamExchange interface {
	// NewWriter adds to b the operator that takes the exchange's n-th input and sends it to the tasks behind ports,
	// which share the key groups evenly, and returns its Sink.
	NewWriter(b *Build, step *Step, n int, ports []Port) (sink Sink, err error)
	// NewTask returns the task that reads the edge and pushes to sinks, one for each output of the transform.
	NewTask(b *Build, step *Step, sinks []Sink) (Task, error)
}

// Task is the downstream end of a streaming edge: it keeps state by key and window. It is a state machine that its
// host drives, from one goroutine: it starts none and reads no clock. All of its output is pushed from within the calls.
type Task interface {
	// BeginBundle is called before the first Take of a bundle.
	BeginBundle(c Clock)
	// Take processes rows of the n-th input. The batch is the task's for the call.
	Take(n int, batch any) error
	// EndBundle is called after some batches: what they have made ready is emitted.
	EndBundle(c Clock) error
	// Advance is called when the watermark or the processing time have moved. more says that there is more to do at
	// this clock: it is to be called again, when there is room for output, and before any other call.
	Advance(c Clock) (more bool, err error)
	// Hold is a time that nothing still to be emitted is before, if it is earlier than the input's watermark.
	Hold() mtime.Time
	// Wake is the processing time at which Advance wants to be called, or mtime.Max.
	Wake() mtime.Time
	// Stats says what the task holds.
	Stats() TaskStats
}

// TaskStats is what a task holds.
type TaskStats struct {
	Slots   int64 // pairs of key and window
	Frames  int64 // windows, if they do not merge
	Bytes   int64 // an estimate of the memory
	Dropped int64 // rows that came after their window had expired or closed, since the start
	Late    int64 // rows in panes that were late, or that state took behind the end of their window
	Unfired int64 // timers that did not fire: of processing time, when their window expired; set again and again in a drain
}

// SplitRoot is the root of a splittable transform in a streaming job.
type SplitRoot interface {
	Root
	Splitter
	// RunSplit runs w until it is done, asks to be resumed, or enough says, after a batch, that it has to give way.
	RunSplit(w Work, enough func(rows int) bool) (Residual, error)
}

// Residual is what is left of work that has been interrupted.
type Residual struct {
	Work      Work          // nil: nothing
	After     time.Duration // when to go on
	Idle      bool          // there is nothing to read just now: its watermark need not be waited for
	Watermark mtime.Time    // nothing still to come is earlier
}

// Watermarked is work that knows its watermark.
type Watermarked interface{ Watermark() mtime.Time }

// Truncatable is work that can be cut short when its job is drained: nil means that nothing of it is left to do.
type Truncatable interface{ Truncate() Work }

// Script is a source that is told when to give what: by a test, which has control of time.
type Script interface {
	// Next returns what comes next, once all that came before has gone through the pipeline; ok is false at the end.
	Next() (e ScriptEvent, ok bool)
}

// ScriptEvent is rows, a watermark or a step of the processing time: what is set.
type ScriptEvent struct {
	Rows      Work // for the feed's root
	Watermark mtime.Time
	Advance   time.Duration
	Drain     bool
}
