package compare

import (
	"fmt"

	"github.com/millrace-go/millrace/integration/model"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/state"
	"github.com/millrace-go/millrace/sdk/timer"
)

// env is what the programs know beside what a Context says.
type env struct {
	lateness int64             // of the input, in ms
	now      func() mtime.Time // processing time
}

// expiry is the last event time at which a timer of the call's window may fire.
func (e env) expiry(c *sdk.Context) mtime.Time { return expiry(c.Windows()[0], e.lateness) }

// stateful applies the program of a transform: model.Program says what each does.
func stateful(in sdk.PCollection[pair], p model.Program, e env, opts ...sdk.Option) (sdk.PCollection[pair], error) {
	arg := mtime.Time(p.Arg)
	switch p.Name {
	case "runningSum":
		return sdk.StatefulParDo(in, &runningSumFn{}, opts...), nil
	case "dedupe":
		return sdk.StatefulParDo(in, &dedupeFn{}, opts...), nil
	case "counts":
		return sdk.StatefulParDo(in, &countsFn{}, opts...), nil
	case "bufferToEnd":
		return sdk.StatefulParDo(in, &bufferFn{}, opts...), nil
	case "loop":
		return sdk.StatefulParDo(in, &loopFn{period: arg, times: p.Num}, opts...), nil
	case "session":
		return sdk.StatefulParDo(in, &sessionFn{env: e, gap: arg, Sum: newSum()}, opts...), nil
	case "ordered":
		return sdk.StatefulParDo(in, &orderedFn{env: e, delay: arg}, opts...), nil
	case "past":
		return sdk.StatefulParDo(in, &pastFn{by: arg}, opts...), nil
	case "batches":
		return sdk.StatefulParDo(in, &batchesFn{size: p.Arg}, opts...), nil
	case "processing":
		return sdk.StatefulParDo(in, &processingFn{env: e, delay: arg, Sum: newSum()}, opts...), nil
	case "expiry":
		return sdk.StatefulParDo(in, &expiryFn{Count: newSum()}, opts...), nil
	}
	return in, fmt.Errorf("%w: program %s", ErrNotExpressible, p)
}

type sumFn struct{}

func (sumFn) CreateAccumulator() int64           { return 0 }
func (sumFn) AddInput(a, v int64) int64          { return a + v }
func (sumFn) MergeAccumulators(a, b int64) int64 { return a + b }
func (sumFn) ExtractOutput(a int64) int64        { return a }

type sumCell = state.Combining[int64, int64, int64]

func newSum() sumCell { return state.NewCombining(sumFn{}) }

type runningSumFn struct{ Sum state.Value[int64] }

func (f *runningSumFn) ProcessElement(_ *sdk.Context, k string, v int64, out sdk.Emitter[pair]) error {
	f.Sum.Write(f.Sum.Get() + v)
	out.Emit(pair{Key: k, Value: f.Sum.Get()})
	return nil
}

type dedupeFn struct{ Seen state.Set[int64] }

func (f *dedupeFn) ProcessElement(_ *sdk.Context, k string, v int64, out sdk.Emitter[pair]) error {
	if f.Seen.Add(v) {
		out.Emit(pair{Key: k, Value: v})
	}
	return nil
}

type countsFn struct{ Counts state.Map[int64, int64] }

func (f *countsFn) ProcessElement(_ *sdk.Context, k string, v int64, out sdk.Emitter[pair]) error {
	n, _ := f.Counts.Get(v)
	f.Counts.Put(v, n+1)
	out.Emit(pair{Key: k, Value: n + 1})
	return nil
}

type bufferFn struct {
	Buffer state.Bag[int64]
	Set    state.Value[bool]
	End    timer.EventTime
}

func (f *bufferFn) ProcessElement(c *sdk.Context, _ string, v int64, _ sdk.Emitter[pair]) error {
	f.Buffer.Add(v)
	if !f.Set.Get() {
		f.Set.Write(true)
		f.End.SetOutput("", c.Windows()[0].MaxTimestamp(), c.EventTime())
	}
	return nil
}

func (f *bufferFn) OnTimer(_ *sdk.Context, k string, _ sdk.Fired, out sdk.Emitter[pair]) error {
	var sum int64
	for v := range f.Buffer.All() {
		sum += v
	}
	out.Emit(pair{Key: k, Value: sum})
	f.Buffer.Clear()
	f.Set.Clear()
	return nil
}

type loopFn struct {
	Count  state.Value[int64]
	Loop   timer.EventTime
	period mtime.Time
	times  int64
}

func (f *loopFn) ProcessElement(c *sdk.Context, _ string, _ int64, _ sdk.Emitter[pair]) error {
	if _, started := f.Count.Read(); started {
		return nil
	}
	f.Count.Write(0)
	t := c.EventTime()
	f.set(c, t-((t%f.period)+f.period)%f.period+f.period)
	return nil
}

func (f *loopFn) OnTimer(c *sdk.Context, k string, t sdk.Fired, out sdk.Emitter[pair]) error {
	n := f.Count.Get()
	out.Emit(pair{Key: k, Value: n})
	f.Count.Write(n + 1)
	if f.times == 0 || n+1 < f.times {
		f.set(c, t.At+f.period)
	}
	return nil
}

func (f *loopFn) set(c *sdk.Context, at mtime.Time) {
	if at <= c.Windows()[0].MaxTimestamp() {
		f.Loop.Set(at)
	}
}

type sessionFn struct {
	Sum sumCell
	Gap timer.EventTime
	env
	gap mtime.Time
}

func (f *sessionFn) ProcessElement(c *sdk.Context, _ string, v int64, _ sdk.Emitter[pair]) error {
	f.Sum.Add(v)
	f.Gap.Set(min(c.EventTime()+f.gap, f.expiry(c)))
	return nil
}

func (f *sessionFn) OnTimer(_ *sdk.Context, k string, _ sdk.Fired, out sdk.Emitter[pair]) error {
	out.Emit(pair{Key: k, Value: f.Sum.Read()})
	f.Sum.Clear()
	return nil
}

type orderedFn struct {
	List  state.OrderedList[int64]
	Flush timer.EventTime
	env
	delay mtime.Time
}

func (f *orderedFn) ProcessElement(c *sdk.Context, _ string, v int64, _ sdk.Emitter[pair]) error {
	first, _, some := f.List.First()
	t := c.EventTime()
	f.List.Add(t, v)
	if !some || t < first {
		f.set(c, t)
	}
	return nil
}

func (f *orderedFn) OnTimer(c *sdk.Context, k string, t sdk.Fired, out sdk.Emitter[pair]) error {
	upTo := t.At - f.delay + 1
	if t.At == f.expiry(c) {
		upTo = mtime.Max
	}
	for at, v := range f.List.Range(mtime.Min, upTo) {
		out.EmitAt(at, pair{Key: k, Value: v})
	}
	f.List.ClearRange(mtime.Min, upTo)
	if first, _, some := f.List.First(); some {
		f.set(c, first)
	}
	return nil
}

func (f *orderedFn) set(c *sdk.Context, earliest mtime.Time) {
	f.Flush.SetOutput("", min(earliest+f.delay, f.expiry(c)), earliest)
}

type pastFn struct {
	Past timer.EventTime
	by   mtime.Time
}

func (f *pastFn) ProcessElement(c *sdk.Context, _ string, _ int64, _ sdk.Emitter[pair]) error {
	f.Past.SetOutput("", c.EventTime()-f.by, c.EventTime())
	return nil
}

func (f *pastFn) OnTimer(_ *sdk.Context, k string, _ sdk.Fired, out sdk.Emitter[pair]) error {
	out.Emit(pair{Key: k, Value: int64(f.by)})
	return nil
}

type batchesFn struct {
	Sum, N state.Value[int64]
	size   int64
}

func (f *batchesFn) ProcessElement(_ *sdk.Context, k string, v int64, out sdk.Emitter[pair]) error {
	sum, n := f.Sum.Get()+v, f.N.Get()+1
	if n == f.size {
		out.Emit(pair{Key: k, Value: sum})
		f.Sum.Clear()
		f.N.Clear()
		return nil
	}
	f.Sum.Write(sum)
	f.N.Write(n)
	return nil
}

func (f *batchesFn) OnWindowExpiration(_ *sdk.Context, k string, out sdk.Emitter[pair]) error {
	if sum, some := f.Sum.Read(); some {
		out.Emit(pair{Key: k, Value: sum})
	}
	return nil
}

type processingFn struct {
	Sum   sumCell
	Set   state.Value[bool]
	Flush timer.ProcessingTime
	env
	delay mtime.Time
}

func (f *processingFn) ProcessElement(_ *sdk.Context, _ string, v int64, _ sdk.Emitter[pair]) error {
	f.Sum.Add(v)
	if !f.Set.Get() {
		f.Set.Write(true)
		f.Flush.Set(f.now() + f.delay)
	}
	return nil
}

func (f *processingFn) OnTimer(_ *sdk.Context, k string, _ sdk.Fired, out sdk.Emitter[pair]) error {
	out.Emit(pair{Key: k, Value: f.Sum.Read()})
	f.Sum.Clear()
	f.Set.Clear()
	return nil
}

type expiryFn struct{ Count sumCell }

func (f *expiryFn) ProcessElement(*sdk.Context, string, int64, sdk.Emitter[pair]) error {
	f.Count.Add(1)
	return nil
}

func (f *expiryFn) OnWindowExpiration(_ *sdk.Context, k string, out sdk.Emitter[pair]) error {
	out.Emit(pair{Key: k, Value: f.Count.Read()})
	return nil
}
