package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"slices"
	"sync"
	"time"

	"github.com/millrace-go/millrace/examples/nexmark/byhand"
	"github.com/millrace-go/millrace/examples/nexmark/event"
	"github.com/millrace-go/millrace/examples/nexmark/generator"
	"github.com/millrace-go/millrace/runners/direct"
)

type benchOptions struct {
	Bench       bool          `help:"measure the queries, or the one that --query names, and print a table"`
	BenchEvents int64         `help:"events of a measured run; 0: 20M, and 5M for the queries that keep all bids"`
	Warmup      int64         `help:"events of the run before each query is measured" default:"2000000"`
	Runs        int           `help:"how often each query is measured; the table has the medians" default:"5"`
	Files       bool          `help:"measure also how fast it is when the rows are written to files, in the system's temporary directory" default:"true"`
	Latency     time.Duration `help:"how long each query with windows runs live, at half the speed, to measure its latency; 0: not at all" default:"4s"`
	Soak        time.Duration `help:"run queries 5, 8 and 11, or the one that --query names, for so long each as fast as can be, print the memory, and fail if it grows; 0: not at all" default:"0s"`
	ByHand      bool          `help:"measure the loop written by hand beside each query" default:"true"`
}

// targets are the speeds to reach with two cores, in millions of events per second: the floor is Flink at its best on
// such a machine, 0 if it has no figure.
var targets = [len(queries)]struct{ floor, goal float64 }{
	{2.54, 5},
	{2.63, 5},
	{2.77, 5},
	{2.53, 4},
	{0.44, 1},
	{0.92, 2},
	{0, 0.8},
	{0.28, 3},
	{1.87, 4},
	{0.21, 0.6},
	{0.61, 1},
	{0.97, 2},
	{1.39, 2.5},
	{2.12, 4},
	{2.59, 5},
	{0.80, 1.5},
	{0.10, 0.3},
	{1.29, 2.5},
	{0.59, 1},
	{0.55, 1},
	{0.39, 0.8},
	{0.98, 2.5},
	{1.70, 5},
	{0.16, 0.4},
}

// large are the queries that keep all bids, or write more than there are.
var large = []int{9, 18, 19, 20, 23}

// windowed are the queries whose rows have a latency: those of windows in event time.
var windowed = []int{5, 7, 8, 11}

// repeatable are the queries that write the same rows in every run, which can be compared with those of the loops.
var repeatable = []int{0, 1, 2, 3, 5, 7, 8, 9, 10, 11, 13, 14, 20, 21, 22, 23}

// eventRates are those at which everything is measured unless one is asked for.
var eventRates = []int64{10_000, 100_000}

// measured is one run, or the medians of several.
type measured struct {
	wall, cpu time.Duration
	rows      int64
	checksum  uint64
	heap      uint64 // the most of it, in bytes
}

func (m measured) perSecond(events int64) float64 { return float64(events) / m.wall.Seconds() / 1e6 }
func (m measured) perCPU(events int64) float64    { return float64(events) / m.cpu.Seconds() / 1e6 }
func (m measured) nanos(events int64) float64     { return float64(m.cpu.Nanoseconds()) / float64(events) }

// bench prints the table.
func (n *nexmark) bench(ctx context.Context, stdout, stderr io.Writer) error {
	rates := eventRates
	if n.EventRate > 0 {
		rates = []int64{n.EventRate}
	}
	for _, rate := range rates {
		n.EventRate = rate
		if err := n.benchAt(ctx, stdout, stderr); err != nil {
			return err
		}
	}
	return nil
}

func (n *nexmark) benchAt(ctx context.Context, stdout, stderr io.Writer) error {
	// What cannot be printed is not measured either: an error of stdout shows at the next line.
	print := func(format string, args ...any) error {
		_, err := fmt.Fprintf(stdout, format, args...)
		return err
	}
	if err := print("%d cores, %s, seed %d, %d events per second of event time, median of %d\n\n"+
		"| query | M events/s | M/s per CPU | CPU ns/event | rows/event | heap MB | floor | goal | by hand ns | files M/s | p50/p99 ms |\n"+
		"|---|---|---|---|---|---|---|---|---|---|---|\n",
		runtime.GOMAXPROCS(0), runtime.Version(), n.Seed, n.EventRate, n.Runs); err != nil {
		return err
	}
	events := n.benchEvents(0)
	gen, err := n.median(ctx, plain(func() (int64, uint64, error) { return 0, n.generate(events), nil }))
	if err != nil {
		return err
	}
	if err := print("| generator, one goroutine | %.2f | %.2f | %.0f | | | | | | | |\n", gen.perSecond(events), gen.perCPU(events), gen.nanos(events)); err != nil {
		return err
	}
	for q := range queries {
		if n.Query >= 0 && n.Query != q {
			continue
		}
		_, _ = fmt.Fprintf(stderr, "query %d, %s...\n", q, queries[q].Name)
		line, err := n.benchQuery(ctx, q)
		if err != nil {
			return fmt.Errorf("query %d: %w", q, err)
		}
		if err := print("%s\n", line); err != nil {
			return err
		}
	}
	return print("\n")
}

func (n *nexmark) benchEvents(query int) int64 {
	switch {
	case n.BenchEvents > 0:
		return n.BenchEvents
	case slices.Contains(large, query):
		return 5_000_000
	default:
		return 20_000_000
	}
}

// benchQuery measures one query and returns its line of the table.
func (n *nexmark) benchQuery(ctx context.Context, q int) (string, error) {
	events := n.benchEvents(q)
	pipeline := func(ctx context.Context, src source, path string) (*results, error) {
		out := &results{Path: path}
		src.Config, src.Splits, src.Batch = n.config(), n.Splits, n.Batch
		return out, runQuery(ctx, q, src, out, &direct.Runner{Workers: int(n.Workers), Log: quietLog()})
	}
	if n.Warmup > 0 {
		if _, err := pipeline(ctx, source{Events: n.Warmup}, ""); err != nil {
			return "", err
		}
	}
	m, err := n.median(ctx, func(ctx context.Context) (int64, uint64, error) {
		out, err := pipeline(ctx, source{Events: events}, "")
		return out.rows.Load(), out.checksum.Load(), err
	})
	if err != nil {
		return "", err
	}
	floor := "-"
	if targets[q].floor > 0 {
		floor = fmt.Sprintf("%.2f", targets[q].floor)
	}
	line := fmt.Sprintf("| q%d %s | %.2f | %.2f | %.0f | %.3f | %d | %s | %.1f |", q, queries[q].Name,
		m.perSecond(events), m.perCPU(events), m.nanos(events), float64(m.rows)/float64(events), m.heap>>20, floor, targets[q].goal)
	hand := " |"
	if n.ByHand {
		h, err := n.median(ctx, plain(func() (int64, uint64, error) { return byhand.Run(q, n.config(), events) }))
		if err != nil {
			return "", err
		}
		hand = fmt.Sprintf(" %.0f |", h.nanos(events))
		if slices.Contains(repeatable, q) && (h.rows != m.rows || h.checksum != m.checksum) {
			hand = fmt.Sprintf(" %.0f, but other rows: %d, not %d |", h.nanos(events), h.rows, m.rows)
		}
	}
	files := " |"
	if n.Files {
		dir, err := os.MkdirTemp("", "nexmark")
		if err != nil {
			return "", err
		}
		f, err := n.median(ctx, func(ctx context.Context) (int64, uint64, error) {
			out, err := pipeline(ctx, source{Events: events}, filepath.Join(dir, "rows"))
			return out.rows.Load(), out.checksum.Load(), err
		})
		if err := errors.Join(err, os.RemoveAll(dir)); err != nil {
			return "", err
		}
		files = fmt.Sprintf(" %.2f |", f.perSecond(events))
	}
	latency := " |"
	if n.Latency > 0 && slices.Contains(windowed, q) {
		rate := max(int64(m.perSecond(events)*1e6/2), 1)
		src := source{Events: int64(float64(rate) * n.Latency.Seconds()), Live: startingNow(rate)}
		out, err := pipeline(ctx, src, "")
		if err != nil {
			return "", err
		}
		h := out.latency()
		latency = fmt.Sprintf(" %.1f/%.1f |", h.quantile(0.5).Seconds()*1e3, h.quantile(0.99).Seconds()*1e3)
	}
	return line + hand + files + latency, nil
}

// plain makes a run of a function without pipeline. It gives it the memory to collect garbage by that the runner gives a
// job: a heap of next to nothing would be collected every 4 MB.
func plain(f func() (rows int64, checksum uint64, err error)) func(context.Context) (int64, uint64, error) {
	return func(context.Context) (int64, uint64, error) {
		ballast := make([]byte, 32<<20)
		defer runtime.KeepAlive(&ballast[0])
		return f()
	}
}

// generate makes the events and does nothing with them. It returns something that depends on all.
func (n *nexmark) generate(events int64) (sum uint64) {
	gen := generator.New(n.config())
	var block [blockSize]event.Event
	for from := int64(0); from < events; from += blockSize {
		b := block[:min(blockSize, events-from)]
		gen.Fill(from, b)
		sum += uint64(b[len(b)-1].Time())
	}
	return sum
}

// median runs f as often as asked for and returns the run of the median wall time, with the greatest heap of all.
func (n *nexmark) median(ctx context.Context, f func(context.Context) (rows int64, checksum uint64, err error)) (measured, error) {
	var runs []measured
	var heap uint64
	for range max(n.Runs, 1) {
		if err := ctx.Err(); err != nil {
			return measured{}, err
		}
		runtime.GC()
		peak := watchHeap()
		wall, cpu := time.Now(), cpuTime()
		rows, checksum, err := f(ctx)
		m := measured{wall: time.Since(wall), cpu: cpuTime() - cpu, rows: rows, checksum: checksum}
		heap = max(heap, peak())
		if err != nil {
			return m, err
		}
		runs = append(runs, m)
	}
	slices.SortFunc(runs, func(a, b measured) int { return int(a.wall - b.wall) })
	m := runs[len(runs)/2]
	m.heap = heap
	return m, nil
}

// watchHeap looks at the size of the heap until the returned function is called, which returns the greatest.
func watchHeap() (peak func() uint64) {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	done := make(chan struct{})
	var most uint64
	var ended sync.WaitGroup
	ended.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			metrics.Read(sample)
			most = max(most, sample[0].Value.Uint64())
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	})
	return func() uint64 {
		close(done)
		ended.Wait()
		return most
	}
}
