package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/metrics"
	"strings"
	"time"

	"github.com/millrace-go/millrace/examples/nexmark/generator"
	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
)

// soaked are the queries of a soak unless one is asked for: those that keep state in windows without end.
var soaked = []int{5, 8, 11}

// soakParts is how many parts of a soak have a figure each.
const soakParts = 10

// used is the memory that the process had at a moment of a soak.
type used struct {
	live, process int64 // bytes: what the last collection found in use, and what the system has given
	slots         int64 // pairs of key and window with state
}

// soak runs queries for long at full speed, prints what memory they had meanwhile, and fails if it has grown.
func (n *nexmark) soak(ctx context.Context, stdout, stderr io.Writer) error {
	queries := soaked
	if n.Query >= 0 {
		queries = []int{n.Query}
	}
	if _, err := fmt.Fprintf(stdout, "%d cores, %s, seed %d, %d events per second of event time, %v each; MB of memory in use, in the tenths of the time\n\n"+
		"| query | M events | M events/s | live heap | process | thousand slots | |\n|---|---|---|---|---|---|---|\n",
		runtime.GOMAXPROCS(0), runtime.Version(), n.Seed, cmp.Or(n.EventRate, generator.DefaultRate), n.Soak); err != nil {
		return err
	}
	var grown []error
	for _, q := range queries {
		_, _ = fmt.Fprintf(stderr, "query %d for %v...\n", q, n.Soak)
		line, err := n.soakQuery(ctx, q)
		if err != nil {
			return fmt.Errorf("query %d: %w", q, err)
		}
		if strings.Contains(line, "grows") {
			grown = append(grown, fmt.Errorf("the memory of query %d grows", q))
		}
		if _, err := fmt.Fprintln(stdout, line); err != nil {
			return err
		}
	}
	return errors.Join(grown...)
}

func (n *nexmark) soakQuery(ctx context.Context, q int) (line string, err error) {
	out := &results{}
	job, err := start(ctx, q, source{Config: n.config(), Splits: n.Splits, Events: -1}, out, &direct.Runner{Workers: int(n.Workers), Log: quietLog()})
	if err != nil {
		return "", err
	}
	begin := time.Now()
	end := time.NewTimer(n.Soak)
	defer end.Stop()
	tick := time.NewTicker(max(min(n.Soak/(soakParts*10), time.Second), time.Millisecond))
	defer tick.Stop()
	ended := make(chan error, 1)
	go func() { ended <- job.Wait() }()
	var parts [soakParts]used
	for running := true; running; {
		select {
		case <-tick.C:
			u := look(job)
			p := &parts[min(int(time.Since(begin)*soakParts/n.Soak), soakParts-1)]
			p.live, p.process, p.slots = max(p.live, u.live), max(p.process, u.process), max(p.slots, u.slots)
		case err := <-ended:
			return "", errors.Join(err, errors.New("the job has ended by itself"), out.abort())
		case <-end.C:
			running = false
		}
	}
	took, events := time.Since(begin), given(job)
	job.Drain()
	if err := <-ended; err != nil {
		return "", errors.Join(err, out.abort())
	}
	verdict := "flat"
	if !flat(parts) {
		verdict = "grows"
	}
	show := func(get func(used) int64, unit int64) string {
		var s []string
		for _, p := range parts {
			s = append(s, fmt.Sprint(get(p)/unit))
		}
		return strings.Join(s, " ")
	}
	return fmt.Sprintf("| q%d | %d | %.2f | %s | %s | %s | %s |", q, events/1e6, float64(events)/took.Seconds()/1e6,
		show(func(u used) int64 { return u.live }, 1<<20), show(func(u used) int64 { return u.process }, 1<<20),
		show(func(u used) int64 { return u.slots }, 1000), verdict), out.commit()
}

// flat reports whether the last three tenths had no more memory than the three after the first two, in which the job gets
// to its size: but for a tenth of it, and 16 MB.
func flat(parts [soakParts]used) bool {
	const slack = 16 << 20
	var before, after used
	for i, p := range parts[2:] {
		to := &before
		if i >= soakParts-5 {
			to = &after
		} else if i >= 3 {
			continue
		}
		to.live, to.process = max(to.live, p.live), max(to.process, p.process)
	}
	return after.live <= before.live*11/10+slack && after.process <= before.process*11/10+slack
}

func look(job sdk.Job) (u used) {
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	u.live = int64(samples[0].Value.Uint64())
	u.process = int64(samples[1].Value.Uint64()) - int64(samples[2].Value.Uint64())
	for _, s := range job.Status().Stages {
		if s.Streaming != nil {
			u.slots += s.Streaming.Slots
		}
	}
	return u
}

// given is how many events the splits of the source have given.
func given(job sdk.Job) (events int64) {
	for _, s := range job.Status().Stages {
		if s.Streaming == nil {
			continue
		}
		for _, x := range s.Streaming.Splits {
			events += x.Elements
		}
	}
	return events
}
