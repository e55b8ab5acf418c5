package window_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// All times of a slice have the windows of the time that was asked for; of sliding windows those next to it do not.
func TestSlices(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 7))
	fns := []window.Fn{
		window.GlobalWindows(), window.Fixed(7 * time.Millisecond), window.FixedOffset(time.Hour, time.Minute),
		window.Sliding(10*time.Millisecond, 10*time.Millisecond), window.Sliding(10*time.Millisecond, 3*time.Millisecond), window.Sliding(time.Hour, time.Minute),
		window.SlidingFn{Size: 12 * time.Millisecond, Period: 5 * time.Millisecond, Offset: 2 * time.Millisecond},
		window.Days(1, time.UTC), window.Months(1, time.FixedZone("", -5400)),
	}
	for range 20 {
		period := 1 + r.IntN(20)
		fns = append(fns, window.SlidingFn{Size: time.Duration(period+r.IntN(50)) * time.Millisecond, Period: time.Duration(period) * time.Millisecond, Offset: time.Duration(r.IntN(30)) * time.Millisecond})
	}
	for _, fn := range fns {
		for i := range 200 {
			at := mtime.Time(r.Int64N(2000) - 1000)
			switch i {
			case 0:
				at = mtime.Min
			case 1:
				at = mtime.EndOfGlobalWindow
			}
			s := window.Slices(fn)(at)
			if !s.Contains(at) {
				t.Fatalf("seed %d: %v: the slice %v does not contain %d", seed, fn, s, at)
			}
			want := fn.AssignWindows(nil, at)
			for _, x := range []mtime.Time{max(s.Start, mtime.Min), min(s.End-1, mtime.EndOfGlobalWindow), (s.Start + s.End) / 2} {
				if got := fn.AssignWindows(nil, x); s.Contains(x) && !slices.Equal(got, want) {
					t.Fatalf("seed %d: %v: %d and %d are in the slice %v, but in %v and %v", seed, fn, at, x, s, want, got)
				}
			}
			if _, sliding := fn.(window.SlidingFn); !sliding || i < 2 {
				continue
			}
			for _, x := range []mtime.Time{s.Start - 1, s.End} {
				if slices.Equal(fn.AssignWindows(nil, x), want) {
					t.Fatalf("seed %d: %v: %d is not in the slice %v, though in the same windows", seed, fn, x, s)
				}
			}
		}
	}
}
