package direct_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/sdf"
	"github.com/millrace-go/millrace/sdk/timer"
	"github.com/millrace-go/millrace/sdk/window"
)

// guarded is a buffer for a log that is written to meanwhile.
type guarded struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (g *guarded) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.b.Write(p)
}

func (g *guarded) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.b.String()
}

// holdingFn holds the watermark at its first element until a processing time far ahead.
type holdingFn struct{ Far timer.ProcessingTime }

func (f *holdingFn) ProcessElement(c *sdk.Context, _ string, _ int64, _ sdk.Emitter[int64]) error {
	if c.EventTime() == 7 {
		f.Far.SetAfter(24 * time.Hour)
	}
	return nil
}

func (f *holdingFn) OnTimer(*sdk.Context, string, sdk.Fired, sdk.Emitter[int64]) error { return nil }

// Event time that does not move is reported, with what keeps it: the split that has nothing, the hold and its time. While it
// moves nothing is reported.
func TestStandingEventTimeIsReported(t *testing.T) {
	for name, c := range map[string]struct {
		fn    func(in sdk.PCollection[kv])
		split bool   // that never gives anything
		want  string // nothing: it moves
	}{
		"split": {func(in sdk.PCollection[kv]) { sdk.CombinePerKey(in, sumFn{}) }, true, `that has nothing to read"`},
		"hold":  {func(in sdk.PCollection[kv]) { sdk.StatefulParDo(in, &holdingFn{}, sdk.Name("holds")) }, false, `stage=holds watermark=1970-01-01T00:00:00.007Z held_by="a hold of its own at 1970-01-01T00:00:00.007Z"`},
		"none":  {func(in sdk.PCollection[kv]) { sdk.CombinePerKey(in, sumFn{}) }, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := &guarded{}
				g, err := sdk.Build(func(p *sdk.Pipeline) error {
					splits := []sdf.OffsetRange{{Lo: 0, Hi: 1 << 40}}
					if c.split {
						splits = append(splits, sdf.OffsetRange{Lo: 5, Hi: 6})
					}
					c.fn(ones(sdk.WindowInto(sdk.ParDoSplittable(sdk.Create(p, splits), &slowTicksFn{}, sdk.Name("Source")), window.Fixed(time.Hour))))
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				r := &direct.Runner{Workers: 2, StallAfter: 5 * time.Second, Log: slog.New(slog.NewTextHandler(log, nil))}
				job, err := r.Start(t.Context(), g)
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				job.Cancel(errOdd)
				if err := job.Wait(); !errors.Is(err, errOdd) {
					t.Error(err)
				}
				const still = "event time stands still"
				if got := log.String(); strings.Contains(got, still) != (c.want != "") || !strings.Contains(got, c.want) {
					t.Errorf("the log does not say %q:\n%s", c.want, got)
				}
			})
		})
	}
}

// slowTicksFn gives one element each 100 ms, n at n ms of event time; a split that does not begin at 0 gives none.
type slowTicksFn struct{ partnerFn }

func (*slowTicksFn) ProcessElement(c *sdk.Context, in sdf.OffsetRange, t *sdf.OffsetTracker, out sdk.Emitter[int64]) (sdk.Continuation, error) {
	if n := t.Restriction().Lo; in.Lo == 0 && t.TryClaim(n) {
		out.EmitAt(sdk.Time(n), n)
		c.WatermarkEstimator().(*sdf.Manual).Set(sdk.Time(n + 1))
	}
	return sdf.Resume(100 * time.Millisecond), nil
}
