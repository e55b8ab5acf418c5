package direct_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace-go/millrace/io/generatorio"
	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/sdf"
)

// Sources that are aligned stay together: a fast one is ahead of a slow one by the drift and what one bundle holds.
func TestAlignedSources(t *testing.T) {
	const (
		slowStep = 3600 // ms of event time between elements; one comes each ms at most
		fastStep = 4
		fastEnd  = 400_000
		drift    = 30 * time.Second
		splits   = 3
		bundle   = 12_000 * splits * fastStep // 10,000 elements and a batch, of which each split has every third
	)
	lead := func(aligned bool) (most int64, res *sdk.Result) {
		var slow, ahead, n atomic.Int64
		res, err := sdk.Run(t.Context(), &direct.Runner{Workers: 2, Log: quiet()}, func(p *sdk.Pipeline) error {
			s := generatorio.Sequence(p, generatorio.To(fastEnd*fastStep/slowStep), generatorio.Rate(1000),
				generatorio.EventTime(func(n int64) sdk.Time { return mtime.Time(n * slowStep) }))
			f := generatorio.Sequence(p, generatorio.To(fastEnd), generatorio.Splits(splits),
				generatorio.EventTime(func(n int64) sdk.Time { return mtime.Time(n * fastStep) }))
			if aligned {
				sdk.AlignWatermarks(drift, s, f)
			}
			sdk.Filter(s, func(v int64) bool { slow.Store(v * slowStep); return false })
			sdk.Filter(f, func(v int64) bool {
				n.Add(1)
				if d := v*fastStep - slow.Load(); d > ahead.Load() { // a race of two workers hides little
					ahead.Store(d)
				}
				return false
			})
			return nil
		})
		if err != nil || n.Load() != fastEnd {
			t.Fatalf("%d elements of %d; %v", n.Load(), fastEnd, err)
		}
		return ahead.Load(), res
	}
	const limit = int64(drift/time.Millisecond) + bundle + slowStep
	if d, _ := lead(true); d > limit {
		t.Errorf("the fast source was %d ms ahead, more than %d", d, limit)
	}
	if d, _ := lead(false); d <= limit {
		t.Errorf("without alignment the fast source was %d ms ahead only: the test shows nothing", d)
	}
}

// A source that says nothing holds back what it is aligned with, and the status tells; when it ends, the other goes on.
func TestAlignedWithASilentSource(t *testing.T) {
	ended := make(chan struct{})
	var n atomic.Int64
	job := begin(t, func(p *sdk.Pipeline) error {
		silent := sdk.ParDoSplittable(sdk.Of(p, sdf.OffsetRange{Lo: 0, Hi: 1}), &silentFn{Until: ended}, sdk.Name("Silent"))
		f := generatorio.Sequence(p, generatorio.To(1_000_000), generatorio.EventTime(func(n int64) sdk.Time { return mtime.Time(n) }))
		sdk.AlignWatermarks(0, sdk.Map(f, func(v int64) int64 { n.Add(1); return v }), silent)
		return nil
	})
	done := make(chan error, 1)
	go func() { done <- job.Wait() }()
	paused := func() *sdk.SplitStatus {
		for _, s := range job.Status().Stages {
			for _, x := range s.Streaming.Splits {
				if x.State == sdk.SplitPaused && strings.Contains(s.Streaming.Holder, "waits for splits of Silent") {
					return &x
				}
			}
		}
		return nil
	}
	for paused() == nil {
		select {
		case err := <-done:
			t.Fatalf("the job has ended: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	if x := paused(); x == nil || x.Elements != n.Load() || x.Elements == 0 || x.Elements > 50_000 {
		t.Errorf("paused %+v, with %d elements come", x, n.Load())
	}
	close(ended)
	if err := <-done; err != nil || n.Load() != 1_000_000 {
		t.Errorf("%d elements; %v", n.Load(), err)
	}
}

// silentFn gives nothing and says nothing until it ends.
type silentFn struct{ Until chan struct{} }

func (*silentFn) InitialRestriction(r sdf.OffsetRange) sdf.OffsetRange { return r }
func (*silentFn) NewTracker(r sdf.OffsetRange) *sdf.OffsetTracker      { return sdf.NewOffsetTracker(r) }
func (*silentFn) Unbounded() bool                                      { return true }
func (f *silentFn) ProcessElement(_ *sdk.Context, _ sdf.OffsetRange, t *sdf.OffsetTracker, _ sdk.Emitter[int64]) (sdk.Continuation, error) {
	select {
	case <-f.Until:
		t.TryClaim(0)
		return sdf.Stop(), nil
	default:
		return sdf.Resume(time.Millisecond), nil
	}
}
