// Package generatorio makes elements of numbers, at a rate: for tests, for load, and as a clock that ticks in a
// pipeline (Beam: GenerateSequence, PeriodicImpulse).
package generatorio

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/sdf"
)

// Option is an option of [Sequence] and [Generate].
type Option func(*options)

type options struct {
	from, to int64
	rate     float64
	splits   int
	time     func(n int64) sdk.Time
	disorder time.Duration
}

// From sets the first number, at least 0, which is the default.
func From(n int64) Option { return func(o *options) { o.from = n } }

// To ends the source before number n. By default it does not end until the job is drained or cancelled. The job is a
// streaming one in any case.
func To(n int64) Option { return func(o *options) { o.to = n } }

// Rate sets how many elements there are per second of processing time ([exec.Context.Now]), over all splits. By default,
// and with 0, there are as many as the pipeline takes.
//
// Number n is due (n-from)/rate seconds after the source has started, and comes then, some milliseconds later, or when
// the pipeline takes it: what it could not take at its time it is given as fast as it can later, so that the rate holds
// over time and a latency that is measured from when an element was due tells of delays.
func Rate(perSecond float64) Option { return func(o *options) { o.rate = perSecond } }

// Splits sets in how many parts the numbers are made, each part taking every n-th: as many workers can make them at
// once. By default there is 1, and numbers rise; with more, only those of one part do.
func Splits(n int) Option { return func(o *options) { o.splits = n } }

// EventTime sets the event time of number n. Times must not fall, or by at most [OutOfOrder]; what comes too late for
// that is behind the watermark. By default event time is the wall clock when an element is made.
//
// f is called from several goroutines at once, and for a number more than once.
func EventTime(f func(n int64) sdk.Time) Option { return func(o *options) { o.time = f } }

// OutOfOrder says that the [EventTime] of a number may be up to d before the greatest before it. The watermark stays
// so far behind.
func OutOfOrder(d time.Duration) Option { return func(o *options) { o.disorder = d } }

// Sequence is the numbers 0, 1, 2, ...
func Sequence(p *sdk.Pipeline, opts ...Option) sdk.PCollection[int64] {
	return generate(p, "generatorio.Sequence", func(n int64) int64 { return n }, opts)
}

// Generate is f(0), f(1), f(2), ... It is the same sequence whoever makes it, so f must depend on n only; random values
// come from a generator that n seeds. f is called from several goroutines at once.
func Generate[T any](p *sdk.Pipeline, f func(n int64) T, opts ...Option) sdk.PCollection[T] {
	return generate(p, "generatorio.Generate", f, opts)
}

func generate[T any](p *sdk.Pipeline, name string, f func(n int64) T, opts []Option) sdk.PCollection[T] {
	o := options{to: math.MaxInt64, splits: 1}
	for _, opt := range opts {
		opt(&o)
	}
	return sdk.Scope(p, name, func() sdk.PCollection[T] {
		if err := o.check(f == nil); err != nil {
			// The pipeline takes errors of what is decided once.
			o = sdk.Once(p, "options", func() (options, error) { return options{splits: 1}, err })
		}
		parts := make([]int64, o.splits)
		for i := range parts {
			parts[i] = int64(i)
		}
		started := sdk.ParDo(sdk.Create(p, parts), startFn{})
		return sdk.ParDoSplittable(started, &sequenceFn[T]{
			From: o.from, To: o.to, Rate: o.rate, Splits: int64(o.splits), OutOfOrder: int64(o.disorder), Timed: o.time != nil,
			value: f, time: o.time,
		})
	})
}

func (o *options) check(noFunc bool) error {
	switch {
	case noFunc:
		return errors.New("generatorio: the function is nil")
	case o.from < 0 || o.to < o.from:
		return fmt.Errorf("generatorio: numbers from %d to %d: From must be at least 0 and To not less", o.from, o.to)
	case !(o.rate >= 0) || math.IsInf(o.rate, 0):
		return fmt.Errorf("generatorio: a rate of %v elements per second: it must be at least 0", o.rate)
	case o.splits < 1 || o.splits > 1<<16:
		return fmt.Errorf("generatorio: %d splits: there must be 1 to 65536", o.splits)
	case o.disorder < 0:
		return fmt.Errorf("generatorio: out of order by %v: it must be at least 0", o.disorder)
	}
	return nil
}

// part is one of the splits: its numbers are From + Index, and on in steps of the number of splits.
type part struct {
	Index   int64
	Started int64 // ns since the epoch
}

// startFn says when a part has started.
type startFn struct{}

func (startFn) ProcessElement(c *sdk.Context, i int64, out sdk.Emitter[part]) error {
	out.Emit(part{i, c.Now().UnixNano()})
	return nil
}

// sequenceFn makes the numbers of a part. Its restriction counts them.
type sequenceFn[T any] struct {
	From, To   int64
	Rate       float64
	Splits     int64
	OutOfOrder int64 // ns
	Timed      bool

	value func(n int64) T
	time  func(n int64) sdk.Time
}

func (*sequenceFn[T]) Unbounded() bool { return true }

func (f *sequenceFn[T]) InitialRestriction(p part) sdf.OffsetRange {
	n := f.To - f.From - p.Index
	if n <= 0 {
		return sdf.OffsetRange{}
	}
	return sdf.OffsetRange{Hi: (n-1)/f.Splits + 1}
}

// RestrictionSize is the number of elements that are left, 0 if there is no end.
func (f *sequenceFn[T]) RestrictionSize(_ part, r sdf.OffsetRange) float64 {
	if f.To == math.MaxInt64 {
		return 0
	}
	return r.Size()
}

func (*sequenceFn[T]) NewTracker(r sdf.OffsetRange) *sdf.OffsetTracker {
	return sdf.NewOffsetTracker(r)
}

func (*sequenceFn[T]) NewWatermarkEstimator(_ part, _ sdf.OffsetRange, start sdk.Time) sdf.WatermarkEstimator {
	return sdf.NewManual(start)
}

// blockRows is how many rows are claimed and made at once.
const blockRows = 256

func (f *sequenceFn[T]) ProcessElement(c *sdk.Context, p part, t *sdf.OffsetTracker, out sdk.Emitter[T]) (sdk.Continuation, error) {
	est := c.WatermarkEstimator().(*sdf.Manual)
	end := t.Restriction().Hi
	first := f.From + p.Index
	for at := t.Restriction().Lo; ; {
		if err := c.Err(); err != nil {
			return sdf.Stop(), err
		}
		now := c.Now()
		want, wait := f.due(p, at, end, now)
		if f.time == nil {
			est.Set(mtime.FromTime(now)) // stays where it is if the clock has been put back
		}
		if wait > 0 {
			return sdf.Resume(wait), nil
		}
		got := t.ClaimUpTo(max(want, at+1)) // where nothing is left it says that all is done
		if got <= at {
			return sdf.Stop(), nil
		}
		rows, times := out.Extend(int(got - at))
		for i := range rows {
			n := first + (at+int64(i))*f.Splits
			rows[i] = f.value(n)
			if f.time != nil {
				times[i] = f.time(n).Clamp()
			} else {
				times[i] = est.Watermark()
			}
		}
		at = got
		if f.time != nil && at < end {
			est.Set(f.time(first + at*f.Splits).Add(-time.Duration(f.OutOfOrder)))
		}
	}
}

// due returns up to where numbers of the part are due, at most a block of them, or how long it is until the next one
// is. The numbers of all parts are due in turn.
func (f *sequenceFn[T]) due(p part, at, end int64, now time.Time) (want int64, wait time.Duration) {
	want = min(at+blockRows, end)
	if f.Rate == 0 || at >= end {
		return want, 0
	}
	passed := float64(now.UnixNano()-p.Started) / 1e9 * f.Rate // numbers of all parts
	next := float64(p.Index) + float64(at)*float64(f.Splits)
	if passed < next {
		seconds := (next - passed) / f.Rate
		// The clock may be put back meanwhile, or the rate be very low: it is looked at again and again.
		return at, time.Duration(min(max(seconds*1e9, 1e6), 1e9))
	}
	return min(want, at+1+int64((passed-next)/float64(f.Splits))), 0
}
