package direct_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/state"
	"github.com/millrace-go/millrace/sdk/timer"
	"github.com/millrace-go/millrace/sdk/trigger"
	"github.com/millrace-go/millrace/sdk/window"
)

// A session of ten million elements is one accumulator, whatever its trigger.
func TestSessionOfTenMillion(t *testing.T) {
	for name, opts := range map[string][]sdk.Option{
		"default":   nil,
		"early":     {sdk.Trigger(trigger.AfterWatermark().Early(trigger.AfterCount(100_000)).Late(trigger.AfterCount(1))), sdk.AllowedLateness(time.Hour), sdk.Accumulating()},
		"composite": {sdk.Trigger(trigger.Repeat(trigger.AfterAny(trigger.AfterCount(300_000), trigger.AfterProcessingTime().PlusDelay(time.Second)))), sdk.AllowedLateness(time.Hour)},
	} {
		t.Run(name, func(t *testing.T) {
			n := int64(10_000_000)
			if raceEnabled || testing.Short() || name != "default" {
				n = 1_000_000
			}
			var job sdk.Job
			var seen, panes, sum, most atomic.Int64
			all := make(chan struct{})
			job = begin(t, func(p *sdk.Pipeline) error {
				in := sdk.Filter(ticks(p, 1<<40, 1), func(int64) bool {
					if seen.Add(1) == n {
						close(all)
					}
					return true
				})
				one := sdk.Map(sdk.WindowInto(in, window.Sessions(time.Hour), opts...), func(int64) kv { return pair("k", 1) })
				sdk.Map(sdk.CombinePerKey(one, sumFn{}), func(s kv) int {
					panes.Add(1)
					sum.Add(s.Value)
					most.Store(max(most.Load(), s.Value))
					return 0
				})
				return nil
			})
			<-all
			var bytes int64
			for _, s := range job.Status().Stages {
				bytes += s.Streaming.StateBytes
			}
			if slots := held(&sdk.Result{Status: job.Status()}); slots != 1 || bytes > 1000 {
				t.Errorf("the state of %d elements is %d accumulators, %d bytes", n, slots, bytes)
			}
			job.Drain()
			if err := job.Wait(); err != nil {
				t.Fatal(err)
			}
			got := sum.Load()
			if name == "early" { // its panes accumulate
				got = most.Load()
			}
			if got != seen.Load() || name == "default" && panes.Load() != 1 || name != "default" && panes.Load() < 2 {
				t.Errorf("%d of %d elements, in %d panes", got, seen.Load(), panes.Load())
			}
		})
	}
}

// passingFn holds something for each key, for a while of processing time.
type passingFn struct {
	Kept state.Value[[8]int64]
	Done timer.ProcessingTime
}

func (f *passingFn) ProcessElement(_ *sdk.Context, _ int64, v int64, _ sdk.Emitter[int64]) error {
	f.Kept.Write([8]int64{v})
	f.Done.SetAfter(500 * time.Millisecond)
	return nil
}

func (f *passingFn) OnTimer(_ *sdk.Context, _ int64, _ sdk.Fired, out sdk.Emitter[int64]) error {
	out.Emit(f.Kept.Get()[0])
	f.Kept.Clear()
	return nil
}

// At the budget the sources rest until timers have cleared some state, and the job goes on: what it holds stays near its
// budget, though all of it is many times as much.
func TestBackPressureOfState(t *testing.T) {
	if raceEnabled {
		t.Skip("too slow to come to the budget before timers clear the state")
	}
	const n, budget = 200_000, 8 << 20
	var log bytes.Buffer
	var got atomic.Int64
	g, err := sdk.Build(func(p *sdk.Pipeline) error {
		keyed := sdk.WithKeys(ticks(p, 1<<40, 1), func(v int64) int64 { return v })
		in := sdk.WindowInto(keyed, window.GlobalWindows(), sdk.Trigger(trigger.Always()))
		sdk.Map(sdk.StatefulParDo(in, &passingFn{}, sdk.Name("hoard")), func(int64) int { got.Add(1); return 0 })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	job, err := (&direct.Runner{Workers: 2, Budget: budget, Log: slog.New(slog.NewTextHandler(&log, nil))}).Start(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- job.Wait() }()
	for got.Load() < n {
		select {
		case err := <-ended:
			t.Fatalf("after %d elements: %v", got.Load(), err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	job.Cancel(errOdd)
	if err := <-ended; !errors.Is(err, errOdd) {
		t.Error(err)
	}
	if st := job.Status(); st.PeakHeld > 2*budget || st.PeakHeld < budget {
		t.Errorf("at most %d bytes were held, of a budget of %d", st.PeakHeld, budget)
	}
	if !strings.Contains(log.String(), "sources rest until windows close or timers clear some") {
		t.Errorf("the log does not say that the sources rest:\n%s", &log)
	}
}

// againFn sets its event-time timer to the same time each time it fires: it never ends by itself.
type againFn struct {
	Again timer.EventTime
	N     *atomic.Int64
	Often chan struct{} // closed when it has fired many times
}

func (f *againFn) ProcessElement(c *sdk.Context, _ string, _ int64, _ sdk.Emitter[int64]) error {
	f.Again.Set(c.EventTime())
	return nil
}

func (f *againFn) OnTimer(_ *sdk.Context, _ string, t sdk.Fired, _ sdk.Emitter[int64]) error {
	if f.N.Add(1) == 100_000 {
		close(f.Often)
	}
	f.Again.Set(t.At)
	return nil
}

// An event-time timer that sets itself again to a time that has passed, for ever, keeps a job neither from being drained nor
// from being cancelled.
func TestTimerAgainAndAgain(t *testing.T) {
	for _, how := range []string{"drain", "cancel"} {
		for name, w := range map[string]window.Fn{"fixed": window.Fixed(time.Hour), "global": window.GlobalWindows()} {
			t.Run(how+", "+name, func(t *testing.T) {
				fn := &againFn{N: &atomic.Int64{}, Often: make(chan struct{})}
				job := begin(t, func(p *sdk.Pipeline) error {
					keyed := sdk.WithKeys(sdk.Filter(ticks(p, 1<<40, 1), func(v int64) bool { return v%1000 == 0 }), func(int64) string { return "k" })
					sdk.StatefulParDo(sdk.WindowInto(keyed, w, sdk.Trigger(trigger.Default())), &againFn{N: fn.N, Often: fn.Often})
					return nil
				})
				<-fn.Often
				if how == "drain" {
					job.Drain()
				} else {
					job.Cancel(errOdd)
				}
				ended := make(chan error, 1)
				go func() { ended <- job.Wait() }()
				select {
				case err := <-ended:
					if how == "drain" && err != nil || how == "cancel" && !errors.Is(err, errOdd) {
						t.Error(err)
					}
				case <-time.After(20 * time.Second):
					job.Cancel(nil)
					t.Fatalf("it has not ended after 20 s and %d firings", fn.N.Load())
				}
			})
		}
	}
}
