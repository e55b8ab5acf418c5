package direct_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/teststream"
	"github.com/millrace-go/millrace/sdk/timer"
	"github.com/millrace-go/millrace/sdk/trigger"
	"github.com/millrace-go/millrace/sdk/window"
)

// streaming sums what the stages of a job say.
func streaming(res *sdk.Result) (sum sdk.StreamStatus) {
	for _, s := range res.Status.Stages {
		if s.Streaming != nil {
			sum.Droppable += s.Streaming.Droppable
			sum.Late += s.Streaming.Late
			sum.Unfired += s.Streaming.Unfired
		}
	}
	return sum
}

// What is late, what is droppable and what is in time are told apart, by each kind of task.
func TestLateAndDroppableAreCounted(t *testing.T) {
	script := teststream.New[kv]().
		Add(at(1), pair("a", 1)).
		Watermark(at(8)).
		Add(at(2), pair("a", 2)). // behind the watermark, but its window is open: in time for its pane
		Watermark(at(12)).
		Add(at(3), pair("a", 4), pair("b", 8)). // late
		Watermark(at(20)).
		Add(at(4), pair("a", 16), pair("b", 32), pair("c", 64)) // droppable
	lateness := []sdk.Option{sdk.AllowedLateness(5 * time.Millisecond)}
	for name, build := range map[string]func(in sdk.PCollection[kv]){
		"combined": func(in sdk.PCollection[kv]) { sdk.CombinePerKey(in, sumFn{}) },
		"globally": func(in sdk.PCollection[kv]) {
			sdk.CombineGlobally(sdk.Map(in, func(p kv) int64 { return p.Value }), sumFn{})
		},
		"grouped":  func(in sdk.PCollection[kv]) { sdk.GroupByKey(in) },
		"stateful": func(in sdk.PCollection[kv]) { sdk.StatefulParDo(in, &countFn{}) },
	} {
		for fn, w := range map[string]window.Fn{"fixed": window.Fixed(10 * time.Millisecond), "sessions": window.Sessions(7 * time.Millisecond)} {
			if fn == "sessions" && (name == "stateful" || name == "globally") {
				continue // refused: nothing that could merge
			}
			for run, r := range runners(2) {
				res, err := sdk.Run(t.Context(), r, func(p *sdk.Pipeline) error {
					build(sdk.WindowInto(teststream.Read(p, script), w, lateness...))
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				if st := streaming(res); st.Late != 2 || st.Droppable != 3 {
					t.Errorf("%s, %s, %s: %d late and %d droppable, want 2 and 3", name, fn, run, st.Late, st.Droppable)
				}
			}
		}
	}
}

// Some of what is dropped is shown in the log, with all that tells why; not where the program takes it itself.
func TestDroppableIsShown(t *testing.T) {
	const n = 250
	script := teststream.New[kv]().Add(at(50), pair("in time", 1)).Watermark(at(40))
	for i := range int64(n) {
		script.Add(at(i%10), pair(fmt.Sprint("key", i), i))
	}
	for name, build := range map[string]func(in sdk.PCollection[kv], opts ...sdk.Option){
		"combined": func(in sdk.PCollection[kv], opts ...sdk.Option) { sdk.CombinePerKey(in, sumFn{}, opts...) },
		"grouped":  func(in sdk.PCollection[kv], opts ...sdk.Option) { sdk.GroupByKey(in, opts...) },
		"stateful": func(in sdk.PCollection[kv], opts ...sdk.Option) { sdk.StatefulParDo(in, &countFn{}, opts...) },
		"joined": func(in sdk.PCollection[kv], opts ...sdk.Option) {
			sdk.CoGroupByKey2(in, sdk.Map(in, func(p kv) kv { return pair("other "+p.Key, p.Value) }), opts...)
		},
	} {
		for _, taken := range []bool{false, true} {
			if taken && name == "joined" {
				continue
			}
			var log bytes.Buffer
			_, err := sdk.Run(t.Context(), &direct.Runner{Workers: 1, Log: slog.New(slog.NewTextHandler(&log, nil))}, func(p *sdk.Pipeline) error {
				opts := []sdk.Option{sdk.Name("it")}
				var late sdk.Output[kv]
				if taken {
					opts = append(opts, sdk.Droppable(&late))
				}
				build(sdk.WindowInto(teststream.Read(p, script), window.Fixed(10*time.Millisecond)), opts...)
				if taken {
					sdk.Map(late.PCollection(), func(p kv) kv { return p })
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			shown := strings.Count(log.String(), "has come too late and is dropped")
			if taken {
				if shown != 0 {
					t.Errorf("%s: the program takes what is dropped, and still it is in the log:\n%s", name, &log)
				}
				continue
			}
			for _, want := range []string{
				"transform=it", "late_test.go:", "key0", "time=1970-01-01T00:00:00.000Z", "window=", "watermark=1970-01-01T00:00:00.040Z",
				"dropped_by_this_task=1\n", "dropped_by_this_task=10\n", "dropped_by_this_task=100\n",
			} {
				if !strings.Contains(log.String(), want) {
					t.Errorf("%s: the log does not say %s:\n%s", name, want, &log)
				}
			}
			if most := 3; shown > most {
				t.Errorf("%s: %d are shown of %d, want %d", name, shown, n, most)
			}
		}
	}
}

// pendingFn sets a processing-time timer far ahead, and one that has its time.
type pendingFn struct{ Soon, Far timer.ProcessingTime }

func (f *pendingFn) ProcessElement(_ *sdk.Context, _ string, _ int64, _ sdk.Emitter[string]) error {
	f.Soon.Set(at(5))
	f.Far.SetTag("one", at(1_000_000))
	f.Far.SetTag("two", at(1_000_000))
	return nil
}

func (f *pendingFn) OnTimer(_ *sdk.Context, key string, t sdk.Fired, out sdk.Emitter[string]) error {
	out.Emit(key + " " + t.Family)
	return nil
}

// Timers that do not fire are counted: of processing time, when their window expires and when the job ends; and those that
// would loop in a drain (I8).
func TestUnfiredTimersAreCounted(t *testing.T) {
	for name, c := range map[string]struct {
		script *teststream.Stream[kv]
		fn     window.Fn
		want   int64
		loops  bool
	}{
		"expired": {teststream.New[kv]().Add(at(1), pair("a", 1)).Advance(5 * time.Millisecond).Watermark(at(20)), window.Fixed(10 * time.Millisecond), 2, false},
		"ended":   {teststream.New[kv]().Add(at(1), pair("a", 1), pair("b", 1)).Advance(5 * time.Millisecond), window.GlobalWindows(), 4, false},
		"drained": {teststream.New[kv]().Add(at(1), pair("a", 1)).Drain(), window.GlobalWindows(), 3, false},
		// Two timers, of which each sets two again.
		"looping": {teststream.New[kv]().Add(at(1), pair("a", 1)).Watermark(at(25)).Drain(), window.GlobalWindows(), 4, true},
	} {
		for run, r := range runners(2) {
			res, err := sdk.Run(t.Context(), r, func(p *sdk.Pipeline) error {
				in := sdk.WindowInto(teststream.Read(p, c.script), c.fn, sdk.Trigger(trigger.Default()))
				if c.loops {
					sdk.StatefulParDo(in, &globalLoopFn{})
				} else {
					sdk.StatefulParDo(in, &pendingFn{})
				}
				return nil
			})
			if err != nil {
				t.Fatal(name, err)
			}
			if n := streaming(res).Unfired; n != c.want {
				t.Errorf("%s, %s: %d timers have not fired, want %d", name, run, n, c.want)
			}
		}
	}
}
