package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/millrace-go/millrace/examples/nexmark/generator"
	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
)

// start begins to run a query. The caller waits for the job and then commits or aborts the results.
func start(ctx context.Context, query int, src source, out *results, runner *direct.Runner) (sdk.Job, error) {
	if query < 0 || query >= len(queries) {
		return nil, fmt.Errorf("there is no query %d", query)
	}
	out.Pace, out.EventRate = src.Live, src.Config.Rate
	if out.EventRate <= 0 {
		out.EventRate = generator.DefaultRate
	}
	if query == 10 && out.Path != "" {
		var err error
		if out.partition, err = newPartitions(out.Path); err != nil {
			return nil, err
		}
	}
	g, err := sdk.Build(func(p *sdk.Pipeline) error {
		queries[query].Write(events(p, src), out)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return runner.Start(ctx, g)
}

// runQuery runs a query to its end.
func runQuery(ctx context.Context, query int, src source, out *results, runner *direct.Runner) error {
	job, err := start(ctx, query, src, out, runner)
	if err != nil {
		return err
	}
	if err := job.Wait(); err != nil {
		return errors.Join(err, out.abort())
	}
	return out.commit()
}

// quietLog drops what a job has to say.
func quietLog() *slog.Logger { return slog.New(slog.DiscardHandler) }

// startingNow is the pace of a run that starts in a moment, so that its first events are not late already.
func startingNow(rate int64) live {
	return live{Rate: rate, Start: time.Now().Add(100 * time.Millisecond).UnixNano()}
}
