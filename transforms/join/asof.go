package join

import (
	"time"

	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/state"
	"github.com/millrace-go/millrace/sdk/timer"
	"github.com/millrace-go/millrace/sdk/window"
)

// AsOf pairs every value of left with the value that right had for its key at that time: the one of the greatest
// timestamp that is not after the left one's; of several with that timestamp, the one that came last. A left value for
// which there is none has no Right. It is a temporal join: prices with the exchange rate of their time.
//
// A left value is emitted, with its own timestamp, when the watermark has passed it, so that no version of right is
// missing. Of right each key keeps the versions that a left value may still ask for: the last before the watermark and
// those behind it. Both collections are in the global window, or in the same windows.
func AsOf[K, L, R any](left sdk.PCollection[sdk.KV[K, L]], right sdk.PCollection[sdk.KV[K, R]], opts ...sdk.Option) sdk.PCollection[sdk.KV[K, Pair[L, Optional[R]]]] {
	return sdk.Scope(left.Pipeline(), "join.AsOf", func() sdk.PCollection[sdk.KV[K, Pair[L, Optional[R]]]] {
		in := both(left, right)
		w := sdk.Windowing(in)
		if w.Lateness < time.Millisecond && !window.IsGlobalFn(w.Fn) {
			return sdk.StatefulParDo(in, &asOfAtEndFn[K, L, R]{AtEnd: true}, opts...)
		}
		return sdk.StatefulParDo(in, &asOfFn[K, L, R]{Lateness: w.Lateness}, opts...)
	})
}

type asOfFn[K, L, R any] struct {
	Lateness time.Duration
	AtEnd    bool // what no timer can wait for is left to the end of the window
	Window   sdk.ObservedWindow
	Waiting  state.OrderedList[L]
	Versions state.OrderedList[R]
	Passed   timer.EventTime
}

func (f *asOfFn[K, L, R]) ProcessElement(c *sdk.Context, _ K, v either[L, R], _ sdk.Emitter[sdk.KV[K, Pair[L, Optional[R]]]]) error {
	if !v.IsLeft {
		if f.Versions.Add(c.EventTime(), v.Right); f.Waiting.Len() == 0 {
			f.wait(c)
		}
		return nil
	}
	t := c.EventTime()
	first, _, ok := f.Waiting.First()
	if f.Waiting.Add(t, v.Left); !ok || t < first {
		f.wait(c) // else the timer stands where it should
	}
	return nil
}

// limit is the last time that a timer can have.
func (f *asOfFn[K, L, R]) limit(c *sdk.Context) mtime.Time {
	return min(f.Window.Get(c).MaxTimestamp().Add(f.Lateness), mtime.EndOfGlobalWindow)
}

// wait sets the timer to when the watermark has passed the first value that waits, or else the second version; what
// waits holds the watermark.
func (f *asOfFn[K, L, R]) wait(c *sdk.Context) {
	limit := f.limit(c)
	if t, _, ok := f.Waiting.First(); ok {
		if !f.AtEnd || t < limit {
			f.Passed.SetOutput("", min(after(t), limit), min(t, limit))
		} else {
			f.Passed.Clear()
		}
		return
	}
	if first, _, ok := f.Versions.First(); ok {
		for t := range f.Versions.Range(after(first), limit) {
			f.Passed.Set(after(t)) // then the first is of no use
			return
		}
	}
	f.Passed.Clear()
}

// OnTimer pairs the values before the timer's time: the watermark has reached that.
func (f *asOfFn[K, L, R]) OnTimer(c *sdk.Context, k K, fired timer.Fired, out sdk.Emitter[sdk.KV[K, Pair[L, Optional[R]]]]) error {
	before := fired.At
	if !f.AtEnd && before == f.limit(c) {
		before = mtime.Max // no other timer comes
	}
	f.pair(k, before, out)
	f.wait(c)
	return nil
}

// pair pairs and forgets the values before a time.
func (f *asOfFn[K, L, R]) pair(k K, before mtime.Time, out sdk.Emitter[sdk.KV[K, Pair[L, Optional[R]]]]) {
	var version Optional[R]
	var since mtime.Time
	seen, from := 0, mtime.Min
	pass := func(to mtime.Time) { // each version once, however many values ask for it
		for t, r := range f.Versions.Range(from, to) {
			version, since = Optional[R]{r, true}, t
			seen++
		}
		from = to
	}
	for t, l := range f.Waiting.Range(mtime.Min, before) {
		pass(after(t))
		out.EmitAt(t, sdk.MakeKV(k, Pair[L, Optional[R]]{l, version}))
	}
	f.Waiting.ClearRange(mtime.Min, before)
	// All versions but the last before the watermark are of no use to anybody.
	if pass(before); seen > 1 {
		f.Versions.ClearRange(mtime.Min, after(since))
		f.Versions.Add(since, version.Value)
	}
}

// asOfAtEndFn is asOfFn in windows without lateness. They end when the watermark has passed their last instant, and no
// timer is later than that: the values of that instant, as of all panes, wait for the end of the window itself.
// Elsewhere OnWindowExpiration would hold the watermark for the time of the lateness, and keys for ever.
type asOfAtEndFn[K, L, R any] asOfFn[K, L, R]

func (f *asOfAtEndFn[K, L, R]) fn() *asOfFn[K, L, R] { return (*asOfFn[K, L, R])(f) }

func (f *asOfAtEndFn[K, L, R]) ProcessElement(c *sdk.Context, k K, v either[L, R], out sdk.Emitter[sdk.KV[K, Pair[L, Optional[R]]]]) error {
	return f.fn().ProcessElement(c, k, v, out)
}

func (f *asOfAtEndFn[K, L, R]) OnTimer(c *sdk.Context, k K, t timer.Fired, out sdk.Emitter[sdk.KV[K, Pair[L, Optional[R]]]]) error {
	return f.fn().OnTimer(c, k, t, out)
}

func (f *asOfAtEndFn[K, L, R]) OnWindowExpiration(_ *sdk.Context, k K, out sdk.Emitter[sdk.KV[K, Pair[L, Optional[R]]]]) error {
	f.fn().pair(k, mtime.Max, out)
	return nil
}
