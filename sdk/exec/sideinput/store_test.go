package sideinput

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

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

func coderFor[T any](t *testing.T) coder.Coder[T] {
	t.Helper()
	c, err := coder.For[T]()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sinkOf returns a new writer of a store.
func sinkOf[T any](t *testing.T, h *exec.Host, s exec.ViewStore) exec.Sink {
	t.Helper()
	sink, err := s.NewWriter(&exec.Build{Host: h}, &exec.Step{Host: h})
	if err != nil {
		t.Fatal(err)
	}
	return sink
}

type doFn func(c *exec.Context)

func (f doFn) ProcessElement(c *exec.Context, _ int, _ exec.Emitter[int]) error {
	f(c)
	return nil
}

type nowhere struct{}

func (nowhere) Push(any) error { return nil }

// in calls f as user code whose element is in a main window that belongs to the view's window w: its first instant.
func in(t *testing.T, h *exec.Host, w window.Window, f func(c *exec.Context)) {
	t.Helper()
	b := &exec.Build{Host: h}
	step := &exec.Step{Host: h}
	cfg := exec.ParDoConfig[int, int]{Fn: doFn(f), Windowed: !w.IsGlobal()}
	b2 := exec.Batch[int]{V: []int{0}, Meta: exec.Meta{Sets: exec.NewWindowSets(w)}}
	sink := exec.NewParDo(b, step, exec.NewOut[int](b, step, nowhere{}, true), cfg)
	p := b.Plan(oneBatch{sink, &b2})
	if err := errors.Join(p.Run(nil), p.Close(false)); err != nil {
		t.Error(err)
	}
}

type oneBatch struct {
	to exec.Sink
	b  *exec.Batch[int]
}

func (r oneBatch) Run(exec.Work) error { return r.to.Push(r.b) }

// fill pushes random elements from several writers at once, and returns what each window has been given. The
// batches have their windows in all the ways that batches do.
func fill[T any](t *testing.T, rng *rand.Rand, h *exec.Host, s exec.ViewStore, fn window.Fn, n int, make1 func(rng *rand.Rand) T) map[window.Window][]T {
	want := map[window.Window][]T{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 4 {
		sink := sinkOf[T](t, h, s)
		rng := rand.New(rand.NewPCG(rng.Uint64(), 0))
		wg.Go(func() {
			for left := n / 4; left > 0; {
				size := min(1+rng.IntN(30), left)
				left -= size
				b := exec.Batch[T]{Meta: exec.GlobalMeta(0)}
				uniform := rng.IntN(2) == 0
				at := mtime.Time(rng.IntN(100))
				if !window.IsGlobalFn(fn) {
					b.Meta.Sets = &exec.WindowSets{}
				}
				for i := range size {
					if !uniform {
						at = mtime.Time(rng.IntN(100))
					}
					v := make1(rng)
					b.V = append(b.V, v)
					ws := fn.AssignWindows(nil, at)
					if b.Meta.Sets != nil && (i == 0 || !uniform) {
						set := b.Meta.Sets.Add(ws...)
						if !uniform {
							b.Meta.S = append(b.Meta.S, set)
						}
					}
					mu.Lock()
					for _, w := range ws {
						want[w] = append(want[w], v)
					}
					mu.Unlock()
				}
				err := sink.Push(&b)
				clear(b.V) // it was lent
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return want
}

var windowFns = []window.Fn{window.GlobalWindows(), window.Fixed(10 * time.Millisecond), window.Sliding(40*time.Millisecond, 10*time.Millisecond)}

// each runs f for window functions and budgets: without limit, with room for a part, with room for nothing.
func each(t *testing.T, f func(t *testing.T, rng *rand.Rand, fn window.Fn, h *exec.Host)) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for i, fn := range windowFns {
		for _, limit := range []int64{-1, 20_000, 1} {
			t.Run(fmt.Sprintf("%v/budget=%d", fn, limit), func(t *testing.T) {
				h := host(t, limit)
				f(t, rand.New(rand.NewPCG(seed, uint64(i))), fn, h)
				if spilled := h.Budget.Disk().Written.Load() > 0; spilled != (limit > 0) {
					t.Errorf("spilled: %v", spilled)
				}
				if n := h.Budget.Used(); n != 0 {
					t.Errorf("%d bytes are charged after the end", n)
				}
				if left, err := os.ReadDir(h.TempDir); len(left) > 0 || err != nil {
					t.Errorf("left behind: %v, %v", left, err)
				}
			})
		}
	}
}

// absent is a window that has no elements.
func absent(fn window.Fn) window.Window {
	if window.IsGlobalFn(fn) {
		return window.Global
	}
	return fn.AssignWindows(nil, 5000)[0]
}

// closeTwice closes a store, as all may be.
func closeTwice(t *testing.T, s exec.ViewStore) {
	t.Helper()
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func text(rng *rand.Rand) string {
	return strings.Repeat(fmt.Sprint(rng.IntN(1000), "."), rng.IntN(20))
}

func TestListAgainstSlices(t *testing.T) {
	each(t, func(t *testing.T, rng *rand.Rand, fn window.Fn, h *exec.Host) {
		s := NewList(h, "view", fn, coderFor[string](t))
		want := fill(t, rng, h, s, fn, 1500, text)
		if err := s.Seal(); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for w, vs := range want {
			wg.Go(func() {
				in(t, h, w, func(c *exec.Context) {
					var got []string
					for range 2 { // it may be read again
						got = got[:0]
						if err := s.All(c, func(v string) bool { got = append(got, v); return true }); err != nil {
							t.Error(err)
						}
					}
					if s.Len(c) != len(vs) {
						t.Errorf("%v: length %d, want %d", w, s.Len(c), len(vs))
					}
					for k := range 200 {
						i := k * 7919 % len(got)
						if v, err := s.At(c, i); err != nil || v != got[i] {
							t.Errorf("%v: element %d is %q, %v; iterated it is %q", w, i, v, err, got[i])
						}
					}
					n := 0
					if err := s.All(c, func(string) bool { n++; return n < 3 }); err != nil || n != 3 {
						t.Errorf("%v: a loop that ends early: %d, %v", w, n, err)
					}
					slices.Sort(got)
					if !slices.Equal(got, slices.Sorted(slices.Values(vs))) {
						t.Errorf("%v: %d elements are not the %d that were written", w, len(got), len(vs))
					}
					for _, i := range []int{-1, len(vs)} {
						if _, err := s.At(c, i); err == nil || !strings.Contains(err.Error(), "view") {
							t.Errorf("%v: element %d of %d: %v", w, i, len(vs), err)
						}
					}
				})
			})
		}
		wg.Wait()
		if !window.IsGlobalFn(fn) {
			in(t, h, absent(fn), func(c *exec.Context) {
				if n := s.Len(c); n != 0 {
					t.Errorf("a window without elements has %d", n)
				}
				if err := s.All(c, func(string) bool { t.Error("an element"); return true }); err != nil {
					t.Error(err)
				}
			})
		}
		closeTwice(t, s)
	})
}

func TestMultimapAgainstMap(t *testing.T) {
	each(t, func(t *testing.T, rng *rand.Rand, fn window.Fn, h *exec.Host) {
		s := NewMultimap(h, "view", fn, coderFor[string](t), coderFor[int64](t), false)
		want := fill(t, rng, h, s, fn, 1500, func(rng *rand.Rand) coder.KV[string, int64] {
			k := rng.IntN(200)
			if rng.IntN(3) == 0 {
				k = 0 // a key whose values are in many blocks
			}
			return coder.KV[string, int64]{Key: fmt.Sprint("key ", k), Value: rng.Int64N(1e6)}
		})
		if err := s.Seal(); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for w, kvs := range want {
			wg.Go(func() {
				byKey := map[string][]int64{}
				for _, kv := range kvs {
					byKey[kv.Key] = append(byKey[kv.Key], kv.Value)
				}
				in(t, h, w, func(c *exec.Context) {
					for i := range 210 { // the last ten are not there
						k := fmt.Sprint("key ", i)
						var got []int64
						if err := s.Get(c, k, func(v int64) bool { got = append(got, v); return true }); err != nil {
							t.Error(err)
						}
						slices.Sort(got)
						if !slices.Equal(got, slices.Sorted(slices.Values(byKey[k]))) {
							t.Errorf("%v: %q has %d values, want %d", w, k, len(got), len(byKey[k]))
						}
					}
					n := 0
					if err := s.Get(c, "key 0", func(int64) bool { n++; return n < 2 }); err != nil || n != min(2, len(byKey["key 0"])) {
						t.Errorf("%v: a loop that ends early: %d, %v", w, n, err)
					}
				})
			})
		}
		wg.Wait()
		closeTwice(t, s)
	})
}

func TestSingletonAgainstMap(t *testing.T) {
	each(t, func(t *testing.T, _ *rand.Rand, fn window.Fn, h *exec.Host) {
		s := NewSingleton[string](h, "view", fn)
		want := map[window.Window]string{}
		sink := sinkOf[string](t, h, s)
		for at := mtime.Time(0); at < 2000; at += 10 {
			w := fn.AssignWindows(nil, at)[0]
			if _, ok := want[w]; ok {
				continue
			}
			want[w] = strings.Repeat(fmt.Sprint("value at ", at), 100)
			if window.IsGlobalFn(fn) {
				want[w] = strings.Repeat("v", 50_000)
			}
			b := exec.Batch[string]{V: []string{want[w]}, Meta: exec.Meta{Sets: exec.NewWindowSets(w)}}
			if err := sink.Push(&b); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Seal(); err != nil {
			t.Fatal(err)
		}
		for w, v := range want {
			in(t, h, w, func(c *exec.Context) {
				for range 2 {
					if got, ok := s.Get(c); !ok || got != v {
						t.Errorf("%v: %.30q, %v; want %.30q", w, got, ok, v)
					}
				}
			})
		}
		if !window.IsGlobalFn(fn) {
			in(t, h, absent(fn), func(c *exec.Context) {
				if got, ok := s.Get(c); ok {
					t.Errorf("a window without an element has %.30q", got)
				}
			})
		}
		// Whatever the number of windows, few blocks are kept.
		kept := 0
		for _, g := range s.byWindow {
			if g.cache != nil {
				kept++
			}
		}
		if kept > len(s.recent) {
			t.Errorf("%d blocks of %d windows are kept in memory", kept, len(want))
		}
		closeTwice(t, s)
	})
}

// A second element fails when it comes: not after all that there are have been collected.
func TestSingletonOfTwo(t *testing.T) {
	w := window.Window{Start: 0, End: 10}
	meta := exec.Meta{Sets: exec.NewWindowSets(w)}
	for _, limit := range []int64{-1, 1} {
		for name, batches := range map[string][]exec.Batch[int]{
			"in a batch":     {{V: []int{1, 2}, Meta: meta}},
			"row by row":     {{V: []int{1, 2}, Meta: exec.Meta{Sets: meta.Sets, S: []uint32{0, 0}}}},
			"in two batches": {{V: []int{1}, Meta: meta}, {V: []int{2}, Meta: meta}},
		} {
			h := host(t, limit)
			s := NewSingleton[int](h, "p/view", window.Fixed(10*time.Millisecond))
			sink := sinkOf[int](t, h, s)
			var err error
			for i := range batches {
				if err != nil {
					t.Errorf("%s: the first: %v", name, err)
				}
				err = sink.Push(&batches[i])
			}
			for _, part := range []string{"p/view", "singleton", "2 elements", w.String(), "AsIterable"} {
				if err == nil || !strings.Contains(err.Error(), part) {
					t.Errorf("%s, budget %d: %v does not say %q", name, limit, err, part)
				}
			}
			closeTwice(t, s)
		}
	}
}

// What cannot be encoded stays in memory.
func TestSingletonWithoutCoder(t *testing.T) {
	h := host(t, 1)
	s := NewSingleton[chan int](h, "view", window.GlobalWindows())
	ch := make(chan int)
	if err := sinkOf[chan int](t, h, s).Push(&exec.Batch[chan int]{V: []chan int{ch}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Seal(); err != nil {
		t.Fatal(err)
	}
	in(t, h, window.Global, func(c *exec.Context) {
		if got, ok := s.Get(c); !ok || got != ch {
			t.Error("another value")
		}
	})
	closeTwice(t, s)
}

func TestMapOfTwo(t *testing.T) {
	for limit, where := range map[int64]string{-1: "Seal", 1: "Get"} {
		h := host(t, limit)
		s := NewMultimap(h, "p/view", window.GlobalWindows(), coderFor[string](t), coderFor[int](t), true)
		sink := sinkOf[coder.KV[string, int]](t, h, s)
		for i := range 2 {
			if err := sink.Push(&exec.Batch[coder.KV[string, int]]{V: []coder.KV[string, int]{{Key: "twice", Value: i}, {Key: fmt.Sprint(i), Value: i}}}); err != nil {
				t.Fatal(err)
			}
		}
		err := s.Seal()
		at := "Seal"
		if err == nil {
			in(t, h, window.Global, func(c *exec.Context) {
				at = "Get"
				if err := s.Get(c, "1", func(v int) bool { return v == 1 }); err != nil {
					t.Error(err)
				}
				err = s.Get(c, "twice", func(int) bool { t.Error("a value"); return true })
			})
		}
		if err == nil || at != where || !strings.Contains(err.Error(), `twice`) || !strings.Contains(err.Error(), "AsMultimap") || !strings.Contains(err.Error(), "p/view") {
			t.Errorf("budget %d: at %s: %v", limit, at, err)
		}
		closeTwice(t, s)
	}
}

// A view does not change once it is complete.
func TestSealedViewTakesNothing(t *testing.T) {
	h := host(t, -1)
	s := NewList(h, "p/view", window.GlobalWindows(), coderFor[int](t))
	sink := sinkOf[int](t, h, s)
	if err := errors.Join(sink.Push(&exec.Batch[int]{V: []int{1}}), s.Seal(), sink.Push(&exec.Batch[int]{})); err != nil {
		t.Fatal(err)
	}
	if err := sink.Push(&exec.Batch[int]{V: []int{2}}); err == nil || !strings.Contains(err.Error(), "p/view") {
		t.Errorf("error %v", err)
	}
	in(t, h, window.Global, func(c *exec.Context) {
		if n := s.Len(c); n != 1 {
			t.Errorf("%d elements", n)
		}
	})
	closeTwice(t, s)
}

// What a view holds is charged: an element in many windows for each of them, and what it leads to.
func TestCharges(t *testing.T) {
	const n = 1000
	sliding := window.Sliding(100*time.Millisecond, 10*time.Millisecond)
	ws := sliding.AssignWindows(nil, 1000)
	for _, byRow := range []bool{false, true} {
		meta := exec.Meta{Sets: exec.NewWindowSets(ws...)}
		if byRow {
			meta.S = make([]uint32, n)
		}
		h := host(t, -1)
		s := NewList(h, "view", sliding, coderFor[[2]int64](t))
		if err := sinkOf[[2]int64](t, h, s).Push(&exec.Batch[[2]int64]{V: make([][2]int64, n), Meta: meta}); err != nil {
			t.Fatal(err)
		}
		if used, least := h.Budget.Used(), int64(n*len(ws)*16); used < least || used > 2*least {
			t.Errorf("by row %v: %d bytes are charged for %d", byRow, used, least)
		}
		closeTwice(t, s)

		texts := make([]string, n)
		for i := range texts {
			texts[i] = strings.Repeat("x", 1000)
		}
		l := NewList(h, "view", sliding, coderFor[string](t))
		if err := sinkOf[string](t, h, l).Push(&exec.Batch[string]{V: texts, Meta: meta}); err != nil {
			t.Fatal(err)
		}
		if used, least := h.Budget.Used(), int64(n*1000+n*len(ws)*16); used < least || used > 2*least {
			t.Errorf("by row %v: %d bytes are charged for %d", byRow, used, least)
		}
		closeTwice(t, l)
	}
	// The index of a map is many times larger than its pairs.
	h := host(t, -1)
	s := NewMultimap(h, "view", window.GlobalWindows(), coderFor[int64](t), coderFor[int64](t), true)
	kvs := make([]coder.KV[int64, int64], n)
	if err := sinkOf[coder.KV[int64, int64]](t, h, s).Push(&exec.Batch[coder.KV[int64, int64]]{V: kvs}); err != nil {
		t.Fatal(err)
	}
	if used := h.Budget.Used(); used < n*100 {
		t.Errorf("%d bytes are charged for a map of %d pairs", used, n)
	}
	closeTwice(t, s)
}

// damage changes the spill files in dir.
func damage(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "spill-*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("spill files %v: %v", files, err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for i := range b {
			b[i] ^= 0x10
		}
		if err := os.WriteFile(f, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// A damaged file is an error of whoever reads the view, not other contents.
func TestDamage(t *testing.T) {
	h := host(t, 1)
	list := NewList(h, "p/list", window.GlobalWindows(), coderFor[string](t))
	many := NewMultimap(h, "p/many", window.GlobalWindows(), coderFor[string](t), coderFor[string](t), false)
	one := NewSingleton[string](h, "p/one", window.GlobalWindows())
	long := strings.Repeat("long ", 1000)
	if err := errors.Join(
		sinkOf[string](t, h, list).Push(&exec.Batch[string]{V: []string{long, long}}),
		sinkOf[coder.KV[string, string]](t, h, many).Push(&exec.Batch[coder.KV[string, string]]{V: []coder.KV[string, string]{{Key: "k", Value: long}}}),
		sinkOf[string](t, h, one).Push(&exec.Batch[string]{V: []string{long}}),
		list.Seal(), many.Seal(), one.Seal(),
	); err != nil {
		t.Fatal(err)
	}
	damage(t, h.TempDir)
	in(t, h, window.Global, func(c *exec.Context) {
		errs := map[string]error{}
		errs["p/list"] = list.All(c, func(string) bool { t.Error("an element"); return true })
		_, errs["p/list "] = list.At(c, 1)
		errs["p/many"] = many.Get(c, "k", func(string) bool { t.Error("a value"); return true })
		func() {
			defer func() { errs["p/one"], _ = recover().(error) }()
			one.Get(c)
		}()
		for name, err := range maps.All(errs) {
			if !errors.Is(err, spill.ErrCorrupt) || !strings.Contains(err.Error(), strings.TrimSpace(name)) {
				t.Errorf("%s: error %v", name, err)
			}
		}
	})
	closeTwice(t, list)
	closeTwice(t, many)
	closeTwice(t, one)
}

// A spill that fails fails the writer that needed the memory.
func TestSpillFails(t *testing.T) {
	h := host(t, 1)
	h.TempDir = filepath.Join(h.TempDir, "nowhere")
	s := NewList(h, "view", window.GlobalWindows(), coderFor[int](t))
	if err := sinkOf[int](t, h, s).Push(&exec.Batch[int]{V: []int{1}}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	closeTwice(t, s)
	if n := h.Budget.Used(); n != 0 {
		t.Errorf("%d bytes are charged after the end", n)
	}
}

func TestLentRowsAreRefused(t *testing.T) {
	type seq = func(yield func(int) bool)
	h := host(t, -1)
	s := NewSingleton[seq](h, "view", window.GlobalWindows())
	if _, err := s.NewWriter(&exec.Build{Host: h}, &exec.Step{Host: h}); err == nil || !strings.Contains(err.Error(), "slice") {
		t.Errorf("error %v", err)
	}
	closeTwice(t, s)
}

func TestSignal(t *testing.T) {
	h := host(t, 1)
	s := Signal[string]{}
	step := &exec.Step{Host: h}
	sink, err := s.NewWriter(&exec.Build{Host: h}, step)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(sink.Push(&exec.Batch[string]{V: []string{"a", "b"}}), s.Seal()); err != nil {
		t.Fatal(err)
	}
	if step.In.Load() != 2 || s.Data() != nil || h.Budget.Used() != 0 {
		t.Errorf("%d rows counted, %d bytes held", step.In.Load(), h.Budget.Used())
	}
	closeTwice(t, s)
}

// The window of the view is the one that the main window's last instant is in (Beam programming guide, "Side inputs
// and windowing").
func TestMapper(t *testing.T) {
	ms := func(a, b mtime.Time) window.Window { return window.Window{Start: a, End: b} }
	for _, tt := range []struct {
		fn         window.Fn
		main, side window.Window
	}{
		{window.GlobalWindows(), ms(0, 10), window.Global},
		{window.GlobalWindows(), window.Global, window.Global},
		{window.Fixed(10 * time.Millisecond), ms(0, 10), ms(0, 10)},
		{window.Fixed(10 * time.Millisecond), ms(3, 7), ms(0, 10)},
		{window.Fixed(10 * time.Millisecond), ms(0, 40), ms(30, 40)},
		{window.Fixed(10 * time.Millisecond), ms(-5, 0), ms(-10, 0)},
		{window.Sliding(40*time.Millisecond, 10*time.Millisecond), ms(0, 10), ms(-30, 10)},
		{window.Sliding(40*time.Millisecond, 10*time.Millisecond), ms(0, 11), ms(-20, 20)},
	} {
		if got := NewMapper(tt.fn).Side(tt.main); got != tt.side {
			t.Errorf("%v of %v: %v, want %v", tt.fn, tt.main, got, tt.side)
		}
	}
}
