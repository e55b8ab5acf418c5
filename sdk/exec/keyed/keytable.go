package keyed

import (
	"strings"

	"github.com/millrace-go/millrace/sdk/exec/keys"
)

// keyTable gives the keys of a bundle dense numbers, in the order in which they first come.
type keyTable struct {
	kind keys.Kind
	t    table
	word []uint64
	pair []keys.Pair
	text []string
	out  []uint32
}

// ids returns the number of each key of col. The slice is valid until the next call.
func (k *keyTable) ids(col *keys.Column) []uint32 {
	if cap(k.out) < col.N {
		k.out = make([]uint32, col.N)
	}
	k.out = k.out[:col.N]
	k.t.reserve(col.N)
	t, mask := k.t.entries, k.t.mask
	if k.kind == keys.Words {
		for i, w := range col.Word {
			tag := tagOf(col.Hash[i])
			j := tag & mask
			for {
				e := t[j]
				if e == 0 {
					k.word = append(k.word, w)
					t[j] = uint64(tag)<<32 | uint64(len(k.word))
					k.t.n++
					k.out[i] = uint32(len(k.word) - 1)
					break
				}
				if id := uint32(e) - 1; uint32(e>>32) == tag && k.word[id] == w {
					k.out[i] = id
					break
				}
				j = (j + 1) & mask
			}
		}
		return k.out
	}
	for i, p := range col.Pair {
		tag := tagOf(col.Hash[i])
		j := tag & mask
		for {
			e := t[j]
			if e == 0 {
				k.pair, k.text = append(k.pair, p), append(k.text, strings.Clone(col.Key(i)))
				t[j] = uint64(tag)<<32 | uint64(len(k.pair))
				k.t.n++
				k.out[i] = uint32(len(k.pair) - 1)
				break
			}
			if id := uint32(e) - 1; uint32(e>>32) == tag && k.pair[id] == p && (!p.IsLong() || k.text[id] == col.Key(i)) {
				k.out[i] = id
				break
			}
			j = (j + 1) & mask
		}
	}
	return k.out
}

// kept is the table's copy of a key; empty if keys are words.
func (k *keyTable) kept(id uint32) string {
	if k.kind == keys.Words {
		return ""
	}
	return k.text[id]
}

// reset empties the table, keeping its memory.
func (k *keyTable) reset() {
	clear(k.t.entries)
	k.t.n = 0
	clear(k.text)
	k.word, k.pair, k.text = k.word[:0], k.pair[:0], k.text[:0]
}
