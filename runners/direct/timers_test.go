package direct_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/state"
	"github.com/millrace-go/millrace/sdk/teststream"
	"github.com/millrace-go/millrace/sdk/timer"
	"github.com/millrace-go/millrace/sdk/trigger"
	"github.com/millrace-go/millrace/sdk/window"
)

// scriptFn does what an element's value says, words apart: "e 5" sets the event-time timer to 5, "e:x 5" the one with
// tag x, "p 5" the processing-time timer, "e 5@3" with output time 3, "-e:x" clears, "keep" writes state. Everything that
// happens is said, with the event time of the call. A timer whose tag begins with + sets another, 10 later.
type scriptFn struct {
	Event timer.EventTime
	Proc  timer.ProcessingTime
	Kept  state.Value[string]
	Order state.Value[int64]
}

func (f *scriptFn) ProcessElement(c *sdk.Context, key string, do string, out sdk.Emitter[string]) error {
	for _, cmd := range strings.Split(do, ", ") {
		name, when, set := strings.Cut(cmd, " ")
		if name == "keep" {
			f.Kept.Write(do)
			continue
		}
		kind, tag, _ := strings.Cut(strings.TrimPrefix(name, "-"), ":")
		var at, output int64 = 0, 1 << 62
		if set {
			if _, err := fmt.Sscanf(when, "%d@%d", &at, &output); err != nil {
				if at, err = strconv.ParseInt(when, 10, 64); err != nil {
					return err
				}
			}
		}
		switch {
		case kind == "e" && !set:
			f.Event.ClearTag(tag)
		case kind == "p" && !set:
			f.Proc.ClearTag(tag)
		case kind == "e" && output != 1<<62:
			f.Event.SetOutput(tag, mtime.Time(at), mtime.Time(output))
		case kind == "p" && output != 1<<62:
			f.Proc.SetOutput(tag, mtime.Time(at), mtime.Time(output))
		case kind == "e":
			f.Event.SetTag(tag, mtime.Time(at))
		case kind == "p":
			f.Proc.SetTag(tag, mtime.Time(at))
		}
	}
	return nil
}

func (f *scriptFn) OnTimer(c *sdk.Context, key string, t sdk.Fired, out sdk.Emitter[string]) error {
	f.Order.Write(f.Order.Get() + 1)
	out.Emit(fmt.Sprintf("%s %s:%s %d #%d", key, t.Family, t.Tag, int64(t.At), f.Order.Get()))
	if strings.HasPrefix(t.Tag, "+") {
		f.Event.SetTag(t.Tag[1:], t.At+10)
	}
	return nil
}

type do = sdk.KV[string, string]

func say(k, v string) do { return do{Key: k, Value: v} }

// fire plays a script of what is to be done and compares what is said, in any order, with want.
func fire(t *testing.T, script *teststream.Stream[do], fn window.Fn, want []string, opts ...sdk.Option) {
	t.Helper()
	slices.Sort(want)
	for name, r := range runners(3) {
		s := &said{}
		res, err := sdk.Run(t.Context(), r, func(p *sdk.Pipeline) error {
			s.v = nil
			in := sdk.WindowInto(teststream.Read(p, script), fn, opts...)
			tell(s, sdk.StatefulParDo(in, &scriptFn{}, sdk.Name("script")))
			return nil
		})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := s.sorted(); !slices.Equal(got, want) {
			t.Fatalf("%s: got\n  %s\nwant\n  %s", name, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
		}
		if n := held(res); n != 0 {
			t.Errorf("%s: %d slots are held at the end", name, n)
		}
	}
}

// Event-time timers fire in the order of their times, those that they set included; "#" counts those of a key.
func TestEventTimeTimers(t *testing.T) {
	fire(t, teststream.New[do]().
		Add(at(1), say("a", "e 30, e:+x 5, e:y 10, e:z 20"), say("b", "e 7")).
		Watermark(at(14)).
		Watermark(at(15)). // x, which +x has set
		Watermark(at(50)),
		window.Fixed(100*time.Millisecond), []string{
			"a Event:+x 5 #1 @5 in [0, 100)", "a Event:y 10 #2 @10 in [0, 100)", "a Event:x 15 #3 @15 in [0, 100)",
			"a Event:z 20 #4 @20 in [0, 100)", "a Event: 30 #5 @30 in [0, 100)", "b Event: 7 #1 @7 in [0, 100)",
		})
}

// At the end of the input all fire that a window's expiry allows, in one step of the watermark.
func TestTimersAtTheEnd(t *testing.T) {
	fire(t, teststream.New[do]().Add(at(1), say("a", "e:++x 5, e:y 20, p 1000"), say("b", "e:+x 104")).End(),
		window.Fixed(100*time.Millisecond), []string{
			"a Event:++x 5 #1 @5 in [0, 100)", "a Event:+x 15 #2 @15 in [0, 100)", "a Event:y 20 #3 @20 in [0, 100)",
			"a Event:x 25 #4 @25 in [0, 100)", "b Event:+x 104 #1 @104 in [0, 100)", "b Event:x 114 #2 @114 in [0, 100)",
		}, sdk.AllowedLateness(20*time.Millisecond))
}

// A timer that is set again moves, to and fro; one that is cleared does not fire; tags are timers of their own.
func TestTimersMoveAndClear(t *testing.T) {
	fire(t, teststream.New[do]().
		Add(at(1), say("a", "e 50, e:x 5, e:y 5, p:x 3, p:y 3")).
		Add(at(1), say("a", "e 10, e:x 60, -e:y, -p:x")).
		Watermark(at(9)).
		Advance(4*time.Millisecond).
		Watermark(at(55)).
		Add(at(55), say("a", "e:x 70, -e:never")).
		Watermark(at(69)),
		window.Fixed(100*time.Millisecond), []string{
			"a Proc:y 3 #1 @1 in [0, 100)", "a Event: 10 #2 @10 in [0, 100)", "a Event:x 70 #3 @70 in [0, 100)",
		})
}

// A timer in the past fires at once, behind the bundle that set it: it does not wait for the next watermark.
func TestTimerInThePast(t *testing.T) {
	s := &said{}
	script := teststream.New[do]().
		Watermark(at(20)).
		Add(at(25), say("a", "e 5")).
		Advance(time.Millisecond).
		Add(at(30), say("b", "e 30")). // still to come
		Add(at(31), say("c", "e 20")). // now
		Watermark(at(21))
	var steps []string
	for name, r := range runners(3) {
		s.v, steps = nil, nil
		_, err := sdk.Run(t.Context(), r, func(p *sdk.Pipeline) error {
			look := func() {
				steps = append(steps, strings.Join(s.sorted(), "; "))
			}
			in := sdk.WindowInto(spied(p, script, look), window.Fixed(100*time.Millisecond))
			tell(s, sdk.StatefulParDo(in, &scriptFn{}))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		a, c := "a Event: 5 #1 @5 in [0, 100)", "c Event: 20 #1 @20 in [0, 100)"
		want := []string{"", "", a, a, a, a + "; " + c, a + "; " + c}
		if !slices.Equal(steps, want) {
			t.Errorf("%s: said before each step\n  %s\nwant\n  %s", name, strings.Join(steps, "\n  "), strings.Join(want, "\n  "))
		}
	}
}

// Until a timer has fired, the watermark behind it does not pass the time of its output: a grouping behind it
// keeps its window open, and what the timer emits is not late there.
func TestTimersHoldTheWatermark(t *testing.T) {
	for _, c := range []struct {
		do    string
		until func(*teststream.Stream[do]) *teststream.Stream[do] // the timer fires
		want  string
	}{
		{"e 45@5", func(s *teststream.Stream[do]) *teststream.Stream[do] { return s.Watermark(at(46)) }, "a Event: 45 #1@5"},
		{"p 7@5", func(s *teststream.Stream[do]) *teststream.Stream[do] { return s.Advance(7 * time.Millisecond) }, "a Proc: 7 #1@5"},
		{"p 7", func(s *teststream.Stream[do]) *teststream.Stream[do] { return s.Advance(7 * time.Millisecond) }, "a Proc: 7 #1@3"},
		{"p 3, e 45@8, p 7", func(s *teststream.Stream[do]) *teststream.Stream[do] {
			return s.Advance(7 * time.Millisecond).Watermark(at(46))
		}, "a Proc: 7 #1@3 a Event: 45 #2@8"},
	} {
		script := teststream.New[do]().Add(at(3), say("a", c.do)).Watermark(at(44))
		n := 3 // steps before which nothing is said
		script = c.until(script)
		for name, r := range runners(3) {
			s := &said{}
			var steps []string
			var late int
			_, err := sdk.Run(t.Context(), r, func(p *sdk.Pipeline) error {
				s.v, steps, late = nil, nil, 0
				look := func() { steps = append(steps, strings.Join(s.sorted(), "; ")) }
				in := sdk.WindowInto(spied(p, script, look), window.Fixed(1000*time.Millisecond))
				lines := sdk.StatefulParDo(in, &scriptFn{})
				stamped := sdk.Map(sdk.Reify(lines), func(e sdk.Element[string]) kv {
					return pair(fmt.Sprintf("%s@%d", e.Value, int64(e.Time)), 1)
				})
				var dropped sdk.Output[kv]
				counts := sdk.CombinePerKey(sdk.WindowInto(stamped, window.Fixed(10*time.Millisecond)), sumFn{}, sdk.Droppable(&dropped))
				sdk.Map(counts, func(p kv) string { return s.add(p.Key) })
				sdk.Map(dropped.PCollection(), func(kv) int { late++; return 0 })
				return nil
			})
			if err != nil {
				t.Fatal(name, err)
			}
			for i, l := range steps[:n] {
				if l != "" {
					t.Errorf("%s, %s: before step %d of the script, windows that end at 10 had been closed: %q", c.do, name, i, l)
				}
			}
			got := strings.Join(s.sorted(), " ")
			if want := strings.Fields(c.want); len(strings.Fields(got)) != len(want) || late != 0 {
				t.Errorf("%s, %s: got %q and %d too late, want %q", c.do, name, got, late, c.want)
			}
			if last := steps[len(steps)-1]; last == "" {
				t.Errorf("%s, %s: nothing was said before the end of the stream: the hold is not let go", c.do, name)
			}
		}
	}
}

// A timer beyond the expiry of its window is an error that names transform, key and window, and so are output times
// that could be too early or too late.
func TestWrongTimers(t *testing.T) {
	for _, c := range []struct{ do, want string }{
		{"e 100", "timer Event is set to"},
		{"e 9223372036854775807", "timer Event is set to +inf"},
		{"e:x 99, e 105", "expires at"},
		{"e 50@2", "output time"},
		{"p 50@-5", "output time"},
		{"e 50@120", "output time"},
		{"p 50@9223372036854775807", "output time"},
	} {
		for _, lateness := range []time.Duration{0, 5 * time.Millisecond} {
			script := teststream.New[do]().Add(at(7), say("good", "keep"), say("bad", c.do))
			_, err := sdk.Run(t.Context(), &direct.Runner{Workers: 2, Log: quiet()}, func(p *sdk.Pipeline) error {
				in := sdk.WindowInto(teststream.Read(p, script), window.Fixed(100*time.Millisecond), sdk.AllowedLateness(lateness))
				sdk.StatefulParDo(in, &scriptFn{}, sdk.Name("wrong"))
				return nil
			})
			if c.do == "e 100" && lateness > 0 {
				if err != nil {
					t.Errorf("a timer within the allowed lateness: %v", err)
				}
				continue
			}
			e, ok := errors.AsType[*exec.ElementError](err)
			if !ok || !strings.Contains(err.Error(), c.want) || e.Transform != "wrong" || e.Key != "bad" || e.Window != (window.Window{Start: 0, End: 100}) {
				t.Errorf("%s, lateness %v: %v", c.do, lateness, err)
			}
		}
	}
	// In the global window too: a timer at the end of time would never fire.
	_, err := sdk.Run(t.Context(), &direct.Runner{Workers: 2, Log: quiet()}, func(p *sdk.Pipeline) error {
		script := teststream.New[do]().Add(at(7), say("bad", fmt.Sprint("e ", int64(mtime.Max))))
		sdk.StatefulParDo(teststream.Read(p, script), &scriptFn{})
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "never fire") {
		t.Errorf("a timer behind the end of the global window: %v", err)
	}
	fire(t, teststream.New[do]().Add(at(7), say("a", fmt.Sprint("e ", int64(mtime.EndOfGlobalWindow)))), window.GlobalWindows(),
		[]string{fmt.Sprintf("a Event: %d #1 @%[1]d in global", int64(mtime.EndOfGlobalWindow))}, sdk.Trigger(trigger.Always()))
}

// loopFn sets a timer that sets itself again, every 10 ms, and says what it sees.
type loopFn struct {
	Tick timer.EventTime
	Proc timer.ProcessingTime
	N    state.Value[int64]
}

func (f *loopFn) ProcessElement(c *sdk.Context, _ string, _ int64, _ sdk.Emitter[string]) error {
	f.Tick.Set(c.EventTime() + 10)
	f.Proc.Set(at(10))
	return nil
}

func (f *loopFn) OnTimer(c *sdk.Context, key string, t sdk.Fired, out sdk.Emitter[string]) error {
	f.N.Write(f.N.Get() + 1)
	out.Emit(fmt.Sprint(key, " ", t.Family, " ", int64(t.At), " draining ", c.Draining()))
	if t.Family == "Proc" {
		f.Proc.Set(t.At + 10)
	} else {
		f.Tick.Set(min(t.At+10, 99)) // at the end of the window it stands
		if t.At == 99 {
			f.Tick.Clear()
		}
	}
	return nil
}

// globalLoopFn never stops.
type globalLoopFn struct{ Tick timer.EventTime }

func (f *globalLoopFn) ProcessElement(c *sdk.Context, _ string, _ int64, _ sdk.Emitter[string]) error {
	f.Tick.Set(c.EventTime() + 10)
	return nil
}

func (f *globalLoopFn) OnTimer(c *sdk.Context, key string, t sdk.Fired, out sdk.Emitter[string]) error {
	out.Emit(fmt.Sprint(key, " ", t.Family, " ", int64(t.At), " draining ", c.Draining()))
	f.Tick.Set(t.At + 10)
	f.Tick.SetTag("other", t.At+11)
	return nil
}

// While a job is drained, timers in the global window that set themselves again are dropped: the drain would never end.
// In other windows they go on up to the expiry. Processing-time timers do not fire any more.
func TestLoopingTimersInADrain(t *testing.T) {
	script := teststream.New[kv]().Add(at(1), pair("a", 1)).Watermark(at(25)).Drain()
	play(t, script, []string{
		"a Tick 11 draining false @11 in global", "a Tick 21 draining false @21 in global",
		"a Tick 31 draining true @31 in global", "a Tick 32 draining true @32 in global",
	}, func(in sdk.PCollection[kv], s *said) {
		tell(s, sdk.StatefulParDo(in, &globalLoopFn{}))
	})
	var want []string
	for n := 11; n < 99; n += 10 {
		want = append(want, fmt.Sprintf("a Tick %d draining %v @%[1]d in [0, 100)", n, n > 25))
	}
	want = append(want, "a Tick 99 draining true @99 in [0, 100)")
	play(t, script, want, func(in sdk.PCollection[kv], s *said) {
		tell(s, sdk.StatefulParDo(sdk.WindowInto(in, window.Fixed(100*time.Millisecond)), &loopFn{}))
	})
}

// Processing-time timers fire when the clock has come to their time, in order, those that they set included, and not
// when the input ends.
func TestProcessingTimeTimers(t *testing.T) {
	script := teststream.New[kv]().
		Add(at(1), pair("a", 1)).
		Advance(9 * time.Millisecond).
		Advance(time.Millisecond).
		Advance(25 * time.Millisecond).
		End()
	want := []string{}
	for n := 11; n < 100; n += 10 {
		want = append(want, fmt.Sprintf("a Tick %d draining false @%[1]d in [0, 100)", min(n, 99)))
	}
	want = append(want, "a Tick 99 draining false @99 in [0, 100)")
	for n := 10; n <= 30; n += 10 {
		want = append(want, fmt.Sprintf("a Proc %d draining false @1 in [0, 100)", n))
	}
	play(t, script, want, func(in sdk.PCollection[kv], s *said) {
		tell(s, sdk.StatefulParDo(sdk.WindowInto(in, window.Fixed(100*time.Millisecond)), &loopFn{}))
	})
}

// spinFn has a processing-time timer that is always due.
type spinFn struct {
	Spin timer.ProcessingTime
	Seen state.Value[int64]
	stop func()
}

func (f *spinFn) ProcessElement(_ *sdk.Context, _ string, v int64, _ sdk.Emitter[int64]) error {
	if f.Spin.Set(at(0)); v == 3 {
		f.stop()
	}
	return nil
}

func (f *spinFn) OnTimer(_ *sdk.Context, _ string, t sdk.Fired, _ sdk.Emitter[int64]) error {
	f.Spin.Set(t.At)
	return nil
}

// A processing-time timer that is set again to a time that has passed, for ever, does not keep elements from
// coming in, nor a drain from its end.
func TestSpinningTimer(t *testing.T) {
	var job sdk.Job
	ready := make(chan struct{})
	job = begin(t, func(p *sdk.Pipeline) error {
		all := ticks(p, 1_000_000_000_000, 1)
		few := sdk.Filter(all, func(v int64) bool { return v%1000 < 4 })
		keyed := sdk.WithKeys(few, func(int64) string { return "k" })
		sdk.StatefulParDo(sdk.WindowInto(keyed, window.Fixed(time.Hour)), &spinFn{stop: func() {
			<-ready
			job.Drain()
		}})
		return nil
	})
	close(ready)
	if err := job.Wait(); err != nil {
		t.Error(err)
	}
}

// goodbyeFn says goodbye for each key of a window, with what it has seen.
type goodbyeFn struct {
	Seen state.Bag[int64]
	Late timer.EventTime
}

func (f *goodbyeFn) ProcessElement(_ *sdk.Context, _ string, v int64, _ sdk.Emitter[string]) error {
	if v < 0 {
		f.Seen.Clear() // the key is remembered all the same
		return nil
	}
	f.Seen.Add(v)
	f.Late.Set(at(104))
	return nil
}

func (f *goodbyeFn) OnTimer(_ *sdk.Context, key string, _ sdk.Fired, _ sdk.Emitter[string]) error {
	f.Seen.Add(104)
	return nil
}

func (f *goodbyeFn) OnWindowExpiration(c *sdk.Context, key string, out sdk.Emitter[string]) error {
	f.Late.Set(at(50)) // nothing comes of it
	out.Emit(fmt.Sprint(key, slices.Collect(f.Seen.All())))
	return nil
}

// OnWindowExpiration is called once for each key, behind the last timer and before the state goes, and what it emits
// is not late for a grouping behind it.
func TestOnWindowExpiration(t *testing.T) {
	script := teststream.New[kv]().
		Add(at(1), pair("a", 1), pair("b", 2)).
		Add(at(2), pair("a", 3), pair("c", -1)).
		Watermark(at(100)).
		Add(at(99), pair("a", 4)).
		Watermark(at(105)).
		Add(at(98), pair("a", 5)) // too late
	play(t, script, []string{"a[1 3 4 104] @99 in [0, 100)", "b[2 104] @99 in [0, 100)", "c[] @99 in [0, 100)", "{all 3} @99 in [0, 100)"}, func(in sdk.PCollection[kv], s *said) {
		in = sdk.WindowInto(in, window.Fixed(100*time.Millisecond), sdk.AllowedLateness(5*time.Millisecond))
		out := sdk.StatefulParDo(in, &goodbyeFn{})
		tell(s, out)
		n := sdk.CombinePerKey(sdk.Map(out, func(string) kv { return pair("all", 1) }), sumFn{})
		tell(s, n)
		sdk.Filter(sdk.Reify(n), func(e sdk.Element[kv]) bool {
			if e.Pane.Timing != window.OnTime {
				t.Errorf("pane %v of what OnWindowExpiration has emitted", e.Pane)
			}
			return false
		})
	})
}

// manyFn holds many keys of one window until it expires.
type manyFn struct{ Seen state.Value[int64] }

func (f *manyFn) ProcessElement(_ *sdk.Context, _ string, v int64, _ sdk.Emitter[int64]) error {
	f.Seen.Write(v)
	return nil
}

func (f *manyFn) OnWindowExpiration(_ *sdk.Context, _ string, out sdk.Emitter[int64]) error {
	out.Emit(f.Seen.Get())
	return nil
}

// A window of many keys expires in more than one step, and each is told once.
func TestExpirationOfManyKeys(t *testing.T) {
	const n = 10_000
	var in []sdk.Timestamped[kv]
	for i := range int64(n) {
		in = append(in, sdk.Timestamped[kv]{Time: at(5), Value: pair(fmt.Sprint(i), i)})
	}
	for name, r := range runners(1) {
		var got collected[int64]
		res, err := sdk.Run(t.Context(), r, func(p *sdk.Pipeline) error {
			got.v = nil
			w := sdk.WindowInto(teststream.Read(p, teststream.New[kv]().AddAll(in...)), window.Fixed(10*time.Millisecond))
			sdk.Map(sdk.StatefulParDo(w, &manyFn{}), got.add)
			return nil
		})
		if err != nil {
			t.Fatal(name, err)
		}
		slices.Sort(got.v)
		for i := range min(n, len(got.v)) {
			if got.v[i] != int64(i) {
				t.Fatalf("%s: key %d was told twice, or not at all", name, i)
			}
		}
		if len(got.v) != n || held(res) != 0 {
			t.Errorf("%s: %d keys were told, want %d; %d slots are left", name, len(got.v), n, held(res))
		}
	}
}
