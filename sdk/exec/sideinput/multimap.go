package sideinput

import (
	"bytes"
	"cmp"
	"fmt"
	"hash/maphash"
	"slices"
	"unsafe"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/window"
)

// Multimap is the store of a view of the values of each key. What is in memory is found in a map; what is on
// disk in sorted runs, one for each spill, at the cost of reading a block of each.
type Multimap[K, V any] struct {
	*rows[coder.KV[K, V]]
	Mapper
	key    coder.Coder[K]
	unique bool
	index  map[window.Window]map[string][]V
}

// indexEntry is about what a key in memory takes in the index: the headers of its encoding and of its values, the
// encoding, and what maps and allocations leave free.
const indexEntry = 128

var seed = maphash.MakeSeed()

// NewMultimap returns an empty store. unique says that a key may have one value only.
func NewMultimap[K, V any](h *exec.Host, name string, fn window.Fn, k coder.Coder[K], v coder.Coder[V], unique bool) *Multimap[K, V] {
	m := &Multimap[K, V]{rows: newRows(h, name, coder.NewKV(k, v)), Mapper: NewMapper(fn), key: k, unique: unique}
	m.order = m.sort
	m.lookup = indexEntry + int64(unsafe.Sizeof(*new(V)))
	return m
}

// sort orders pairs by the hash of their key.
func (m *Multimap[K, V]) sort(kvs []coder.KV[K, V]) ([]uint64, error) {
	type hashed struct {
		hash uint64
		kv   coder.KV[K, V]
	}
	hs := make([]hashed, len(kvs))
	var buf []byte
	for i := range kvs {
		var err error
		if buf, err = m.key.Append(buf[:0], &kvs[i].Key); err != nil {
			return nil, err
		}
		hs[i] = hashed{maphash.Bytes(seed, buf), kvs[i]}
	}
	slices.SortFunc(hs, func(a, b hashed) int { return cmp.Compare(a.hash, b.hash) })
	by := make([]uint64, len(hs))
	for i, h := range hs {
		by[i], kvs[i] = h.hash, h.kv
	}
	return by, nil
}

// Seal implements exec.ViewStore.
func (m *Multimap[K, V]) Seal() error {
	m.seal()
	m.index = map[window.Window]map[string][]V{}
	var buf []byte
	for w, g := range m.byWindow {
		idx := map[string][]V{}
		for i := range g.mem {
			var err error
			if buf, err = m.key.Append(buf[:0], &g.mem[i].Key); err != nil {
				return fmt.Errorf("%s: encoding a key of the view: %w", m.name, err)
			}
			vs := idx[string(buf)]
			if m.unique && len(vs) > 0 {
				return m.twice(g.mem[i].Key, w)
			}
			idx[string(buf)] = append(vs, g.mem[i].Value)
		}
		g.mem = nil
		m.index[w] = idx
	}
	return nil
}

func (m *Multimap[K, V]) twice(k K, w window.Window) error {
	return fmt.Errorf("%s: a map view with two values for key %v in window %v: use AsMultimap, or combine per key first", m.name, k, w)
}

// Data implements exec.ViewStore.
func (m *Multimap[K, V]) Data() any { return m }

// Get calls yield for the values of k in c's window. A key of a map view that has two values is found here, if
// one of them is on disk.
func (m *Multimap[K, V]) Get(c *exec.Context, k K, yield func(V) bool) error {
	var a [64]byte
	enc, err := m.key.Append(a[:0], &k)
	if err != nil {
		return err
	}
	w := of(c, m.Mapper)
	inMemory := m.index[w][string(enc)]
	g := m.byWindow[w]
	if g == nil || len(g.blocks) == 0 {
		for _, v := range inMemory {
			if !yield(v) {
				break
			}
		}
		return nil
	}
	vs, err := m.onDisk(g, enc)
	if err != nil {
		return err
	}
	vs = append(vs, inMemory...)
	if m.unique && len(vs) > 1 {
		return m.twice(k, w)
	}
	for _, v := range vs {
		if !yield(v) {
			break
		}
	}
	return nil
}

// onDisk returns the values of the key with encoding enc that are in g's runs.
func (m *Multimap[K, V]) onDisk(g *bag[coder.KV[K, V]], enc []byte) ([]V, error) {
	var found []V
	var buf []byte
	h := maphash.Bytes(seed, enc)
	for r, lo := range g.runs {
		hi := len(g.blocks)
		if r+1 < len(g.runs) {
			hi = g.runs[r+1]
		}
		b, _ := slices.BinarySearchFunc(g.blocks[lo:hi], h, func(b block, h uint64) int { return cmp.Compare(b.last, h) })
		for k := lo + b; k < hi; k++ {
			kvs, err := m.read(g, k)
			if err != nil {
				return nil, err
			}
			for i := range kvs {
				if buf, err = m.key.Append(buf[:0], &kvs[i].Key); err != nil {
					return nil, err
				}
				if bytes.Equal(buf, enc) {
					found = append(found, kvs[i].Value)
				}
			}
			if g.blocks[k].last > h {
				break // keys of this hash do not go on in the next block
			}
		}
	}
	return found, nil
}
