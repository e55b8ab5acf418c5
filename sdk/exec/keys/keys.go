// Package keys handles the keys of groupings without type parameters: a column of keys is a base pointer, a stride
// and a number, and a key is a machine word, a string, or its encoding. So tables are compiled once, whatever the keys.
package keys

import (
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"math/bits"
	"reflect"
	"runtime/debug"
	"strings"
	"unsafe"

	"github.com/millrace-go/millrace/sdk/coder"
)

// Kind is the form in which keys are handled.
type Kind uint8

// The kinds of keys.
const (
	Words   Kind = iota // integers and bool, widened to 64 bits
	Texts               // strings
	Encoded             // everything else, by its encoding
)

// Key is what has to be compiled for a type K whose values are keys.
type Key struct {
	t    reflect.Type
	copy func(dst, src unsafe.Pointer)
}

// Type is the type of the keys.
func (k Key) Type() reflect.Type { return k.t }

// KeyOf returns the Key of K.
//
//go:noinline
func KeyOf[K any]() Key { // in a caller's text its function would be compiled for each of them
	return Key{reflect.TypeOf((*K)(nil)).Elem(), func(dst, src unsafe.Pointer) { *(*K)(dst) = *(*K)(src) }}
}

// Type is how keys of one type are handled. It does not change and is safe for concurrent use.
type Type struct {
	Kind  Kind
	key   Key
	size  uintptr // of a word
	plain bool    // its words are encoded as varints as they are
	coder coder.Untyped
}

// TypeOf returns how keys with coder c are handled.
func TypeOf[K any](c coder.Coder[K]) *Type { return NewType(KeyOf[K](), coder.Erase(c)) }

// NewType returns how keys with coder c are handled.
func NewType(key Key, c coder.Untyped) *Type {
	t := key.t
	k := &Type{key: key, coder: c, Kind: Encoded, plain: c.ID() == "varint" && t.Size() == 8}
	if strings.HasPrefix(c.ID(), "custom:") || strings.HasPrefix(c.ID(), "binary<") {
		return k // equal as Go values need not be equal as keys
	}
	switch t.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		k.Kind, k.size = Words, t.Size()
	case reflect.String:
		k.Kind = Texts
	default:
	}
	return k
}

// Column is the keys of a batch or chunk, in the form that tables take.
type Column struct {
	N    int
	Hash []uint64
	Word []uint64 // Words
	Pair []Pair   // Texts and Encoded

	kind   Kind
	size   uintptr
	base   unsafe.Pointer
	stride uintptr
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

// Load reads n keys, the first at base and each stride bytes behind the one before. c is valid while they are.
func (k *Type) Load(c *Column, base unsafe.Pointer, stride uintptr, n int) error {
	c.kind, c.size, c.base, c.stride, c.N = k.Kind, k.size, base, stride, n
	if cap(c.Hash) < n {
		c.Hash = make([]uint64, max(n, 256))
	}
	c.Hash = c.Hash[:n]
	switch k.Kind {
	case Words:
		c.loadWords()
	case Texts:
		c.growPairs()
		c.loadTexts()
	default:
		c.growPairs()
		return k.loadEncoded(c)
	}
	return nil
}

// loadEncoded encodes the keys. Encoding may be the program's own code, as MarshalBinary is, so what fails names the key.
func (k *Type) loadEncoded(c *Column) (err error) {
	i := 0
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
		if err != nil {
			err = fmt.Errorf("the key %s cannot be encoded: %w", shown(reflect.NewAt(k.key.t, c.at(i)).Elem().Interface()), err)
		}
	}()
	c.bytes, c.end = c.bytes[:0], c.end[:0]
	for i = range c.Hash {
		at := len(c.bytes)
		if c.bytes, err = k.coder.Append(c.bytes, c.at(i)); err != nil {
			return err
		}
		c.end = append(c.end, len(c.bytes))
		c.Pair[i], c.Hash[i] = PairOf(view(c.bytes[at:]))
	}
	return nil
}

// shown is a key in an error, which a long one would make unreadable.
func shown(v any) string {
	s := fmt.Sprintf("%+v", v)
	if len(s) > 100 {
		return s[:100] + "..."
	}
	return s
}

func (c *Column) growPairs() {
	if cap(c.Pair) < c.N {
		c.Pair = make([]Pair, max(c.N, 256))
	}
	c.Pair = c.Pair[:c.N]
}

// Pair stands for a text or an encoding of up to 15 bytes, so that most keys are hashed and compared as two words:
// its bytes, padded with zeros, and its length in the last. Of a longer one lo is the hash.
type Pair struct{ lo, hi uint64 }

const (
	maxPair = 15
	long    = 0xff << 56
)

// PairOf returns the pair of s and its hash.
func PairOf(s string) (p Pair, hash uint64) {
	n := len(s)
	switch {
	case n > maxPair:
		h := maphash.String(seed, s)
		return Pair{h, long}, h
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
	return p, p.Hash()
}

// loadTexts is PairOf for all keys, with the lengths that most have in the loop.
func (c *Column) loadTexts() {
	pair, hash := c.Pair[:c.N], c.Hash[:c.N]
	base, stride := c.base, c.stride
	lo, hi := loSeed, hiSeed
	for i := range hash {
		s := *(*string)(unsafe.Add(base, uintptr(i)*stride))
		n := len(s)
		var p Pair
		switch {
		case n > maxPair || n < 4:
			pair[i], hash[i] = PairOf(s)
			continue
		case n >= 8:
			b := bytesOf(s)
			p.lo = binary.LittleEndian.Uint64(b)
			p.hi = binary.LittleEndian.Uint64(b[n-8:]) >> (8 * (16 - n))
		default:
			b := bytesOf(s)
			p.lo = uint64(binary.LittleEndian.Uint32(b)) | uint64(binary.LittleEndian.Uint32(b[n-4:]))>>(8*(8-n))<<32
		}
		p.hi |= uint64(n) << 56
		pair[i] = p
		h, l := bits.Mul64(p.lo^lo, p.hi^hi)
		hash[i] = (h ^ l) * 0xD6E8FEB86659FD93
	}
}

// Hash is the hash of the key.
func (p Pair) Hash() uint64 {
	if p.hi == long {
		return p.lo
	}
	hi, lo := bits.Mul64(p.lo^loSeed, p.hi^hiSeed)
	return (hi ^ lo) * 0xD6E8FEB86659FD93
}

// IsLong reports whether the key has more bytes than a pair holds: then two keys of one pair may differ.
func (p Pair) IsLong() bool { return p.hi == long }

// bytesOf and view look at the same bytes in the other form. Nobody writes to them.

func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
func view(b []byte) string    { return unsafe.String(unsafe.SliceData(b), len(b)) }

func (c *Column) loadWords() {
	if cap(c.Word) < c.N {
		c.Word = make([]uint64, max(c.N, 256))
	}
	c.Word = c.Word[:c.N]
	w := c.Word
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
	h := c.Hash
	for i, x := range w {
		h[i] = HashWord(x)
	}
}

// HashWord is the hash of a word.
func HashWord(x uint64) uint64 {
	hi, lo := bits.Mul64(x^wordSeed, 0x9E3779B97F4A7C15)
	h := hi ^ lo
	return h * 0xD6E8FEB86659FD93 // the top bits choose the partition, the low ones the slot: mix both
}

// text returns key i of a column of strings.
func (c *Column) text(i int) string {
	return *(*string)(c.at(i))
}

// Key returns key i of a column of texts or encodings. It is valid as long as the column.
func (c *Column) Key(i int) string {
	if c.kind == Texts {
		return c.text(i)
	}
	return c.encoding(i)
}

// at is where key i is. A pointer is never moved behind the last one: it would point into another object.
func (c *Column) at(i int) unsafe.Pointer { return unsafe.Add(c.base, uintptr(i)*c.stride) }

// encoding returns key i of a column of encodings. It is valid until the next load.
func (c *Column) encoding(i int) string {
	at := 0
	if i > 0 {
		at = c.end[i-1]
	}
	return view(c.bytes[at:c.end[i]])
}

// Coder is the coder of keys.
func (k *Type) Coder() coder.Untyped { return k.coder }

// Deterministic returns why equal keys may have different encodings, or nil.
func (k *Type) Deterministic() error { return k.coder.Deterministic() }

// Size is the size of a key itself, in bytes.
func (k *Type) Size() uintptr { return k.key.t.Size() }

// Make returns memory for n zero keys.
func (k *Type) Make(n int) unsafe.Pointer {
	return reflect.MakeSlice(reflect.SliceOf(k.key.t), n, n).UnsafePointer()
}

// Read sets the key at p from the form that tables and runs hold: a word in eight bytes, big endian, or the text or encoding.
func (k *Type) Read(b []byte, p unsafe.Pointer) error {
	switch k.Kind {
	case Words:
		if len(b) != 8 {
			return fmt.Errorf("keys: a key of %d bytes where there should be 8", len(b))
		}
		k.SetWord(p, binary.BigEndian.Uint64(b))
	case Texts:
		*(*string)(p) = string(b)
	default:
		reflect.NewAt(k.key.t, p).Elem().SetZero()
		if _, err := k.coder.Decode(b, p); err != nil {
			return err
		}
	}
	return nil
}

// SetWord sets the key at p, of a type that is a word.
func (k *Type) SetWord(p unsafe.Pointer, x uint64) {
	switch k.size {
	case 8:
		*(*uint64)(p) = x
	case 4:
		*(*uint32)(p) = uint32(x)
	case 2:
		*(*uint16)(p) = uint16(x)
	default:
		*(*uint8)(p) = uint8(x)
	}
}

// Copy copies a key.
func (k *Type) Copy(dst, src unsafe.Pointer) { k.key.copy(dst, src) }

// HashOf is the hash of a key in the form that tables and runs hold, as Load has it. b has eight bytes if keys are words.
func HashOf(kind Kind, b []byte) uint64 {
	if kind == Words {
		return HashWord(binary.BigEndian.Uint64(b))
	}
	_, h := PairOf(view(b))
	return h
}

// CopyAll copies n keys, the i-th from rows[i]*stride bytes behind from, or i*stride if rows is nil, to places step bytes apart.
func (k *Type) CopyAll(to unsafe.Pointer, step uintptr, from unsafe.Pointer, stride uintptr, rows []uint32, n int) {
	for i := range n {
		row := uintptr(i)
		if rows != nil {
			row = uintptr(rows[i])
		}
		dst, src := unsafe.Add(to, uintptr(i)*step), unsafe.Add(from, row*stride)
		switch {
		case k.Kind == Texts:
			*(*string)(dst) = *(*string)(src)
		case k.size == 8:
			*(*uint64)(dst) = *(*uint64)(src)
		default:
			k.key.copy(dst, src)
		}
	}
}

// Keep copies a key so that it does not hold on to the memory of the row it came in: text is the table's own copy of a text
// or an encoding.
func (k *Type) Keep(dst, src unsafe.Pointer, text string) error {
	switch k.Kind {
	case Texts:
		*(*string)(dst) = text
	case Encoded:
		return k.Read(bytesOf(text), dst)
	default:
		k.key.copy(dst, src)
	}
	return nil
}

// Groups writes the key group of each key of c, which this type has loaded, to dst.
func (k *Type) Groups(c *Column, dst []uint8) error {
	switch {
	case k.Kind == Texts:
		for i := range dst {
			dst[i] = coder.KeyGroupString(c.text(i))
		}
	case k.Kind == Encoded:
		for i := range dst {
			dst[i] = coder.KeyGroup(bytesOf(c.encoding(i)))
		}
	case k.plain:
		for i, w := range c.Word {
			dst[i] = coder.KeyGroupInt(int64(w))
		}
	default:
		for i := range dst {
			var err error
			if c.bytes, err = k.coder.Append(c.bytes[:0], c.at(i)); err != nil {
				return err
			}
			dst[i] = coder.KeyGroup(c.bytes)
		}
	}
	return nil
}
