package main

import (
	"bytes"
	"hash/maphash"
	"io"
	"iter"
	"math/bits"
	"os"
	"sync"
)

// The limits: what a hand-written program of two goroutines needs, each on about a page.

// halves calls f for the two halves of a file, cut at a line, on two goroutines.
func halves(path string, f func(r io.Reader, part int) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return err
	}
	mid := st.Size() / 2
	buf := make([]byte, 64<<10)
	if _, err := file.ReadAt(buf, mid); err != nil && err != io.EOF {
		return err
	}
	mid += int64(bytes.IndexByte(buf, '\n') + 1)
	var wg sync.WaitGroup
	errs := make([]error, 2)
	for i, s := range []*io.SectionReader{io.NewSectionReader(file, 0, mid), io.NewSectionReader(file, mid, st.Size()-mid)} {
		wg.Go(func() { errs[i] = f(s, i) })
	}
	wg.Wait()
	if errs[0] != nil {
		return errs[0]
	}
	return errs[1]
}

// chunks calls f with pieces of r that end with a line.
func chunks(r io.Reader, f func(b []byte)) error {
	buf := make([]byte, 256<<10)
	n := 0
	for {
		k, err := r.Read(buf[n:])
		n += k
		end := bytes.LastIndexByte(buf[:n], '\n') + 1
		if err != nil {
			f(buf[:n])
			if err == io.EOF {
				return nil
			}
			return err
		}
		f(buf[:end])
		n = copy(buf, buf[end:n])
	}
}

type wordTable struct {
	slots []uint32
	hash  []uint64
	words []string
	count []int64
}

var limitSeed = maphash.MakeSeed()

func (t *wordTable) add(w []byte, n int64) {
	h := maphash.Bytes(limitSeed, w)
	for i := h; ; i++ {
		s := &t.slots[i&uint64(len(t.slots)-1)]
		if *s == 0 {
			t.words, t.hash, t.count = append(t.words, string(w)), append(t.hash, h), append(t.count, n)
			*s = uint32(len(t.words))
			return
		}
		if t.hash[*s-1] == h && t.words[*s-1] == string(w) {
			t.count[*s-1] += n
			return
		}
	}
}

func limitWordCount(path string) (check int64, err error) {
	tables := [2]*wordTable{{slots: make([]uint32, 1<<18)}, {slots: make([]uint32, 1<<18)}}
	err = halves(path, func(r io.Reader, part int) error {
		t := tables[part]
		return chunks(r, func(b []byte) {
			for i := 0; i < len(b); {
				for i < len(b) && b[i] <= ' ' {
					i++
				}
				j := i
				for j < len(b) && b[j] > ' ' {
					j++
				}
				if j > i {
					t.add(b[i:j], 1)
				}
				i = j
			}
		})
	})
	for i, w := range tables[1].words {
		tables[0].add([]byte(w), tables[1].count[i])
	}
	for i, n := range tables[0].count {
		check += n * int64(len(tables[0].words[i]))
	}
	return check, err
}

// both runs f for the two halves of [0, n).
func both(n int64, f func(lo, hi int64, part int)) {
	var wg sync.WaitGroup
	wg.Go(func() { f(0, n/2, 0) })
	wg.Go(func() { f(n/2, n, 1) })
	wg.Wait()
}

func limitMaps(n int64) int64 {
	var sum [2]int64
	both(n, func(lo, hi int64, part int) {
		var s int64
		for i := lo; i < hi; i++ {
			s += mapC(mapB(mapA(i)))
		}
		sum[part] = s
	})
	return sum[0] + sum[1]
}

//go:noinline
func mapA(i int64) int64 { return i + 1 }

//go:noinline
func mapB(i int64) int64 { return i * 3 }

//go:noinline
func mapC(i int64) int64 { return i ^ 5 }

type row struct{ k, v, ts int64 }

const limitParts = 512

// partitioned cuts n rows by the hash of their key, each goroutine into lists of its own, and calls f for
// each partition, on two goroutines.
func partitioned(n int64, keys uint64, f func(rows [][]row, part int)) {
	var parts [2][limitParts][][]row
	both(n, func(lo, hi int64, part int) {
		p := &parts[part]
		for i := lo; i < hi; i++ {
			k := key(i, keys)
			h, l := bits.Mul64(uint64(k), 0x9E3779B97F4A7C15)
			list := &p[(h^l)%limitParts]
			if m := len(*list); m == 0 || len((*list)[m-1]) == cap((*list)[m-1]) {
				*list = append(*list, make([]row, 0, 512))
			}
			last := &(*list)[len(*list)-1]
			*last = append(*last, row{k, i, 0})
		}
	})
	both(limitParts, func(lo, hi int64, part int) {
		for p := lo; p < hi; p++ {
			f(append(parts[0][p], parts[1][p]...), part)
			parts[0][p], parts[1][p] = nil, nil
		}
	})
}

// groups numbers the keys of a partition and lays its values out by key.
type groups struct {
	slots []uint32
	keys  []int64
	ids   []uint32
	start []uint32
	vals  []int64
}

func (g *groups) build(lists [][]row) {
	n := 0
	for _, l := range lists {
		n += len(l)
	}
	size := 1 << bits.Len(uint(2*n))
	if len(g.slots) < size {
		g.slots = make([]uint32, size)
	}
	slots := g.slots[:size]
	clear(slots)
	g.keys, g.ids = g.keys[:0], g.ids[:0]
	for _, l := range lists {
		for i := range l {
			h, lo := bits.Mul64(uint64(l[i].k), 0x9E3779B97F4A7C15)
			for j := (h ^ lo) >> 9; ; j++ {
				s := &slots[j&uint64(size-1)]
				if *s == 0 {
					g.keys = append(g.keys, l[i].k)
					*s = uint32(len(g.keys))
				}
				if g.keys[*s-1] == l[i].k {
					g.ids = append(g.ids, *s-1)
					break
				}
			}
		}
	}
	g.start = append(g.start[:0], make([]uint32, len(g.keys)+1)...)
	for _, id := range g.ids {
		g.start[id+1]++
	}
	for i := range g.keys {
		g.start[i+1] += g.start[i]
	}
	if cap(g.vals) < n {
		g.vals = make([]int64, n)
	}
	g.vals = g.vals[:n]
	at := 0
	for _, l := range lists {
		for i := range l {
			id := g.ids[at]
			at++
			g.vals[g.start[id]] = l[i].v
			g.start[id]++
		}
	}
}

func (g *groups) seq(i int) iter.Seq[int64] {
	lo := uint32(0)
	if i > 0 {
		lo = g.start[i-1]
	}
	vs := g.vals[lo:g.start[i]]
	return func(yield func(int64) bool) {
		for _, v := range vs {
			if !yield(v) {
				return
			}
		}
	}
}

func limitGroup(n int64, keys uint64) int64 {
	var sum [2]int64
	var gs [2]groups
	partitioned(n, keys, func(lists [][]row, part int) {
		g := &gs[part]
		g.build(lists)
		for i, k := range g.keys {
			var s int64
			for v := range g.seq(i) {
				s += v
			}
			sum[part] += s ^ k
		}
	})
	return sum[0] + sum[1]
}

func limitCombine(n int64, keys uint64) int64 {
	accs := [2][]int64{}
	seen := [2][]int64{}
	slots := [2][]uint32{make([]uint32, 1<<18), make([]uint32, 1<<18)}
	add := func(part int, k, v int64) {
		h, lo := bits.Mul64(uint64(k), 0x9E3779B97F4A7C15)
		for j := h ^ lo; ; j++ {
			s := &slots[part][j%(1<<18)]
			if *s == 0 {
				seen[part], accs[part] = append(seen[part], k), append(accs[part], 0)
				*s = uint32(len(seen[part]))
			}
			if seen[part][*s-1] == k {
				accs[part][*s-1] += v
				return
			}
		}
	}
	both(n, func(lo, hi int64, part int) {
		for i := lo; i < hi; i++ {
			add(part, key(i, keys), i)
		}
	})
	for i, k := range seen[1] {
		add(0, k, accs[1][i])
	}
	var sum int64
	for i, k := range seen[0] {
		sum += accs[0][i] ^ k
	}
	return sum
}

type station struct{ min, max, sum, n int64 }

func limitBRC(path string) (check int64, err error) {
	tables := [2]*wordTable{{slots: make([]uint32, 1<<14)}, {slots: make([]uint32, 1<<14)}}
	stats := [2][]station{}
	merge := func(part int, w []byte, s station) {
		t := tables[part]
		h := maphash.Bytes(limitSeed, w)
		for i := h; ; i++ {
			slot := &t.slots[i&uint64(len(t.slots)-1)]
			if *slot == 0 {
				t.words, t.hash = append(t.words, string(w)), append(t.hash, h)
				*slot = uint32(len(t.words))
				stats[part] = append(stats[part], s)
				break
			}
			if t.hash[*slot-1] == h && t.words[*slot-1] == string(w) {
				x := &stats[part][*slot-1]
				x.min, x.max, x.sum, x.n = min(x.min, s.min), max(x.max, s.max), x.sum+s.sum, x.n+s.n
				break
			}
		}
	}
	err = halves(path, func(r io.Reader, part int) error {
		return chunks(r, func(b []byte) {
			for len(b) > 0 {
				i := bytes.IndexByte(b, ';')
				j := i + 1
				neg := b[j] == '-'
				if neg {
					j++
				}
				var t int64
				for ; b[j] != '\n'; j++ {
					if b[j] != '.' {
						t = t*10 + int64(b[j]-'0')
					}
				}
				if neg {
					t = -t
				}
				merge(part, b[:i], station{t, t, t, 1})
				b = b[j+1:]
			}
		})
	})
	for i, w := range tables[1].words {
		merge(0, []byte(w), stats[1][i])
	}
	for i, s := range stats[0] {
		check += int64(len(tables[0].words[i])) * (s.min + 3*s.max + 5*s.sum + 7*s.n)
	}
	return check, err
}
