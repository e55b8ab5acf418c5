package model

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestPythonTriggers has the cases of class TriggerTest in Beam Python's transforms/trigger_test.py (2.77): elements in bundles
// of each of some sizes, the watermark past them, late elements in bundles of the same size; then the panes of each window, in
// order. A letter is an element, "b15" one with timestamp 15. A negative size gives the elements from last to first.
func TestPythonTriggers(t *testing.T) {
	for _, c := range []struct {
		name    string
		fn      WindowFn
		trigger string
		discard bool
		data    string
		late    string
		sizes   []int
		want    map[Window]string
	}{
		{
			"test_fixed_watermark", Fixed(10, 0), "AfterWatermark", false, "a1 b2 c13", "",
			[]int{1, 2, 3, -3, -2, -1},
			map[Window]string{{0, 10}: "ab", {10, 20}: "c"},
		},
		{
			"test_fixed_watermark_with_early", Fixed(10, 0), "AfterWatermark(early=AfterCount(2))", false, "a1 b2 c3", "",
			[]int{2},
			map[Window]string{{0, 10}: "ab abc"},
		},
		{
			"test_fixed_watermark_with_early, bundles of 3", Fixed(10, 0), "AfterWatermark(early=AfterCount(2))", false, "a1 b2 c3", "",
			[]int{3},
			map[Window]string{{0, 10}: "abc abc"},
		},
		{
			"test_fixed_watermark_with_early_late", Fixed(100, 0), "AfterWatermark(early=AfterCount(3),late=AfterCount(2))", true,
			"a0 b1 c2 d3 e4 f5 g6 h7 i8", "v0 w1 x2 y3 z4",
			[]int{2},
			map[Window]string{{0, 100}: "abcd efgh i vw xy"},
		},
		{
			"test_sessions_watermark_with_early_late", Sessions(10), "AfterWatermark(early=AfterCount(2),late=AfterCount(1))", false,
			"a1 b15 c7 d30", "x1 y2 z21",
			[]int{2},
			map[Window]string{{1, 25}: "abc abc abcxy", {30, 40}: "d", {1, 40}: "abcdxyz"},
		},
		{
			"test_fixed_after_count", Fixed(10, 0), "AfterCount(2)", false, "a1 b2 c3 z11", "",
			[]int{1, 2},
			map[Window]string{{0, 10}: "ab"},
		},
		{
			"test_fixed_after_count, larger bundles", Fixed(10, 0), "AfterCount(2)", false, "a1 b2 c3 z11", "",
			[]int{3, 4},
			map[Window]string{{0, 10}: "abc"},
		},
		{
			"test_fixed_after_first", Fixed(10, 0), "AfterAny(AfterCount(2),AfterWatermark)", false, "a1 b2 c3", "",
			[]int{1, 2},
			map[Window]string{{0, 10}: "ab"},
		},
		{
			"test_fixed_after_first, watermark", Fixed(10, 0), "AfterAny(AfterCount(5),AfterWatermark)", false, "a1 b2 c3", "x1 y2 z3",
			[]int{1, 2},
			map[Window]string{{0, 10}: "abc"},
		},
		{
			"test_repeatedly_after_first", Fixed(100, 0), "Repeat(AfterAny(AfterCount(3),AfterWatermark))", false,
			"a0 b1 c2 d3 e4 f5 g6", "x0 y1 z2",
			[]int{1},
			map[Window]string{{0, 100}: "abc abcdef abcdefg abcdefgx abcdefgxy abcdefgxyz"},
		},
		{
			"test_sessions_after_all", Sessions(10), "AfterAll(AfterCount(2),AfterWatermark)", false, "a1 b2 c3", "",
			[]int{1, 2},
			map[Window]string{{1, 13}: "abc"},
		},
		{
			"test_sessions_after_all, late", Sessions(10), "AfterAll(AfterCount(5),AfterWatermark)", false, "a1 b2 c3", "x1 y2 z3",
			[]int{1, 2},
			map[Window]string{{1, 13}: "abcxy"},
		},
		{
			"test_sessions_default", Sessions(10), "Default", false, "a1 b2", "",
			[]int{1, 2, -2, -1},
			map[Window]string{{1, 12}: "ab"},
		},
		{
			"test_sessions_default, watermark", Sessions(10), "AfterWatermark", false, "a1 b2 c15 d16 z30 e9 f10 y30", "",
			[]int{1, 2, 3, 4, 5, 6, -4, -2, -1},
			map[Window]string{{1, 26}: "abcdef", {30, 40}: "yz"},
		},
		{
			"test_sessions_watermark", Sessions(10), "AfterWatermark", false, "a1 b2", "",
			[]int{1, 2, -2, -1},
			map[Window]string{{1, 12}: "ab"},
		},
		{
			"test_sessions_after_count", Sessions(10), "AfterCount(2)", false, "a1 b15 c6 s30 t31 z50 y50", "",
			[]int{1, 2, 3},
			map[Window]string{{1, 25}: "abc", {30, 41}: "st", {50, 60}: "yz"},
		},
		{
			"test_sessions_repeatedly_after_count", Sessions(10), "Repeat(AfterCount(2))", false, "a1 b15 c6 d2 e7", "",
			[]int{1, 3},
			map[Window]string{{1, 25}: "abc abcde"},
		},
		{
			"test_sessions_repeatedly_after_count, discarding", Sessions(10), "Repeat(AfterCount(2))", true, "a1 b15 c6 d2 e7", "",
			[]int{1, 3},
			map[Window]string{{1, 25}: "abc de"},
		},
		{
			// Here Beam's SDKs differ. Python lets the closed session [0,15) take in what comes after it, and drops it; Java
			// (ReduceFnRunnerTest.testMergingWithClosedDoesNotPoison), which the model follows, begins the session [6,17).
			"test_sessions_after_each", Sessions(10), "AfterEach(AfterCount(2),AfterCount(3))", false,
			"a0 b1 c2 d3 e4 f5 g6 h7 i8 j9", "",
			[]int{2},
			map[Window]string{{0, 11}: "ab", {0, 15}: "abcdef", {6, 17}: "gh"},
		},
		{
			"test_sessions_after_each, repeatedly", Sessions(10), "Repeat(AfterEach(AfterCount(2),AfterCount(3)))", false,
			"a0 b1 c2 d3 e4 f5 g6 h7 i8 j9", "",
			[]int{2},
			map[Window]string{{0, 11}: "ab", {0, 15}: "abcdef", {0, 17}: "abcdefgh"},
		},
	} {
		for _, size := range c.sizes {
			t.Run(fmt.Sprint(c.name, ", bundles of ", size), func(t *testing.T) {
				trigger, err := ParseTrigger(c.trigger)
				if err != nil {
					t.Fatal(err)
				}
				steps := letters(c.data, size)
				steps = append(steps, Step{Kind: AdvanceWatermark, Source: "in", Time: 1000})
				steps = append(steps, letters(c.late, size)...)
				r, err := Run(Pipeline{
					{Name: "in", Kind: Source},
					{Name: "w", Kind: WindowInto, Inputs: []string{"in"}, Windowing: Windowing{Fn: c.fn, Trigger: trigger, Accumulating: !c.discard, AllowedLateness: 1_000_000}},
					{Name: "g", Kind: GroupByKey, Inputs: []string{"w"}},
				}, steps, Rules{})
				if err != nil {
					t.Fatal(err)
				}
				got := map[Window]string{}
				for _, e := range r.Of("g") {
					var pane []byte
					for _, v := range e.Values {
						pane = append(pane, byte(v))
					}
					got[e.Window] = strings.TrimSpace(got[e.Window] + " " + string(pane))
				}
				if !maps.Equal(got, c.want) {
					t.Errorf("got %v, want %v", got, c.want)
				}
			})
		}
	}
}

// letters returns the steps that bring elements like "a1 b15" in bundles of a size.
func letters(data string, size int) (steps []Step) {
	var es []Element
	for _, word := range strings.Fields(data) {
		es = append(es, Element{Key: "k", Value: int64(word[0]), Time: number([]string{word[1:]}, 0)})
	}
	if size < 0 {
		slices.Reverse(es)
		size = -size
	}
	for bundle := range slices.Chunk(es, size) {
		steps = append(steps, Step{Kind: Elements, Source: "in", Elements: bundle})
	}
	return steps
}
