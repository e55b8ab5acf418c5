// Package teststream is a source for tests of event time: it gives elements, watermarks and steps of the processing
// time in an order that the test decides (Beam: TestStream).
//
//	scores := teststream.New[int64]().
//		Add(teststream.At(1*time.Second), 3, 4).
//		Watermark(teststream.At(10*time.Second)).
//		Add(teststream.At(2*time.Second), 5). // late
//		End()
//
// It is for tests in which it matters when an element comes: of windows, triggers, late data, views, and of timers as part
// of a pipeline. A stateful DoFn alone is tested more shortly with ptest.StatefulDoFn, which looks after each step; a
// pipeline with a source of its own, with ptest.Start on a ptest.Clock. Package passert has assertions on windows and panes.
//
// Each step waits until what came before has gone all the way through the pipeline, so the outcome is certain: each Add
// is a bundle, and triggers are asked once behind it. The processing time begins at the epoch and moves with Advance only:
// timers, triggers and sdk.Context's Now read it; package time does not. Runners without control of time refuse the pipeline.
package teststream

import (
	"time"

	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/mtime"
)

// At is the event time d after the epoch.
func At(d time.Duration) sdk.Time { return mtime.Time(0).Add(d) }

// Stream is a script. Its methods append to it and return it. It is not safe for concurrent use, and is not to be
// changed once a pipeline has been built with it.
type Stream[T any] struct {
	rows  exec.Rows[T]
	steps []exec.ScriptEvent
}

// New returns a script that has no steps.
func New[T any]() *Stream[T] { return &Stream[T]{rows: exec.Rows[T]{T: []sdk.Time{}}} }

// Add gives the values, all with the event time t, as one bundle.
func (s *Stream[T]) Add(t sdk.Time, values ...T) *Stream[T] {
	ts := make([]sdk.Timestamped[T], len(values))
	for i, v := range values {
		ts[i] = sdk.Timestamped[T]{Time: t, Value: v}
	}
	return s.AddAll(ts...)
}

// AddAll gives values with their event times, as one bundle.
func (s *Stream[T]) AddAll(values ...sdk.Timestamped[T]) *Stream[T] {
	lo := len(s.rows.V)
	for _, v := range values {
		s.rows.V, s.rows.T = append(s.rows.V, v.Value), append(s.rows.T, v.Time.Clamp())
	}
	return s.step(exec.ScriptEvent{Rows: s.rows.Range(lo, len(s.rows.V)), Watermark: mtime.Min})
}

// Watermark says that no element before t is still to come. Elements that come nevertheless are late.
func (s *Stream[T]) Watermark(t sdk.Time) *Stream[T] {
	return s.step(exec.ScriptEvent{Watermark: t.Clamp()})
}

// Advance moves the processing time on by d, in one step: a timer that is due at several times within d, as it sets itself
// again, fires once. (ptest.Clock goes from one time to the next.)
func (s *Stream[T]) Advance(d time.Duration) *Stream[T] {
	return s.step(exec.ScriptEvent{Advance: d, Watermark: mtime.Min})
}

// Drain cuts the stream off, as a drain of the job does. What is added behind it is not given.
func (s *Stream[T]) Drain() *Stream[T] {
	return s.step(exec.ScriptEvent{Drain: true, Watermark: mtime.Min})
}

// End says that the stream has ended: the watermark goes to the end of time. So it does in any case behind the last step.
func (s *Stream[T]) End() *Stream[T] { return s.Watermark(mtime.Max) }

func (s *Stream[T]) step(e exec.ScriptEvent) *Stream[T] {
	s.steps = append(s.steps, e)
	return s
}

// Read is the collection of what the script gives, in the global window. A pipeline can have one.
func Read[T any](p *sdk.Pipeline, s *Stream[T], opts ...sdk.Option) sdk.PCollection[T] {
	return sdk.Scripted[T](p, "TestStream", &s.rows, func() exec.Script { return &run{steps: s.steps} }, opts...)
}

// run is the script in one run of the pipeline.
type run struct {
	steps []exec.ScriptEvent
	next  int
}

// Next implements exec.Script.
func (r *run) Next() (e exec.ScriptEvent, ok bool) {
	if r.next == len(r.steps) || r.next > 0 && r.steps[r.next-1].Drain {
		return e, false
	}
	r.next++
	return r.steps[r.next-1], true
}
