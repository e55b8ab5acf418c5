package spool

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/exec/budget"
	"github.com/millrace-go/millrace/sdk/exec/spill"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

func host(t *testing.T, limit int64) *exec.Host {
	return &exec.Host{Ctx: t.Context(), Workers: 4, Budget: budget.New(limit), TempDir: t.TempDir()}
}

func newSpool[T any](t *testing.T, h *exec.Host) *Spool {
	t.Helper()
	c, err := coder.For[T]()
	if err != nil {
		t.Fatal(err)
	}
	return New(h, "p/spool", exec.NewElementType(exec.ElementOf[T](), coder.Erase(c), nil))
}

func sinkOf[T any](t *testing.T, h *exec.Host, s *Spool) exec.Sink {
	t.Helper()
	sink, err := s.NewWriter(&exec.Build{Host: h}, &exec.Step{Host: h}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return sink
}

// gather is what reads a spool: each row as text, with all that is known of it.
type gather[T any] struct {
	mu   sync.Mutex
	rows []string
	err  error
}

func (g *gather[T]) Push(batch any) error {
	b := batch.(*exec.Batch[T])
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rows = append(g.rows, printed(b)...)
	return g.err
}

func printed[T any](b *exec.Batch[T]) (rows []string) {
	for i, v := range b.V {
		rows = append(rows, fmt.Sprintf("%v at %v in %v pane %+v", v, b.Meta.Time(i), b.Meta.Windows(i), b.Meta.Pane(i)))
	}
	return rows
}

// drain reads s with a number of workers at once.
func drain[T any](t *testing.T, h *exec.Host, s *Spool, workers int, to *gather[T]) error {
	t.Helper()
	ws, err := s.Work(workers)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	errs := make([]error, workers)
	for k := range workers {
		root, err := s.NewRoot(nil, &exec.Step{Host: h}, exec.Sink(to))
		if err != nil {
			return err
		}
		wg.Go(func() {
			for i := k; i < len(ws); i += workers {
				if ws[i].Size() <= 0 {
					t.Errorf("a piece of %d bytes", ws[i].Size())
				}
				if err := root.Run(ws[i]); err != nil {
					errs[k] = err
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// randomBatch has its times, windows and panes in all the forms that there are.
func randomBatch(rng *rand.Rand) *exec.Batch[string] {
	n := 1 + rng.IntN(40)
	b := &exec.Batch[string]{Meta: exec.GlobalMeta(mtime.Time(rng.IntN(1000)))}
	if rng.IntN(2) == 0 {
		b.Meta.P0 = window.Pane{Index: int64(rng.IntN(5)), First: true}
	}
	form := rng.IntN(8)
	if form > 0 {
		b.Meta.Sets = &exec.WindowSets{}
		for range 1 + rng.IntN(3) {
			var ws []window.Window
			for range 1 + rng.IntN(3) {
				at := mtime.Time(rng.IntN(1000))
				ws = append(ws, window.Window{Start: at, End: at + 10, Tag: int64(rng.IntN(2))})
			}
			b.Meta.Sets.Add(ws...)
		}
	}
	for range n {
		b.V = append(b.V, strings.Repeat(fmt.Sprint(rng.IntN(1e6), " "), rng.IntN(10)))
		if form&1 != 0 {
			b.Meta.T = append(b.Meta.T, mtime.Time(rng.IntN(1000)))
		}
		if form&2 != 0 {
			b.Meta.S = append(b.Meta.S, uint32(rng.IntN(b.Meta.Sets.Len())))
		}
		if form&4 != 0 {
			b.Meta.P = append(b.Meta.P, window.Pane{Index: int64(rng.IntN(5)), Last: true})
		}
	}
	return b
}

// What comes out is what went in, with its times, windows and panes, once: whatever is on disk.
func TestRowsComeBack(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for _, limit := range []int64{-1, 100_000, 1} {
		for _, workers := range []int{1, 3} {
			t.Run(fmt.Sprintf("budget=%d/workers=%d", limit, workers), func(t *testing.T) {
				h := host(t, limit)
				s := newSpool[string](t, h)
				rng := rand.New(rand.NewPCG(seed, 0))
				var want []string
				var mu sync.Mutex
				var wg sync.WaitGroup
				for range 3 {
					sink := sinkOf[string](t, h, s)
					rng := rand.New(rand.NewPCG(rng.Uint64(), 0))
					wg.Go(func() {
						for range 200 {
							b := randomBatch(rng)
							rows := printed(b)
							mu.Lock()
							want = append(want, rows...)
							mu.Unlock()
							if err := sink.Push(b); err != nil {
								t.Error(err)
							}
							clear(b.V) // it was lent, with all its columns
							clear(b.Meta.T)
							clear(b.Meta.S)
							clear(b.Meta.P)
							if b.Meta.Sets != nil {
								b.Meta.Sets.Reset()
							}
						}
					})
				}
				wg.Wait()
				if err := s.Seal(); err != nil {
					t.Fatal(err)
				}
				if spilled := h.Budget.Disk().Written.Load() > 0; spilled != (limit > 0) {
					t.Errorf("spilled: %v", spilled)
				}
				g := &gather[string]{}
				if err := drain(t, h, s, workers, g); err != nil {
					t.Fatal(err)
				}
				slices.Sort(g.rows)
				slices.Sort(want)
				if !slices.Equal(g.rows, want) {
					t.Errorf("%d rows came back, %d went in", len(g.rows), len(want))
				}
				if n := h.Budget.Used(); n != 0 {
					t.Errorf("%d bytes are charged when all has been read", n)
				}
				for range 2 {
					if err := s.Close(); err != nil {
						t.Error(err)
					}
				}
				if left, err := os.ReadDir(h.TempDir); len(left) > 0 || err != nil {
					t.Errorf("left behind: %v, %v", left, err)
				}
			})
		}
	}
}

func TestEmpty(t *testing.T) {
	h := host(t, 1)
	s := newSpool[string](t, h)
	if err := s.Seal(); err != nil {
		t.Fatal(err)
	}
	if ws, err := s.Work(4); err != nil || len(ws) != 0 {
		t.Errorf("%d pieces, %v", len(ws), err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// Rows that lead to what is valid during the call only are copied with what they lead to.
func TestLentRows(t *testing.T) {
	for _, limit := range []int64{-1, 1} {
		h := host(t, limit)
		ints, err := coder.For[int]()
		if err != nil {
			t.Fatal(err)
		}
		s := New(h, "p/spool", exec.NewElementType(exec.ElementOf[iter.Seq[int]](), coder.Erase(coder.Iterable(ints)), nil))
		backing := []int{1, 2, 3}
		sink := sinkOf[iter.Seq[int]](t, h, s)
		if err := sink.Push(&exec.Batch[iter.Seq[int]]{V: []iter.Seq[int]{slices.Values(backing)}}); err != nil {
			t.Fatal(err)
		}
		clear(backing)
		var got []int
		ws, err := s.Work(1)
		if err != nil || len(ws) != 1 {
			t.Fatal(ws, err)
		}
		root, err := s.NewRoot(nil, &exec.Step{Host: h}, exec.Sink(each[iter.Seq[int]](func(v iter.Seq[int]) { got = slices.Collect(v) })))
		if err != nil {
			t.Fatal(err)
		}
		if err := root.Run(ws[0]); err != nil || !slices.Equal(got, []int{1, 2, 3}) {
			t.Errorf("budget %d: %v, %v", limit, got, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

type each[T any] func(v T)

func (f each[T]) Push(batch any) error {
	b := batch.(*exec.Batch[T])
	for _, v := range b.V {
		f(v)
	}
	return nil
}

// What comes when the spool is being read would be lost.
func TestNothingComesLate(t *testing.T) {
	h := host(t, -1)
	s := newSpool[string](t, h)
	sink := sinkOf[string](t, h, s)
	if err := errors.Join(sink.Push(&exec.Batch[string]{V: []string{"a"}}), s.Seal()); err != nil {
		t.Fatal(err)
	}
	if err := sink.Push(&exec.Batch[string]{V: []string{"b"}}); err == nil || !strings.Contains(err.Error(), "p/spool") {
		t.Errorf("error %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func fill(t *testing.T, h *exec.Host, s *Spool) {
	t.Helper()
	sink := sinkOf[string](t, h, s)
	for i := range 100 {
		if err := sink.Push(&exec.Batch[string]{V: []string{strings.Repeat("text ", 1000), fmt.Sprint(i)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Seal(); err != nil {
		t.Fatal(err)
	}
}

func TestDamage(t *testing.T) {
	h := host(t, 1)
	s := newSpool[string](t, h)
	fill(t, h, s)
	files, err := filepath.Glob(filepath.Join(h.TempDir, "spill-*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(files[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	g := &gather[string]{}
	err = drain(t, h, s, 1, g)
	if !errors.Is(err, spill.ErrCorrupt) || !strings.Contains(err.Error(), "p/spool") || !strings.Contains(err.Error(), files[0]) {
		t.Errorf("error %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestErrors(t *testing.T) {
	h := host(t, 1)
	h.TempDir = filepath.Join(h.TempDir, "nowhere")
	s := newSpool[string](t, h)
	if err := sinkOf[string](t, h, s).Push(&exec.Batch[string]{V: []string{"a"}}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a directory: %v", err)
	}
	if err := s.Close(); err != nil || h.Budget.Used() != 0 {
		t.Errorf("%v, %d bytes are charged", err, h.Budget.Used())
	}

	for _, limit := range []int64{-1, 1} {
		// An error of what reads the rows ends the reading; so does the end of the job.
		h = host(t, limit)
		s = newSpool[string](t, h)
		fill(t, h, s)
		g := &gather[string]{err: errors.New("boom")}
		if err := drain(t, h, s, 1, g); !errors.Is(err, g.err) || len(g.rows) != 2 {
			t.Errorf("%v after %d rows", err, len(g.rows))
		}
		_ = s.Close()

		ctx, cancel := context.WithCancelCause(t.Context())
		h = host(t, limit)
		h.Ctx = ctx
		s = newSpool[string](t, h)
		fill(t, h, s)
		cancel(g.err)
		g = &gather[string]{}
		if err := drain(t, h, s, 1, g); err == nil || err.Error() != "boom" || len(g.rows) > 0 {
			t.Errorf("cancelled: %v after %d rows", err, len(g.rows))
		}
		_ = s.Close()
	}
}
