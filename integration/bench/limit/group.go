package limit

import (
	"iter"
	"math/bits"

	"github.com/millrace-go/millrace/integration/bench/data"
)

type row struct{ key, value, time int64 }

const partitions = 512

// Group groups n rows by their keys, and sums each group: rows are cut into partitions by the hash of their key,
// then each partition numbers its keys and lays its values out by number.
func Group(n, keys int64) int64 {
	var parts [2][partitions][][]row // by half, partition and block
	both(n, func(lo, hi int64, half int) {
		var open [partitions][]row
		for i := lo; i < hi; i++ {
			k := data.Key(i, keys)
			p := fold(uint64(k)) % partitions
			if len(open[p]) == cap(open[p]) {
				open[p] = make([]row, 0, max(16, min(2*cap(open[p]), 512)))
				parts[half][p] = append(parts[half][p], nil)
			}
			open[p] = append(open[p], row{k, i, 0})
			parts[half][p][len(parts[half][p])-1] = open[p]
		}
	})
	var sums [2]int64
	both(partitions, func(lo, hi int64, half int) {
		var g groups
		for p := lo; p < hi; p++ {
			g.build(append(parts[0][p], parts[1][p]...))
			parts[0][p], parts[1][p] = nil, nil
			for id, k := range g.keys {
				var sum int64
				for v := range g.values(id) {
					sum += v
				}
				sums[half] += data.Check("", sum^k)
			}
		}
	})
	return sums[0] + sums[1]
}

// groups are the groups of a partition: the values of the key with number id end at ends[id].
type groups struct {
	slots []uint32 // number of the key, plus one
	keys  []int64
	ids   []uint32 // of the rows
	ends  []uint32
	vals  []int64
}

func (g *groups) build(blocks [][]row) {
	n := 0
	for _, b := range blocks {
		n += len(b)
	}
	size := 1 << bits.Len(uint(n+n/2))
	if len(g.slots) < size {
		g.slots = make([]uint32, size)
		g.ids, g.vals = make([]uint32, 0, size), make([]int64, size)
	}
	slots := g.slots[:size]
	clear(slots)
	g.keys, g.ids, g.ends = g.keys[:0], g.ids[:0], g.ends[:0]
	for _, b := range blocks {
		for i := range b {
			for j := fold(uint64(b[i].key)) / partitions; ; j++ {
				s := &slots[j&uint64(size-1)]
				if *s == 0 {
					g.keys, g.ends = append(g.keys, b[i].key), append(g.ends, 0)
					*s = uint32(len(g.keys))
				}
				if id := *s - 1; g.keys[id] == b[i].key {
					g.ids, g.ends[id] = append(g.ids, id), g.ends[id]+1
					break
				}
			}
		}
	}
	at := uint32(0) // where each group starts; placing its values moves that to its end
	for id, count := range g.ends {
		g.ends[id], at = at, at+count
	}
	at = 0
	for _, b := range blocks {
		for i := range b {
			id := g.ids[at]
			g.vals[g.ends[id]] = b[i].value
			g.ends[id]++
			at++
		}
	}
}

// values yields the values of a key.
func (g *groups) values(id int) iter.Seq[int64] {
	from := uint32(0)
	if id > 0 {
		from = g.ends[id-1]
	}
	vs := g.vals[from:g.ends[id]]
	return func(yield func(int64) bool) {
		for _, v := range vs {
			if !yield(v) {
				return
			}
		}
	}
}
