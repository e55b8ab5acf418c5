package compare_test

import (
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"testing"

	"github.com/millrace-go/millrace/integration/compare"
	"github.com/millrace-go/millrace/integration/model"
	"github.com/millrace-go/millrace/runners/direct"
)

var (
	seeds = flag.Uint64("seeds", 400, "how many random cases to compare")
	from  = flag.Uint64("from", 1, "the first seed")
)

// most is how many mismatches are shown.
const most = 5

// TestRandom compares the engine with the model in random cases: each in all numbers of workers and sizes of batches, with and
// without outputs of droppable elements in turn; batches of 7 in a random order of the workers. The long form:
//
//	go test ./integration/compare -run Random -seeds 100000 -timeout 0
func TestRandom(t *testing.T) {
	shown, agree := 0, 0
	n := *seeds
	if raceEnabled { // everything takes ten times as long
		n = max(n/5, 1)
	}
	for seed := *from; seed < *from+n; seed++ {
		c := random(t, seed)
		want, err := compare.Expect(c)
		if err != nil {
			t.Fatalf("%s%v", c, err)
		}
		d := mismatch(t, c, want)
		if d != "" {
			t.Errorf("seed %d\n%s%s", seed, d, c)
			if shown++; shown == most {
				t.Fatalf("and perhaps more; %d seeds agree", agree)
			}
			continue
		}
		agree++
	}
	t.Logf("%d seeds agree, %d of them looked at with one worker only", agree, alone)
}

// random returns the case of a seed, changed where it would not be certain. In half of the cases with joins or sessions no
// element is behind the watermark, as not much is certain if one is; and in all those with sessions whose trigger fires early, or
// need not fire at the end of a window, of which the package comment says where the model follows Java and the engine does not.
func random(t *testing.T, seed uint64) model.Case {
	t.Helper()
	c := model.Random(seed)
	lift := false
	for _, t := range c.Pipeline {
		w := t.Windowing
		waits := w.Trigger.Kind != model.Default && (w.Trigger.Kind != model.AfterWatermark || w.Trigger.Early != nil)
		lift = lift || t.Kind == model.SideInput && seed%2 == 0 || w.Fn.Merging() && (seed%2 == 0 || waits)
	}
	watermark := model.MinTime
	for _, s := range c.Steps {
		if s.Kind == model.AdvanceWatermark {
			watermark = s.Time
		}
		for i := range s.Elements {
			if lift {
				s.Elements[i].Time = max(s.Elements[i].Time, watermark)
			}
		}
	}
	c, err := compare.Certain(c)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// mismatch runs a case in all ways and returns the first difference.
func mismatch(t *testing.T, c model.Case, want compare.Outcome) string {
	t.Helper()
	way := int(c.Seed) //nolint:gosec // a small number
	most := 3
	switch depends, err := compare.DependsOnWorkers(c); {
	case err != nil:
		t.Fatal(err)
	case depends:
		most = 1
		alone++
	}
	for workers := 1; workers <= most; workers++ {
		for _, batch := range []int{1, 7, 256} {
			o := compare.Options{KeepDropped: way%2 == 0, OwnSessions: way/2%2 == 0}
			way++
			r := &direct.Runner{
				Workers: workers, BatchSize: batch, Strict: batch == 7, Seed: c.Seed, Budget: -1,
				TempDir: tempDir, Log: slog.New(slog.DiscardHandler),
			}
			got, err := compare.Run(t.Context(), r, c, o)
			d := ""
			switch {
			case errors.Is(err, compare.ErrNotExpressible):
				t.Fatal(err)
			case err != nil:
				d = err.Error() + "\n"
			default:
				d = compare.Diff(c, want, got, o.KeepDropped)
			}
			if d != "" {
				return fmt.Sprintf("%d workers, batches of %d, %+v\n%s", workers, batch, o, d)
			}
		}
	}
	return ""
}

var (
	tempDir string
	alone   int // cases that were compared with one worker only
)

func TestMain(m *testing.M) {
	flag.Parse()
	dir, err := os.MkdirTemp("", "compare")
	if err != nil {
		panic(err)
	}
	tempDir = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}
