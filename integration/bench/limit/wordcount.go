package limit

import (
	"encoding/binary"
	"math/bits"

	"github.com/millrace-go/millrace/integration/bench/data"
)

// WordCount counts the words of a file, which are separated by ASCII white space and control characters. It looks
// at eight bytes at a time; a word of up to eight is its own key in the table, a longer one is hashed and compared.
func WordCount(path string) (check int64, err error) {
	counts := [2]*words{{slots: make([]word, 1<<17)}, {slots: make([]word, 1<<17)}}
	err = lines(path, func(b []byte, half int) {
		t, b8 := counts[half], b[:len(b)+pad]
		for i := 0; i < len(b); i++ {
			start, key := i, uint64(0)
			for {
				x := binary.LittleEndian.Uint64(b8[i:])
				if space := (x - 0x2121212121212121) &^ x & 0x8080808080808080; space != 0 {
					at := bits.TrailingZeros64(space) &^ 7
					if i += at / 8; at > 0 {
						key = fold(key) ^ x&(1<<at-1)
					}
					break
				}
				key, i = fold(key)^x, i+8
			}
			if i > start {
				t.add(key, b[start:i], 1)
			}
		}
	})
	for _, w := range counts[1].slots {
		if w.n > 0 {
			counts[0].add(w.key, []byte(w.long), w.n) // a short word needs its key only
		}
	}
	for _, w := range counts[0].slots {
		if w.n > 0 && w.long == "" {
			w.long = string(binary.LittleEndian.AppendUint64(nil, w.key)[:(bits.Len64(w.key)+7)/8])
		}
		check += data.Check(w.long, w.n)
	}
	return check, err
}

// word is a slot of a table: of a word of up to eight bytes, key is the bytes and long is empty.
type word struct {
	key  uint64
	long string
	n    int64
}

type words struct {
	slots []word
	used  int
}

func (t *words) add(key uint64, b []byte, n int64) {
	for i := fold(key); ; i++ {
		w := &t.slots[i&uint64(len(t.slots)-1)]
		if w.key == key && w.n > 0 && (len(b) <= 8 && w.long == "" || w.long == string(b)) {
			w.n += n
			return
		}
		if w.n == 0 {
			*w = word{key: key, n: n}
			if len(b) > 8 {
				w.long = string(b)
			}
			if t.used++; t.used > len(t.slots)/2 {
				t.grow()
			}
			return
		}
	}
}

func (t *words) grow() {
	old := t.slots
	t.slots, t.used = make([]word, 2*len(old)), 0
	for _, w := range old {
		if w.n > 0 {
			t.add(w.key, []byte(w.long), w.n)
		}
	}
}

// fold mixes all bits of x. It gives 0 for 0.
func fold(x uint64) uint64 {
	hi, lo := bits.Mul64(x, 0x9E3779B97F4A7C15)
	return hi ^ lo
}
