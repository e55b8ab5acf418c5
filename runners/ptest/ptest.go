// Package ptest runs pipelines, and DoFns, inside Go tests.
//
// # Which tool for what
//
//   - [Run] and [Collect] run a pipeline to its end; package passert has assertions that are part of it.
//   - [DoFn] gives a DoFn elements, without a pipeline.
//   - [StatefulDoFn] does so for a DoFn with state and timers: the test gives elements, moves the watermark and the
//     processing time, and sees after each step what is emitted and which timers have fired.
//   - Package teststream is for pipelines in which it matters when an element comes: windows, triggers, late data, views. A
//     script stands in for the source, and Run plays it. Its steps are the only clock: watermark and processing time.
//   - [Start] with [OnClock] is for a pipeline with its own sources, which do not end, and that reads the processing time:
//     rates, pauses, timers, triggers. The test moves the [Clock] and looks with [Seen] at what has come out.
//   - Without OnClock such a pipeline lives by package time, so it can be tested in a bubble of testing/synctest too, where
//     time.Sleep moves the clock. That reaches code which reads package time itself and does not ask [exec.Context.Now]. The
//     price: there are as many goroutines as workers, so what happens at one time happens in any order; the clock stands
//     still while one of them waits for a file or a socket; and the engine's own tickers, each 10 ms, run through an hour.
//
// # Strict runs
//
// A run is strict unless [Fast] is given: what works here should work on a remote runner. Every edge encodes and
// decodes its elements and reports what does not survive; elements that user code changes are reported; bundles
// have 1 to 7 elements, at random under a seed that a failing test prints; each DoFn has at least three
// instances, which are torn down and set up again between bundles; group values are iterated before user code
// sees them.
//
// So it is in streaming runs, where a splittable DoFn is also cut off after 1 to 7 elements and resumed, on whichever
// worker; instances of stateful DoFns last, as their state does. Two things are left out where they would make an
// outcome uncertain that a test stream promises: behind one, the bundles of stateful DoFns and of groupings are those of the
// script, and splittable DoFns are not cut off. The seed decides all of a run with a test stream or on a Clock, which
// has one goroutine, but for the order of keys whose windows end at one time: that is by hashes, which each process chooses
// anew. In other runs the scheduler decides too.
package ptest

import (
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
)

// Option changes how a pipeline is run.
type Option func(*config)

type config struct {
	strict bool
	runner direct.Runner
	clock  *Clock
	told   bool // how to repeat it
	single bool // one worker, even if strict
}

// Fast runs as in production: large bundles, nothing checked that direct itself does not need.
func Fast() Option { return func(c *config) { c.strict = false } }

// Seed fixes the seed of a strict run. Without it the environment variable MILLRACE_SEED does, or it is random.
func Seed(s uint64) Option { return func(c *config) { c.runner.Seed = s } }

// Budget sets the memory budget in bytes, so that spilling can be tested with little data.
func Budget(bytes int64) Option { return func(c *config) { c.runner.Budget = bytes } }

// Workers sets the number of workers.
func Workers(n int) Option { return func(c *config) { c.runner.Workers = n } }

// OnClock makes a streaming run live by c. A batch run has no use for it; a run with a test stream, which moves the
// processing time itself (teststream's Advance), is refused.
func OnClock(c *Clock) Option { return func(f *config) { f.clock, f.runner.Clock = c, c } }

// Run builds and runs a pipeline, and fails the test if it does not succeed. It returns the job's result, for its
// metrics.
func Run(tb testing.TB, build func(p *sdk.Pipeline), opts ...Option) *sdk.Result {
	tb.Helper()
	res, err := RunErr(tb, func(p *sdk.Pipeline) error { build(p); return nil }, opts...)
	if err != nil {
		tb.Fatal(err)
	}
	return res
}

// RunErr is [Run] for pipelines that may fail: it returns the error.
func RunErr(tb testing.TB, build func(p *sdk.Pipeline) error, opts ...Option) (*sdk.Result, error) {
	tb.Helper()
	c := newConfig(tb, opts)
	res, err := sdk.Run(tb.Context(), &c.runner, build)
	c.failed(tb, err)
	return res, err
}

func newConfig(tb testing.TB, opts []Option) *config {
	c := &config{strict: true}
	c.runner.Seed = rand.Uint64()
	if s, err := strconv.ParseUint(os.Getenv("MILLRACE_SEED"), 10, 64); err == nil {
		c.runner.Seed = s
	}
	for _, o := range opts {
		o(c)
	}
	c.runner.TempDir = tb.TempDir()
	c.runner.Log = slog.New(slog.NewTextHandler(tb.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	c.runner.Strict = c.strict
	switch {
	case c.single:
		c.runner.Workers = 1
	case c.strict:
		c.runner.Workers = max(c.runner.Workers, 3)
	}
	return c
}

// failed says how to repeat a run that has failed.
func (c *config) failed(tb testing.TB, err error) {
	tb.Helper()
	if err != nil && c.strict && !c.told {
		c.told = true
		tb.Logf("strict run with seed %d; repeat it with MILLRACE_SEED=%d", c.runner.Seed, c.runner.Seed)
	}
}

// Collect runs a pipeline and returns the elements of the collection that build returns, in no particular
// order.
func Collect[T any](tb testing.TB, build func(p *sdk.Pipeline) sdk.PCollection[T], opts ...Option) []T {
	tb.Helper()
	var got collector[T]
	Run(tb, func(p *sdk.Pipeline) {
		sdk.Filter(build(p), got.add)
	}, opts...)
	return got.take()
}
