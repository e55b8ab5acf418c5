package compare

import (
	"fmt"
	"time"

	"github.com/millrace-go/millrace/integration/model"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/trigger"
	"github.com/millrace-go/millrace/sdk/window"
)

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }

// ownSessions is sessions by a window function that the engine does not know.
type ownSessions struct{ window.SessionsFn }

// windowFn translates a window function.
func windowFn(f model.WindowFn, own bool) (window.Fn, error) {
	switch f.Kind {
	case model.GlobalWindows:
		return window.GlobalWindows(), nil
	case model.FixedWindows:
		return window.FixedOffset(ms(f.Size), ms(f.Offset)), nil
	case model.SlidingWindows:
		return window.SlidingFn{Size: ms(f.Size), Period: ms(f.Period), Offset: ms(f.Offset)}, nil
	case model.SessionWindows:
		if own {
			return ownSessions{window.Sessions(ms(f.Gap))}, nil
		}
		return window.Sessions(ms(f.Gap)), nil
	}
	return nil, fmt.Errorf("%w: window function %s", ErrNotExpressible, f)
}

// options translates the rest of a windowing, for sdk.WindowInto.
func options(w model.Windowing) ([]sdk.Option, error) {
	t, err := triggerOf(w.Trigger)
	if err != nil {
		return nil, err
	}
	if err := t.Validate(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotExpressible, err)
	}
	combiners := map[model.TimestampCombiner]window.TimestampCombiner{
		model.EndOfWindow: window.EndOfWindow, model.Earliest: window.Earliest, model.Latest: window.Latest,
		model.EarliestTransformed: window.EarliestTransformed,
	}
	opts := []sdk.Option{
		sdk.Trigger(t), sdk.MayLoseData(), sdk.AllowedLateness(ms(w.AllowedLateness)),
		sdk.WithTimestampCombiner(combiners[w.Combiner]),
	}
	if w.Accumulating {
		opts = append(opts, sdk.Accumulating())
	}
	if w.ClosingAlways {
		opts = append(opts, sdk.Closing(window.FireAlways))
	}
	if w.OnTimeIfAny {
		opts = append(opts, sdk.OnTime(window.FireIfNonEmpty))
	}
	return opts, nil
}

// triggerOf translates a trigger.
func triggerOf(t model.Trigger) (trigger.Trigger, error) {
	var subs []trigger.Trigger
	for _, s := range t.Subs {
		sub, err := triggerOf(s)
		if err != nil {
			return nil, err
		}
		subs = append(subs, sub)
	}
	switch t.Kind {
	case model.Default:
		return trigger.Default(), nil
	case model.Always:
		return trigger.Always(), nil
	case model.Never:
		return trigger.Never(), nil
	case model.AfterWatermark:
		w := trigger.AfterWatermark()
		if t.Early != nil {
			early, err := triggerOf(*t.Early)
			if err != nil {
				return nil, err
			}
			w = w.Early(early)
		}
		if t.Late != nil {
			late, err := triggerOf(*t.Late)
			if err != nil {
				return nil, err
			}
			w = w.Late(late)
		}
		return w, nil
	case model.AfterProcessingTime:
		p := trigger.AfterProcessingTime().PlusDelay(ms(t.Delay))
		if t.AlignPeriod > 0 {
			p = p.AlignedTo(ms(t.AlignPeriod), ms(t.AlignOffset))
		}
		return p, nil
	case model.AfterSynchronizedProcessingTime:
		return trigger.AfterSynchronizedProcessingTime(), nil
	case model.AfterCount:
		return trigger.AfterCount(t.Count), nil
	case model.AfterEach:
		return trigger.AfterEach(subs...), nil
	case model.AfterAny:
		return trigger.AfterAny(subs...), nil
	case model.AfterAll:
		return trigger.AfterAll(subs...), nil
	case model.Repeat:
		return trigger.Repeat(subs[0]), nil
	case model.OrFinally:
		return subs[0].OrFinally(subs[1]), nil
	}
	return nil, fmt.Errorf("%w: trigger %s", ErrNotExpressible, t)
}

// modelWindow translates a window back.
func modelWindow(w window.Window) model.Window {
	return model.Window{Start: int64(w.Start), End: int64(w.End)}
}

var timings = map[window.Timing]model.Timing{
	window.Early: model.Early, window.OnTime: model.OnTime, window.Late: model.Late, window.Unknown: model.Unknown,
}

// modelPane translates a pane back.
func modelPane(p window.Pane) model.Pane {
	return model.Pane{Timing: timings[p.Timing], Index: p.Index, NonSpeculativeIndex: p.NonSpeculativeIndex, First: p.First, Last: p.Last}
}

// expiry is the last watermark at which elements of w are taken (model.Windowing.Expiry).
func expiry(w window.Window, lateness int64) mtime.Time {
	return min(w.MaxTimestamp()+mtime.Time(lateness), mtime.EndOfGlobalWindow)
}
