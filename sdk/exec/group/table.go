package group

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
	"unsafe"

	"github.com/millrace-go/millrace/sdk/exec/keys"

	"github.com/millrace-go/millrace/sdk/window"
)

// table gives keys dense numbers, in the order in which they first come. Open addressing with linear probing. A
// slot is 0 or a key's number plus one, which is less than the number of slots, and above that bits of its hash: so
// that it is mostly clear from the slot alone whether a key is the one. A wrong guess of the processor then costs one
// access to memory and not two in a row.
type table struct {
	kind  keys.Kind
	clone bool // keep copies of strings, not the rows' own
	slots []uint32
	mask  uint64
	n     int
	word  []uint64    // words: by number
	text  []string    // texts and encodings: by number
	pair  []keys.Pair // texts and encodings: by number

	wslots []uint32 // (key number, window) -> group number
	wmask  uint64
	groups []keyWindow // by group number
}

type keyWindow struct {
	key uint32
	w   window.Window
}

func newTable(kind keys.Kind, clone bool) *table { return &table{kind: kind, clone: clone} }

// reset empties the table for about rows rows, keeping its memory where it fits.
func (t *table) reset(rows int) {
	want := 64
	for want < rows && want < 1<<16 {
		want <<= 1
	}
	if len(t.slots) < want || len(t.slots) > 8*want {
		t.slots = make([]uint32, want)
	} else {
		clear(t.slots)
	}
	t.mask = uint64(len(t.slots) - 1)
	t.n = 0
	t.word, t.pair = t.word[:0], t.pair[:0]
	clear(t.text)
	t.text = t.text[:0]
	clear(t.wslots)
	t.groups = t.groups[:0]
}

// grow makes the table twice as large, one that is small four times.
func (t *table) grow() {
	more := 2 * len(t.slots)
	if len(t.slots) < 1<<16 {
		more *= 2
	}
	t.slots = make([]uint32, max(more, 64))
	t.mask = uint64(len(t.slots) - 1)
	for id := range t.n {
		h := t.keyHash(uint32(id))
		i := h & t.mask
		for t.slots[i] != 0 {
			i = (i + 1) & t.mask
		}
		t.slots[i] = tag(h, t.mask) | uint32(id+1)
	}
}

// roomy is b with room for n elements. It doubles what there is, as long as that is little: append is more sparing, but
// writes about four times as much in all while a table grows, in memory that is new each time.
func roomy[T any](b []T, n int) []T {
	const little = 4 << 20 // bytes
	if n <= cap(b) || cap(b)*int(unsafe.Sizeof(*new(T))) > little {
		return b
	}
	return slices.Grow(b, max(n, 2*cap(b))-len(b))
}

// tag is the bits of a hash that a slot has room for. The top ones are those of the partition, alike in all keys.
func tag(h, mask uint64) uint32 { return uint32(h>>24) &^ uint32(mask) }

// ids writes the numbers of the keys of c to out.
func (t *table) ids(c *keys.Column, out []uint32) {
	if need := t.n + c.N; need*4 > len(t.slots)*3 {
		// All of them may be new; growing ahead keeps the check out of the loop.
		for need*4 > len(t.slots)*3 {
			if t.n*2 < len(t.slots) && len(t.slots) >= 1<<16 {
				break
			}
			t.grow()
		}
	}
	if t.kind == keys.Words {
		t.word = roomy(t.word, t.n+1)
		t.wordIDs(c, out)
	} else {
		t.pair, t.text = roomy(t.pair, t.n+1), roomy(t.text, t.n+1)
		t.pairIDs(c, out)
	}
}

func (t *table) wordIDs(c *keys.Column, out []uint32) {
	slots, mask, word := t.slots, t.mask, t.word
	hash, out := c.Hash[:len(c.Word)], out[:len(c.Word)]
	for i, k := range c.Word {
		h := hash[i]
		j, tag := h&mask, tag(h, mask)
		for {
			s := slots[j]
			if id := s&uint32(mask) - 1; s&^uint32(mask) == tag && int(id) < len(word) && word[id] == k {
				out[i] = id
				break
			}
			if s == 0 {
				out[i] = t.addWord(k, h, j)
				slots, mask, word = t.slots, t.mask, t.word
				break
			}
			j = (j + 1) & mask
		}
	}
}

// addWord gives key k with hash h, for which slot j is free, the next number.
func (t *table) addWord(k, h, j uint64) uint32 {
	t.word = append(t.word, k)
	t.n++
	t.slots[j] = tag(h, t.mask) | uint32(t.n)
	if t.n*4 >= len(t.slots)*3 {
		t.grow()
	}
	return uint32(t.n - 1)
}

func (t *table) pairIDs(c *keys.Column, out []uint32) {
	slots, mask, pair := t.slots, t.mask, t.pair
	hash, out := c.Hash[:len(c.Pair)], out[:len(c.Pair)]
	for i := range c.Pair {
		p, h := c.Pair[i], hash[i]
		j, tag := h&mask, tag(h, mask)
		for {
			s := slots[j]
			if id := s&uint32(mask) - 1; s&^uint32(mask) == tag && int(id) < len(pair) && pair[id] == p && (!p.IsLong() || t.text[id] == c.Key(i)) {
				out[i] = id
				break
			}
			if s == 0 {
				out[i] = t.addPair(p, c, i, j)
				slots, mask, pair = t.slots, t.mask, t.pair
				break
			}
			j = (j + 1) & mask
		}
	}
}

// addPair is addWord for key i of c.
func (t *table) addPair(p keys.Pair, c *keys.Column, i int, j uint64) uint32 {
	t.insert(p, c, i)
	t.slots[j] = tag(c.Hash[i], t.mask) | uint32(t.n)
	if t.n*4 >= len(t.slots)*3 {
		t.grow()
	}
	return uint32(t.n - 1)
}

func (t *table) insert(p keys.Pair, c *keys.Column, i int) {
	k := c.Key(i)
	if t.clone || t.kind == keys.Encoded {
		k = strings.Clone(k)
	}
	t.text = append(t.text, k)
	t.pair = append(t.pair, p)
	t.n++
}

// keyHash is the hash of key id.
func (t *table) keyHash(id uint32) uint64 {
	if t.kind == keys.Words {
		return keys.HashWord(t.word[id])
	}
	return t.pair[id].Hash()
}

// group returns the number of the group of key id in w.
func (t *table) group(id uint32, w window.Window) uint32 {
	if (len(t.groups)+1)*4 > len(t.wslots)*3 {
		t.wslots = make([]uint32, max(2*len(t.wslots), 64))
		t.wmask = uint64(len(t.wslots) - 1)
		for g, kw := range t.groups {
			j := kw.hash() & t.wmask
			for t.wslots[j] != 0 {
				j = (j + 1) & t.wmask
			}
			t.wslots[j] = uint32(g + 1)
		}
	}
	kw := keyWindow{id, w}
	j := kw.hash() & t.wmask
	for {
		s := t.wslots[j]
		if s == 0 {
			t.groups = append(t.groups, kw)
			t.wslots[j] = uint32(len(t.groups))
			return uint32(len(t.groups) - 1)
		}
		if t.groups[s-1] == kw {
			return s - 1
		}
		j = (j + 1) & t.wmask
	}
}

func (kw keyWindow) hash() uint64 {
	return keys.HashWord(uint64(kw.key)*0x9E3779B97F4A7C15 ^ uint64(kw.w.Start)*0xC2B2AE3D27D4EB4F ^ uint64(kw.w.End)*0x165667B19E3779F9 ^ uint64(kw.w.Tag))
}

// compare orders keys as runs are: by hash, then by key.
func (t *table) compare(a, b uint32) int {
	if c := cmp.Compare(t.keyHash(a), t.keyHash(b)); c != 0 {
		return c
	}
	if t.kind == keys.Words {
		return cmp.Compare(t.word[a], t.word[b])
	}
	return strings.Compare(t.text[a], t.text[b])
}

// bytes appends the form in which runs hold key id: ordered as compare orders.
func (t *table) bytes(dst []byte, id uint32) []byte {
	if t.kind == keys.Words {
		return binary.BigEndian.AppendUint64(dst, t.word[id])
	}
	return append(dst, t.text[id]...)
}
