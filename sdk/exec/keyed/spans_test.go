package keyed

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// The windows of a key are found, however many they are: random operations against a plain list.
func TestSpans(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	for _, most := range []int{3, few + 2, 5 * maxRun} {
		closed := map[uint32]bool{}
		s := spans{isClosed: func(slot uint32) bool { return closed[slot] }}
		s.addKey()
		s.addKey() // nothing of key 0 may show in key 1
		s.add(0, 0, window.Window{Start: -5, End: 1 << 40})
		var model, free []uint32
		used := uint32(1)
		anySpan := func() window.Window {
			at := mtime.Time(r.IntN(4*most)) * 10
			return window.Window{Start: at, End: at + 10 + 5*mtime.Time(r.IntN(2))}
		}
		overlapping := func(w window.Window) (with []uint32) {
			for _, slot := range model {
				if w.Intersects(s.span[slot]) && !closed[slot] {
					with = append(with, slot)
				}
			}
			return with
		}
		sorted := func(slots []uint32) []uint32 { slices.Sort(slots); return slots }
		for range min(20*most, 12_000) {
			w := anySpan()
			switch grow := len(model) < most; {
			case grow && r.IntN(3) > 0:
				slot := used
				if n := len(free); n > 0 {
					slot, free = free[n-1], free[:n-1]
				} else {
					used++
				}
				if closed[slot] = r.IntN(8) == 0; !closed[slot] && len(overlapping(w)) > 0 {
					closed[slot] = true // those that are open are apart
				}
				s.add(1, slot, w)
				model = append(model, slot)
			case len(model) > 0 && r.IntN(2) == 0:
				i := r.IntN(len(model))
				s.unlink(1, model[i])
				free = append(free, model[i])
				model = slices.Delete(model, i, i+1)
			case len(model) > 0 && r.IntN(3) == 0:
				slot := model[r.IntN(len(model))]
				if closed[slot] = !closed[slot]; !closed[slot] && len(overlapping(s.span[slot])) > 1 {
					closed[slot] = true // it would not be apart
				} else {
					s.shut(1, slot)
				}
			case len(model) > 0:
				slot := model[r.IntN(len(model))]
				if with := overlapping(w); closed[slot] || len(with) == 0 || len(with) == 1 && with[0] == slot {
					s.change(1, slot, w)
				}
			}
			if s.none(1) != (len(model) == 0) {
				t.Fatalf("seed %d: none is %v of %d", seed, s.none(1), len(model))
			}
			w = anySpan()
			if got, want := sorted(s.appendOverlapping(nil, 1, w)), sorted(overlapping(w)); !slices.Equal(got, want) {
				t.Fatalf("seed %d: %v overlap %v, want %v", seed, got, w, want)
			}
			if len(model) > 0 {
				w = s.span[model[r.IntN(len(model))]]
				var want []uint32
				for _, slot := range model {
					if s.span[slot] == w {
						want = append(want, slot)
					}
				}
				if got := sorted(s.appendEqual(nil, 1, w)); !slices.Equal(got, sorted(want)) {
					t.Fatalf("seed %d: %v have the window %v, want %v", seed, got, w, want)
				}
			}
		}
		if got := sorted(s.appendAll(nil, 1)); !slices.Equal(got, sorted(slices.Clone(model))) {
			t.Fatalf("seed %d: %d slots, want %d", seed, len(got), len(model))
		}
	}
}
