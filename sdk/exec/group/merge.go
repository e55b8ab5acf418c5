package group

import (
	"cmp"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/millrace-go/millrace/sdk/window"
)

// mergeWindows applies m to the windows ws, which need be neither sorted nor distinct, and returns what each
// becomes. What a window function of the program's own may get wrong is an error.
func mergeWindows(m window.Merger, ws []window.Window) (out []window.Window, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("merging windows by %v: panic: %v\n%s", m, p, debug.Stack())
		}
	}()
	sorted := slices.Clone(ws)
	slices.SortFunc(sorted, window.Window.Compare)
	sorted = slices.Compact(sorted)
	into := map[window.Window]window.Window{}
	for _, g := range m.MergeWindows(slices.Clone(sorted)) {
		if len(g.From) == 0 || g.To.End <= g.To.Start {
			return nil, fmt.Errorf("the window function merged %v into %v: it needs windows to merge and a result that is not empty", g.From, g.To)
		}
		for _, w := range g.From {
			if _, ok := slices.BinarySearchFunc(sorted, w, window.Window.Compare); !ok {
				return nil, fmt.Errorf("the window function merged %v, which is not one of the windows that it was given", w)
			}
			if other, twice := into[w]; twice {
				return nil, fmt.Errorf("the window function merged %v twice, into %v and into %v", w, other, g.To)
			}
			into[w] = g.To
		}
	}
	out = make([]window.Window, len(ws))
	for i, w := range ws {
		out[i] = w
		if to, ok := into[w]; ok {
			out[i] = to
		}
	}
	return out, nil
}

// mergeGroups merges the windows of each key of t, and returns the number of groups that are left, the new
// number of each old group, and key and window of each new one.
func mergeGroups(m window.Merger, t *table) (remap []uint32, groups []keyWindow, err error) {
	order := make([]uint32, len(t.groups))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int {
		return cmp.Or(cmp.Compare(t.groups[a].key, t.groups[b].key), t.groups[a].w.Compare(t.groups[b].w))
	})
	remap = make([]uint32, len(order))
	var ws []window.Window
	seen := map[window.Window]uint32{}
	for lo := 0; lo < len(order); {
		key := t.groups[order[lo]].key
		hi := lo
		ws = ws[:0]
		for hi < len(order) && t.groups[order[hi]].key == key {
			ws = append(ws, t.groups[order[hi]].w)
			hi++
		}
		merged, err := mergeWindows(m, ws)
		if err != nil {
			return nil, nil, err
		}
		clear(seen)
		for i, w := range merged {
			g, ok := uint32(0), false
			if i > 0 && merged[i-1] == w {
				g, ok = uint32(len(groups)-1), groups[len(groups)-1].w == w
			}
			if !ok {
				g, ok = seen[w]
			}
			if !ok {
				g = uint32(len(groups))
				groups = append(groups, keyWindow{key, w})
				seen[w] = g
			}
			remap[order[lo+i]] = g
		}
		lo = hi
	}
	return remap, groups, nil
}

// distinctMerged merges ws, which may repeat, and numbers what is left.
func distinctMerged(m window.Merger, ws []window.Window) (remap []uint32, out []window.Window, err error) {
	merged, err := mergeWindows(m, ws)
	if err != nil {
		return nil, nil, err
	}
	seen := map[window.Window]uint32{}
	for _, w := range merged {
		g, ok := seen[w]
		if !ok {
			g = uint32(len(out))
			seen[w] = g
			out = append(out, w)
		}
		remap = append(remap, g)
	}
	return remap, out, nil
}
