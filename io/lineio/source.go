package lineio

import (
	"context"
	"fmt"
	"math"

	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/metrics"
	"github.com/millrace-go/millrace/sdk/sdf"
)

func (o *options) check() error {
	switch {
	case o.maxLine < 1:
		return fmt.Errorf("lineio: lines of at most %d bytes: it must be at least 1", o.maxLine)
	case o.maxConns < 1:
		return fmt.Errorf("lineio: %d connections: there must be at least 1", o.maxConns)
	case o.first <= 0 || o.most < o.first:
		return fmt.Errorf("lineio: backoff from %v to %v: it must be more than 0, and not fall", o.first, o.most)
	case o.attempts < 0:
		return fmt.Errorf("lineio: %d attempts: it must be at least 0", o.attempts)
	}
	return nil
}

// source is the lines of what open has opened for a job.
func source(p *sdk.Pipeline, scope, name string, o *options, open func(*session) error) sdk.PCollection[Line] {
	return sdk.Scope(p, scope, func() sdk.PCollection[Line] {
		if err := o.check(); err != nil {
			// The pipeline takes errors of what is decided once.
			sdk.Once(p, "options", func() (bool, error) { return false, err })
		}
		f := &linesFn{Name: name, o: o, open: open, sessions: &sessions{}}
		sdk.Cleanup(p, func(job string, _ bool) error {
			f.sessions.end(job)
			return nil
		})
		return sdk.ParDoSplittable(sdk.Create(p, []string{name}), f)
	})
}

// linesFn gives the lines of a session. Its restriction counts them, from 0 when the job starts. It has no end; one
// that ends earlier is what is left in a drain: the lines that have been received.
type linesFn struct {
	Name    string
	Skipped metrics.Counter

	o        *options
	open     func(*session) error
	sessions *sessions
	session  *session
}

// Setup opens the stream, if no other instance has done so: its context is the job's.
func (f *linesFn) Setup(c *sdk.Context) error { return f.begin(c, c.Context) }

func (f *linesFn) begin(c *sdk.Context, job context.Context) (err error) {
	f.session, err = f.sessions.get(job, c.JobID(), c.Log(), f.o, f.open)
	if err != nil {
		return fmt.Errorf("lineio: opening %s: %w", f.Name, err)
	}
	return nil
}

func (*linesFn) Unbounded() bool { return true }

const noEnd = math.MaxInt64

func (*linesFn) InitialRestriction(string) sdf.OffsetRange { return sdf.OffsetRange{Hi: noEnd} }

func (*linesFn) TruncateRestriction(_ string, r sdf.OffsetRange) (sdf.OffsetRange, bool) {
	r.Hi = min(r.Hi, noEnd-1)
	return r, r.Lo < r.Hi
}

// RestrictionSize says that nobody knows.
func (*linesFn) RestrictionSize(string, sdf.OffsetRange) float64 { return 0 }

func (*linesFn) NewTracker(r sdf.OffsetRange) *sdf.OffsetTracker { return sdf.NewOffsetTracker(r) }

func (f *linesFn) NewWatermarkEstimator(_ string, _ sdf.OffsetRange, start sdk.Time) sdf.WatermarkEstimator {
	return &arrival{at: start}
}

// arrival is the estimator of lines: the wall clock, but not past a line that waits.
type arrival struct {
	at sdk.Time
	q  *queue // nil until the DoFn has run
}

func (a *arrival) Watermark() sdk.Time {
	if a.q != nil {
		a.at = a.q.watermark()
	}
	return a.at
}

func (f *linesFn) ProcessElement(c *sdk.Context, _ string, t *sdf.OffsetTracker, out sdk.Emitter[Line]) (sdk.Continuation, error) {
	q := f.session.q
	if est := c.WatermarkEstimator().(*arrival); est.q != q {
		q.raise(est.at)
		est.q = q
	}
	if t.Restriction().Hi == noEnd-1 {
		f.session.close()
	}
	defer func() { f.Skipped.Inc(q.takeSkipped()) }()
	for at := t.Restriction().Lo; ; {
		if err := c.Err(); err != nil {
			return sdf.Stop(), err
		}
		lines, time, ended, err := q.first()
		switch {
		case err != nil && at > t.Restriction().Lo:
			return sdf.Resume(0), nil // the lines before it go on first
		case err != nil:
			return sdf.Stop(), err
		case ended:
			t.TryClaim(noEnd) // there is nothing left
			return sdf.Stop(), nil
		case len(lines) == 0:
			return sdf.Resume(q.wait()), nil
		}
		lines = lines[:min(len(lines), claimLines)]
		got := int(t.ClaimUpTo(at+int64(len(lines))) - at)
		if got <= 0 {
			return sdf.Stop(), nil
		}
		rows, times := out.Extend(got)
		copy(rows, lines)
		for i, l := range lines[:got] {
			times[i] = time
			c.AddBytes(int64(len(l.Text)) + 1)
		}
		q.drop(got)
		at += int64(got)
	}
}

// claimLines is how many lines are claimed at once.
const claimLines = 256
