package model

import (
	"slices"
	"testing"
)

// TestAssign is Java's FixedWindowsTest, SlidingWindowsTest and SessionsTest in small, negative times and offsets included.
func TestAssign(t *testing.T) {
	for _, c := range []struct {
		fn   WindowFn
		time int64
		want []Window
	}{
		{Fixed(10, 0), 9, []Window{{0, 10}}},
		{Fixed(10, 0), 10, []Window{{10, 20}}},
		{Fixed(10, 0), -1, []Window{{-10, 0}}},
		{Fixed(10, 5), 4, []Window{{-5, 5}}},
		{Sliding(10, 5, 0), 7, []Window{{0, 10}, {5, 15}}},
		{Sliding(7, 5, 0), 6, []Window{{0, 7}, {5, 12}}},
		{Sliding(7, 5, 0), 8, []Window{{5, 12}}},
		{Sliding(3, 5, 2), 6, nil}, // between two windows
		{Sliding(100, 30, 0), 23, []Window{{-60, 40}, {-30, 70}, {0, 100}}},
		{Sessions(10), 3, []Window{{3, 13}}},
		{WindowFn{}, 3, []Window{Global}},
	} {
		if got := c.fn.assign(c.time); !slices.Equal(got, c.want) {
			t.Errorf("%s of %d: got %v, want %v", c.fn, c.time, got, c.want)
		}
	}
}

// TestSide is Java's WindowMappingFn of each window function: PartitioningWindowFn, and SlidingWindowsTest.testDefaultWindowMappingFn.
func TestSide(t *testing.T) {
	for _, c := range []struct {
		fn         WindowFn
		main, want Window
	}{
		{Fixed(10, 0), Window{5, 10}, Window{0, 10}},
		{Fixed(10, 0), Window{5, 11}, Window{10, 20}},
		{Sliding(10, 5, 0), Window{5, 10}, Window{0, 10}},
		{WindowFn{}, Window{5, 10}, Global},
	} {
		if got := c.fn.side(c.main); got != c.want {
			t.Errorf("%s for %s: got %s, want %s", c.fn, c.main, got, c.want)
		}
	}
}

// TestExpiry says that no window outlives the global one (ReduceFnRunnerTest.testFixedWindowEndOfTimeGarbageCollection).
func TestExpiry(t *testing.T) {
	w := Windowing{Fn: Fixed(10, 0), AllowedLateness: 5}
	for _, c := range []struct {
		window Window
		want   int64
	}{
		{Window{0, 10}, 14},
		{Global, GlobalMax},
		{Window{GlobalMax - 12, GlobalMax - 2}, GlobalMax},
	} {
		if got := w.Expiry(c.window); got != c.want {
			t.Errorf("%s expires at %d, want %d", c.window, got, c.want)
		}
	}
}
