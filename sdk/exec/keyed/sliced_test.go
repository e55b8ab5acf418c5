package keyed

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// saying is a sink that keeps what it is given, as lines.
type saying struct{ lines []string }

func (s *saying) Push(batch any) error {
	b := batch.(*exec.Batch[pairOf])
	for i, kv := range b.V {
		s.lines = append(s.lines, fmt.Sprintf("%d: %d in %v at %v %v", kv.Key, kv.Value, b.Meta.Windows(i), b.Meta.Time(i), b.Meta.Pane(i)))
	}
	return nil
}

// Sums of sliding windows are those of each window by itself, for elements in time, late for some of their windows, and late
// for all: random elements against a plain map.
func TestSlicesAgainstWindows(t *testing.T) {
	r := random(t)
	kc, err := coder.For[int64]()
	if err != nil {
		t.Fatal(err)
	}
	for _, fn := range []window.SlidingFn{
		window.Sliding(10*time.Millisecond, 10*time.Millisecond), window.Sliding(10*time.Millisecond, time.Millisecond),
		window.Sliding(10*time.Millisecond, 3*time.Millisecond),
		{Size: 12 * time.Millisecond, Period: 5 * time.Millisecond, Offset: 2 * time.Millisecond},
		window.Sliding(time.Hour, time.Minute),
	} {
		s := window.Default()
		s.Fn = fn
		for _, drops := range []bool{false, true} {
			out := &saying{}
			l := newLoop(t, NewCombinePerKey(Config{Name: "sum", Windowing: s}, kc, totalFn{}, drops), exec.Sink(out))
			if l.task.(*combineTask[int64, int64, int64, int64]).sliced == nil {
				t.Fatalf("%v is not kept by slice", fn)
			}
			period := mtime.Time(fn.Period / time.Millisecond)
			sums := map[window.Window]map[int64]int64{}
			var want []string
			dropped, mark := int64(0), mtime.Time(0)
			for range 60 {
				batch := &exec.Batch[pairOf]{Meta: exec.Meta{P0: window.NoFiring, Sets: &exec.WindowSets{}}}
				for range r.IntN(40) {
					at := mark + mtime.Time(r.Int64N(int64(8*period))) - 3*period
					kv := pairOf{Key: r.Int64N(5), Value: r.Int64N(100)}
					ws := fn.AssignWindows(nil, at)
					batch.V, batch.Meta.T, batch.Meta.S = append(batch.V, kv), append(batch.Meta.T, at), append(batch.Meta.S, batch.Meta.Sets.Add(ws...))
					for _, w := range ws {
						if w.End <= l.clock.Watermark {
							dropped++
							continue
						}
						if sums[w] == nil {
							sums[w] = map[int64]int64{}
						}
						sums[w][kv.Key] += kv.Value
					}
				}
				mark += mtime.Time(r.Int64N(int64(3 * period)))
				l.bundle([]*exec.Batch[pairOf]{batch}, mark)
				for w, byKey := range sums {
					if w.End > mark {
						continue
					}
					for k, v := range byKey {
						want = append(want, fmt.Sprintf("%d: %d in %v at %v %v", k, v, []window.Window{w}, w.MaxTimestamp(), window.OnlyFiring))
					}
					delete(sums, w)
				}
				slices.Sort(want)
				slices.Sort(out.lines)
				if !slices.Equal(out.lines, want) {
					t.Fatalf("%v: got %q, want %q", fn, out.lines, want)
				}
				want, out.lines = want[:0], out.lines[:0]
			}
			if st := l.task.Stats(); st.Dropped != dropped || dropped == 0 {
				t.Errorf("%v: %d dropped, want %d", fn, st.Dropped, dropped)
			}
			l.bundle(nil, mtime.Max-1)
			if c := l.task.(*combineTask[int64, int64, int64, int64]).core; c.live != 0 || len(c.frames) != 0 || len(c.sliced.byW) != 0 || c.events.len() != 0 {
				t.Errorf("%v: left %d slots, %d slices, %d windows, %d events", fn, c.live, len(c.frames), len(c.sliced.byW), c.events.len())
			}
		}
	}
}

// An hour that begins every minute keeps one accumulator for a key and a minute, and a window of very many keys is emitted in
// steps.
func TestSlicesAreShared(t *testing.T) {
	kc, err := coder.For[int64]()
	if err != nil {
		t.Fatal(err)
	}
	s := window.Default()
	s.Fn = window.Sliding(time.Hour, time.Minute)
	out := &sink[pairOf]{}
	l := newLoop(t, NewCombinePerKey(Config{Name: "sum", Windowing: s}, kc, totalFn{}, false), exec.Sink(out))
	const keys = 10_000
	for minute := range mtime.Time(3) {
		at := minute * 60_000
		batch := &exec.Batch[pairOf]{Meta: exec.Meta{T0: at, P0: window.NoFiring, Sets: &exec.WindowSets{}}}
		batch.Meta.Sets.Add(s.Fn.AssignWindows(nil, at)...)
		for k := range int64(keys) {
			batch.V = append(batch.V, pairOf{Key: k, Value: 1})
		}
		l.bundle([]*exec.Batch[pairOf]{batch}, mtime.Min)
		if n := l.task.Stats().Slots; n != int64(minute+1)*keys {
			t.Errorf("%d slots after %d minutes of %d keys", n, minute+1, keys)
		}
	}
	l.clock.Watermark = 60_000
	steps := 1
	for {
		more, err := l.task.Advance(l.clock)
		l.must(err)
		if !more {
			break
		}
		steps++
	}
	if out.rows != keys || steps < keys/perStep {
		t.Errorf("%d rows of %d in %d steps", out.rows, keys, steps)
	}
}
