package group

import (
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/millrace-go/millrace/sdk/exec/keys"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// A run has all rows, group by group, in the order that merging relies on; also when one key has very many windows, so
// that their hashes are alike.
func TestSorter(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	kc, err := coder.For[int64]()
	if err != nil {
		t.Fatal(err)
	}
	s := &store{key: keys.TypeOf(kc), stride: unsafe.Sizeof(coder.KV[int64, int]{})}
	g := newSorter(keys.Words)
	for _, windowed := range []bool{false, true} {
		s.mode.windowed = windowed
		for _, n := range []int{1, 2, 11, 12, 13, 100, 5000} {
			for _, of := range []int{1, 3, 2000} { // how many keys there are
				var ks []int64 // of one partition
				for k := int64(0); len(ks) < of; k++ {
					if keys.HashWord(uint64(k))>>(64-partitionBits) == 5 {
						ks = append(ks, k)
					}
				}
				var cs []chunk
				rows := make([]coder.KV[int64, int], n)
				all := map[int]coder.KV[int64, int]{}
				win := map[int]window.Window{}
				for row := range n {
					if row%70 == 0 {
						cs = append(cs, chunk{rows: unsafe.Pointer(&rows[row])})
					}
					c := &cs[len(cs)-1]
					w := window.Window{Start: 0, End: 1}
					if windowed {
						w.End += mtime.Time(rng.Int64N(int64(n)))
						c.win = append(c.win, w)
					}
					all[row], win[row] = coder.KV[int64, int]{Key: ks[rng.IntN(of)], Value: row}, w
					rows[row] = all[row]
					c.n++
				}
				if err := sortRows(s, g, cs); err != nil {
					t.Fatal(err)
				}
				var got []int
				for i, x := range g.rank {
					rows := g.order[g.start[x.g]:g.start[x.g+1]]
					if len(rows) == 0 || !slices.IsSorted(rows) {
						t.Fatalf("group %d has rows %v", i, rows)
					}
					for _, r := range rows {
						if all[int(r)].Key != all[int(rows[0])].Key || win[int(r)] != win[int(rows[0])] {
							t.Fatalf("group %d has rows of two groups", i)
						}
						got = append(got, int(r))
					}
					if i == 0 {
						continue
					}
					a, b := int(g.order[g.start[g.rank[i-1].g]]), int(rows[0])
					ha, hb := keys.HashWord(uint64(all[a].Key)), keys.HashWord(uint64(all[b].Key))
					if ha > hb || ha == hb && win[a].Compare(win[b]) >= 0 {
						t.Fatalf("%d rows, %d keys: group %d is not behind the one before it", n, of, i)
					}
				}
				slices.Sort(got)
				for i, r := range got {
					if i != r {
						t.Fatalf("row %d is missing or there twice", min(i, r))
					}
				}
				if len(got) != n {
					t.Fatalf("%d rows, want %d", len(got), n)
				}
			}
		}
	}
}
