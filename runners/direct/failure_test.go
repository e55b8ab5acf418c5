package direct_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/metrics"
	"github.com/millrace-go/millrace/sdk/teststream"
	"github.com/millrace-go/millrace/sdk/window"
)

var errOdd = errors.New("odd")

// flaky emits three times to two outputs and counts, and then fails: always for multiples of 5, at the first
// try for other multiples of 3, sometimes with a panic.
type flaky struct {
	Extra sdk.Output[string]
	Seen  metrics.Counter
	Sizes metrics.Distribution
}

func (f *flaky) ProcessElement(c *sdk.Context, v int, out sdk.Emitter[string]) error {
	out.Emit(fmt.Sprint("a", v))
	f.Extra.Emit(fmt.Sprint("x", v))
	out.EmitAt(c.EventTime()+1, fmt.Sprint("b", v))
	f.Seen.Inc(1)
	f.Sizes.Update(int64(v))
	if v%5 == 0 || v%3 == 0 && c.Attempt() == 0 {
		if v%2 == 0 {
			panic(errOdd)
		}
		return errOdd
	}
	return nil
}

// A failed attempt leaves no trace, whatever the policy and the size of batches.
func TestFailedElementLeavesNoTrace(t *testing.T) {
	const n = 600
	for _, size := range []int{1, 7, 256} {
		for _, windowed := range []bool{false, true} {
			t.Run(fmt.Sprintf("batch=%d/windowed=%v", size, windowed), func(t *testing.T) {
				var mu sync.Mutex
				got := map[string]int{}
				add := func(s string) bool {
					mu.Lock()
					defer mu.Unlock()
					got[s]++
					return true
				}
				res, err := sdk.Run(context.Background(), &direct.Runner{BatchSize: size}, func(p *sdk.Pipeline) error {
					clear(got)
					var failed sdk.Output[sdk.Failed[int]]
					var vs []sdk.Timestamped[int]
					for i := range n {
						vs = append(vs, sdk.Timestamped[int]{Time: sdk.Time(i), Value: i})
					}
					in := sdk.CreateTimestamped(p, vs)
					if windowed {
						in = sdk.WindowInto(in, window.Sliding(100*time.Millisecond, 50*time.Millisecond))
					}
					d := &flaky{}
					main := sdk.ParDo(in, d, sdk.Name("flaky"), sdk.OnError(sdk.Retry(2, 0)), sdk.OnError(sdk.DeadLetter(&failed)))
					sdk.Filter(main, add)
					sdk.Filter(d.Extra.PCollection(), add)
					sdk.Filter(failed.PCollection(), func(f sdk.Failed[int]) bool {
						if f.Attempts != 2 || f.Transform != "flaky" || !strings.Contains(f.Error, "odd") {
							t.Errorf("dead letter %+v", f)
						}
						return add(fmt.Sprint("dead", f.Element))
					})
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				want := map[string]int{}
				good := 0
				for i := range n {
					if i%5 == 0 {
						want[fmt.Sprint("dead", i)] = 1
						continue
					}
					good++
					for _, s := range []string{"a", "b", "x"} {
						want[fmt.Sprint(s, i)] = 1
					}
				}
				for k, c := range want {
					if got[k] != c {
						t.Errorf("%s came %d times, want %d", k, got[k], c)
					}
				}
				if len(got) != len(want) {
					t.Errorf("%d different rows, want %d", len(got), len(want))
				}
				if c := res.Counter("flaky", "Seen"); c != int64(good) {
					t.Errorf("counted %d, want %d", c, good)
				}
			})
		}
	}
}

func TestElementErrors(t *testing.T) {
	run := func(f func(i int) (int, error), opts ...sdk.Option) error {
		_, err := sdk.Run(context.Background(), &direct.Runner{Log: quiet()}, func(p *sdk.Pipeline) error {
			sdk.TryMap(sdk.Of(p, 41, 42, 43), f, append(opts, sdk.Name("parse"))...)
			return nil
		})
		return err
	}
	var e *exec.ElementError
	err := run(func(i int) (int, error) {
		if i == 42 {
			return 0, errOdd
		}
		return i, nil
	})
	if !errors.Is(err, errOdd) || !errors.As(err, &e) || e.Transform != "parse" || e.Element != "42" || !strings.Contains(e.At, "failure_test.go:") {
		t.Errorf("an error: %v, %+v", err, e)
	}
	err = run(func(i int) (int, error) { panic("ouch") })
	var p *exec.PanicError
	if !errors.As(err, &p) || p.Value != "ouch" || !strings.Contains(p.Stack, "failure_test.go") {
		t.Errorf("a panic: %v", err)
	}
	tries := 0
	err = run(func(i int) (int, error) { tries++; return 0, errOdd }, sdk.OnError(sdk.Retry(4, time.Nanosecond)))
	if !errors.As(err, &e) || e.Attempts != 4 {
		t.Errorf("retries: %v, %+v", err, e)
	}
	// Plain functions can only panic; the element is named all the same.
	_, err = sdk.Run(context.Background(), &direct.Runner{Log: quiet()}, func(p *sdk.Pipeline) error {
		sdk.Filter(sdk.Map(sdk.Of(p, 1, 2, 3), func(i int) int { return 10 / (i - 2) }), func(int) bool { return true })
		return nil
	})
	if !errors.As(err, &e) || e.Element != "2" || !strings.Contains(err.Error(), "divide by zero") {
		t.Errorf("a panic in Map: %v", err)
	}
}

func TestFanOutBeyondWhatCanBeTakenBack(t *testing.T) {
	_, err := sdk.Run(context.Background(), &direct.Runner{Log: quiet()}, func(p *sdk.Pipeline) error {
		sdk.TryFlatMap(sdk.Of(p, 1), func(int) iter.Seq2[int, error] {
			return func(yield func(int, error) bool) {
				for i := range 100_000 {
					if !yield(i, nil) {
						return
					}
				}
			}
		}, sdk.OnError(sdk.Retry(3, 0)))
		return nil
	})
	if !errors.Is(err, exec.ErrFanOut) {
		t.Errorf("error %v", err)
	}
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(discard{}, nil)) }

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

// Cancelling ends the job, with its cause, and nothing is left in the temporary directory.
func TestCancel(t *testing.T) {
	dir := t.TempDir()
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(context.Background())
	started := make(chan struct{})
	var once sync.Once
	var calls atomic.Int64
	go func() {
		<-started
		cancel(cause)
	}()
	begin := time.Now()
	_, err := sdk.Run(ctx, &direct.Runner{TempDir: dir, Budget: 1, Log: quiet()}, func(p *sdk.Pipeline) error {
		in := sdk.Create(p, make([]int, 1_000_000))
		kv := sdk.WithKeys(in, func(i int) int64 {
			if calls.Add(1) > 20_000 {
				once.Do(func() { close(started) })
			}
			return calls.Load()
		})
		sdk.GroupByKey(kv)
		return nil
	})
	if !errors.Is(err, cause) {
		t.Errorf("error %v, want the cause", err)
	}
	if d := time.Since(begin); d > time.Minute {
		t.Errorf("took %v", d)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// lockedBuffer takes logs from several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer

	want string        // closes said when it has been logged
	said chan struct{} // nil if nothing is waited for
}

// logUntil returns a log that closes said when it holds a text.
func logUntil(want string) *lockedBuffer {
	return &lockedBuffer{want: want, said: make(chan struct{})}
}

func (l *lockedBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n, err := l.b.Write(b)
	if l.said != nil && l.want != "" && bytes.Contains(l.b.Bytes(), []byte(l.want)) {
		l.want = ""
		close(l.said)
	}
	return n, err
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

type stuck struct{ Until chan struct{} }

func (s *stuck) ProcessElement(_ *sdk.Context, kv sdk.KV[string, int], _ sdk.Emitter[int]) error {
	<-s.Until
	return nil
}

// A DoFn that does not come back is reported with transform, key and stack; one that ignores a cancelled Context
// too.
func TestStallReport(t *testing.T) {
	for _, cancelled := range []bool{false, true} {
		log := logUntil("transform=stuck")
		until := make(chan struct{})
		ctx, cancel := context.WithCancel(context.Background())
		go func() {
			if cancelled {
				cancel()
			}
			<-log.said
			close(until)
		}()
		r := &direct.Runner{StallAfter: time.Hour, Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn}))}
		if !cancelled {
			r.StallAfter = 10 * time.Millisecond
		}
		_, err := sdk.Run(ctx, r, func(p *sdk.Pipeline) error {
			sdk.ParDo(sdk.Of(p, sdk.MakeKV("the key", 1)), &stuck{Until: until}, sdk.Name("stuck"))
			return nil
		})
		cancel()
		if cancelled {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
			continue // the job may have been cancelled before the DoFn was reached
		}
		for _, s := range []string{"transform=stuck", `key="the key"`, "failure_test.go", "stack="} {
			if out := log.String(); err != nil || !strings.Contains(out, s) {
				t.Errorf("%v; the report does not say %q: %.400s", err, s, out)
			}
		}
	}
}

func TestPartitionFlattenReshuffle(t *testing.T) {
	got := collect(t, &direct.Runner{}, func(p *sdk.Pipeline) sdk.PCollection[int] {
		parts := sdk.Partition(sdk.Of(p, 1, 2, 3, 4, 5, 6), 3, func(i int) int { return i % 3 })
		return sdk.Reshuffle(sdk.Flatten(parts[0], sdk.Map(parts[1], func(i int) int { return -i }), parts[1], parts[1]))
	})
	if want := []string{"-1", "-4", "1", "1", "3", "4", "4", "6"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAsyncMap(t *testing.T) {
	var most, now atomic.Int64
	var order []int
	_, err := sdk.Run(context.Background(), &direct.Runner{Workers: 1}, func(p *sdk.Pipeline) error {
		var in []int
		for i := range 1000 {
			in = append(in, i)
		}
		out := sdk.AsyncMap(sdk.Create(p, in), 8, func(_ context.Context, i int) (int, error) {
			n := now.Add(1)
			defer now.Add(-1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			return i, nil
		})
		sdk.Filter(out, func(i int) bool { order = append(order, i); return true })
		return nil
	})
	if err != nil || len(order) != 1000 || !slices.IsSorted(order) || most.Load() > 8 {
		t.Errorf("%v: %d results, sorted %v, at most %d at once", err, len(order), slices.IsSorted(order), most.Load())
	}
	_, err = sdk.Run(context.Background(), &direct.Runner{}, func(p *sdk.Pipeline) error {
		sdk.AsyncMap(sdk.Of(p, 1, 2), 8, func(_ context.Context, i int) (int, error) { return 0, errOdd })
		return nil
	})
	if !errors.Is(err, errOdd) {
		t.Errorf("error %v", err)
	}
}

// exitFn ends the goroutine of one of its calls, as t.Fatal does.
type exitFn struct{ At string }

func (f *exitFn) exit(at string) error {
	if f.At == at {
		runtime.Goexit()
	}
	return nil
}

func (f *exitFn) Setup(*sdk.Context) error       { return f.exit("Setup") }
func (f *exitFn) StartBundle(*sdk.Context) error { return f.exit("StartBundle") }

func (f *exitFn) FinishBundle(*sdk.Context, sdk.Emitter[int64]) error { return f.exit("FinishBundle") }
func (f *exitFn) Teardown() error                                     { return f.exit("Teardown") }

func (f *exitFn) ProcessElement(*sdk.Context, int64, sdk.Emitter[int64]) error {
	return f.exit("ProcessElement")
}

// User code that ends its goroutine fails the job: nothing waits for it, and its end is not taken for success.
func TestGoroutineEnds(t *testing.T) {
	sources := map[string]func(p *sdk.Pipeline) sdk.PCollection[int64]{
		"batch":  func(p *sdk.Pipeline) sdk.PCollection[int64] { return sdk.Of(p, int64(1), 2, 3) },
		"stream": func(p *sdk.Pipeline) sdk.PCollection[int64] { return ticks(p, 3, 1) },
		"script": func(p *sdk.Pipeline) sdk.PCollection[int64] {
			return teststream.Read(p, teststream.New[int64]().Add(at(1), 1, 2, 3))
		},
	}
	calls := map[string]func(in sdk.PCollection[int64]){
		"Map": func(in sdk.PCollection[int64]) { sdk.Map(in, func(int64) int { runtime.Goexit(); return 0 }) },
		"AsyncMap": func(in sdk.PCollection[int64]) {
			sdk.AsyncMap(in, 2, func(context.Context, int64) (int, error) { runtime.Goexit(); return 0, nil })
		},
		"TryMap": func(in sdk.PCollection[int64]) {
			sdk.TryMap(in, func(int64) (int, error) { runtime.Goexit(); return 0, nil }, sdk.OnError(sdk.Retry(3, time.Millisecond)))
		},
	}
	for _, at := range []string{"Setup", "StartBundle", "ProcessElement", "FinishBundle", "Teardown"} {
		calls[at] = func(in sdk.PCollection[int64]) { sdk.ParDo(in, &exitFn{At: at}) }
	}
	for source, from := range sources {
		for call, to := range calls {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			_, err := sdk.Run(ctx, &direct.Runner{Workers: 2, Log: quiet()}, func(p *sdk.Pipeline) error {
				to(from(p))
				return nil
			})
			cancel()
			if err == nil || !strings.Contains(err.Error(), "Goexit") {
				t.Errorf("%s, %s: %v", source, call, err)
			}
		}
	}
}
