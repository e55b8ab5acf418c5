// Nexmark runs the queries of the Nexmark benchmark, an auction house's stream of persons, auctions and bids, and
// measures them.
//
//	go run ./examples/nexmark --query 5 --events 1000000 --seed 7 --output hot
//	go run ./examples/nexmark --events 1000 --dump events
//	go run ./examples/nexmark --query 5 --events -1 --rate 100000
//	go run ./examples/nexmark --bench
//	go run ./examples/nexmark --soak 10m
//
// The result of a query is a function of the events alone, that is of --events, --seed and --event-rate: JSON lines in
// PATH-00000-of-0000N, or for query 10 in the folders of a directory. With exit code 0 it is complete; nothing has been
// written to PATH before. Without --output the rows are encoded, counted, summed up and dropped. Where rows replace
// others of their key, the last one holds, in the order of the lines in a file.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/millrace-go/millrace/examples/nexmark/event"
	"github.com/millrace-go/millrace/examples/nexmark/generator"
	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/runners/launch"
	"github.com/millrace-go/millrace/runners/launch/options"
)

type eventOptions struct {
	Events     int64 `help:"how many events; -1: without end" default:"1000000"`
	Seed       int64 `help:"what the events are drawn from" default:"7"`
	EventRate  int64 `help:"events per second of event time; 0: that of --rate, or 10000"`
	OutOfOrder int64 `help:"in groups of so many events the order is shuffled; 1: none" default:"1"`
}

type runOptions struct {
	Query   int    `help:"which query to run, 0 to 23; -1: none" default:"-1"`
	Output  string `help:"where the rows go; empty: nowhere"`
	Dump    string `help:"write the events to this file, one JSON object a line"`
	Rate    int64  `help:"run live, at so many events per second of wall-clock time, and measure the latency; 0: as fast as can be"`
	Batch   bool   `help:"read the events as a bounded source, of which the whole is known before anything is grouped"`
	Splits  int64  `help:"how many parts of the events are read side by side" default:"4"`
	Workers uint16 `help:"goroutines that run the pipeline; 0: one for each core"`
	Quiet   bool   `help:"show no progress and no figures at the end"`
}

type nexmark struct {
	eventOptions
	runOptions
	benchOptions
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second signal ends the process
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program. It returns the exit code: those of package launch.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var n nexmark
	var set options.Set
	if err := errors.Join(
		set.Add("The events", &n.eventOptions), set.Add("The run", &n.runOptions), set.Add("The benchmark", &n.benchOptions),
	); err != nil {
		say(stderr, err)
		return launch.ExitUsage
	}
	switch err := set.Parse(options.Source{Args: args, Getenv: os.LookupEnv, ReadFile: os.ReadFile}); {
	case errors.Is(err, options.ErrHelp):
		_, _ = fmt.Fprintln(stdout, "Usage: nexmark --query N | --dump PATH | --bench | --soak DURATION [options]")
		set.Usage(stdout)
		return launch.ExitDone
	case err != nil:
		say(stderr, err)
		return launch.ExitUsage
	}
	if err := n.check(); err != nil {
		say(stderr, err)
		return launch.ExitUsage
	}
	if err := n.do(ctx, stdout, stderr); err != nil {
		if ctx.Err() != nil {
			say(stderr, errors.New("interrupted"))
			return launch.ExitInterrupted
		}
		say(stderr, err)
		return launch.ExitFailed
	}
	return launch.ExitDone
}

func say(w io.Writer, err error) { _, _ = fmt.Fprintf(w, "nexmark: %v\n", err) }

// maxRate is the greatest pace of a live run: times are in nanoseconds.
const maxRate = 1_000_000_000

func (n *nexmark) check() error {
	switch {
	case n.Query < -1 || n.Query >= len(queries):
		return fmt.Errorf("--query=%d: there are 0 to %d", n.Query, len(queries)-1)
	case n.Query < 0 && n.Dump == "" && !n.Bench && n.Soak == 0:
		return errors.New("nothing to do: give --query, --dump, --bench or --soak; --help lists the options")
	case n.Events < -1:
		return fmt.Errorf("--events=%d: -1 is without end", n.Events)
	case n.Dump != "" && n.Events < 0:
		return errors.New("--dump needs an end of the events: --events")
	case n.Batch && (n.Events < 0 || n.Rate > 0):
		return errors.New("--batch is for events that end and are all there: give --events, and no --rate")
	case n.Soak < 0:
		return errors.New("a soak cannot be of negative length")
	case n.Rate < 0, n.EventRate < 0:
		return errors.New("a rate cannot be negative")
	case n.Rate > maxRate:
		return fmt.Errorf("--rate=%d: at most %d, one event each nanosecond", n.Rate, maxRate)
	case n.OutOfOrder < 1:
		return fmt.Errorf("--out-of-order=%d: groups have one event at least", n.OutOfOrder)
	case n.Splits < 1:
		return fmt.Errorf("--splits=%d: there is one at least", n.Splits)
	}
	return nil
}

func (n *nexmark) do(ctx context.Context, stdout, stderr io.Writer) error {
	if n.Bench {
		return n.bench(ctx, stdout, stderr)
	}
	if n.Soak > 0 {
		return n.soak(ctx, stdout, stderr)
	}
	if n.EventRate == 0 && n.Rate > 0 {
		n.EventRate = n.Rate
	}
	if n.Dump != "" {
		if err := n.dump(ctx); err != nil {
			return err
		}
	}
	if n.Query < 0 {
		return nil
	}
	return n.query(ctx, stderr)
}

func (n *nexmark) config() generator.Config {
	return generator.Config{Seed: n.Seed, Rate: n.EventRate, OutOfOrder: n.OutOfOrder}
}

// dump writes the events, in the order in which they are emitted.
func (n *nexmark) dump(ctx context.Context) (err error) {
	f, err := os.Create(n.Dump)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriterSize(f, flushAt)
	gen := generator.New(n.config())
	block := make([]event.Event, blockSize)
	var line []byte
	for from := int64(0); from < n.Events && ctx.Err() == nil; from += blockSize {
		block = block[:min(blockSize, n.Events-from)]
		gen.Fill(from, block)
		for i := range block {
			line = append(block[i].AppendJSON(line[:0]), '\n')
			if _, err := w.Write(line); err != nil {
				return err
			}
		}
	}
	return errors.Join(ctx.Err(), w.Flush())
}

// query runs the query and shows how it goes.
func (n *nexmark) query(ctx context.Context, stderr io.Writer) error {
	src := source{Config: n.config(), Events: n.Events, Splits: n.Splits, Batch: n.Batch}
	if n.Rate > 0 {
		src.Live = startingNow(n.Rate)
	}
	out := &results{Path: n.Output}
	job, err := start(ctx, n.Query, src, out, &direct.Runner{Workers: int(n.Workers)})
	if err != nil {
		return err
	}
	shown := func() {}
	if !n.Quiet {
		shown = showProgress(job, out, stderr)
	}
	err = job.Wait()
	shown()
	if err != nil {
		return errors.Join(err, out.abort())
	}
	if err := out.commit(); err != nil {
		return err
	}
	if !n.Quiet {
		st := job.Status()
		_, _ = fmt.Fprintf(stderr, "query %d, %s: %d events in %v, %d rows, checksum %016x\n",
			n.Query, queries[n.Query].Name, eventsOf(st), st.Elapsed.Round(time.Millisecond), out.rows.Load(), out.checksum.Load())
	}
	return nil
}
