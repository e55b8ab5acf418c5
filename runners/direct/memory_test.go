package direct_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace-go/millrace/io/textio"
	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/window"
	"github.com/millrace-go/millrace/transforms/dedupe"
	"github.com/millrace-go/millrace/transforms/stats"
)

// Five times the budget goes through each operator, in elements that hold 10 KB each.
const (
	memBudget = 64 << 20
	memSlack  = 200 << 20 // that a process may need beyond the budget
	memHeld   = 10 << 10  // bytes that an element holds
	memRows   = 5 * memBudget / memHeld
)

// pool is bytes that do not compress; payloads are cut from it.
var pool = func() []byte {
	b := make([]byte, 4<<20)
	_, _ = rand.NewChaCha8([32]byte{7}).Read(b)
	return b
}()

// payload is 10 KB of its own for element i: number, noise that depends on it, number.
func payload(i int64) []byte {
	b := make([]byte, memHeld)
	at := int(uint64(i) * 0x9E3779B97F4A7C15 % uint64(len(pool)-memHeld))
	copy(b, pool[at:])
	binary.LittleEndian.PutUint64(b, uint64(i))
	binary.LittleEndian.PutUint64(b[memHeld-8:], uint64(i))
	return b
}

// numberOf is the number of a payload, or -1 if it is not whole.
func numberOf[S string | []byte](s S) int64 {
	if len(s) != memHeld {
		return -1
	}
	i := int64(binary.LittleEndian.Uint64([]byte(s[:8])))
	at := int(uint64(i) * 0x9E3779B97F4A7C15 % uint64(len(pool)-memHeld))
	if string(s[8:memHeld-8]) != string(pool[at+8:at+memHeld-8]) || binary.LittleEndian.Uint64([]byte(s[memHeld-8:])) != uint64(i) {
		return -1
	}
	return i
}

// parcel holds 10 KB in a string, slices and a map.
type parcel struct {
	Text  string
	Parts []string
	By    map[string][]byte
}

func pack(i int64) parcel {
	b := payload(i)
	return parcel{
		Text:  string(b[:4000]),
		Parts: []string{string(b[4000:5000]), string(b[5000:7000])},
		By:    map[string][]byte{"a": slices.Clone(b[7000:9000]), "b": slices.Clone(b[9000:])},
	}
}

func (p parcel) number() int64 {
	if len(p.Parts) != 2 {
		return -1
	}
	return numberOf(p.Text + p.Parts[0] + p.Parts[1] + string(p.By["a"]) + string(p.By["b"]))
}

// tally checks that each number below n came a number of times, and that nothing else did.
type tally struct{ seen []atomic.Int32 }

func newTally(n int) *tally { return &tally{make([]atomic.Int32, n+1)} }

func (t *tally) add(i int64) {
	if i < 0 || i >= int64(len(t.seen))-1 {
		i = int64(len(t.seen)) - 1 // what is no number of ours
	}
	t.seen[i].Add(1)
}

func (t *tally) check(times int32) error {
	n := len(t.seen) - 1
	if c := t.seen[n].Load(); c > 0 {
		return fmt.Errorf("%d elements are damaged", c)
	}
	wrong, at := 0, 0
	for i := range n {
		if t.seen[i].Load() != times {
			wrong, at = wrong+1, i
		}
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d elements did not come %d times; number %d came %d times", wrong, n, times, at, t.seen[at].Load())
	}
	return nil
}

// numbers is the numbers below n, from a source that can be split.
func numbers(p *sdk.Pipeline, n int64) sdk.PCollection[int64] {
	return sdk.ParDoSplittable(sdk.Of(p, n), upTo{})
}

func texts(p *sdk.Pipeline) sdk.PCollection[string] {
	return sdk.Map(numbers(p, memRows), func(i int64) string { return string(payload(i)) })
}

// keyed is payloads under keys that take turns.
func keyed(p *sdk.Pipeline, rows, keys int64) sdk.PCollection[sdk.KV[int64, string]] {
	return sdk.Map(numbers(p, rows), func(i int64) sdk.KV[int64, string] { return sdk.MakeKV(i%keys, string(payload(i))) })
}

type lastText struct{}

func (lastText) CreateAccumulator() string            { return "" }
func (lastText) AddInput(_, v string) string          { return v }
func (lastText) MergeAccumulators(_, b string) string { return b }
func (lastText) ExtractOutput(a string) string        { return a }

type allTexts struct{}

func (allTexts) CreateAccumulator() []string              { return nil }
func (allTexts) AddInput(a []string, v string) []string   { return append(a, v) }
func (allTexts) MergeAccumulators(a, b []string) []string { return append(a, b...) }
func (allTexts) ExtractOutput(a []string) []string        { return a }

// reads goes through views that are larger than memory.
type reads struct {
	It   sdk.IterableView[string]
	List sdk.ListView[string]
	tally,
	listed *tally
}

func (r *reads) ProcessElement(c *sdk.Context, _ int, _ sdk.Emitter[int]) error {
	for s := range r.It.All(c) {
		r.tally.add(numberOf(s))
	}
	for i := range r.List.Len(c) {
		r.listed.add(numberOf(r.List.At(c, i)))
	}
	return nil
}

type finds struct {
	Map  sdk.MapView[int64, string]
	Many sdk.MultimapView[int64, string]
}

func (f *finds) ProcessElement(c *sdk.Context, i int64, _ sdk.Emitter[int]) error {
	v, ok := f.Map.Get(c, i)
	if ok != (i < memRows) || ok && numberOf(v) != i {
		return fmt.Errorf("the map view has %v for %d", ok, i)
	}
	n := int64(0)
	for s := range f.Many.Get(c, i) {
		if k := numberOf(s); k%(memRows/4) != i {
			return fmt.Errorf("the multimap view has %d for %d", k, i)
		}
		n++
	}
	if want := int64(4); (i < memRows/4) != (n == want) {
		return fmt.Errorf("the multimap view has %d values for %d", n, i)
	}
	return nil
}

type ofWindow struct {
	One   sdk.SingletonView[string]
	tally *tally
}

func (f *ofWindow) ProcessElement(c *sdk.Context, i int64, _ sdk.Emitter[int]) error {
	if n := numberOf(f.One.Get(c)); n != i {
		return fmt.Errorf("the view of window %d has %d", i, n)
	}
	f.tally.add(i)
	return nil
}

type overAll struct {
	Mean sdk.SingletonView[float64]
	Sum  sdk.SingletonView[int64]
}

func (f *overAll) ProcessElement(c *sdk.Context, s string, out sdk.Emitter[float64]) error {
	if f.Sum.Get(c) != int64(memRows)*(memRows-1)/2 {
		return fmt.Errorf("the sum is %d", f.Sum.Get(c))
	}
	out.Emit(float64(numberOf(s)) / f.Mean.Get(c))
	return nil
}

// memoryCase is an operator and a check of what came out of it.
type memoryCase struct {
	name string
	// build returns what to check after the run.
	build func(p *sdk.Pipeline, dir string) (check func() error)
}

var memoryCases = []memoryCase{
	{name: "GroupByKey", build: func(p *sdk.Pipeline, _ string) func() error {
		t := newTally(memRows)
		kv := sdk.Map(numbers(p, memRows), func(i int64) sdk.KV[int64, parcel] { return sdk.MakeKV(i%3000, pack(i)) })
		sdk.Map(sdk.GroupByKey(kv), func(g sdk.KV[int64, iter.Seq[parcel]]) int {
			for v := range g.Value {
				t.add(v.number())
			}
			return 0
		})
		return func() error { return t.check(1) }
	}},
	{name: "GroupByKeyOfLongKeys", build: func(p *sdk.Pipeline, _ string) func() error {
		t := newTally(memRows)
		kv := sdk.WithKeys(numbers(p, memRows), func(i int64) string { return string(payload(i)) })
		sdk.Map(sdk.GroupByKey(kv), func(g sdk.KV[string, iter.Seq[int64]]) int {
			for v := range g.Value {
				if numberOf(g.Key) != v {
					v = -1
				}
				t.add(v)
			}
			return 0
		})
		return func() error { return t.check(1) }
	}},
	{name: "GroupByKeyOfOneKey", build: func(p *sdk.Pipeline, _ string) func() error {
		t := newTally(memRows)
		sdk.Map(sdk.GroupByKey(keyed(p, memRows, 1)), func(g sdk.KV[int64, iter.Seq[string]]) int {
			for range 2 {
				for v := range g.Value {
					t.add(numberOf(v))
				}
			}
			return 0
		})
		return func() error { return t.check(2) }
	}},
	{name: "CombinePerKey", build: func(p *sdk.Pipeline, _ string) func() error {
		t := newTally(memRows)
		sdk.Map(sdk.CombinePerKey(keyed(p, memRows, memRows), lastText{}), func(kv sdk.KV[int64, string]) int {
			t.add(numberOf(kv.Value))
			return 0
		})
		return func() error { return t.check(1) }
	}},
	{name: "CombinePerKeyOfLists", build: func(p *sdk.Pipeline, _ string) func() error {
		t := newTally(memRows)
		sdk.Map(sdk.CombinePerKey(keyed(p, memRows, 2000), allTexts{}), func(kv sdk.KV[int64, []string]) int {
			for _, v := range kv.Value {
				t.add(numberOf(v))
			}
			return 0
		})
		return func() error { return t.check(1) }
	}},
	{name: "CoGroupByKey", build: func(p *sdk.Pipeline, _ string) func() error {
		t := newTally(memRows / 2)
		a, b := keyed(p, memRows/2, 2000), sdk.Map(keyed(p, memRows/2, 2000), func(kv sdk.KV[int64, string]) sdk.KV[int64, []byte] {
			return sdk.MakeKV(kv.Key, []byte(kv.Value))
		})
		sdk.Map(sdk.CoGroupByKey2(a, b), func(g sdk.KV[int64, sdk.CoGroup2[string, []byte]]) int {
			for v := range g.Value.A {
				t.add(numberOf(v))
			}
			for v := range g.Value.B {
				t.add(numberOf(v))
			}
			return 0
		})
		return func() error { return t.check(2) }
	}},
	{name: "AsIterable", build: func(p *sdk.Pipeline, _ string) func() error {
		t := newTally(memRows)
		sdk.ParDo(sdk.Of(p, 1), &reads{It: sdk.AsIterable(texts(p)), List: sdk.AsList(sdk.Of[string](p)), tally: t})
		return func() error { return t.check(1) }
	}},
	{name: "AsList", build: func(p *sdk.Pipeline, _ string) func() error {
		t := newTally(memRows)
		sdk.ParDo(sdk.Of(p, 1), &reads{It: sdk.AsIterable(sdk.Of[string](p)), List: sdk.AsList(texts(p)), listed: t})
		return func() error { return t.check(1) }
	}},
	{name: "AsMap", build: func(p *sdk.Pipeline, _ string) func() error {
		view := sdk.AsMap(keyed(p, memRows, memRows))
		sdk.ParDo(sdk.Of(p, int64(memRows/4), memRows/2, memRows-1, memRows, memRows+1), &finds{Map: view, Many: sdk.AsMultimap(sdk.Of[sdk.KV[int64, string]](p))})
		return func() error { return nil }
	}},
	{name: "AsMultimap", build: func(p *sdk.Pipeline, _ string) func() error {
		// The map view knows nothing, so that only keys beyond it are asked for.
		d := &findsMany{Many: sdk.AsMultimap(keyed(p, memRows, memRows/4))}
		sdk.ParDo(sdk.Of(p, int64(0), 1, memRows/8, memRows/4-1, memRows/4), d)
		return func() error { return nil }
	}},
	{name: "AsSingleton", build: func(p *sdk.Pipeline, _ string) func() error {
		t := newTally(memRows)
		in := sdk.WindowInto(sdk.WithTimestamps(numbers(p, memRows), func(i int64) sdk.Time { return sdk.Time(i) }), window.Fixed(time.Millisecond))
		view := sdk.AsSingleton(sdk.Map(in, func(i int64) string { return string(payload(i)) }))
		sdk.ParDo(in, &ofWindow{One: view, tally: t})
		return func() error { return t.check(1) }
	}},
	{name: "TopPerKey", build: func(p *sdk.Pipeline, _ string) func() error {
		t := newTally(memRows)
		sdk.Map(stats.TopPerKey(keyed(p, memRows, 3000), 10, func(a, b string) bool { return numberOf(a) < numberOf(b) }), func(kv sdk.KV[int64, []string]) int {
			for i, v := range kv.Value {
				n := numberOf(v)
				t.add(n)
				if i > 0 && n >= numberOf(kv.Value[i-1]) {
					t.add(-1)
				}
			}
			return 0
		})
		return func() error {
			for i := range memRows - 10*3000 { // those that are not among the ten greatest of their key
				t.add(int64(i))
			}
			return t.check(1)
		}
	}},
	{name: "Distinct", build: func(p *sdk.Pipeline, _ string) func() error {
		t := newTally(memRows)
		all := texts(p)
		sdk.Map(dedupe.Distinct(all), func(s string) int {
			t.add(numberOf(s))
			return 0
		})
		return func() error { return t.check(1) }
	}},
	{name: "Reshuffle", build: func(p *sdk.Pipeline, _ string) func() error {
		t := newTally(memRows)
		sdk.Map(sdk.Reshuffle(texts(p)), func(s string) int {
			t.add(numberOf(s))
			return 0
		})
		return func() error { return t.check(1) }
	}},
	{name: "Sink", build: func(p *sdk.Pipeline, dir string) func() error {
		return lines(p, filepath.Join(dir, "out"))
	}},
	{name: "SinkInShards", build: func(p *sdk.Pipeline, dir string) func() error {
		return lines(p, filepath.Join(dir, "out"), textio.Shards(3))
	}},
	{name: "OverTheMean", build: func(p *sdk.Pipeline, _ string) func() error {
		t := newTally(memRows)
		in := texts(p)
		n := sdk.Map(in, func(s string) int64 { return numberOf(s) })
		d := &overAll{Mean: sdk.AsSingleton(stats.Mean(n)), Sum: sdk.AsSingleton(stats.Sum(n))}
		const mean = float64(memRows-1) / 2
		sdk.Map(sdk.ParDo(in, d), func(x float64) int {
			t.add(int64(x*mean + 0.5))
			return 0
		})
		return func() error { return t.check(1) }
	}},
	{name: "Diamond", build: func(p *sdk.Pipeline, _ string) func() error {
		// One collection is both sides of a join and two views of what reads it.
		t := newTally(memRows / 2)
		in := keyed(p, memRows/2, 2000)
		n := sdk.Map(in, func(kv sdk.KV[int64, string]) int64 { return numberOf(kv.Value) })
		one := sdk.ParDo(in, &checksView[int64]{View: sdk.AsSingleton(stats.CountAll(n)), Want: memRows / 2})
		two := sdk.ParDo(one, &checksView[int64]{View: sdk.AsSingleton(stats.CountAll(one)), Want: memRows / 2})
		sdk.Map(sdk.CoGroupByKey2(two, in), func(g sdk.KV[int64, sdk.CoGroup2[string, string]]) int {
			for v := range g.Value.A {
				t.add(numberOf(v))
			}
			for v := range g.Value.B {
				t.add(numberOf(v))
			}
			return 0
		})
		return func() error { return t.check(2) }
	}},
	{name: "AsMapOfSmallPairs", build: func(p *sdk.Pipeline, _ string) func() error {
		const rows = 5 * memBudget / 32
		kv := sdk.Map(numbers(p, rows), func(i int64) sdk.KV[int64, int64] { return sdk.MakeKV(i, -i) })
		sdk.ParDo(sdk.Of(p, int64(0), 1, rows/2, rows-1), &findsSmall{Map: sdk.AsMap(kv)})
		return func() error { return nil }
	}},
}

type findsMany struct {
	Many sdk.MultimapView[int64, string]
}

func (f *findsMany) ProcessElement(c *sdk.Context, i int64, _ sdk.Emitter[int]) error {
	n := 0
	for s := range f.Many.Get(c, i) {
		if k := numberOf(s); k%(memRows/4) != i {
			return fmt.Errorf("the view has %d for %d", k, i)
		}
		n++
	}
	if (i < memRows/4) != (n == 4) {
		return fmt.Errorf("the view has %d values for %d", n, i)
	}
	return nil
}

type findsSmall struct {
	Map sdk.MapView[int64, int64]
}

func (f *findsSmall) ProcessElement(c *sdk.Context, i int64, _ sdk.Emitter[int]) error {
	if v, ok := f.Map.Get(c, i); !ok || v != -i {
		return fmt.Errorf("the view has %d, %v for %d", v, ok, i)
	}
	return nil
}

// checksView passes on what it is given, after a look at a view.
type checksView[T comparable] struct {
	View sdk.SingletonView[T]
	Want T
}

func (f *checksView[T]) ProcessElement(c *sdk.Context, kv sdk.KV[int64, string], out sdk.Emitter[sdk.KV[int64, string]]) error {
	if v := f.View.Get(c); v != f.Want {
		return fmt.Errorf("the view has %v, want %v", v, f.Want)
	}
	out.Emit(kv)
	return nil
}

// lines writes payloads as lines of text and returns what checks the files.
func lines(p *sdk.Pipeline, path string, opts ...textio.Option) func() error {
	hex := sdk.Map(numbers(p, memRows), func(i int64) string {
		s := strconv.FormatInt(i, 10)
		return s + strings.Repeat("-", memHeld-1-len(s))
	})
	textio.Write(hex, path, opts...)
	return func() error {
		t := newTally(memRows)
		files, err := filepath.Glob(path + "-0*")
		if err != nil || len(files) == 0 {
			return fmt.Errorf("files %v: %w", files, err)
		}
		for _, name := range files {
			f, err := os.Open(name)
			if err != nil {
				return err
			}
			s := bufio.NewScanner(f)
			for s.Scan() {
				i, err := strconv.ParseInt(strings.TrimRight(s.Text(), "-"), 10, 64)
				if err != nil || len(s.Bytes()) != memHeld-1 {
					i = -1
				}
				t.add(i)
			}
			if err := errors.Join(s.Err(), f.Close(), os.Remove(name)); err != nil {
				return err
			}
		}
		return t.check(1)
	}
}

func init() {
	for _, c := range memoryCases {
		children["memory/"+c.name] = func(dir string) error {
			var check func() error
			_, err := sdk.Run(context.Background(), &direct.Runner{Budget: memBudget, TempDir: dir, Log: quiet()}, func(p *sdk.Pipeline) error {
				check = c.build(p, dir)
				return nil
			})
			if err != nil {
				return err
			}
			return check()
		}
	}
}

// TestPeakMemory: with elements that hold 10 KB each, five times the budget in all, no operator makes the process
// larger than its budget and 200 MB.
func TestPeakMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("writes several GB of temporary files: not with -short")
	}
	if raceEnabled {
		t.Skip("the race detector multiplies what a process holds")
	}
	if _, err := peakRSS(); err != nil {
		t.Skip(err)
	}
	for _, c := range memoryCases {
		t.Run(c.name, func(t *testing.T) {
			peak, wall := measured(t, "memory/"+c.name, t.TempDir())
			t.Logf("peak RSS %d MB of %d MB, in %v", peak>>20, (memBudget+memSlack)>>20, wall.Round(time.Millisecond))
			if peak > memBudget+memSlack {
				t.Errorf("the peak is %d MB over the budget of %d MB; %d MB are allowed", (peak-memBudget)>>20, memBudget>>20, memSlack>>20)
			}
		})
	}
}
