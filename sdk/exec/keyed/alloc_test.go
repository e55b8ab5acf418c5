package keyed

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/exec/group"
	"github.com/millrace-go/millrace/sdk/exec/keys"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/state"
	"github.com/millrace-go/millrace/sdk/timer"
	"github.com/millrace-go/millrace/sdk/trigger"
	"github.com/millrace-go/millrace/sdk/window"
)

type pairOf = coder.KV[int64, int64]

// ring is a port whose batches are read and given back, as a channel does.
type ring struct{ sent, spare []any }

func (r *ring) Send(batch any, _ int) { r.sent = append(r.sent, batch) }

func (r *ring) Spare() any {
	n := len(r.spare)
	if n == 0 {
		return nil
	}
	b := r.spare[n-1]
	r.spare = r.spare[:n-1]
	return b
}

// loop is a writer and a task behind it.
type loop struct {
	t      *testing.T
	in     exec.Sink
	before *exec.Plan
	behind *exec.Plan
	task   exec.Task
	ring   ring
	clock  exec.Clock
}

func newLoop(t *testing.T, x exec.StreamExchange, sink exec.Sink) *loop {
	t.Helper()
	l := &loop{t: t, clock: exec.Clock{Watermark: mtime.Min, Output: mtime.Min}}
	host := &exec.Host{Ctx: context.Background(), Workers: 1}
	b := &exec.Build{Host: host}
	in, err := x.NewWriter(b, &exec.Step{Host: host}, 0, []exec.Port{&l.ring})
	if err != nil {
		t.Fatal(err)
	}
	l.in, l.before = in, b.Plan(nil)
	b = &exec.Build{Host: host}
	if l.task, err = x.NewTask(b, &exec.Step{Host: host}, []exec.Sink{sink}); err != nil {
		t.Fatal(err)
	}
	l.behind = b.Plan(nil)
	return l
}

func (l *loop) must(err error) {
	if err != nil {
		l.t.Fatal(err)
	}
}

// bundle sends batches through, and moves the watermark behind them.
func (l *loop) bundle(bs []*exec.Batch[pairOf], mark mtime.Time) {
	l.must(l.before.Start())
	for _, b := range bs {
		l.must(l.in.Push(b))
	}
	l.must(l.before.Finish())
	l.must(l.behind.Start())
	l.task.BeginBundle(l.clock)
	for _, b := range l.ring.sent {
		l.must(l.task.Take(0, b))
		l.ring.spare = append(l.ring.spare, b)
	}
	l.ring.sent = l.ring.sent[:0]
	l.must(l.task.EndBundle(l.clock))
	if mark > l.clock.Watermark {
		l.clock.Watermark = mark
		more := true
		for more {
			var err error
			more, err = l.task.Advance(l.clock)
			l.must(err)
		}
		l.clock.Output = min(mark, l.task.Hold())
	}
	l.must(l.behind.Finish())
}

// keepFn keeps a sum, and a timer if it has one.
type keepFn struct {
	Sum  state.Value[int64]
	Done timer.EventTime
	set  bool
}

func (f *keepFn) ProcessElement(c *exec.Context, _, v int64, out exec.Emitter[pairOf]) error {
	f.Sum.Write(f.Sum.Get() + v)
	if f.set {
		f.Done.Set(min(c.EventTime()+50, c.EventTime()/1000*1000+999)) // not after the window
	}
	out.Emit(pairOf{Key: v, Value: f.Sum.Get()})
	return nil
}

func (f *keepFn) OnTimer(*exec.Context, int64, timer.Fired, exec.Emitter[pairOf]) error {
	f.Sum.Clear()
	return nil
}

func stateful(kc coder.Coder[int64], s window.Strategy, set, sorted bool) exec.StreamExchange {
	return NewStateful(kc, func(b *exec.Build, step *exec.Step, sinks []exec.Sink) (StatefulConfig[int64, int64, pairOf], error) {
		fn := &keepFn{set: set}
		return StatefulConfig[int64, int64, pairOf]{
			Config: Config{Name: "keep", Windowing: s}, Fn: fn, Sorted: sorted, Windowed: true,
			Columns: func(at *uint32) []state.Column { return []state.Column{fn.Sum.Bind(at)} },
			Timers:  []timer.Field{&fn.Done}, Names: []string{"Done"},
			Out: exec.NewOut[pairOf](b, step, sinks[0], true),
		}, nil
	})
}

// The engine allocates nothing per element of a stream: what a bundle of 2560 elements costs, once tables and batches
// have their size, is a few allocations for the bundle, the windows and the batches that end in it.
func TestNoAllocationPerElement(t *testing.T) {
	kc, err := coder.For[int64]()
	if err != nil {
		t.Fatal(err)
	}
	fixed := window.Strategy{Fn: window.Fixed(time.Second)}
	sessions := window.Strategy{Fn: window.Sessions(50 * time.Millisecond)}
	early := window.Strategy{Fn: window.Fixed(time.Second), Accumulating: true, Trigger: trigger.AfterWatermark().Early(trigger.AfterCount(1))}
	earlySessions := sessions
	earlySessions.Trigger = early.Trigger
	earliest := fixed
	earliest.Combiner = window.Earliest
	sums := &sink[pairOf]{}
	groups := &sink[coder.KV[int64, iter.Seq[int64]]]{}
	for _, tt := range []struct {
		name string
		s    window.Strategy
		x    exec.StreamExchange
		sink exec.Sink
	}{
		{"combine", fixed, NewCombinePerKey[int64, int64, int64, int64](Config{Windowing: fixed}, kc, totalFn{}, false), exec.Sink(sums)},
		{"combine, early panes", early, NewCombinePerKey[int64, int64, int64, int64](Config{Windowing: early}, kc, totalFn{}, false), exec.Sink(sums)},
		{"combine, earliest", earliest, NewCombinePerKey[int64, int64, int64, int64](Config{Windowing: earliest}, kc, totalFn{}, false), exec.Sink(sums)},
		{"combine, sessions", sessions, NewCombinePerKey[int64, int64, int64, int64](Config{Windowing: sessions}, kc, totalFn{}, false), exec.Sink(sums)},
		{"combine, sessions, early panes", earlySessions, NewCombinePerKey[int64, int64, int64, int64](Config{Windowing: earlySessions}, kc, totalFn{}, false), exec.Sink(sums)},
		{"group", fixed, NewGroupByKey(Config{Windowing: fixed}, keys.TypeOf(kc), typeOf[coder.KV[int64, iter.Seq[int64]]](), group.Input{Row: typeOf[pairOf](), Value: typeOf[int64](), Seq: coder.SequenceOf[int64]()}), exec.Sink(groups)},
		{"shuffle", fixed, Shuffle{typeOf[pairOf]()}, exec.Sink(sums)},
		{"state", fixed, stateful(kc, fixed, false, false), exec.Sink(sums)},
		{"timers", fixed, stateful(kc, fixed, true, false), exec.Sink(sums)},
		{"state, sorted", fixed, stateful(kc, fixed, false, true), exec.Sink(sums)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLoop(t, tt.x, tt.sink)
			const batches = 10
			bs := make([]*exec.Batch[pairOf], batches)
			for i := range bs {
				bs[i] = &exec.Batch[pairOf]{V: make([]pairOf, exec.BatchSize), Meta: exec.Meta{
					T: make([]mtime.Time, exec.BatchSize), S: make([]uint32, exec.BatchSize), Sets: &exec.WindowSets{}, P0: window.NoFiring,
				}}
			}
			at := mtime.Time(0)
			var ws []window.Window
			round := func() { // an element a millisecond for each of 25 keys
				for _, b := range bs {
					b.Meta.Sets.Reset()
					for i := range b.V {
						if i%25 == 0 {
							at++
						}
						ws = tt.s.Fn.AssignWindows(ws[:0], at)
						if n := b.Meta.Sets.Len(); n == 0 || b.Meta.Sets.Set(uint32(n - 1))[0] != ws[0] {
							b.Meta.Sets.Add(ws...)
						}
						b.V[i], b.Meta.T[i], b.Meta.S[i] = pairOf{Key: int64(i % 25), Value: 1}, at, uint32(b.Meta.Sets.Len()-1)
					}
				}
				l.bundle(bs, at)
			}
			for range 100 {
				round()
			}
			const most = 8 // for the bundle
			if n := testing.AllocsPerRun(100, round); n > most {
				t.Errorf("%.0f allocations for %d elements", n, batches*exec.BatchSize)
			}
		})
	}
}
