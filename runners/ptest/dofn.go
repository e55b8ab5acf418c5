package ptest

import (
	"testing"

	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// Tester runs a DoFn on elements given one by one.
type Tester[I, O any] struct {
	tb  testing.TB
	fn  sdk.DoFn[I, O]
	at  mtime.Time
	fnw window.Fn
}

// DoFn prepares a test of a DoFn without a pipeline of one's own:
//
//	got := ptest.DoFn(t, &splitFn{}).At(ts).Process("a b")
func DoFn[I, O any, D sdk.DoFn[I, O]](tb testing.TB, fn D) *Tester[I, O] {
	return &Tester[I, O]{tb: tb, fn: fn, at: mtime.Min, fnw: window.GlobalWindows()}
}

// At sets the timestamp of the elements that are processed next.
func (d *Tester[I, O]) At(ts mtime.Time) *Tester[I, O] {
	d.at = ts
	return d
}

// In sets the windowing of the elements that are processed next.
func (d *Tester[I, O]) In(fn window.Fn) *Tester[I, O] {
	d.fnw = fn
	return d
}

// Process gives the elements to a fresh instance, as one bundle: Setup, StartBundle, the elements,
// FinishBundle, Teardown. It returns what went to the main output, in order. An error or panic of the DoFn fails
// the test.
func (d *Tester[I, O]) Process(vs ...I) []O {
	d.tb.Helper()
	out, err := d.TryProcess(vs...)
	if err != nil {
		d.tb.Fatal(err)
	}
	return out
}

// TryProcess is [Tester.Process] for elements that may fail.
func (d *Tester[I, O]) TryProcess(vs ...I) ([]O, error) {
	d.tb.Helper()
	var got collector[O]
	_, err := RunErr(d.tb, func(p *sdk.Pipeline) error {
		rows := make([]sdk.Timestamped[I], len(vs))
		for i, v := range vs {
			rows[i] = sdk.Timestamped[I]{Time: d.at, Value: v}
		}
		in := sdk.WindowInto(sdk.CreateTimestamped(p, rows), d.fnw)
		sdk.Filter(sdk.ParDo(in, d.fn), got.add)
		return nil
	}, Fast(), Workers(1))
	return got.take(), err
}
