package main

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/millrace-go/millrace/examples/nexmark/event"
	"github.com/millrace-go/millrace/examples/nexmark/generator"
	"github.com/millrace-go/millrace/examples/nexmark/oracle"
	"github.com/millrace-go/millrace/runners/direct"
)

// take returns the first events that cfg chooses.
func take(cfg generator.Config, n int64) []event.Event {
	events := make([]event.Event, n)
	generator.New(cfg).Fill(0, events)
	return events
}

// liveQuery is the query whose rows do not follow from the events.
const liveQuery = 12

// Every query gives the rows of the oracle, which shares no code with it: for any seed, order of the events, speed of
// event time, number of workers and splits, streaming or not.
func TestQueriesGiveTheOraclesRows(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		cfg     generator.Config
		events  int64
		workers []int
		splits  int64
		batch   bool
	}{
		{generator.Config{Seed: 1, Rate: 10_000}, 40_000, []int{2}, 4, true},
		{generator.Config{Seed: 7, Rate: 10_000, OutOfOrder: 10}, 10_000, []int{1, 3}, 3, false},
		{generator.Config{Seed: 1, Rate: 1000, OutOfOrder: 10}, 10_000, []int{1, 2, 3}, 1, true},
		{generator.Config{Seed: 7, Rate: 1000}, 20_000, []int{2}, 7, false},
		{generator.Config{Seed: 7, Rate: 1, OutOfOrder: 100}, 6_000, []int{2}, 4, true},
		{generator.Config{Seed: 1, Rate: 1_000_000, OutOfOrder: 7}, 7_000, []int{3}, 4, false},
		{generator.Config{Seed: 1}, 60, []int{2}, 4, true},
		{generator.Config{Seed: 1}, 1, []int{2}, 4, false},
		{generator.Config{Seed: 1}, 0, []int{2}, 4, true},
	} {
		if raceEnabled {
			tc.events, tc.workers = min(tc.events, 3000), tc.workers[len(tc.workers)-1:]
		}
		events := take(tc.cfg, tc.events)
		for query := range queries {
			t.Run(fmt.Sprintf("q%d/%+v/%d events/%d splits", query, tc.cfg, tc.events, tc.splits), func(t *testing.T) {
				t.Parallel()
				var want []string
				if query != liveQuery {
					var err error
					if want, err = oracle.Rows(query, events); err != nil {
						t.Fatal(err)
					}
				}
				check := func(workers int, batch bool) {
					t.Run(fmt.Sprintf("%d workers, batch %v", workers, batch), func(t *testing.T) {
						out := &results{Path: filepath.Join(t.TempDir(), "rows")}
						src := source{Config: tc.cfg, Events: tc.events, Splits: tc.splits, Batch: batch}
						if err := runQuery(context.Background(), query, src, out, &direct.Runner{Workers: workers, Log: quietLog()}); err != nil {
							t.Fatal(err)
						}
						if diff := compare(t, query, events, want, out.Path); diff != "" {
							t.Error(diff)
						}
					})
				}
				for _, workers := range tc.workers {
					check(workers, false)
				}
				if tc.batch {
					check(2, true)
				}
			})
		}
	}
}

func compare(t *testing.T, query int, events []event.Event, want []string, path string) string {
	t.Helper()
	var diff string
	var err error
	if query == liveQuery {
		diff, err = oracle.CompareLive(events, path)
	} else {
		diff, err = oracle.Compare(query, want, path)
	}
	if err != nil {
		t.Fatal(err)
	}
	return diff
}
