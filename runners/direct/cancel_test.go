package direct_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace-go/millrace/io/textio"
	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/sdf"
)

// gate tells that user code has got somewhere.
type gate struct {
	once sync.Once
	c    chan struct{}
}

func newGate() *gate { return &gate{c: make(chan struct{})} }

func (g *gate) open() { g.once.Do(func() { close(g.c) }) }

// watched is numbers from a source that looks at its Context.
func watched(p *sdk.Pipeline, n int64) sdk.PCollection[int64] {
	return sdk.ParDoSplittable(sdk.Of(p, n), watchedUpTo{})
}

type watchedUpTo struct{ upTo }

func (watchedUpTo) ProcessElement(c *sdk.Context, _ int64, t *sdf.OffsetTracker, out sdk.Emitter[int64]) (sdk.Continuation, error) {
	for i := t.Restriction().Lo; t.TryClaim(i); i++ {
		if i%256 == 0 && c.Err() != nil {
			return sdf.Stop(), context.Cause(c)
		}
		out.Emit(i)
	}
	return sdf.Stop(), nil
}

type waits struct {
	gate *gate
	View sdk.ListView[string]
}

// ProcessElement does what the Context allows: it is user code that behaves.
func (f *waits) ProcessElement(c *sdk.Context, _ int64, _ sdk.Emitter[int]) error {
	f.gate.open()
	<-c.Done()
	return context.Cause(c)
}

// slowly iterates over a group and takes its time, without a look at the Context.
type slowly struct {
	gate *gate
	seen *atomic.Int64
}

func (f *slowly) ProcessElement(_ *sdk.Context, g sdk.KV[int64, iter.Seq[string]], _ sdk.Emitter[int]) error {
	for range g.Value {
		if f.seen.Add(1) == 100 {
			f.gate.open()
		}
		time.Sleep(time.Millisecond)
	}
	return nil
}

// Wherever a job is, cancelling its context stops it within a second, with the cause, and leaves neither temporary files
// nor part of an output.
func TestCancelAnywhere(t *testing.T) {
	const endless = int64(1) << 40
	cases := []struct {
		name string
		// build opens g when the job is where it is to be cancelled.
		build func(p *sdk.Pipeline, out string, g *gate)
	}{
		{name: "reading", build: func(p *sdk.Pipeline, out string, g *gate) {
			sdk.Filter(watched(p, endless), func(i int64) bool {
				if i > 100_000 {
					g.open()
				}
				return false
			})
		}},
		{name: "in a source that only claims", build: func(p *sdk.Pipeline, out string, g *gate) {
			sdk.Filter(numbers(p, 2500), func(i int64) bool {
				g.open()
				time.Sleep(time.Millisecond)
				return false
			})
		}},
		{name: "grouping", build: func(p *sdk.Pipeline, out string, g *gate) {
			sdk.GroupByKey(sdk.Map(watched(p, endless), func(i int64) sdk.KV[int64, string] {
				if i == 10_000 { // 100 MB: four times the budget
					g.open()
				}
				return sdk.MakeKV(i%1000, string(payload(i)))
			}))
		}},
		{name: "reading groups", build: func(p *sdk.Pipeline, out string, g *gate) {
			var n atomic.Int64
			sdk.Map(sdk.GroupByKey(keyed(p, 20_000, 20_000)), func(sdk.KV[int64, iter.Seq[string]]) int {
				if n.Add(1) == 100 {
					g.open()
				}
				time.Sleep(time.Millisecond)
				return 0
			})
		}},
		{name: "in a group larger than memory", build: func(p *sdk.Pipeline, out string, g *gate) {
			sdk.ParDo(sdk.GroupByKey(keyed(p, 2500, 1)), &slowly{gate: g, seen: &atomic.Int64{}})
		}},
		{name: "combining", build: func(p *sdk.Pipeline, out string, g *gate) {
			sdk.CombinePerKey(sdk.Map(watched(p, endless), func(i int64) sdk.KV[int64, string] {
				if i == 10_000 {
					g.open()
				}
				return sdk.MakeKV(i, string(payload(i)))
			}), lastText{})
		}},
		{name: "making a view", build: func(p *sdk.Pipeline, out string, g *gate) {
			view := sdk.AsList(sdk.Map(watched(p, endless), func(i int64) string {
				if i == 10_000 {
					g.open()
				}
				return string(payload(i))
			}))
			sdk.ParDo(sdk.Of(p, int64(1)), &waits{gate: newGate(), View: view})
		}},
		{name: "in a DoFn that waits", build: func(p *sdk.Pipeline, out string, g *gate) {
			sdk.ParDo(numbers(p, 10), &waits{gate: g, View: sdk.AsList(sdk.Of[string](p))})
		}},
		{name: "between attempts", build: func(p *sdk.Pipeline, out string, g *gate) {
			sdk.TryMap(numbers(p, 1), func(int64) (int, error) {
				g.open()
				return 0, errOdd
			}, sdk.OnError(sdk.Retry(3, time.Minute)))
		}},
		{name: "in an asynchronous call", build: func(p *sdk.Pipeline, out string, g *gate) {
			sdk.AsyncMap(numbers(p, 100), 4, func(ctx context.Context, _ int64) (int, error) {
				g.open()
				<-ctx.Done()
				return 0, ctx.Err()
			})
		}},
		{name: "writing", build: func(p *sdk.Pipeline, out string, g *gate) {
			textio.Write(sdk.Map(watched(p, endless), func(i int64) string {
				if i == 5000 {
					g.open()
				}
				return string(bytes.Repeat([]byte("text "), 2000))
			}), out)
		}},
		{name: "writing shards", build: func(p *sdk.Pipeline, out string, g *gate) {
			var n atomic.Int64
			in := sdk.Reshuffle(sdk.Map(numbers(p, 3000), func(i int64) string { return strings.Repeat("text ", 2000) }))
			textio.Write(sdk.Map(in, func(s string) string {
				if n.Add(1) == 1000 {
					g.open()
				}
				time.Sleep(time.Millisecond)
				return s
			}), out, textio.Shards(3))
		}},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			temp, dir := t.TempDir(), t.TempDir()
			cause := errors.New("enough")
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			g := newGate()
			var at time.Time
			go func() {
				select {
				case <-g.c:
				case <-time.After(20 * time.Second):
					t.Error("the job does not get to where it is to be cancelled")
				}
				at = time.Now()
				cancel(cause)
			}()
			_, err := sdk.Run(ctx, &direct.Runner{Budget: 24 << 20, TempDir: temp, Log: quiet()}, func(p *sdk.Pipeline) error {
				tt.build(p, filepath.Join(dir, "out"), g)
				return nil
			})
			<-ctx.Done()
			took := time.Since(at)
			if !errors.Is(err, cause) {
				t.Errorf("error %v, want the cause", err)
			}
			if left := everything(t, temp); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			if left := everything(t, dir); len(left) > 0 {
				t.Errorf("written: %v", left)
			}
			t.Logf("stopped after %v", took.Round(time.Millisecond))
			if took > time.Second && !raceEnabled {
				t.Errorf("stopped after %v", took)
			}
		})
	}
}

func init() {
	// A job that has spilled and written, and is killed.
	children["killed"] = func(dir string) error {
		var n atomic.Int64
		_, err := sdk.Run(context.Background(), &direct.Runner{Budget: 4 << 20, TempDir: filepath.Join(dir, "temp"), Log: quiet()}, func(p *sdk.Pipeline) error {
			in := sdk.Map(numbers(p, 10_000), func(i int64) string {
				if n.Add(1) == 3000 {
					me, err := os.FindProcess(os.Getpid())
					if err == nil {
						err = me.Kill()
					}
					if err != nil {
						panic(err)
					}
					select {}
				}
				return string(payload(i)[:100]) + strings.Repeat("text ", 2000)
			})
			sdk.GroupByKey(sdk.WithKeys(in, func(s string) string { return s[:1] }))
			textio.Write(sdk.Map(in, func(s string) string { return s[100:] }), filepath.Join(dir, "out"))
			return nil
		})
		return err
	}
}

// What a killed run has left, the next start removes: its spill files, and what it had written of its output. What
// belongs to live processes and to others stays.
func TestKilledRunIsCleanedUp(t *testing.T) {
	dir := t.TempDir()
	temp := filepath.Join(dir, "temp")
	if err := os.MkdirAll(filepath.Join(temp, "millrace-of-somebody-else"), 0o700); err != nil {
		t.Fatal(err)
	}
	before := everything(t, dir)
	out, err := child(t, "killed", dir).CombinedOutput()
	if err == nil || strings.Contains(string(out), "panic") {
		t.Fatalf("%v: %s", err, out)
	}
	spilled, parts := 0, 0
	for _, f := range everything(t, dir) {
		if strings.Contains(filepath.Base(f), "spill-") {
			spilled++
		}
		if strings.HasPrefix(filepath.Base(f), ".") {
			parts++
		}
	}
	if spilled == 0 || parts == 0 {
		t.Fatalf("the killed run left %d spill files and %d parts of its output: %v", spilled, parts, everything(t, dir))
	}
	log := &lockedBuffer{}
	r := &direct.Runner{TempDir: temp, Log: slog.New(slog.NewTextHandler(log, nil))}
	if _, err := sdk.Run(t.Context(), r, func(p *sdk.Pipeline) error {
		textio.Write(sdk.Of(p, "line"), filepath.Join(dir, "out"))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	want := append(before, filepath.Join(dir, "out-00000-of-00001"), filepath.Join(dir, "out-_SUCCESS"))
	have := map[string]bool{}
	for _, f := range everything(t, dir) {
		have[f] = true
	}
	for _, f := range want {
		if !have[f] {
			t.Errorf("%s is missing", f)
		}
		delete(have, f)
	}
	if len(have) > 0 {
		t.Errorf("left behind: %v", have)
	}
	if !strings.Contains(log.String(), "removed what a dead job left") {
		t.Errorf("the log does not say so: %s", log.String())
	}
}

// In a container every run has the same process id: what a run of that id has left is no live process's because of it.
func TestKilledRunOfTheSameProcessID(t *testing.T) {
	temp := t.TempDir()
	host, err := os.Hostname()
	if err != nil {
		t.Skip(err)
	}
	old := filepath.Join(temp, fmt.Sprintf("millrace-%s-%d-20200101-000000-abcdef", strings.ReplaceAll(host, "-", "_"), os.Getpid()))
	if err := os.MkdirAll(old, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := sdk.Run(t.Context(), &direct.Runner{TempDir: temp, Log: quiet()}, func(p *sdk.Pipeline) error {
		sdk.Of(p, 1)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); err == nil {
		t.Error("a directory of this process's id, of which it has no job, is still there")
	}
}
