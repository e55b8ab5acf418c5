package sdf

import (
	"time"

	"github.com/millrace-go/millrace/sdk/mtime"
)

// WatermarkEstimator says how far event time has come in one restriction: no element still to come from it is earlier
// (Beam programming guide, "Watermark estimation"). It belongs to the goroutine that runs the DoFn. What it says may
// not fall; the engine takes the greatest it has said.
//
// Its state is the watermark: when a restriction is resumed, here or after a restore, its DoFn makes a new estimator
// that starts where the last one stood.
type WatermarkEstimator interface {
	// Watermark is asked for when the DoFn has returned.
	Watermark() mtime.Time
}

// TimestampObserver is a [WatermarkEstimator] that is told the timestamps of what the DoFn emits.
type TimestampObserver interface {
	// Observe is called with the greatest timestamp of each batch.
	Observe(t mtime.Time)
}

// Monotonic is the estimator of a source whose timestamps do not fall: the greatest that it has emitted.
type Monotonic struct{ at mtime.Time }

// NewMonotonic returns an estimator that stands at start.
func NewMonotonic(start mtime.Time) *Monotonic { return &Monotonic{start} }

// Watermark implements [WatermarkEstimator].
func (m *Monotonic) Watermark() mtime.Time { return m.at }

// Observe implements [TimestampObserver].
func (m *Monotonic) Observe(t mtime.Time) { m.at = max(m.at, t) }

// Bounded is the estimator of a source whose timestamps are at most so much behind the greatest before them.
type Bounded struct {
	at mtime.Time
	by time.Duration
}

// NewBounded returns an estimator that stands at start and stays by behind the greatest timestamp.
func NewBounded(start mtime.Time, by time.Duration) *Bounded { return &Bounded{start, by} }

// Watermark implements [WatermarkEstimator].
func (b *Bounded) Watermark() mtime.Time { return b.at }

// Observe implements [TimestampObserver].
func (b *Bounded) Observe(t mtime.Time) { b.at = max(b.at, t.Add(-b.by)) }

// Manual is the estimator of a source that knows: a broker that tells, a generator.
type Manual struct{ at mtime.Time }

// NewManual returns an estimator that stands at start.
func NewManual(start mtime.Time) *Manual { return &Manual{start} }

// Watermark implements [WatermarkEstimator].
func (m *Manual) Watermark() mtime.Time { return m.at }

// Set moves the watermark to t. One that is earlier than the last is ignored.
func (m *Manual) Set(t mtime.Time) { m.at = max(m.at, t) }

// WallClock is the estimator of a source whose elements are as old as they are when they come: ingestion time.
type WallClock struct {
	at  mtime.Time
	now func() time.Time
}

// NewWallClock returns an estimator that stands at start; now is the clock, time.Now if it is nil.
func NewWallClock(start mtime.Time, now func() time.Time) *WallClock {
	if now == nil {
		now = time.Now
	}
	return &WallClock{start, now}
}

// Watermark implements [WatermarkEstimator].
func (w *WallClock) Watermark() mtime.Time {
	w.at = max(w.at, mtime.FromTime(w.now()))
	return w.at
}
