package main

import (
	"math"
	"time"

	"github.com/millrace-go/millrace/examples/nexmark/event"
	"github.com/millrace-go/millrace/examples/nexmark/generator"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/sdf"
)

// source says which events a run reads, and how.
type source struct {
	Config generator.Config
	Events int64 // how many; negative: without end
	Splits int64 // stripes that are read at once; 0 or less: 4
	Batch  bool  // bounded in kind: no watermark until the end
	Live   live
}

// live is the pace of a run at a rate: event number n is due n/Rate seconds after Start. The zero value is no pace: as
// fast as can be.
type live struct {
	Rate  int64 // events per second of wall-clock time
	Start int64 // in nanoseconds since the epoch
}

// due returns when event number n is to be given, in nanoseconds since the epoch.
func (l live) due(n int64) int64 {
	return l.Start + n/l.Rate*1e9 + n%l.Rate*1e9/l.Rate
}

// stripe is every Of-th block of events, from block Number on. Stripes that are read at the same speed go through event
// time together, so that none holds the watermark of the others back.
type stripe struct{ Number, Of int64 }

const (
	blockSize     = 256
	defaultSplits = 4
	// endless is more blocks than anybody reads; the events' numbers stay within what the generator takes.
	endless = 1 << 40
	// liveBlocks is how many blocks a second there are in a live run at the least, if there are as many events.
	liveBlocks = 200
)

// events reads the events that src chooses, each at its own time.
func events(p *sdk.Pipeline, src source) sdk.PCollection[event.Event] {
	n := src.Splits
	if n <= 0 {
		n = defaultSplits
	}
	stripes := make([]stripe, n)
	for i := range stripes {
		stripes[i] = stripe{int64(i), n}
	}
	fn := &eventsFn{Config: src.Config, Events: src.Events, Block: blockSize, Batch: src.Batch, Live: src.Live}
	if src.Live.Rate > 0 {
		fn.Block = min(max(src.Live.Rate/liveBlocks, 1), blockSize)
	}
	return sdk.ParDoSplittable(sdk.Create(p, stripes), fn, sdk.Name("Events"))
}

// eventsFn makes the events of a stripe. Its restriction is the stripe's blocks by number: wherever it is cut, the same
// events come.
type eventsFn struct {
	Config generator.Config
	Events int64
	Block  int64
	Batch  bool
	Live   live

	gen *generator.Generator // of this instance
}

// Setup makes the generator.
func (f *eventsFn) Setup(*sdk.Context) error {
	f.gen = generator.New(f.Config)
	return nil
}

// Unbounded says that the source is one in kind, also when it ends: it has a watermark as it goes.
func (f *eventsFn) Unbounded() bool { return !f.Batch }

func (f *eventsFn) InitialRestriction(s stripe) sdf.OffsetRange {
	blocks := int64(endless)
	if f.Events >= 0 {
		blocks = f.Events / f.Block
		if f.Events%f.Block > 0 {
			blocks++
		}
	}
	return sdf.OffsetRange{Lo: 0, Hi: max((blocks-s.Number+s.Of-1)/s.Of, 0)}
}

func (f *eventsFn) NewTracker(r sdf.OffsetRange) *sdf.OffsetTracker { return sdf.NewOffsetTracker(r) }

func (f *eventsFn) NewWatermarkEstimator(_ stripe, _ sdf.OffsetRange, start sdk.Time) sdf.WatermarkEstimator {
	return sdf.NewManual(start)
}

// first returns the number of the first event of a block of a stripe.
func (f *eventsFn) first(s stripe, block int64) int64 { return (block*s.Of + s.Number) * f.Block }

func (f *eventsFn) ProcessElement(c *sdk.Context, s stripe, t *sdf.OffsetTracker, out sdk.Emitter[event.Event]) (sdk.Continuation, error) {
	watermark, _ := c.WatermarkEstimator().(*sdf.Manual) // nil in a batch job
	end := f.Events
	if end < 0 {
		end = math.MaxInt64
	}
	for block := t.Restriction().Lo; ; block++ {
		from := f.first(s, block)
		n := min(f.Block, end-from)
		if f.Live.Rate > 0 && block < t.Restriction().Hi {
			if wait := f.Live.due(from+n) - time.Now().UnixNano(); wait > 0 {
				return sdf.Resume(time.Duration(wait)), nil
			}
		}
		if !t.TryClaim(block) {
			return sdf.Stop(), nil
		}
		rows, times := out.Extend(int(n))
		f.gen.Fill(from, rows)
		for i := range rows {
			times[i] = sdk.Time(rows[i].Time())
		}
		if watermark != nil {
			watermark.Set(sdk.Time(f.gen.Watermark(f.first(s, block+1))))
		}
	}
}
