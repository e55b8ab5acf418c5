package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace-go/millrace/examples/nexmark/event"
	"github.com/millrace-go/millrace/examples/nexmark/generator"
	"github.com/millrace-go/millrace/examples/nexmark/oracle"
	"github.com/millrace-go/millrace/runners/launch"
)

func mustRun(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(context.Background(), args, &out, &errs); code != launch.ExitDone {
		t.Fatalf("nexmark %s: exit code %d\n%s", strings.Join(args, " "), code, &errs)
	}
	return out.String(), errs.String()
}

func TestProgramDumpsAndQueries(t *testing.T) {
	dir := t.TempDir()
	dump, rows := filepath.Join(dir, "events"), filepath.Join(dir, "rows")
	// What an earlier run has left is no part of the result.
	for _, old := range []string{rows, rows + "-00000-of-00007"} {
		if err := os.WriteFile(old, []byte("{}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mustRun(t, "--query", "5", "--events", "3000", "--seed", "3", "--output", rows, "--dump", dump, "--event-rate", "100", "--out-of-order", "10", "--quiet")

	want := take(generator.Config{Seed: 3, Rate: 100, OutOfOrder: 10}, 3000)
	text, err := os.ReadFile(dump)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(lines) != len(want) {
		t.Fatalf("the dump has %d lines, want %d", len(lines), len(want))
	}
	for i, line := range lines {
		var got event.Event
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatal(err)
		}
		if string(got.AppendJSON(nil)) != string(want[i].AppendJSON(nil)) {
			t.Fatalf("line %d is %s, want %s", i, line, want[i].AppendJSON(nil))
		}
	}
	expected, err := oracle.Rows(5, want)
	if err != nil {
		t.Fatal(err)
	}
	if diff := compare(t, 5, want, expected, rows); diff != "" {
		t.Error(diff)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("temporary files are left: %v", left)
	}
}

// The second run of query 10 writes fewer partitions: those of the first are gone.
func TestPartitionsAreReplaced(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	for _, events := range []string{"4000", "1000"} {
		mustRun(t, "--query", "10", "--events", events, "--event-rate", "1", "--output", dir, "--quiet")
	}
	events := take(generator.Config{Seed: 7, Rate: 1}, 1000)
	want, err := oracle.Rows(10, events)
	if err != nil {
		t.Fatal(err)
	}
	if diff := compare(t, 10, events, want, dir); diff != "" {
		t.Error(diff)
	}
}

func TestProgramRefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ args, want string }{
		{"", "nothing to do"},
		{"--query 24", "there are 0 to 23"},
		{"--query 1 --batch --events -1", "--batch is for events that end"},
		{"--query 1 --batch --rate 5", "--batch is for events that end"},
		{"--dump x --events -1", "needs an end"},
		{"--query 1 --rate -1", "cannot be negative"},
		{"--query 1 --rate 1000000001", "at most 1000000000"},
		{"--query 1 --events -2", "-1 is without end"},
		{"--query 1 --out-of-order 0", "one event at least"},
		{"--query 1 --splits 0", "one at least"},
		{"--query one", "--query"},
	} {
		var out, errs bytes.Buffer
		if code := run(context.Background(), strings.Fields(tc.args), &out, &errs); code != launch.ExitUsage {
			t.Errorf("nexmark %s: exit code %d, want %d", tc.args, code, launch.ExitUsage)
		}
		if !strings.Contains(errs.String(), tc.want) {
			t.Errorf("nexmark %s says %q, want %q", tc.args, &errs, tc.want)
		}
	}
}

// A run that is cancelled leaves nothing, and what was there before stays.
func TestInterruptedRunLeavesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rows")
	if err := os.WriteFile(path, []byte("before"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	errs := cancelAt{after: "1s", cancel: cancel}
	if code := run(ctx, []string{"--query", "0", "--events", "-1", "--rate", "2000", "--output", path}, &bytes.Buffer{}, &errs); code != launch.ExitInterrupted {
		t.Errorf("exit code %d, want %d: %s", code, launch.ExitInterrupted, &errs.Buffer)
	}
	if !strings.Contains(errs.String(), "latency p50") {
		t.Errorf("the progress line has no latency: %s", &errs.Buffer)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(path); len(entries) != 1 || string(text) != "before" {
		t.Errorf("the directory has %v, the file %q", entries, text)
	}
}

// The rows of a day that is not over come as it goes, again and again: they have no latency that could be told.
func TestRowsOfADayComeAsItGoes(t *testing.T) {
	t.Parallel()
	_, said := mustRun(t, "--query", "15", "--events", "3000", "--rate", "2000")
	if !strings.Contains(said, " rows") || strings.Contains(said, " 0 rows") || strings.Contains(said, "latency") {
		t.Errorf("a live run has said\n%s", said)
	}
}

// cancelAt cancels when something is written that contains a text.
type cancelAt struct {
	bytes.Buffer
	after  string
	cancel func()
}

func (c *cancelAt) Write(p []byte) (int, error) {
	if strings.Contains(string(p), c.after) {
		c.cancel()
	}
	return c.Buffer.Write(p)
}

func TestBenchPrintsItsTable(t *testing.T) {
	got, _ := mustRun(t, "--bench", "--query", "7", "--bench-events", "100000", "--warmup", "1000", "--runs", "3", "--files", "--latency", "200ms", "--event-rate", "10000")
	if !strings.Contains(got, "| generator") || !strings.Contains(got, "| q7 highest bids |") {
		t.Errorf("the table is\n%s", got)
	}
	// The rows of the two are compared.
	if strings.Contains(got, "but other rows") {
		t.Errorf("the loop written by hand has other rows:\n%s", got)
	}
}
