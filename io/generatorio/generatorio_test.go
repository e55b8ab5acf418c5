package generatorio_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace-go/millrace/io/generatorio"
	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/runners/ptest"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
	"github.com/millrace-go/millrace/transforms/stats"
)

type list[T any] struct {
	mu sync.Mutex
	v  []T
}

func (l *list[T]) add(v T) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.v = append(l.v, v)
	return true
}

func seconds(n int64) sdk.Time { return mtime.Time(n * 1000) }

// However they are split, all numbers come, once, and the numbers of a part rise.
func TestSequence(t *testing.T) {
	tests := []struct {
		from, to int64
		splits   int
	}{{0, 100_000, 1}, {7, 100_000, 3}, {0, 2, 5}, {5, 5, 2}, {math.MaxInt64 - 3, math.MaxInt64, 2}}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%d to %d in %d", tt.from, tt.to, tt.splits), func(t *testing.T) {
			var got list[int64]
			_, err := sdk.Run(t.Context(), &direct.Runner{Workers: 3}, func(p *sdk.Pipeline) error {
				sdk.Filter(generatorio.Sequence(p, generatorio.From(tt.from), generatorio.To(tt.to), generatorio.Splits(tt.splits), generatorio.EventTime(seconds)), got.add)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			last := map[int64]int64{} // by part
			for _, n := range got.v {
				part := (n - tt.from) % int64(tt.splits)
				if before, ok := last[part]; ok && n <= before {
					t.Fatalf("%d after %d", n, before)
				}
				last[part] = n
			}
			slices.Sort(got.v)
			if int64(len(got.v)) != tt.to-tt.from {
				t.Fatalf("%d numbers, want %d", len(got.v), tt.to-tt.from)
			}
			for i, n := range got.v {
				if n != tt.from+int64(i) {
					t.Fatalf("number %d of the sequence is %d", i, n)
				}
			}
		})
	}
}

// The watermark follows the event times: windows are complete, and nothing in them is late.
func TestEventTimes(t *testing.T) {
	const n = 50_000
	// Of ten numbers the times are in falling order.
	reversed := func(n int64) sdk.Time { return seconds(n - n%10 + 9 - n%10) }
	for _, splits := range []int{1, 4} {
		var got list[string]
		_, err := sdk.Run(t.Context(), &direct.Runner{Workers: 3}, func(p *sdk.Pipeline) error {
			in := generatorio.Generate(p, func(n int64) int64 { return 2 * n }, generatorio.To(n), generatorio.Splits(splits), generatorio.EventTime(reversed), generatorio.OutOfOrder(9*time.Second))
			sums := stats.SumPerKey(sdk.WithKeys(sdk.WindowInto(in, window.Fixed(1000*time.Second)), func(int64) bool { return true }))
			sdk.Map(sdk.Reify(sums), func(e sdk.Element[sdk.KV[bool, int64]]) bool {
				return got.add(fmt.Sprint(e.Windows[0].Start, e.Value.Value, e.Pane))
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for start := int64(0); start < n; start += 1000 {
			sum := int64(0)
			for v := start; v < start+1000; v++ {
				sum += 2 * v
			}
			want = append(want, fmt.Sprint(seconds(start), sum, window.OnlyFiring))
		}
		slices.Sort(got.v)
		slices.Sort(want)
		if !slices.Equal(got.v, want) {
			t.Errorf("%d splits: %d panes, want %d: %.300q", splits, len(got.v), len(want), got.v)
		}
	}
}

// No element comes before it is due, and all come; event time is the wall clock.
func TestRate(t *testing.T) {
	const n, rate = 200, 1000
	type seen struct {
		n     int64
		at    time.Time
		stamp sdk.Time
	}
	for _, splits := range []int{1, 3} {
		var got list[seen]
		start := time.Now()
		_, err := sdk.Run(t.Context(), &direct.Runner{Workers: 2}, func(p *sdk.Pipeline) error {
			in := generatorio.Sequence(p, generatorio.To(n), generatorio.Rate(rate), generatorio.Splits(splits))
			sdk.Map(sdk.Reify(in), func(e sdk.Element[int64]) bool {
				return got.add(seen{n: e.Value, at: time.Now(), stamp: e.Time})
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(got.v) != n {
			t.Fatalf("%d splits: %d elements, want %d", splits, len(got.v), n)
		}
		for _, s := range got.v {
			if due := start.Add(time.Duration(s.n) * time.Second / rate); s.at.Before(due) {
				t.Fatalf("%d splits: number %d came %v early", splits, s.n, due.Sub(s.at))
			}
			if s.stamp < mtime.FromTime(start) || s.stamp > mtime.FromTime(s.at) {
				t.Fatalf("%d splits: number %d has the time %v, but came between %v and %v", splits, s.n, s.stamp, start, s.at)
			}
		}
	}
}

// An endless source is stopped by a cancel at once, and by a drain with its last panes.
func TestStop(t *testing.T) {
	for _, rate := range []float64{0, 0.001, 1000} {
		for _, how := range []string{"cancel", "drain"} {
			t.Run(fmt.Sprintf("%s at a rate of %v", how, rate), func(t *testing.T) {
				first := make(chan bool)
				var once sync.Once
				var panes list[int64]
				g, err := sdk.Build(func(p *sdk.Pipeline) error {
					in := sdk.Filter(generatorio.Sequence(p, generatorio.Rate(rate), generatorio.Splits(2)), func(int64) bool {
						once.Do(func() { close(first) })
						return true
					})
					w := sdk.WindowInto(in, window.Fixed(time.Hour))
					sdk.Filter(sdk.Values(stats.CountPerKey(sdk.WithKeys(w, func(int64) bool { return true }))), panes.add)
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				job, err := (&direct.Runner{Workers: 2}).Start(t.Context(), g)
				if err != nil {
					t.Fatal(err)
				}
				<-first
				start := time.Now()
				if how == "cancel" {
					job.Cancel(nil)
					if err := job.Wait(); !errors.Is(err, context.Canceled) {
						t.Errorf("error %v", err)
					}
				} else {
					job.Drain()
					if err := job.Wait(); err != nil {
						t.Error(err)
					}
					if len(panes.v) == 0 || panes.v[0] == 0 {
						t.Errorf("the last panes have %v", panes.v)
					}
				}
				if d := time.Since(start); d > 20*time.Second {
					t.Errorf("it took %v", d)
				}
			})
		}
	}
}

func TestOptionErrors(t *testing.T) {
	for says, opts := range map[string][]generatorio.Option{
		"from -1":        {generatorio.From(-1)},
		"From must be":   {generatorio.From(3), generatorio.To(2)},
		"a rate of -1":   {generatorio.Rate(-1)},
		"a rate of NaN":  {generatorio.Rate(math.NaN())},
		"a rate of +Inf": {generatorio.Rate(math.Inf(1))},
		"0 splits":       {generatorio.Splits(0)},
		"by -1s":         {generatorio.OutOfOrder(-time.Second)},
	} {
		_, err := sdk.Build(func(p *sdk.Pipeline) error {
			generatorio.Sequence(p, opts...)
			return nil
		})
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "generatorio_test.go") {
			t.Errorf("error %v, want one that says %q", err, says)
		}
	}
	_, err := sdk.Build(func(p *sdk.Pipeline) error {
		generatorio.Generate[int](p, nil)
		return nil
	})
	if err == nil {
		t.Error("a nil function is taken")
	}
}

func BenchmarkSequence(b *testing.B) {
	for b.Loop() {
		_, err := sdk.Run(b.Context(), &direct.Runner{}, func(p *sdk.Pipeline) error {
			generatorio.Sequence(p, generatorio.To(1_000_000), generatorio.EventTime(seconds))
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1e6, "ns/elem")
}

// What is generated survives what remote runners do to it.
func TestStrict(t *testing.T) {
	type reading struct{ N, Square int64 }
	got := ptest.Collect(t, func(p *sdk.Pipeline) sdk.PCollection[reading] {
		return generatorio.Generate(p, func(n int64) reading { return reading{n, n * n} }, generatorio.To(1000), generatorio.Splits(3))
	})
	sum := int64(0)
	for _, r := range got {
		sum += r.N
	}
	if len(got) != 1000 || sum != 999*500 {
		t.Errorf("%d elements, sum %d", len(got), sum)
	}
}
