package teststream_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/teststream"
)

// A script gives its steps in order, in every run anew, rows with their times clamped, and nothing behind a drain.
func TestSteps(t *testing.T) {
	s := teststream.New[string]().
		Add(teststream.At(time.Second), "a", "b").
		Watermark(teststream.At(2*time.Second)).
		Advance(3*time.Second).
		AddAll(sdk.Timestamped[string]{Time: math.MaxInt64, Value: "c"}, sdk.Timestamped[string]{Time: math.MinInt64, Value: "d"}).
		Drain().
		Add(0, "never given")
	rows, script := teststream.Parts(s)
	if want := []mtime.Time{1000, 1000, mtime.Max, mtime.Min, 0}; !slices.Equal(rows.T, want) || len(rows.V) != len(want) {
		t.Errorf("the rows %v are at %v, want %v", rows.V, rows.T, want)
	}
	for range 2 {
		r := script()
		var got []exec.ScriptEvent
		sizes := []int64{}
		for {
			e, ok := r.Next()
			if !ok {
				break
			}
			size := int64(0)
			if e.Rows != nil {
				size = e.Rows.Size()
			}
			sizes = append(sizes, size)
			e.Rows = nil
			got = append(got, e)
		}
		want := []exec.ScriptEvent{
			{Watermark: mtime.Min}, {Watermark: 2000}, {Watermark: mtime.Min, Advance: 3 * time.Second}, {Watermark: mtime.Min}, {Watermark: mtime.Min, Drain: true},
		}
		if !slices.Equal(got, want) || !slices.Equal(sizes, []int64{2, 0, 0, 2, 0}) {
			t.Errorf("the steps are %+v with %d rows, want %+v", got, sizes, want)
		}
		if _, ok := r.Next(); ok {
			t.Error("there is a step behind the end")
		}
	}
}

// A pipeline has one test stream at most: with two of them nobody could say in what order they are given.
func TestTwoStreams(t *testing.T) {
	_, err := sdk.Run(t.Context(), &direct.Runner{Workers: 1}, func(p *sdk.Pipeline) error {
		teststream.Read(p, teststream.New[int]().Add(0, 1), sdk.Name("first"))
		teststream.Read(p, teststream.New[int]().Add(0, 1), sdk.Name("second"))
		return nil
	})
	if err == nil {
		t.Error("a pipeline of two test streams has run")
	}
}
