package direct_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/state"
	"github.com/millrace-go/millrace/sdk/teststream"
	"github.com/millrace-go/millrace/sdk/timer"
	"github.com/millrace-go/millrace/sdk/window"
)

type kv = sdk.KV[string, int64]

func pair(k string, v int64) kv { return kv{Key: k, Value: v} }

func at(ms int64) sdk.Time { return mtime.Time(ms) }

// runners are the ways in which a script must give the same: one worker, several, and strict ones under seeds.
func runners(seeds int) map[string]*direct.Runner {
	rs := map[string]*direct.Runner{}
	for w := 1; w <= 3; w++ {
		rs[fmt.Sprint(w, " workers")] = &direct.Runner{Workers: w, Log: quiet()}
	}
	for s := 1; s <= seeds; s++ {
		rs[fmt.Sprint("seed ", s)] = &direct.Runner{Workers: 3, Strict: true, Seed: uint64(s), Log: quiet()}
	}
	return rs
}

// said collects lines.
type said struct{ collected[string] }

func (s *said) sayf(format string, args ...any) { s.add(fmt.Sprintf(format, args...)) }

func (s *said) sorted() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := slices.Clone(s.v)
	slices.Sort(v)
	return v
}

// tell says each element of a collection, with what the stream knows of it.
func tell[T any](s *said, in sdk.PCollection[T]) {
	sdk.Filter(sdk.Reify(in), func(e sdk.Element[T]) bool {
		var w []string
		for _, x := range e.Windows {
			w = append(w, brief(x))
		}
		s.sayf("%v @%d in %s", e.Value, int64(e.Time), strings.Join(w, " "))
		return false
	})
}

// brief is a window in ms.
func brief(w window.Window) string {
	if w.IsGlobal() {
		return "global"
	}
	return fmt.Sprintf("[%d, %d)", int64(w.Start), int64(w.End))
}

// play runs a script through build under all runners and compares what it says with want, in any order.
func play(t *testing.T, script *teststream.Stream[kv], want []string, build func(in sdk.PCollection[kv], s *said)) {
	t.Helper()
	slices.Sort(want)
	rs := runners(3)
	for _, name := range slices.Sorted(maps.Keys(rs)) {
		s, r := &said{}, rs[name]
		res, err := sdk.Run(t.Context(), r, func(p *sdk.Pipeline) error {
			s.v = nil
			build(teststream.Read(p, script), s)
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := s.sorted(); !slices.Equal(got, want) {
			t.Fatalf("%s: got\n  %s\nwant\n  %s", name, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
		}
		if n := held(res); n != 0 {
			t.Errorf("%s: %d slots are held at the end", name, n)
		}
	}
}

func held(res *sdk.Result) (slots int64) {
	for _, s := range res.Status.Stages {
		if s.Streaming != nil {
			slots += s.Streaming.Slots
		}
	}
	return slots
}

// everyFn keeps what it is given in a cell of each kind, and says what they hold.
type everyFn struct {
	Value    state.Value[int64]
	Bag      state.Bag[int64]
	Sum      state.Combining[int64, int64, int64]
	Map      state.Map[int64, int64]
	Multimap state.Multimap[bool, int64]
	Set      state.Set[int64]
	List     state.OrderedList[int64]
}

func (f *everyFn) ProcessElement(c *sdk.Context, key string, v int64, out sdk.Emitter[string]) error {
	f.Value.Write(max(f.Value.Get(), v))
	f.Bag.Add(v)
	f.Sum.Add(v)
	n, _ := f.Map.Get(v % 3)
	f.Map.Put(v%3, n+1)
	f.Multimap.Add(v%2 == 0, v)
	f.Set.Add(v % 3)
	f.List.Add(c.EventTime(), v)
	var list []int64
	for _, x := range f.List.All() {
		list = append(list, x)
	}
	m, _ := f.Map.Get(v % 3)
	out.Emit(fmt.Sprintf("%s %d%v%d %d%v%d%v", key, f.Value.Get(), slices.Collect(f.Bag.All()), f.Sum.Read(), m, slices.Collect(f.Multimap.Get(v%2 == 0)), f.Set.Len(), list))
	return nil
}

// Each kind of cell keeps what it is given, by key and window, and only until the window has expired.
func TestCells(t *testing.T) {
	script := teststream.New[kv]().
		Add(at(5), pair("a", 1), pair("b", 7)).
		Add(at(3), pair("a", 2)).
		Add(at(12), pair("a", 4)). // another window
		Watermark(at(9)).
		Add(at(8), pair("a", 5)).
		Watermark(at(10)).
		Add(at(9), pair("a", 6)). // droppable
		Add(at(11), pair("a", 3))
	want := []string{
		"a 1[1]1 1[1]1[1] @5 in [0, 10)",
		"b 7[7]7 1[7]1[7] @5 in [0, 10)",
		"a 2[1 2]3 1[2]2[2 1] @3 in [0, 10)",
		"a 4[4]4 1[4]1[4] @12 in [10, 20)",
		"a 5[1 2 5]8 2[1 5]2[2 1 5] @8 in [0, 10)",
		"a 4[4 3]7 1[3]2[3 4] @11 in [10, 20)",
		"late {a 6} @9 in [0, 10)",
	}
	play(t, script, want, func(in sdk.PCollection[kv], s *said) {
		in = sdk.WindowInto(in, window.Fixed(10*time.Millisecond))
		var late sdk.Output[kv]
		fn := &everyFn{Sum: state.NewCombining[int64, int64, int64](sumFn{})}
		tell(s, sdk.StatefulParDo(in, fn, sdk.Droppable(&late)))
		tell(s, sdk.Map(late.PCollection(), func(p kv) string { return fmt.Sprint("late ", p) }))
	})
}

// countFn counts the elements of a key.
type countFn struct{ Seen state.Value[int64] }

func (f *countFn) ProcessElement(_ *sdk.Context, key string, v int64, out sdk.Emitter[string]) error {
	f.Seen.Write(f.Seen.Get() + 1)
	out.Emit(fmt.Sprint(key, v, "#", f.Seen.Get()))
	return nil
}

// An element in several windows has state in each, and what it emits is in the window of that state alone.
func TestStateInSlidingWindows(t *testing.T) {
	script := teststream.New[kv]().Add(at(5), pair("a", 1)).Add(at(12), pair("a", 2)).Add(at(8), pair("b", 3))
	want := []string{
		"a1#1 @5 in [-10, 10)", "a1#1 @5 in [0, 20)",
		"a2#2 @12 in [0, 20)", "a2#1 @12 in [10, 30)",
		"b3#1 @8 in [-10, 10)", "b3#1 @8 in [0, 20)",
	}
	play(t, script, want, func(in sdk.PCollection[kv], s *said) {
		in = sdk.WindowInto(in, window.Sliding(20*time.Millisecond, 10*time.Millisecond))
		tell(s, sdk.StatefulParDo(in, &countFn{}))
	})
}

// State lives through the allowed lateness and no longer.
func TestStateAndLateness(t *testing.T) {
	script := teststream.New[kv]().
		Add(at(5), pair("a", 1)).
		Watermark(at(14)).
		Add(at(6), pair("a", 2)). // late, but not too late
		Watermark(at(15)).
		Add(at(7), pair("a", 3)) // too late
	want := []string{"a1#1 @5 in [0, 10)", "a2#2 @6 in [0, 10)", "late {a 3} @7 in [0, 10)"}
	play(t, script, want, func(in sdk.PCollection[kv], s *said) {
		in = sdk.WindowInto(in, window.Fixed(10*time.Millisecond), sdk.AllowedLateness(5*time.Millisecond))
		var late sdk.Output[kv]
		tell(s, sdk.StatefulParDo(in, &countFn{}, sdk.Droppable(&late)))
		tell(s, sdk.Map(late.PCollection(), func(p kv) string { return fmt.Sprint("late ", p) }))
	})
}

// onceFn holds something of a key from its first element to its second.
type onceFn struct{ Open state.Value[int64] }

func (f *onceFn) ProcessElement(_ *sdk.Context, _ string, v int64, out sdk.Emitter[int64]) error {
	if first, ok := f.Open.Read(); ok {
		f.Open.Clear()
		out.Emit(v - first)
		return nil
	}
	f.Open.Write(v)
	return nil
}

// A key whose cells are empty is forgotten, in the global window too, and comes again as if it were new.
func TestEmptyKeysAreForgotten(t *testing.T) {
	const n = 5000
	script := teststream.New[kv]()
	var keys []sdk.Timestamped[kv]
	for i := range int64(n) {
		keys = append(keys, sdk.Timestamped[kv]{Time: at(i), Value: pair(fmt.Sprint("key", i), i)})
	}
	script.AddAll(keys...).AddAll(keys...).Add(at(1), pair("left", 0))
	var slots []int64
	var job sdk.Job
	ready := make(chan struct{})
	look := func() {
		<-ready
		slots = append(slots, held(&sdk.Result{Status: job.Status()}))
	}
	job = begin(t, func(p *sdk.Pipeline) error {
		sdk.StatefulParDo(spied(p, script, look), &onceFn{})
		return nil
	})
	close(ready)
	if err := job.Wait(); err != nil {
		t.Fatal(err)
	}
	if want := []int64{0, n, 0, 1}; !slices.Equal(slots, want) {
		t.Errorf("slots before each step of the script: %d, want %d", slots, want)
	}
	if st := job.Status(); held(&sdk.Result{Status: st}) != 0 {
		t.Errorf("%d slots at the end", held(&sdk.Result{Status: st}))
	}
}

// spy calls look before each step of a script, and at its end.
type spy struct {
	exec.Script
	look func()
}

func (s *spy) Next() (exec.ScriptEvent, bool) { s.look(); return s.Script.Next() }

// spied is teststream.Read with a spy. A scripted source of its own is not to be had, so the source of the stream is
// given another script.
func spied[T any](p *sdk.Pipeline, s *teststream.Stream[T], look func()) sdk.PCollection[T] {
	rows, script := teststream.Parts(s)
	return sdk.Scripted[T](p, "TestStream", rows, func() exec.Script { return &spy{script(), look} })
}

// waryFn counts, sets timers, and then fails: always for values that are multiples of 5, at the first try for other
// multiples of 3.
type waryFn struct {
	Sum   state.Combining[int64, []int64, int64]
	Bag   state.Bag[int64]
	Map   state.Map[int64, int64]
	Multi state.Multimap[string, int64]
	List  state.OrderedList[int64]
	Set   state.Set[int64]
	Last  state.Value[int64]
	Done  timer.EventTime
}

// sliceSum sums into a slice that it changes in place.
type sliceSum struct{}

func (sliceSum) CreateAccumulator() []int64             { return []int64{0} }
func (sliceSum) AddInput(a []int64, v int64) []int64    { a[0] += v; return a }
func (sliceSum) MergeAccumulators(a, b []int64) []int64 { a[0] += b[0]; return a }
func (sliceSum) ExtractOutput(a []int64) int64          { return a[0] }
func failing(v int64, attempt int) bool                 { return v%5 == 0 || v%3 == 0 && attempt == 0 }

func (f *waryFn) report(out sdk.Emitter[string], k string) {
	var list, multi []int64
	for _, x := range f.List.All() {
		list = append(list, x)
	}
	multi = slices.AppendSeq(multi, f.Multi.Get("m"))
	out.Emit(fmt.Sprint(k, f.Sum.Read(), slices.Collect(f.Bag.All()), f.Map.Len(), multi, list, f.Set.Len(), f.Last.Get()))
}

func (f *waryFn) ProcessElement(c *sdk.Context, key string, v int64, _ sdk.Emitter[string]) error {
	f.Sum.Add(v)
	f.Bag.Add(v)
	f.Map.Put(v, v)
	f.Multi.Add("m", v)
	f.List.Add(c.EventTime(), v)
	f.Set.Add(v)
	f.Last.Write(v)
	f.Done.Set(at(900))
	if failing(v, c.Attempt()) {
		// What is undone is more than what was added.
		f.Bag.Clear()
		f.Map.Clear()
		f.Multi.Remove("m")
		f.List.ClearRange(mtime.Min, c.EventTime())
		f.Set.Clear()
		f.Sum.Clear()
		f.Sum.Add(1_000_000)
		f.Done.Set(at(100))
		f.Done.SetTag("wrong", at(200))
		if v%2 == 0 {
			panic(errOdd)
		}
		return errOdd
	}
	return nil
}

func (f *waryFn) OnTimer(_ *sdk.Context, key string, t sdk.Fired, out sdk.Emitter[string]) error {
	if t.Tag != "" || t.At != at(900) {
		return fmt.Errorf("timer %q at %v has fired, which a failed call had set", t.Tag, t.At)
	}
	f.report(out, key)
	return nil
}

// What a failed call did to cells and timers is taken back, whatever the policy, the size of batches, and the order.
func TestFailedCallsLeaveNoState(t *testing.T) {
	const n, keys = 240, 4
	for _, sorted := range []bool{false, true} {
		for _, size := range []int{1, 7, 256} {
			t.Run(fmt.Sprintf("batch=%d/sorted=%v", size, sorted), func(t *testing.T) {
				script := teststream.New[kv]()
				var in []sdk.Timestamped[kv]
				want := map[string][]int64{}
				var dead []string
				for v := range int64(n) {
					k := fmt.Sprint("k", v%keys)
					in = append(in, sdk.Timestamped[kv]{Time: at(v), Value: pair(k, v)})
					if v%5 == 0 {
						dead = append(dead, fmt.Sprint("dead ", k, v))
					} else {
						want[k] = append(want[k], v)
					}
				}
				script.AddAll(in[:100]...).Watermark(at(50)).AddAll(in[100:]...)
				var lines []string
				for k, vs := range want {
					sum := int64(0)
					for _, v := range vs {
						sum += v
					}
					lines = append(lines, fmt.Sprint(k, sum, vs, len(vs), vs, vs, len(vs), vs[len(vs)-1]))
				}
				lines = append(lines, dead...)
				slices.Sort(lines)
				s := &said{}
				res, err := sdk.Run(t.Context(), &direct.Runner{Workers: 2, BatchSize: size, Log: quiet()}, func(p *sdk.Pipeline) error {
					s.v = nil
					var failed sdk.Output[sdk.Failed[kv]]
					fn := &waryFn{Sum: state.NewCombining[int64, []int64, int64](sliceSum{})}
					opts := []sdk.Option{sdk.Name("wary"), sdk.OnError(sdk.Retry(2, 0)), sdk.OnError(sdk.DeadLetter(&failed))}
					if sorted {
						opts = append(opts, sdk.SortedByTime())
					}
					in := sdk.WindowInto(teststream.Read(p, script), window.Fixed(time.Second))
					sdk.Map(sdk.StatefulParDo(in, fn, opts...), s.add)
					sdk.Map(failed.PCollection(), func(f sdk.Failed[kv]) string {
						if f.Attempts != 2 || f.Transform != "wary" || !strings.Contains(f.Error, "odd") {
							t.Errorf("dead letter %+v", f)
						}
						return s.add(fmt.Sprint("dead ", f.Element.Key, f.Element.Value))
					})
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				if got := s.sorted(); !slices.Equal(got, lines) {
					t.Errorf("got\n  %.2000s\nwant\n  %.2000s", strings.Join(got, "\n  "), strings.Join(lines, "\n  "))
				}
				if held(res) != 0 {
					t.Errorf("%d slots at the end", held(res))
				}
			})
		}
	}
}

// troubledFn fails in a way that its key says.
type troubledFn struct {
	Seen state.Value[int64]
	Soon timer.EventTime
}

func (f *troubledFn) ProcessElement(_ *sdk.Context, key string, v int64, _ sdk.Emitter[int64]) error {
	f.Seen.Write(v)
	f.Soon.Set(at(15))
	switch key {
	case "error":
		return errOdd
	case "panic":
		panic(errOdd)
	}
	return nil
}

func (f *troubledFn) OnTimer(_ *sdk.Context, key string, _ sdk.Fired, _ sdk.Emitter[int64]) error {
	if key == "timer" {
		return errOdd
	}
	return nil
}

func (f *troubledFn) OnWindowExpiration(_ *sdk.Context, key string, _ sdk.Emitter[int64]) error {
	if key == "expiration" {
		panic(errOdd)
	}
	return nil
}

// The failure of one key of many names the transform, where it was applied, the key and the window. A timer
// that fails has no element that could be a dead letter: the job fails with it all the same.
func TestFailuresNameTheKey(t *testing.T) {
	for _, key := range []string{"error", "panic", "timer", "expiration"} {
		for _, policy := range []string{"none", "retry", "dead letter", "sorted"} {
			t.Run(key+"/"+policy, func(t *testing.T) {
				script := teststream.New[kv]()
				var in []sdk.Timestamped[kv]
				for i := range int64(100) {
					in = append(in, sdk.Timestamped[kv]{Time: at(10 + i%10), Value: pair(fmt.Sprint("key", i), i)})
				}
				in[50].Value.Key = key
				script.AddAll(in...)
				letters := 0
				_, err := sdk.Run(t.Context(), &direct.Runner{Workers: 1, Log: quiet()}, func(p *sdk.Pipeline) error {
					opts := []sdk.Option{sdk.Name("troubled")}
					attempts := sdk.OnError(sdk.Retry(3, 0))
					switch policy {
					case "sorted":
						opts = append(opts, sdk.SortedByTime())
					case "retry":
						opts = append(opts, attempts)
					case "dead letter":
						var failed sdk.Output[sdk.Failed[kv]]
						opts = append(opts, attempts, sdk.OnError(sdk.DeadLetter(&failed)))
						defer func() { sdk.Map(failed.PCollection(), func(f sdk.Failed[kv]) int { letters++; return 0 }) }()
					}
					w := sdk.WindowInto(teststream.Read(p, script), window.Fixed(10*time.Millisecond))
					sdk.StatefulParDo(w, &troubledFn{}, opts...)
					return nil
				})
				if policy == "dead letter" && (key == "error" || key == "panic") {
					if err != nil || letters != 1 {
						t.Errorf("%d dead letters, %v", letters, err)
					}
					return
				}
				e, ok := errors.AsType[*exec.ElementError](err)
				if !ok || !errors.Is(err, errOdd) {
					t.Fatalf("error %v", err)
				}
				attempt := 1
				if policy == "retry" || policy == "dead letter" {
					attempt = 3
				}
				if e.Transform != "troubled" || !strings.Contains(e.At, "state_test.go:") || e.Key != key || e.Window != (window.Window{Start: 10, End: 20}) || e.Attempts != attempt {
					t.Errorf("the error is about %+v", e)
				}
				if element := key == "error" || key == "panic"; element != (e.Element == "50") {
					t.Errorf("the error is about element %q", e.Element)
				}
			})
		}
	}
}

// inOrderFn says what it is given, with the pane and whether it is in order.
type inOrderFn struct {
	Last state.Value[int64]
}

func (f *inOrderFn) ProcessElement(c *sdk.Context, key string, v int64, out sdk.Emitter[string]) error {
	now := int64(c.EventTime())
	if last, ok := f.Last.Read(); ok && last > now {
		return fmt.Errorf("%s: %d comes after %d", key, now, last)
	}
	f.Last.Write(now)
	out.Emit(fmt.Sprint(key, v, " ", c.Pane()))
	return nil
}

// Sorted by time, the elements of a key come in the order of their times, those of one time in that in which they were
// given, each when the watermark has passed it; late ones as they come. They keep their panes.
func TestSortedByTime(t *testing.T) {
	script := teststream.New[kv]().
		Add(at(7), pair("a", 1)).
		Add(at(3), pair("a", 2), pair("b", 3)).
		Add(at(7), pair("a", 4)).
		Watermark(at(4)).
		Add(at(4), pair("a", 5)).
		Watermark(at(10)).
		Add(at(8), pair("a", 6)). // late
		Add(at(15), pair("a", 7)).
		Add(at(12), pair("a", 8))
	for name, r := range runners(4) {
		var mu said
		_, err := sdk.Run(t.Context(), r, func(p *sdk.Pipeline) error {
			mu.v = nil
			in := sdk.WindowInto(teststream.Read(p, script), window.Fixed(100*time.Millisecond))
			out := sdk.StatefulParDo(in, &orderFn{}, sdk.SortedByTime())
			sdk.Map(out, mu.add)
			return nil
		})
		if err != nil {
			t.Fatal(name, err)
		}
		var a []string
		for _, l := range mu.v {
			if strings.HasPrefix(l, "a") {
				a = append(a, l)
			}
		}
		want := []string{"a2@3", "a5@4", "a1@7", "a4@7", "a6@8", "a8@12", "a7@15"}
		if !slices.Equal(a, want) || len(mu.v) != 8 {
			t.Errorf("%s: %v, want %v", name, a, want)
		}
	}
	// Behind a grouping: the pane is that of the group.
	want := []string{"a12 on-time index=0 first", "b3 on-time index=0 first", "a6 late index=1", "a15 on-time index=0 first final"}
	play(t, script, want, func(in sdk.PCollection[kv], s *said) {
		w := sdk.WindowInto(in, window.Fixed(10*time.Millisecond), sdk.AllowedLateness(time.Second))
		sdk.Map(sdk.StatefulParDo(sdk.CombinePerKey(w, sumFn{}), &inOrderFn{}, sdk.SortedByTime()), s.add)
	})
}

type orderFn struct{ Seen state.Value[int64] }

func (f *orderFn) ProcessElement(c *sdk.Context, key string, v int64, out sdk.Emitter[string]) error {
	out.Emit(fmt.Sprintf("%s%d@%d", key, v, int64(c.EventTime())))
	return nil
}

// A row whose time is no longer in its window, since it got another one, does not outlive the window.
func TestSortedByTimeOutsideOfTheWindow(t *testing.T) {
	script := teststream.New[kv]().Add(at(5), pair("a", 1)).Watermark(at(20)).Add(at(25), pair("a", 2))
	want := []string{"a1#1 @1005 in [0, 10)", "a2#1 @1025 in [20, 30)"}
	play(t, script, want, func(in sdk.PCollection[kv], s *said) {
		w := sdk.WindowInto(in, window.Fixed(10*time.Millisecond))
		moved := sdk.WithTimestamps(w, func(v kv) sdk.Time { return map[int64]sdk.Time{1: at(1005), 2: at(1025)}[v.Value] })
		tell(s, sdk.StatefulParDo(moved, &countFn{}, sdk.SortedByTime()))
	})
}

// stray uses its cells where there is no key.
type strayFn struct {
	Seen state.Value[int64]
	Soon timer.EventTime
	Time bool
}

func (f *strayFn) ProcessElement(*sdk.Context, string, int64, sdk.Emitter[int64]) error { return nil }

func (f *strayFn) OnTimer(*sdk.Context, string, sdk.Fired, sdk.Emitter[int64]) error { return nil }

func (f *strayFn) FinishBundle(*sdk.Context, sdk.Emitter[int64]) error {
	if f.Time {
		f.Soon.Set(at(5))
	} else {
		f.Seen.Write(1)
	}
	return nil
}

// Cells and timers have no key in FinishBundle: using them there fails, and does not touch those of the last key.
func TestStateOutsideOfCalls(t *testing.T) {
	for _, timed := range []bool{false, true} {
		_, err := sdk.Run(context.Background(), &direct.Runner{Workers: 1, Log: quiet()}, func(p *sdk.Pipeline) error {
			sdk.StatefulParDo(teststream.Read(p, teststream.New[kv]().Add(at(1), pair("a", 1))), &strayFn{Time: timed}, sdk.Name("stray"))
			return nil
		})
		if err == nil || !strings.Contains(err.Error(), "stray") || !strings.Contains(err.Error(), "FinishBundle") {
			t.Errorf("timer: %v: error %v", timed, err)
		}
	}
}
