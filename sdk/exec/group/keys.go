package group

import (
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"reflect"
	"strings"
	"unsafe"

	"github.com/millrace-go/millrace/sdk/coder"
)

// Keys are handled without type parameters: a column of keys is a base pointer, a stride and a number, and a
// key is a machine word, a string, or its encoding. So the tables below are compiled once, whatever the keys.

type keyKind uint8

const (
	words   keyKind = iota // integers and bool, widened to 64 bits
	texts                  // strings
	encoded                // everything else, by its encoding
)

// keyType is how keys of one type are handled.
type keyType[K any] struct {
	kind  keyKind
	size  uintptr // of a word
	coder coder.Coder[K]
}

func newKeyType[K any](c coder.Coder[K]) *keyType[K] {
	t := reflect.TypeFor[K]()
	k := &keyType[K]{coder: c, kind: encoded}
	if strings.HasPrefix(c.ID(), "custom:") || strings.HasPrefix(c.ID(), "binary<") {
		return k // equal as Go values need not be equal as keys
	}
	switch t.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		k.kind, k.size = words, t.Size()
	case reflect.String:
		k.kind = texts
	default:
	}
	return k
}

// column is the keys of a batch or chunk, in the form that tables take.
type column struct {
	kind   keyKind
	size   uintptr
	base   unsafe.Pointer
	stride uintptr
	n      int
	hash   []uint64
	word   []uint64
	pair   []pair
	bytes  []byte // encodings, one after the other
	end    []int  // where each ends
}

// seed is this process's: hashes of keys never leave it.
var seed = maphash.MakeSeed()

var (
	wordSeed = maphash.String(seed, "words") | 1
	loSeed   = maphash.String(seed, "lo")
	hiSeed   = maphash.String(seed, "hi")
)

// load reads the keys at base.
func (k *keyType[K]) load(c *column, base unsafe.Pointer, stride uintptr, n int) error {
	c.kind, c.size, c.base, c.stride, c.n = k.kind, k.size, base, stride, n
	if cap(c.hash) < n {
		c.hash = make([]uint64, max(n, 256))
	}
	c.hash = c.hash[:n]
	switch k.kind {
	case words:
		c.loadWords()
	case texts:
		c.growPairs()
		for i := range c.hash {
			c.pair[i], c.hash[i] = pairOf(c.text(i))
		}
	default:
		c.growPairs()
		c.bytes, c.end = c.bytes[:0], c.end[:0]
		for i := range c.hash {
			at := len(c.bytes)
			var err error
			if c.bytes, err = k.coder.Append(c.bytes, (*K)(c.at(i))); err != nil {
				return err
			}
			c.end = append(c.end, len(c.bytes))
			c.pair[i], c.hash[i] = pairOf(view(c.bytes[at:]))
		}
	}
	return nil
}

func (c *column) growPairs() {
	if cap(c.pair) < c.n {
		c.pair = make([]pair, max(c.n, 256))
	}
	c.pair = c.pair[:c.n]
}

// pair stands for a text or an encoding of up to 15 bytes, so that most keys are hashed and compared as two words:
// its bytes, padded with zeros, and its length in the last. Of a longer one lo is the hash.
type pair struct{ lo, hi uint64 }

const (
	maxPair = 15
	long    = 0xff << 56
)

func pairOf(s string) (p pair, hash uint64) {
	n := len(s)
	switch {
	case n > maxPair:
		h := maphash.String(seed, s)
		return pair{h, long}, h
	case n >= 8:
		b := bytesOf(s)
		p.lo = binary.LittleEndian.Uint64(b)
		p.hi = binary.LittleEndian.Uint64(b[n-8:]) >> (8 * (16 - n))
	case n >= 4:
		b := bytesOf(s)
		p.lo = uint64(binary.LittleEndian.Uint32(b)) | uint64(binary.LittleEndian.Uint32(b[n-4:]))>>(8*(8-n))<<32
	case n > 0:
		p.lo = uint64(s[0]) | uint64(s[n/2])<<(8*(n/2)) | uint64(s[n-1])<<(8*(n-1))
	}
	p.hi |= uint64(n) << 56
	return p, p.hash()
}

func (p pair) hash() uint64 {
	if p.hi == long {
		return p.lo
	}
	hi, lo := bits.Mul64(p.lo^loSeed, p.hi^hiSeed)
	return (hi ^ lo) * 0xD6E8FEB86659FD93
}

// bytesOf and view look at the same bytes in the other form. Nobody writes to them.

func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
func view(b []byte) string    { return unsafe.String(unsafe.SliceData(b), len(b)) }

func (c *column) loadWords() {
	if cap(c.word) < c.n {
		c.word = make([]uint64, max(c.n, 256))
	}
	c.word = c.word[:c.n]
	w := c.word
	switch c.size {
	case 8:
		for i := range w {
			w[i] = *(*uint64)(c.at(i))
		}
	case 4:
		for i := range w {
			w[i] = uint64(*(*uint32)(c.at(i)))
		}
	case 2:
		for i := range w {
			w[i] = uint64(*(*uint16)(c.at(i)))
		}
	default:
		for i := range w {
			w[i] = uint64(*(*uint8)(c.at(i)))
		}
	}
	h := c.hash
	for i, x := range w {
		h[i] = hashWord(x)
	}
}

func hashWord(x uint64) uint64 {
	hi, lo := bits.Mul64(x^wordSeed, 0x9E3779B97F4A7C15)
	h := hi ^ lo
	return h * 0xD6E8FEB86659FD93 // the top bits choose the partition, the low ones the slot: mix both
}

// text returns key i of a column of strings.
func (c *column) text(i int) string {
	return *(*string)(c.at(i))
}

// key returns key i of a column of strings or encodings.
func (c *column) key(i int) string {
	if c.kind == texts {
		return c.text(i)
	}
	return c.encoding(i)
}

// at is where key i is. A pointer is never moved behind the last one: it would point into another object.
func (c *column) at(i int) unsafe.Pointer { return unsafe.Add(c.base, uintptr(i)*c.stride) }

// encoding returns key i of a column of encodings. It is valid until the next load.
func (c *column) encoding(i int) string {
	at := 0
	if i > 0 {
		at = c.end[i-1]
	}
	return view(c.bytes[at:c.end[i]])
}
