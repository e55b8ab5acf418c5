package join

import (
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/state"
	"github.com/millrace-go/millrace/sdk/timer"
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
		return sdk.StatefulParDo(both(left, right), &asOfFn[K, L, R]{}, opts...)
	})
}

type asOfFn[K, L, R any] struct {
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

// wait sets the timer to when the watermark has passed the first value that waits, or else the second version; what
// waits holds the watermark. What has the last time of its window waits for no more than that, as no timer is set behind it.
func (f *asOfFn[K, L, R]) wait(c *sdk.Context) {
	last := c.Windows()[0].MaxTimestamp()
	if t, _, ok := f.Waiting.First(); ok {
		f.Passed.SetOutput("", min(after(t), last), t)
		return
	}
	if first, _, ok := f.Versions.First(); ok {
		for t := range f.Versions.Range(after(first), mtime.Max) {
			if at := after(t); at <= last {
				f.Passed.Set(at) // then the first is of no use
				return
			}
			break
		}
	}
	f.Passed.Clear()
}

// OnTimer pairs the values before the timer's time, and those of the last time of the window at its end: the watermark has
// reached that.
func (f *asOfFn[K, L, R]) OnTimer(c *sdk.Context, k K, fired timer.Fired, out sdk.Emitter[sdk.KV[K, Pair[L, Optional[R]]]]) error {
	upTo := fired.At
	if upTo == c.Windows()[0].MaxTimestamp() {
		upTo = after(upTo)
	}
	for t, l := range f.Waiting.Range(mtime.Min, upTo) {
		p := Pair[L, Optional[R]]{Left: l}
		for _, r := range f.Versions.Range(mtime.Min, after(t)) {
			p.Right = Optional[R]{r, true}
		}
		out.EmitAt(t, sdk.MakeKV(k, p))
	}
	f.Waiting.ClearRange(mtime.Min, upTo)
	// All versions but the last before the watermark are of no use to anybody.
	last := mtime.Min
	for t := range f.Versions.Range(mtime.Min, fired.At) {
		last = t
	}
	f.Versions.ClearRange(mtime.Min, last)
	f.wait(c)
	return nil
}
