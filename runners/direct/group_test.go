package direct_test

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/runners/ptest"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/teststream"
	"github.com/millrace-go/millrace/sdk/window"
)

type structKey struct {
	A string
	B int32
}

// randomRows returns keys, values and times; some keys are hot.
func randomRows(rng *rand.Rand, n, keys int) []sdk.Timestamped[sdk.KV[int, int64]] {
	rows := make([]sdk.Timestamped[sdk.KV[int, int64]], n)
	for i := range rows {
		k := rng.IntN(keys)
		if rng.IntN(4) == 0 {
			k = 0
		}
		rows[i] = sdk.Timestamped[sdk.KV[int, int64]]{
			Time:  mtime.Time(rng.IntN(100_000)),
			Value: sdk.MakeKV(k, int64(rng.IntN(1000))),
		}
	}
	return rows
}

// rowsFor is fewer rows where every batch goes to disk.
func rowsFor(budget int64) int {
	if budget == 1 {
		return 2_000
	}
	return 10_000
}

type keyWin struct {
	k int
	w window.Window
}

// naive groups rows as the model says, with a map.
func naive(rows []sdk.Timestamped[sdk.KV[int, int64]], fn window.Fn) map[keyWin][]int64 {
	byKey := map[int]map[window.Window][]int64{}
	for _, r := range rows {
		if byKey[r.Value.Key] == nil {
			byKey[r.Value.Key] = map[window.Window][]int64{}
		}
		for _, w := range fn.AssignWindows(nil, r.Time) {
			byKey[r.Value.Key][w] = append(byKey[r.Value.Key][w], r.Value.Value)
		}
	}
	out := map[keyWin][]int64{}
	for k, ws := range byKey {
		if s, ok := fn.(window.SessionsFn); ok {
			// Sessions by their definition: sort the starts, cut where the gap is reached.
			starts := slices.SortedFunc(maps.Keys(ws), window.Window.Compare)
			gap := mtime.Time(s.Gap / time.Millisecond)
			for i := 0; i < len(starts); {
				span := starts[i]
				var vs []int64
				for ; i < len(starts) && starts[i].Start < span.End; i++ {
					span.End = starts[i].Start + gap
					vs = append(vs, ws[starts[i]]...)
				}
				out[keyWin{k, span}] = vs
			}
			continue
		}
		for w, vs := range ws {
			out[keyWin{k, w}] = vs
		}
	}
	for _, vs := range out {
		slices.Sort(vs)
	}
	return out
}

func printed(m map[keyWin][]int64) []string {
	var lines []string
	for kw, vs := range m {
		lines = append(lines, fmt.Sprint(kw.k, kw.w, vs))
	}
	slices.Sort(lines)
	return lines
}

// grouped runs GroupByKey over keys of type K made from ints by to, and undone by from.
func grouped[K any](t *testing.T, r *direct.Runner, rows []sdk.Timestamped[sdk.KV[int, int64]], fn window.Fn, to func(int) K, from func(K) int) []string {
	return collect(t, r, func(p *sdk.Pipeline) sdk.PCollection[string] {
		in := sdk.WindowInto(sdk.CreateTimestamped(p, rows), fn)
		kv := sdk.Map(in, func(kv sdk.KV[int, int64]) sdk.KV[K, int64] { return sdk.MakeKV(to(kv.Key), kv.Value) })
		return sdk.Map(sdk.Reify(sdk.GroupByKey(kv)), func(e sdk.Element[sdk.KV[K, iter.Seq[int64]]]) string {
			twice := slices.Equal(slices.Collect(e.Value.Value), slices.Collect(e.Value.Value))
			if !twice || len(e.Windows) != 1 || e.Time != e.Windows[0].MaxTimestamp() {
				return "the second iteration, the window or the timestamp is wrong"
			}
			return fmt.Sprint(from(e.Value.Key), e.Windows[0], slices.Sorted(e.Value.Value))
		})
	})
}

func TestGroupByKeyAgainstNaive(t *testing.T) {
	fns := []window.Fn{
		window.GlobalWindows(), window.Fixed(7 * time.Second), window.Sliding(10*time.Second, 3*time.Second),
		window.Sessions(40 * time.Millisecond), window.Sessions(5 * time.Second),
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for i, fn := range fns {
		for _, budget := range []int64{-1, 1 << 16, 1} {
			t.Run(fmt.Sprintf("%v/budget=%d", fn, budget), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(seed, uint64(i)))
				rows := randomRows(rng, rowsFor(budget), 300)
				want := printed(naive(rows, fn))
				r := &direct.Runner{Budget: budget, TempDir: t.TempDir()}
				check := func(kind string, got []string) {
					t.Helper()
					if !slices.Equal(got, want) {
						k := 0
						for k < min(len(got), len(want)) && got[k] == want[k] {
							k++
						}
						t.Errorf("%s keys: %d groups, want %d; first difference at %d", kind, len(got), len(want), k)
						if k < min(len(got), len(want)) {
							t.Logf("got  %.300s\nwant %.300s", got[k], want[k])
						}
					}
				}
				check("int", grouped(t, r, rows, fn, func(i int) int { return i }, func(i int) int { return i }))
				check("uint16", grouped(t, r, rows, fn, func(i int) uint16 { return uint16(i) }, func(i uint16) int { return int(i) }))
				check("string", grouped(t, r, rows, fn, func(i int) string { return fmt.Sprint(i) }, atoi))
				check("struct", grouped(t, r, rows, fn,
					func(i int) structKey { return structKey{fmt.Sprint(i), int32(i)} }, func(k structKey) int { return int(k.B) }))
				check("bytes", grouped(t, r, rows, fn, func(i int) []byte { return fmt.Append(nil, i) }, func(b []byte) int { return atoi(string(b)) }))
			})
		}
	}
}

func atoi(s string) int {
	var n int
	_, _ = fmt.Sscan(s, &n)
	return n
}

// mapSum has a map for an accumulator, so that merging one twice, or into itself, shows.
type mapSum struct{}

func (mapSum) CreateAccumulator() map[string]int64 { return map[string]int64{} }
func (mapSum) AddInput(a map[string]int64, v int64) map[string]int64 {
	a["sum"] += v
	a["count"]++
	return a
}

func (mapSum) MergeAccumulators(a, b map[string]int64) map[string]int64 {
	for k, v := range b {
		a[k] += v
	}
	return a
}

func (mapSum) ExtractOutput(a map[string]int64) string { return fmt.Sprint(a["count"], " ", a["sum"]) }

func TestCombinePerKeyAgainstNaive(t *testing.T) {
	fns := []window.Fn{
		window.GlobalWindows(), window.Fixed(7 * time.Second), window.Sliding(10*time.Second, 3*time.Second),
		window.Sessions(40 * time.Millisecond), window.Sessions(5 * time.Second),
	}
	for i, fn := range fns {
		for _, budget := range []int64{-1, 1 << 16, 1} {
			t.Run(fmt.Sprintf("%v/budget=%d", fn, budget), func(t *testing.T) {
				rows := randomRows(rand.New(rand.NewPCG(1, uint64(i))), rowsFor(budget), 300)
				var want []string
				for kw, vs := range naive(rows, fn) {
					var sum int64
					for _, v := range vs {
						sum += v
					}
					want = append(want, fmt.Sprint(kw.k, kw.w, fmt.Sprint(len(vs), " ", sum)))
				}
				slices.Sort(want)
				got := collect(t, &direct.Runner{Budget: budget, TempDir: t.TempDir()}, func(p *sdk.Pipeline) sdk.PCollection[string] {
					in := sdk.WindowInto(sdk.CreateTimestamped(p, rows), fn)
					return sdk.Map(sdk.Reify(sdk.CombinePerKey(in, mapSum{})), func(e sdk.Element[sdk.KV[int, string]]) string {
						return fmt.Sprint(e.Value.Key, e.Windows[0], e.Value.Value)
					})
				})
				if !slices.Equal(got, want) {
					t.Errorf("got %d results, want %d: %.200v / %.200v", len(got), len(want), got, want)
				}
			})
		}
	}
}

func TestGroupTimestamps(t *testing.T) {
	rows := []sdk.Timestamped[sdk.KV[string, int]]{{Time: 1000, Value: sdk.MakeKV("a", 1)}, {Time: 3000, Value: sdk.MakeKV("a", 2)}}
	for c, want := range map[window.TimestampCombiner]mtime.Time{window.EndOfWindow: 9999, window.Earliest: 1000, window.Latest: 3000} {
		for _, budget := range []int64{-1, 1} {
			got := collect(t, &direct.Runner{Budget: budget}, func(p *sdk.Pipeline) sdk.PCollection[mtime.Time] {
				in := sdk.WindowInto(sdk.CreateTimestamped(p, rows), window.Fixed(10*time.Second), sdk.WithTimestampCombiner(c))
				return sdk.Map(sdk.Reify(sdk.GroupByKey(in)), func(e sdk.Element[sdk.KV[string, iter.Seq[int]]]) mtime.Time { return e.Time })
			})
			if want := []string{fmt.Sprint(want)}; !slices.Equal(got, want) {
				t.Errorf("%v, budget %d: got %v, want %v", c, budget, got, want)
			}
		}
	}
}

func TestCoGroupByKey(t *testing.T) {
	for _, budget := range []int64{-1, 1} {
		got := collect(t, &direct.Runner{Budget: budget}, func(p *sdk.Pipeline) sdk.PCollection[string] {
			a := sdk.Of(p, sdk.MakeKV("x", 1), sdk.MakeKV("x", 2), sdk.MakeKV("y", 3))
			b := sdk.Of(p, sdk.MakeKV("x", "one"), sdk.MakeKV("z", "two"))
			return sdk.Map(sdk.CoGroupByKey2(a, b), func(g sdk.KV[string, sdk.CoGroup2[int, string]]) string {
				return fmt.Sprint(g.Key, slices.Sorted(g.Value.A), slices.Sorted(g.Value.B))
			})
		})
		if want := []string{"x[1 2] [one]", "y[3] []", "z[] [two]"}; !slices.Equal(got, want) {
			t.Errorf("budget %d: got %v, want %v", budget, got, want)
		}
	}
}

// One group larger than what is collected in memory is read from its runs, twice.
func TestGroupLargerThanMemory(t *testing.T) {
	const n, size = 20_000, 1000
	for _, workers := range []int{1, 3} {
		got := collect(t, &direct.Runner{Budget: 1 << 20, Workers: workers}, func(p *sdk.Pipeline) sdk.PCollection[string] {
			ids := make([]int, n)
			for i := range ids {
				ids[i] = i
			}
			kv := sdk.Map(sdk.Create(p, ids), func(i int) sdk.KV[string, []byte] {
				b := make([]byte, size)
				rand.NewChaCha8([32]byte{byte(i), byte(i >> 8)}).Read(b)
				b[0], b[1] = byte(i), byte(i>>8)
				return sdk.MakeKV([]string{"hot", "cold"}[min(i%1000, 1)^1], b)
			})
			return sdk.Map(sdk.GroupByKey(kv), func(g sdk.KV[string, iter.Seq[[]byte]]) string {
				seen := map[int]int{}
				for range 2 {
					for b := range g.Value {
						seen[int(b[0])|int(b[1])<<8]++
					}
				}
				twice := 0
				for _, c := range seen {
					if c == 2 {
						twice++
					}
				}
				return fmt.Sprint(g.Key, " ", len(seen), " ", twice)
			})
		})
		want := []string{"cold 20 20", "hot 19980 19980"}
		if !slices.Equal(got, want) {
			t.Errorf("%d workers: got %v, want %v", workers, got, want)
		}
	}
}

func TestGroupByKeyStrict(t *testing.T) {
	rows := randomRows(rand.New(rand.NewPCG(3, 3)), 500, 20)
	fn := window.Fixed(20 * time.Second)
	want := printed(naive(rows, fn))
	got := ptest.Collect(t, func(p *sdk.Pipeline) sdk.PCollection[string] {
		in := sdk.WindowInto(sdk.CreateTimestamped(p, rows), fn)
		return sdk.Map(sdk.Reify(sdk.GroupByKey(in)), func(e sdk.Element[sdk.KV[int, iter.Seq[int64]]]) string {
			return fmt.Sprint(e.Value.Key, e.Windows[0], slices.Sorted(e.Value.Value))
		})
	})
	slices.SortFunc(got, cmp.Compare[string])
	if !slices.Equal(got, want) {
		t.Errorf("got %d groups, want %d", len(got), len(want))
	}
}

// foldKey is a key whose encoding knows of no case.
type foldKey struct{ S string }

func (k foldKey) MarshalBinary() ([]byte, error) { return []byte(strings.ToLower(k.S)), nil }

func (k *foldKey) UnmarshalBinary(b []byte) error {
	k.S = string(b)
	return nil
}

// Keys with one encoding are one key, and it is what the encoding stands for, in every mode: not what some row had.
func TestKeyIsWhatItsEncodingStandsFor(t *testing.T) {
	for _, stream := range []bool{false, true} {
		for _, what := range []string{"group", "combine", "cogroup"} {
			var got collected[string]
			_, err := sdk.Run(t.Context(), &direct.Runner{Workers: 2, Log: quiet()}, func(p *sdk.Pipeline) error {
				var texts sdk.PCollection[string]
				if stream {
					texts = sdk.WindowInto(teststream.Read(p, teststream.New[string]().Add(at(1), "A", "a", "b", "B")), window.Fixed(time.Second))
				} else {
					texts = sdk.Of(p, "A", "a", "b", "B")
				}
				in := sdk.Map(texts, func(s string) sdk.KV[foldKey, int64] { return sdk.MakeKV(foldKey{s}, int64(1)) })
				var ks sdk.PCollection[foldKey]
				switch what {
				case "group":
					ks = sdk.Keys(sdk.GroupByKey(in))
				case "combine":
					ks = sdk.Keys(sdk.CombinePerKey(in, sumFn{}))
				default:
					ks = sdk.Keys(sdk.CoGroupByKey2(in, in))
				}
				sdk.Map(ks, func(k foldKey) int { got.add(k.S); return 0 })
				return nil
			})
			if slices.Sort(got.v); err != nil || !slices.Equal(got.v, []string{"a", "b"}) {
				t.Errorf("%s, stream %v: keys %q; %v", what, stream, got.v, err)
			}
		}
	}
}
