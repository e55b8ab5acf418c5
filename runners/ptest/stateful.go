package ptest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// StatefulTester runs a stateful DoFn step by step: each step is an element or some, the watermark or the processing time,
// and gives back what the DoFn has emitted because of it.
//
// It is the engine that runs the DoFn, checked as in a strict run, on one worker. What a step emits is certain, and so is
// its order, but for keys whose windows expire in the same step: those come in any order. State lasts from step to step;
// what it is shows in what is emitted, and in [StatefulTester.Slots].
//
// A step that fails fails the test. A tester is used by one goroutine, for one run.
type StatefulTester[K, V, O any] struct {
	tb   testing.TB
	fn   sdk.StatefulFn[K, V, O]
	opts []sdk.Option
	runs []Option

	windows    window.Fn
	windowOpts []sdk.Option

	at    mtime.Time
	mark  mtime.Time
	rows  exec.Rows[sdk.KV[K, V]]
	seen  Seen[O]
	late  Seen[sdk.KV[K, V]]
	fired collector[Firing[K]]
	last  []sdk.Element[O]

	job    *Job
	steps  chan exec.ScriptEvent
	rests  chan struct{}
	quit   chan struct{}
	over   bool // the step is the last one
	closed bool // it has been made
}

// Firing is a timer that has fired.
type Firing[K any] struct {
	Key    K
	Window window.Window
	Family string     // the name of the DoFn's field
	Tag    string     // "" for the timer without one
	At     mtime.Time // when it was set to fire
	Output mtime.Time // the timestamp of what OnTimer emitted
}

// String is the timer and its key: "Gap of a at 1970-01-01T00:01:00.000Z".
func (f Firing[K]) String() string {
	name := f.Family
	if f.Tag != "" {
		name += ":" + f.Tag
	}
	return fmt.Sprintf("%s of %v at %v", name, f.Key, f.At)
}

// StatefulDoFn prepares a test of a stateful DoFn without a pipeline of one's own. opts are those of [sdk.StatefulParDo]
// but for sdk.Droppable: what is dropped is in [StatefulTester.Late]. Additional outputs and dead letters of the DoFn cannot be
// looked at here; test these with a pipeline ([Run]) behind a test stream.
//
//	f := ptest.StatefulDoFn(t, &sessionFn{Gap: time.Minute})
//	f.At(ts).Process("ann", "login", "click") // emits nothing yet
//	got := f.Watermark(ts.Add(time.Minute))    // the session
//
// Elements are in the global window, at the epoch, unless [StatefulTester.In] and [StatefulTester.At] say otherwise; the
// watermark begins at the beginning of time, the processing time at the epoch.
func StatefulDoFn[K, V, O any, D sdk.StatefulFn[K, V, O]](tb testing.TB, fn D, opts ...sdk.Option) *StatefulTester[K, V, O] {
	f := &StatefulTester[K, V, O]{tb: tb, fn: fn, opts: opts, mark: mtime.Min, windows: window.GlobalWindows()}
	f.rows.T = []mtime.Time{} // each row has a time
	return f
}

// In sets the windowing of the elements; opts are those of [sdk.WindowInto], such as [sdk.AllowedLateness]. It is called
// before the first step.
func (f *StatefulTester[K, V, O]) In(fn window.Fn, opts ...sdk.Option) *StatefulTester[K, V, O] {
	f.tb.Helper()
	if f.job != nil {
		f.tb.Fatal("ptest: In is called after the first step")
	}
	f.windows, f.windowOpts = fn, opts
	return f
}

// With sets options of the run, such as [Seed]. It is called before the first step.
func (f *StatefulTester[K, V, O]) With(opts ...Option) *StatefulTester[K, V, O] {
	f.tb.Helper()
	if f.job != nil {
		f.tb.Fatal("ptest: With is called after the first step")
	}
	f.runs = append(f.runs, opts...)
	return f
}

// At sets the timestamp of the elements that are processed next.
func (f *StatefulTester[K, V, O]) At(ts mtime.Time) *StatefulTester[K, V, O] {
	f.at = ts.Clamp()
	return f
}

// Process gives the DoFn elements of a key, one after the other, and returns what it emits. Elements whose window has
// expired are dropped: see [StatefulTester.Late].
func (f *StatefulTester[K, V, O]) Process(key K, vs ...V) []O {
	f.tb.Helper()
	return f.must(f.TryProcess(key, vs...))
}

// TryProcess is [StatefulTester.Process] for elements that may fail: it returns the error, and so does every step after it.
func (f *StatefulTester[K, V, O]) TryProcess(key K, vs ...V) ([]O, error) {
	f.tb.Helper()
	lo := len(f.rows.V)
	for _, v := range vs {
		f.rows.V, f.rows.T = append(f.rows.V, sdk.MakeKV(key, v)), append(f.rows.T, f.at)
	}
	return f.step(exec.ScriptEvent{Rows: f.rows.Range(lo, len(f.rows.V)), Watermark: mtime.Min})
}

// Watermark says that event time has come to t: event-time timers up to t fire, and windows that end before it expire,
// allowed lateness aside. It returns what that emits. A t before the watermark is a mistake and fails the test.
func (f *StatefulTester[K, V, O]) Watermark(t mtime.Time) []O {
	f.tb.Helper()
	return f.must(f.TryWatermark(t))
}

// TryWatermark is [StatefulTester.Watermark] for timers that may fail: it returns the error.
func (f *StatefulTester[K, V, O]) TryWatermark(t mtime.Time) ([]O, error) {
	f.tb.Helper()
	if t = t.Clamp(); t < f.mark {
		f.tb.Fatalf("ptest: the watermark is at %v and cannot go back to %v", f.mark, t)
	}
	f.mark = t
	if t == mtime.Max {
		f.over = true
	}
	return f.step(exec.ScriptEvent{Watermark: t})
}

// Advance moves the processing time on by d, in one step: processing-time timers that are due by then fire, each once, even
// those that set themselves again. It returns what that emits.
func (f *StatefulTester[K, V, O]) Advance(d time.Duration) []O {
	f.tb.Helper()
	return f.must(f.TryAdvance(d))
}

// TryAdvance is [StatefulTester.Advance] for timers that may fail: it returns the error.
func (f *StatefulTester[K, V, O]) TryAdvance(d time.Duration) ([]O, error) {
	f.tb.Helper()
	return f.step(exec.ScriptEvent{Advance: d, Watermark: mtime.Min})
}

// End says that the input has ended: the watermark goes to the end of time, event-time timers fire, OnWindowExpiration is
// called for each key, and processing-time timers are dropped. It returns what that emits. It is the last step.
func (f *StatefulTester[K, V, O]) End() []O {
	f.tb.Helper()
	return f.Watermark(mtime.Max)
}

// Drain is [StatefulTester.End] for a job that is drained: [exec.Context.Draining] says so, and timers that set themselves
// again are dropped.
func (f *StatefulTester[K, V, O]) Drain() []O {
	f.tb.Helper()
	f.over = true
	return f.must(f.step(exec.ScriptEvent{Drain: true, Watermark: mtime.Min}))
}

// Elements is what the last step has emitted, with timestamps and windows.
func (f *StatefulTester[K, V, O]) Elements() []sdk.Element[O] { return f.last }

// Fired returns the timers that have fired since it was last called, in order.
func (f *StatefulTester[K, V, O]) Fired() []Firing[K] { return f.fired.take() }

// Late returns the elements that have been dropped since it was last called, as their window had expired.
func (f *StatefulTester[K, V, O]) Late() []sdk.KV[K, V] { return f.late.Take() }

// Slots is how many pairs of key and window have state, a timer, or an OnWindowExpiration to come.
func (f *StatefulTester[K, V, O]) Slots() (n int64) {
	f.tb.Helper()
	f.start()
	for _, s := range f.job.Status().Stages {
		n += s.Streaming.Slots
	}
	return n
}

func (f *StatefulTester[K, V, O]) must(out []O, err error) []O {
	f.tb.Helper()
	if err != nil {
		f.tb.Fatal(err)
	}
	return out
}

var errOver = errors.New("ptest: the run of the DoFn has ended")

// step lets the engine do e, and returns what came of it.
func (f *StatefulTester[K, V, O]) step(e exec.ScriptEvent) ([]O, error) {
	f.tb.Helper()
	f.start()
	f.last = nil
	if f.closed {
		return nil, errOver
	}
	select {
	case f.steps <- e:
	case <-f.job.ended: // it has failed
		return nil, f.job.err
	}
	var err error
	if f.over {
		f.closed = true
		close(f.steps)
		select {
		case <-f.rests: // it has not come to its end: it is told so, and fails
		case <-f.job.ended:
		}
		_, err = f.job.WaitErr()
	} else {
		err = f.rest()
	}
	f.last = f.seen.TakeElements()
	return values(f.last), err
}

// rest waits until the job has nothing to do.
func (f *StatefulTester[K, V, O]) rest() error {
	select {
	case <-f.rests:
		return nil
	case <-f.job.ended:
		_, err := f.job.WaitErr()
		return err
	}
}

// start begins the run.
func (f *StatefulTester[K, V, O]) start() {
	f.tb.Helper()
	if f.job != nil {
		return
	}
	f.steps, f.rests, f.quit = make(chan exec.ScriptEvent), make(chan struct{}), make(chan struct{})
	opts := append([]Option{func(c *config) {
		c.single = true
		c.runner.Fired = func(x exec.Firing) {
			f.fired.add(Firing[K]{Key: x.Key.(K), Window: x.Window, Family: x.Family, Tag: x.Tag, At: x.At, Output: x.Output})
		}
	}}, f.runs...)
	f.job = Start(f.tb, func(p *sdk.Pipeline) {
		in := sdk.Scripted[sdk.KV[K, V]](p, "Steps", &f.rows, func() exec.Script { return (*liveScript[K, V, O])(f) })
		var late sdk.Output[sdk.KV[K, V]]
		out := sdk.StatefulParDo(sdk.WindowInto(in, f.windows, f.windowOpts...), f.fn, append(f.opts[:len(f.opts):len(f.opts)], sdk.Droppable(&late))...)
		f.seen.Watch(out)
		f.late.Watch(late.PCollection())
	}, opts...)
	f.tb.Cleanup(func() { close(f.quit) }) // before that of Start, which waits for the job
	if err := f.rest(); err != nil {
		f.tb.Fatal(err)
	}
}

// liveScript gives the steps as the test makes them.
type liveScript[K, V, O any] StatefulTester[K, V, O]

// Next implements [exec.Script]. It is called when everything that came before is done.
func (s *liveScript[K, V, O]) Next() (e exec.ScriptEvent, ok bool) {
	select {
	case s.rests <- struct{}{}:
	case <-s.quit:
		return e, false
	}
	select {
	case e, ok = <-s.steps:
	case <-s.quit:
	}
	return e, ok
}
