package ptest_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace-go/millrace/runners/ptest"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/state"
	"github.com/millrace-go/millrace/sdk/teststream"
	"github.com/millrace-go/millrace/sdk/timer"
	"github.com/millrace-go/millrace/sdk/window"
)

// batchFn gives the values of a key together: when there are Size of them, when the first has waited for Wait, or when
// their window ends.
type batchFn struct {
	Size int
	Wait time.Duration

	Held state.Bag[string]
	Full timer.ProcessingTime
}

func (f *batchFn) ProcessElement(_ *sdk.Context, key, v string, out sdk.Emitter[string]) error {
	if v == "bad" {
		return errBad
	}
	if f.Held.Len() == 0 {
		f.Full.SetAfter(f.Wait)
	}
	if f.Held.Add(v); f.Held.Len() >= f.Size {
		f.Full.Clear()
		f.flush(key, out)
	}
	return nil
}

func (f *batchFn) OnTimer(_ *sdk.Context, key string, _ timer.Fired, out sdk.Emitter[string]) error {
	f.flush(key, out)
	return nil
}

func (f *batchFn) OnWindowExpiration(_ *sdk.Context, key string, out sdk.Emitter[string]) error {
	if f.Held.Len() > 0 {
		f.flush(key, out)
	}
	return nil
}

func (f *batchFn) flush(key string, out sdk.Emitter[string]) {
	out.Emit(key + ": " + strings.Join(slices.Collect(f.Held.All()), " "))
	f.Held.Clear()
}

var errBad = errors.New("a bad value")

func newBatchFn() *batchFn { return &batchFn{Size: 3, Wait: 5 * time.Second} }

func expect(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func TestStatefulDoFn(t *testing.T) {
	f := ptest.StatefulDoFn(t, newBatchFn()).In(window.Fixed(time.Minute))
	expect(t, "two of three", f.Process("a", "1", "2"))
	expect(t, "too early", f.Advance(4*time.Second))
	expect(t, "another key", f.Process("b", "x"))
	if n := f.Slots(); n != 2 {
		t.Errorf("%d slots are held, want 2", n)
	}
	expect(t, "a is due", f.Advance(time.Second), "a: 1 2")
	if got := f.Fired(); len(got) != 1 || got[0].Key != "a" || got[0].Family != "Full" || got[0].At != mtime.Time(5000) || !got[0].Window.Contains(0) {
		t.Errorf("fired: %v", got)
	}
	expect(t, "b is due", f.Advance(time.Hour), "b: x")
	if got := f.Fired(); len(got) != 1 || got[0].String() != "Full of b at 1970-01-01T00:00:09.000Z" {
		t.Errorf("fired: %v", got)
	}
	expect(t, "full", f.Process("a", "3", "4", "5", "6"), "a: 3 4 5")
	expect(t, "the cleared timer, set anew", f.Process("a", "7"))
	expect(t, "the next window", f.At(teststream.At(time.Minute)).Process("a", "8"))
	expect(t, "the first expires", f.Watermark(teststream.At(time.Minute)), "a: 6 7")
	if es := f.Elements(); len(es) != 1 || es[0].Time != teststream.At(time.Minute)-1 || es[0].Windows[0].End != teststream.At(time.Minute) {
		t.Errorf("elements: %+v", es)
	}
	expect(t, "late", f.At(0).Process("a", "9"))
	if got := f.Late(); len(got) != 1 || got[0] != sdk.MakeKV("a", "9") {
		t.Errorf("late: %v", got)
	}
	expect(t, "the end", f.End(), "a: 8")
	if n := f.Slots(); n != 0 {
		t.Errorf("%d slots are held at the end", n)
	}
	if got := f.Fired(); len(got) != 0 {
		t.Errorf("fired at the end: %v", got)
	}
	if _, err := f.TryProcess("a", "10"); err == nil {
		t.Error("there is a step behind the end")
	}
}

// gapFn emits the number of a key's events when none has come for a minute of event time.
type gapFn struct {
	Count state.Value[int]
	Gap   timer.EventTime
}

func (f *gapFn) ProcessElement(c *sdk.Context, key, v string, _ sdk.Emitter[string]) error {
	f.Count.Write(f.Count.Get() + 1)
	f.Gap.Set(c.EventTime().Add(time.Minute))
	return nil
}

func (f *gapFn) OnTimer(_ *sdk.Context, key string, _ timer.Fired, out sdk.Emitter[string]) error {
	out.Emit(fmt.Sprint(key, " ", f.Count.Get()))
	f.Count.Clear()
	return nil
}

func TestStatefulDoFnEventTime(t *testing.T) {
	f := ptest.StatefulDoFn(t, &gapFn{})
	expect(t, "a", f.At(teststream.At(0)).Process("a", "x"))
	expect(t, "b", f.At(teststream.At(20*time.Second)).Process("b", "x"))
	expect(t, "a again", f.At(teststream.At(40*time.Second)).Process("a", "x"))
	expect(t, "a's gap has moved", f.Watermark(teststream.At(79*time.Second)))
	expect(t, "b", f.Watermark(teststream.At(80*time.Second)), "b 1")
	expect(t, "a", f.Watermark(teststream.At(100*time.Second)), "a 2")
	if n := f.Slots(); n != 0 {
		t.Errorf("%d slots are held", n)
	}
	expect(t, "c", f.At(teststream.At(200*time.Second)).Process("c", "x"))
	expect(t, "drained", f.Drain(), "c 1")
	if got := f.Fired(); len(got) != 3 || got[2].Key != "c" {
		t.Errorf("fired: %v", got)
	}
}

// A step that fails says so, and so does what comes after it; the test that goes on without it does not hang.
func TestStatefulDoFnFails(t *testing.T) {
	f := ptest.StatefulDoFn(t, newBatchFn())
	expect(t, "fine", f.Process("a", "1"))
	for range 2 {
		if _, err := f.TryProcess("a", "bad"); !errors.Is(err, errBad) {
			t.Errorf("error %v", err)
		}
	}
	if _, err := f.TryAdvance(time.Hour); !errors.Is(err, errBad) {
		t.Errorf("error %v", err)
	}
}

// A test that does not come to the end leaves nothing behind.
func TestStatefulDoFnAbandoned(t *testing.T) {
	f := ptest.StatefulDoFn(t, newBatchFn()).With(ptest.Seed(3))
	expect(t, "held", f.Process("a", "1"))
}

// Options of the ParDo reach it.
func TestStatefulDoFnSorted(t *testing.T) {
	f := ptest.StatefulDoFn(t, newBatchFn(), sdk.SortedByTime())
	f.At(teststream.At(3*time.Second)).Process("a", "3")
	f.At(teststream.At(2*time.Second)).Process("a", "2")
	f.At(teststream.At(1*time.Second)).Process("a", "1")
	expect(t, "sorted", f.Watermark(teststream.At(4*time.Second)), "a: 1 2 3")
}
