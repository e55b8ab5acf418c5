package passert

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/window"
)

// InWindow asserts that c has exactly the given elements in window w, in any order and in whatever panes, and whatever is in
// other windows.
func InWindow[T any](c sdk.PCollection[T], w window.Window, want ...T) {
	in(c, w, "", func(window.Pane) bool { return true }, want)
}

// InOnTimePane asserts that c has exactly the given elements, in any order, in the panes that were emitted when the
// watermark had passed the end of window w.
//
// A pane is of one key: where several keys have one, their elements are taken together, as in the other assertions.
func InOnTimePane[T any](c sdk.PCollection[T], w window.Window, want ...T) {
	in(c, w, "on-time panes", func(p window.Pane) bool { return p.Timing == window.OnTime }, want)
}

// InEarlyPanes asserts that c has exactly the given elements, in any order, in all the panes of window w that were
// emitted before the watermark had passed its end.
func InEarlyPanes[T any](c sdk.PCollection[T], w window.Window, want ...T) {
	in(c, w, "early panes", func(p window.Pane) bool { return p.Timing == window.Early }, want)
}

// InLatePanes asserts that c has exactly the given elements, in any order, in all the panes of window w that were
// emitted behind the one at its end.
func InLatePanes[T any](c sdk.PCollection[T], w window.Window, want ...T) {
	in(c, w, "late panes", func(p window.Pane) bool { return p.Timing == window.Late }, want)
}

// InFinalPane asserts that c has exactly the given elements, in any order, in the last panes of window w. A window has no
// last pane if nothing has come since the one before; sdk.Closing(window.FireAlways) gives it one,
// which without elements is the same as none here. Elements that nothing has
// grouped are in a pane of their own, first and last.
func InFinalPane[T any](c sdk.PCollection[T], w window.Window, want ...T) {
	in(c, w, "final panes", func(p window.Pane) bool { return p.Last }, want)
}

// InPanes asserts what c has in each pane of window w: panes[0] are the elements of the first, in any order, and so on. It
// is for tests of triggers. Where several keys have panes, the first ones of all are taken together.
// A pane without elements and no pane are the same here.
func InPanes[T any](c sdk.PCollection[T], w window.Window, panes ...[]T) {
	want := make([][]T, len(panes))
	for i, p := range panes {
		want[i] = slices.Clone(p)
	}
	elements(c, func(es []sdk.Element[T]) error {
		n := int64(len(want))
		for _, e := range es {
			if slices.Contains(e.Windows, w) {
				n = max(n, e.Pane.Index+1)
			}
		}
		for i := range n {
			var all []T
			if i < int64(len(want)) {
				all = want[i]
			}
			if err := compare(es, w, fmt.Sprintf("pane %d", i), func(p window.Pane) bool { return p.Index == i }, all); err != nil {
				return err
			}
		}
		return nil
	})
}

// in asserts what c has in the panes of w that pick chooses.
func in[T any](c sdk.PCollection[T], w window.Window, panes string, pick func(window.Pane) bool, want []T) {
	want = slices.Clone(want)
	elements(c, func(es []sdk.Element[T]) error { return compare(es, w, panes, pick, want) })
}

// elements asserts what check says of the elements of c, with their windows and panes.
func elements[T any](c sdk.PCollection[T], check func([]sdk.Element[T]) error) {
	sdk.Scope(c.Pipeline(), "passert", func() bool {
		sdk.TryMap(gather(sdk.Reify(c)), func(es []sdk.Element[T]) (struct{}, error) { return struct{}{}, check(es) })
		return true
	})
}

// compare compares what is in some panes of w with want. The error tells what is elsewhere too: that is where a missing
// element often is.
func compare[T any](es []sdk.Element[T], w window.Window, panes string, pick func(window.Pane) bool, want []T) error {
	var got []T
	var others []sdk.Element[T]
	for _, e := range es {
		if slices.Contains(e.Windows, w) && pick(e.Pane) {
			got = append(got, e.Value)
		} else {
			others = append(others, e)
		}
	}
	err := Diff(got, want)
	if err == nil {
		return nil
	}
	where := fmt.Sprintf("in window %v", w)
	if panes != "" {
		where = fmt.Sprintf("in the %s of window %v", panes, w)
	}
	return fmt.Errorf("%s: %w%s", where, err, elsewhere(others))
}

// elsewhere lists elements with their windows and panes, in that order.
func elsewhere[T any](es []sdk.Element[T]) string {
	if len(es) == 0 {
		return ""
	}
	slices.SortStableFunc(es, func(a, b sdk.Element[T]) int {
		if c := slices.CompareFunc(a.Windows, b.Windows, func(v, w window.Window) int {
			return int(min(max(v.Start-w.Start, -1), 1))
		}); c != 0 {
			return c
		}
		return int(a.Pane.Index - b.Pane.Index)
	})
	var b strings.Builder
	b.WriteString("\nelsewhere:")
	const most = 20
	for i, e := range es {
		if i == most {
			fmt.Fprintf(&b, "\n    ... and %d more", len(es)-most)
			break
		}
		names := make([]string, len(e.Windows))
		for i, w := range e.Windows {
			names[i] = w.String()
		}
		fmt.Fprintf(&b, "\n    %+v in %s, %v", e.Value, strings.Join(names, " and "), e.Pane)
	}
	return b.String()
}
