package join

import (
	"math"
	"time"

	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/state"
	"github.com/millrace-go/millrace/sdk/timer"
)

// Interval pairs every value of left with every value of right that has its key, and whose timestamp is at least lower
// and at most upper after the left one's (either may be negative; timestamps are whole milliseconds). A pair is emitted
// when the second of it comes, with the later of the two timestamps.
//
// It is for streams: a value is kept until the watermark has passed the last time at which one may come that it pairs
// with, and no longer. Both collections are in the global window, or in the same windows, which a pair does not cross.
// A value that comes so late that its partners have gone is not paired with them.
func Interval[K, L, R any](left sdk.PCollection[sdk.KV[K, L]], right sdk.PCollection[sdk.KV[K, R]], lower, upper time.Duration, opts ...sdk.Option) sdk.PCollection[sdk.KV[K, Pair[L, R]]] {
	return sdk.Scope(left.Pipeline(), "join.Interval", func() sdk.PCollection[sdk.KV[K, Pair[L, R]]] {
		return sdk.StatefulParDo(both(left, right), &intervalFn[K, L, R]{Lower: -floor(-within(lower)), Upper: floor(within(upper))}, opts...)
	})
}

// forever is the longest bound, in whole milliseconds, so that it can be turned round.
const forever = math.MaxInt64 / time.Millisecond * time.Millisecond

func within(d time.Duration) time.Duration { return min(max(d, -forever), forever) }

// floor rounds down to the millisecond: what is added to a time and taken away again must leave it as it was.
func floor(d time.Duration) time.Duration {
	whole := d.Truncate(time.Millisecond)
	if whole > d {
		whole -= time.Millisecond
	}
	return whole
}

type intervalFn[K, L, R any] struct {
	Lower, Upper time.Duration
	Window       sdk.ObservedWindow
	Left         state.OrderedList[L]
	Right        state.OrderedList[R]
	Expire       timer.EventTime
}

func (f *intervalFn[K, L, R]) ProcessElement(c *sdk.Context, k K, v either[L, R], out sdk.Emitter[sdk.KV[K, Pair[L, R]]]) error {
	t := c.EventTime()
	if f.Upper < f.Lower {
		return nil // no time is in the interval
	}
	if v.IsLeft {
		f.Left.Add(t, v.Left)
		for u, r := range f.Right.Range(t.Add(f.Lower), after(t.Add(f.Upper))) {
			out.EmitAt(max(t, u), sdk.MakeKV(k, Pair[L, R]{v.Left, r}))
		}
	} else {
		f.Right.Add(t, v.Right)
		for u, l := range f.Left.Range(t.Add(-f.Upper), after(t.Add(-f.Lower))) {
			out.EmitAt(max(t, u), sdk.MakeKV(k, Pair[L, R]{l, v.Right}))
		}
	}
	f.expire(c)
	return nil
}

// OnTimer forgets what nothing still to come pairs with: the watermark has reached the timer's time.
func (f *intervalFn[K, L, R]) OnTimer(c *sdk.Context, _ K, t timer.Fired, _ sdk.Emitter[sdk.KV[K, Pair[L, R]]]) error {
	f.Left.ClearRange(mtime.Min, t.At.Add(-f.Upper))
	f.Right.ClearRange(mtime.Min, t.At.Add(f.Lower))
	f.expire(c)
	return nil
}

// expire sets the timer to when the first value is of no use any more, unless that is when the window takes all away.
func (f *intervalFn[K, L, R]) expire(c *sdk.Context) {
	at := mtime.Max
	if t, _, ok := f.Left.First(); ok {
		at = min(at, after(t.Add(f.Upper)))
	}
	if t, _, ok := f.Right.First(); ok {
		at = min(at, after(t.Add(-f.Lower)))
	}
	if at <= min(f.Window.Get(c).MaxTimestamp(), mtime.EndOfGlobalWindow) {
		f.Expire.Set(at)
	}
}

// after is the next instant.
func after(t mtime.Time) mtime.Time { return min(t+1, mtime.Max) }
