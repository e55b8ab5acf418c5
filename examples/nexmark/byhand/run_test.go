package byhand

import (
	"bytes"
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"testing"

	"github.com/millrace-go/millrace/examples/nexmark/event"
	"github.com/millrace-go/millrace/examples/nexmark/generator"
	"github.com/millrace-go/millrace/examples/nexmark/oracle"
)

// write runs a query and returns the file that holds its rows, and how many there are.
func write(t *testing.T, query int, cfg generator.Config, events int64) (path string, rows int64) {
	t.Helper()
	var text []byte
	out := &output{tap: func(row []byte) { text = append(append(text, row...), '\n') }}
	if err := run(query, cfg, events, out); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "rows")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return path, int64(bytes.Count(text, []byte("\n")))
}

func take(cfg generator.Config, n int64) []event.Event {
	events := make([]event.Event, n)
	generator.New(cfg).Fill(0, events)
	return events
}

func TestRowsAreTheOracles(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		cfg    generator.Config
		events int64
	}{
		{generator.Config{Rate: 1}, 20_000},
		{generator.Config{Rate: 1, Seed: 5, OutOfOrder: 100}, 20_000},
		{generator.Config{Rate: 100, Seed: 1}, 20_000},
		{generator.Config{Rate: 100, OutOfOrder: 1000}, 20_000},
		{generator.Config{Seed: 2}, 100_000},
		{generator.Config{Seed: 3, OutOfOrder: 10_000}, 20_000},
		{generator.Config{Rate: 10_000_000, OutOfOrder: 7}, 20_000},
		{generator.Config{}, 60},
		{generator.Config{}, 1},
		{generator.Config{}, 0},
	} {
		if raceEnabled { // there is one goroutine: it is the other packages that the detector is for
			tc.events /= 10
		}
		events := take(tc.cfg, tc.events)
		for query := range queries {
			if query == 12 {
				continue
			}
			t.Run(fmt.Sprintf("q%d/%+v/%d", query, tc.cfg, tc.events), func(t *testing.T) {
				t.Parallel()
				want, err := oracle.Rows(query, events)
				if err != nil {
					t.Fatal(err)
				}
				if len(want) == 0 && tc.events >= 20_000 {
					t.Errorf("there are no rows to compare")
				}
				path, n := write(t, query, tc.cfg, tc.events)
				if n != int64(len(want)) {
					t.Errorf("%d rows are written, want %d", n, len(want)) // also where rows may replace each other
				}
				if query == 10 {
					query = 0 // to be read as a file
				}
				diff, err := oracle.Compare(query, want, path)
				if err != nil {
					t.Fatal(err)
				}
				if diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

// TestLiveCounts checks query 12, for which the oracle has no rows.
func TestLiveCounts(t *testing.T) {
	t.Parallel()
	cfg := generator.Config{Rate: 100}
	const events = 20_000
	path, rows := write(t, 12, cfg, events)
	diff, err := oracle.CompareLive(take(cfg, events), path)
	if err != nil {
		t.Fatal(err)
	}
	if diff != "" {
		t.Error(diff)
	}
	if windows := int64(events / 100 / 10); rows < windows {
		t.Errorf("%d rows, want one at least for each of %d windows", rows, windows)
	}
}

func TestChecksum(t *testing.T) {
	t.Parallel()
	for query := range queries {
		cfg := generator.Config{Rate: 1000}
		var written int64
		var sum uint64
		for range 2 { // maps are read in another order
			n, s, err := Run(query, cfg, 20_000)
			if err != nil {
				t.Fatal(err)
			}
			if written != 0 && (n != written || s != sum) {
				t.Errorf("query %d: %d rows of sum %x, then %d of %x", query, written, sum, n, s)
			}
			written, sum = n, s
		}
		if _, got := write(t, query, cfg, 20_000); got != written {
			t.Errorf("query %d: %d rows counted, %d written", query, written, got)
		}
		if written > 0 && bits.OnesCount64(sum) < 8 {
			t.Errorf("query %d: the sum %x looks empty", query, sum)
		}
		cfg.Seed = 1
		if _, s, err := Run(query, cfg, 20_000); err != nil || s == sum {
			t.Errorf("query %d: another seed has the same sum %x, error %v", query, s, err)
		}
	}
}

func TestRunRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		query  int
		events int64
	}{{-1, 1}, {24, 1}, {0, -1}} {
		if _, _, err := Run(tc.query, generator.Config{}, tc.events); err == nil {
			t.Errorf("query %d over %d events runs", tc.query, tc.events)
		}
	}
}

func TestChannelID(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		url, want string
		ok        bool
	}{
		{"", "", false},
		{"channel_id=1&x", "1", true},
		{"?channel_id=1", "", false},
		{"?channel_id=1&channel_id=2&channel_id=3", "2", true},
		{"x&channel_id=", "", true},
	} {
		if got, ok := channelID(tc.url); got != tc.want || ok != tc.ok {
			t.Errorf("channelID(%q) = %q, %t", tc.url, got, ok)
		}
	}
}

func BenchmarkRun(b *testing.B) {
	for query := range queries {
		b.Run(fmt.Sprintf("q%d", query), func(b *testing.B) {
			const events = 200_000
			for b.Loop() {
				if _, _, err := Run(query, generator.Config{}, events); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/events, "ns/elem")
		})
	}
}
