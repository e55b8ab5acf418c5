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
	"github.com/millrace-go/millrace/sdk/trigger"
	"github.com/millrace-go/millrace/sdk/window"
)

type totalFn struct{}

func (totalFn) CreateAccumulator() int64           { return 0 }
func (totalFn) AddInput(a, v int64) int64          { return a + v }
func (totalFn) MergeAccumulators(a, b int64) int64 { return a + b }
func (totalFn) ExtractOutput(a int64) int64        { return a }

type sink[T any] struct{ rows int }

func (s *sink[T]) Push(b any) error { s.rows += len(b.(*exec.Batch[T]).V); return nil }

// The queues of a task do not grow with the elements: here an old key, whose pane holds the watermark, and a busy one,
// whose pane's time moves with each element.
func TestHoldsTakeNoMemory(t *testing.T) {
	kc, err := coder.For[int64]()
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]window.Strategy{
		"latest":   {Fn: window.Fixed(24 * time.Hour), Combiner: window.Latest},
		"sessions": {Fn: window.Sessions(time.Minute), Trigger: trigger.Repeat(trigger.AfterCount(1 << 40))},
	} {
		t.Run(name, func(t *testing.T) {
			host := &exec.Host{Ctx: context.Background()}
			b := &exec.Build{Host: host}
			out := &sink[coder.KV[int64, int64]]{}
			task, err := NewCombinePerKey(Config{Name: "sum", Windowing: s}, kc, totalFn{}, true).NewTask(b, &exec.Step{Host: host}, []exec.Sink{exec.Sink(out)})
			if err != nil {
				t.Fatal(err)
			}
			const batches, rows = 200, 100
			clock := exec.Clock{Watermark: mtime.Min, Output: mtime.Min}
			give := func(key int64, from mtime.Time, n int) {
				batch := &exec.Batch[coder.KV[int64, int64]]{Meta: exec.Meta{P0: window.NoFiring, Sets: &exec.WindowSets{}}}
				for i := range mtime.Time(n) {
					at := from + i
					batch.V = append(batch.V, coder.KV[int64, int64]{Key: key, Value: 1})
					batch.Meta.T = append(batch.Meta.T, at)
					batch.Meta.S = append(batch.Meta.S, batch.Meta.Sets.Add(s.Fn.AssignWindows(nil, at)...))
				}
				if err := task.Take(0, batch); err != nil {
					t.Fatal(err)
				}
				if err := task.EndBundle(clock); err != nil {
					t.Fatal(err)
				}
				task.Hold()
			}
			give(1, 0, 1)
			for i := range mtime.Time(batches) {
				give(2, i*rows, rows)
			}
			if n := task.(*combineTask[int64, int64, int64, int64]).panes.holds.len(); n > 200 {
				t.Errorf("%d holds for 2 slots, after %d elements", n, batches*rows)
			}
		})
	}
}

// port keeps what is sent.
type port[T any] struct{ got []*exec.Batch[T] }

func (p *port[T]) Send(batch any, _ int) { p.got = append(p.got, batch.(*exec.Batch[T])) }
func (p *port[T]) Spare() any            { return nil }

// The rows of a batch that are in one window share one set of windows, also when it is the global one.
func TestRouterSharesSets(t *testing.T) {
	kc, err := coder.For[int64]()
	if err != nil {
		t.Fatal(err)
	}
	for name, sets := range map[string]*exec.WindowSets{"global": nil, "fixed": exec.NewWindowSets(window.Window{Start: 0, End: 10})} {
		for _, n := range []int{1, 3} {
			b := &exec.Build{Host: &exec.Host{Ctx: context.Background()}}
			var ports []exec.Port
			for range n {
				ports = append(ports, &port[coder.KV[int64, int64]]{})
			}
			w, err := NewGroupByKey(Config{}, keys.TypeOf(kc), typeOf[coder.KV[int64, iter.Seq[int64]]](), group.Input{Row: typeOf[coder.KV[int64, int64]](), Value: typeOf[int64](), Seq: coder.SequenceOf[int64]()}).NewWriter(b, &exec.Step{Host: b.Host}, 0, ports)
			if err != nil {
				t.Fatal(err)
			}
			batch := &exec.Batch[coder.KV[int64, int64]]{Meta: exec.Meta{P0: window.NoFiring, Sets: sets}}
			for i := range int64(exec.BatchSize) {
				batch.V = append(batch.V, coder.KV[int64, int64]{Key: i, Value: i})
			}
			if err := w.Push(batch); err != nil {
				t.Fatal(err)
			}
			w.(interface{ flush() }).flush()
			rows := 0
			for _, p := range ports {
				for _, got := range p.(*port[coder.KV[int64, int64]]).got {
					if rows += len(got.V); got.Meta.Sets.Len() != 1 {
						t.Errorf("%s, %d tasks: %d rows have %d sets of windows", name, n, len(got.V), got.Meta.Sets.Len())
					}
				}
			}
			if rows != exec.BatchSize {
				t.Errorf("%s, %d tasks: %d rows of %d have been sent", name, n, rows, exec.BatchSize)
			}
		}
	}
}
