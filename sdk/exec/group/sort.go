package group

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/millrace-go/millrace/sdk/exec/keys"
)

// sorter orders the rows of chunks as runs are: by hash, key and window. Its memory is used for one run after the
// other.
type sorter struct {
	table  *table
	groups []keyWindow // by number; without windows, the number is the key's
	rank   []ranked    // the groups in the order of a run
	start  []uint32    // by number: where the rows of a group begin in order
	order  []uint32    // row numbers over all chunks, group by group

	col   keys.Column
	ids   []uint32 // of the rows
	next  []uint32
	spare []ranked
}

// ranked is a group and the hash of its key.
type ranked struct {
	hash uint64
	g    uint32
}

func newSorter(kind keys.Kind) *sorter { return &sorter{table: newTable(kind, false)} }

// sortRows sorts chunks with g.
func sortRows(s *store, g *sorter, cs []chunk) error {
	n := 0
	for i := range cs {
		n += cs[i].n
	}
	t := g.table
	t.reset(n)
	g.ids = sized(g.ids, n)
	at := 0
	for i := range cs {
		c := &cs[i]
		if c.n == 0 {
			continue
		}
		if err := s.key.Load(&g.col, c.rows, s.stride, c.n); err != nil {
			return err
		}
		part := g.ids[at : at+c.n]
		t.ids(&g.col, part)
		if s.mode.windowed {
			for j := range part {
				part[j] = t.group(part[j], c.win[j])
			}
		}
		at += c.n
	}
	g.arrange(s.mode.windowed)
	return nil
}

// sized is b with n elements, of which nothing is known.
func sized[T any](b []T, n int) []T {
	if cap(b) < n {
		return make([]T, n, n+n/8)
	}
	return b[:n]
}

// arrange orders the groups, and lays the rows out by group.
func (g *sorter) arrange(windowed bool) {
	t, n := g.table, g.table.n
	if windowed {
		n = len(t.groups)
	}
	g.rank = sized(g.rank, n)
	for i := range g.rank {
		key := uint32(i)
		if windowed {
			key = t.groups[i].key
		}
		g.rank[i] = ranked{t.keyHash(key), uint32(i)}
	}
	g.groups = t.groups
	g.sort(func(a, b ranked) int {
		if c := cmp.Compare(a.hash, b.hash); c != 0 {
			return c
		}
		if !windowed {
			return t.compare(a.g, b.g)
		}
		x, y := t.groups[a.g], t.groups[b.g]
		if c := t.compare(x.key, y.key); c != 0 {
			return c
		}
		return x.w.Compare(y.w)
	})
	g.start = sized(g.start, n+1)
	clear(g.start)
	for _, id := range g.ids {
		g.start[id+1]++
	}
	for i := range n {
		g.start[i+1] += g.start[i]
	}
	g.next = append(g.next[:0], g.start...)
	g.order = sized(g.order, len(g.ids))
	for row, id := range g.ids {
		g.order[g.next[id]] = uint32(row)
		g.next[id]++
	}
}

// sort orders rank. Hashes are spread evenly but for the top bits, which those of a partition share, so that they
// are first dealt into about as many heaps as there are groups, of which most then hold one or two.
func (g *sorter) sort(compare func(a, b ranked) int) {
	n := len(g.rank)
	const few = 12
	if n <= few {
		slices.SortFunc(g.rank, compare)
		return
	}
	k := min(bits.Len(uint(n-1)), 20)
	heap := func(h uint64) uint64 { return h << partitionBits >> (64 - k) }
	g.next = sized(g.next, 1<<k+1)
	clear(g.next)
	for i := range g.rank {
		g.next[heap(g.rank[i].hash)+1]++
	}
	for i := range 1 << k {
		g.next[i+1] += g.next[i]
	}
	g.spare = sized(g.spare, n)
	for _, r := range g.rank {
		at := &g.next[heap(r.hash)]
		g.spare[*at] = r
		*at++
	}
	g.rank, g.spare = g.spare, g.rank
	lo := uint32(0)
	for _, hi := range g.next[:1<<k] { // where a heap begins has become where it ends
		if hi-lo > 1 {
			slices.SortFunc(g.rank[lo:hi], compare)
		}
		lo = hi
	}
}
