// Package passert has assertions on collections, for tests of pipelines: they become part of the pipeline, and
// one that does not hold fails the job, with a readable difference (Beam: PAssert).
//
// An assertion is about everything that its collection has until the job's input has ended: in a streaming job it is looked
// at then, or when the job is drained, and in one that is cancelled never. What has come out by a certain moment is
// ptest.Seen's.
//
// [InWindow] is about one window; [InOnTimePane], [InEarlyPanes], [InLatePanes], [InFinalPane] and [InPanes] about when a
// streaming job has emitted it.
package passert

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/trigger"
	"github.com/millrace-go/millrace/sdk/window"
)

// ErrFailed is wrapped by every failing assertion.
var ErrFailed = errors.New("assertion failed")

// Equals asserts that c has exactly the given elements, in any order, over all windows. Elements are compared
// with go-cmp, unexported fields included; a type with an Equal method is compared by it.
func Equals[T any](c sdk.PCollection[T], want ...T) {
	want = slices.Clone(want)
	That(c, func(got []T) error { return Diff(got, want) })
}

// Empty asserts that c has no elements.
func Empty[T any](c sdk.PCollection[T]) { Equals(c) }

// Count asserts the number of elements.
func Count[T any](c sdk.PCollection[T], want int) {
	That(c, func(got []T) error {
		if len(got) != want {
			return fmt.Errorf("%w: %d elements, want %d", ErrFailed, len(got), want)
		}
		return nil
	})
}

// That asserts what check says of all elements of c, which come in no particular order.
func That[T any](c sdk.PCollection[T], check func(got []T) error) {
	sdk.Scope(c.Pipeline(), "passert", func() bool {
		sdk.TryMap(gather(c), func(got []T) (struct{}, error) { return struct{}{}, check(got) })
		return true
	})
}

// gather is one element: all elements of c, when there are no more. What c is triggered by has done its work before.
func gather[T any](c sdk.PCollection[T]) sdk.PCollection[[]T] {
	whole := sdk.WindowInto(c, window.GlobalWindows(), sdk.Trigger(trigger.Never()), sdk.Closing(window.FireAlways))
	return sdk.CombineGlobally(whole, collect[T]{})
}

// Diff compares got with want as bags. It returns nil, or an error that wraps [ErrFailed] and shows what is
// missing and what is too much.
func Diff[T any](got, want []T) error {
	eq := cmp.Exporter(func(reflect.Type) bool { return true })
	left := slices.Clone(want)
	var extra []T
	for _, g := range got {
		i := slices.IndexFunc(left, func(w T) bool { return cmp.Equal(g, w, eq) })
		if i < 0 {
			extra = append(extra, g)
			continue
		}
		left = slices.Delete(left, i, i+1)
	}
	if len(extra) == 0 && len(left) == 0 {
		return nil
	}
	const most = 20
	var b strings.Builder
	fmt.Fprintf(&b, "%d elements, want %d (- missing, + unexpected):", len(got), len(want))
	list := func(sign string, vs []T) {
		lines := make([]string, len(vs))
		for i, v := range vs {
			lines[i] = fmt.Sprintf("%+v", v)
		}
		slices.Sort(lines)
		for i, l := range lines {
			if i == most {
				fmt.Fprintf(&b, "\n  %s ... and %d more", sign, len(lines)-most)
				break
			}
			fmt.Fprintf(&b, "\n  %s %s", sign, l)
		}
	}
	list("-", left)
	list("+", extra)
	if len(left) == 1 && len(extra) == 1 {
		fmt.Fprintf(&b, "\n%s", cmp.Diff(left[0], extra[0], eq))
	}
	return fmt.Errorf("%w: %s", ErrFailed, b.String())
}

// collect is the CombineFn that keeps everything.
type collect[T any] struct{}

func (collect[T]) CreateAccumulator() []T         { return nil }
func (collect[T]) AddInput(a []T, v T) []T        { return append(a, v) }
func (collect[T]) MergeAccumulators(a, b []T) []T { return append(a, b...) }
func (collect[T]) ExtractOutput(a []T) []T        { return slices.Clone(a) }
