// Package coder turns values to and from bytes: Beam's standard coders, byte for byte, for ordinary Go types.
//
//	bool                     beam:coder:bool:v1
//	int, int32, int64, uint… beam:coder:varint:v1 (two's complement, so negative numbers take ten bytes)
//	int8, uint8              one byte (a row's BYTE)
//	int16                    two bytes, big endian (a row's INT16)
//	float64, float32         beam:coder:double:v1, and four bytes big endian
//	string, []byte           beam:coder:string_utf8:v1, beam:coder:bytes:v1
//	[]T, [N]T                beam:coder:iterable:v1
//	map[K]V                  a row's MAP: int32 count, then keys and values
//	*T                       beam:coder:nullable:v1; a nullable field in a row
//	KV[K, V]                 beam:coder:kv:v1
//	struct                   beam:coder:row:v1, exported fields in order
//	time.Time                row of seconds and nanoseconds; the instant survives, the location does not
//	proto.Message            its bytes, deterministically marshalled, as beam:coder:bytes:v1
//	encoding.BinaryMarshaler its bytes, as beam:coder:bytes:v1
//
// No encoding tells nil from empty: slices without elements come back nil, maps without entries empty.
//
// A coder is compiled once per type; encoding and decoding use no reflection, but for maps.
//
// The source is model/fn-execution/src/main/resources/org/apache/beam/model/fnexecution/v1/standard_coders.yaml
// and beam_runner_api.proto (StandardCoders) of Beam 2.77.
package coder

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"unsafe"
)

// KV is a key and a value. Its encoding is Beam's kv coder.
type KV[K, V any] struct {
	Key   K
	Value V
}

// IsKV reports whether t is a KV. KV has no methods that could say so: each would be compiled for each pair of types.
func IsKV(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t.PkgPath() == kvPath && strings.HasPrefix(t.Name(), "KV[")
}

var kvPath = reflect.TypeFor[Untyped]().PkgPath()

// Coder turns T to and from bytes, in Beam's nested context: the encoding says where it ends. It is safe for
// concurrent use.
type Coder[T any] interface {
	// Append appends the encoding of *v to dst. It fails for values only: a nil where there has to be something,
	// or what a custom encoding refuses.
	Append(dst []byte, v *T) ([]byte, error)
	// Decode reads one value from the front of src into *v and returns what is left. It copies what it keeps, and
	// survives any bytes: those that are no encoding give an error that wraps ErrMalformed.
	Decode(src []byte, v *T) (rest []byte, err error)
	// ID identifies the encoding: values encoded by coders of one ID can be decoded by each of them.
	ID() string
	// Deterministic returns nil if equal values have equal encodings, else what prevents it, naming the field.
	Deterministic() error
	// FixedSize is the number of bytes of every encoding, or 0 if it varies.
	FixedSize() int
}

// ErrMalformed is wrapped by the errors of decoding.
var ErrMalformed = errors.New("malformed encoding")

// ErrUnencodable is wrapped by the errors of [For].
var ErrUnencodable = errors.New("type has no encoding")

// codec is a coder without type parameter: it works on the memory of a value.
type codec struct {
	id       string
	enc      func(dst []byte, p unsafe.Pointer) ([]byte, error)
	dec      func(src []byte, p unsafe.Pointer) ([]byte, error)
	encOuter func(dst []byte, p unsafe.Pointer) ([]byte, error) // nil: as enc
	decOuter func(src []byte, p unsafe.Pointer) error           // nil: as dec
	det      error
	fixed    int
}

// typed is the Coder of T that a codec makes: only what names T is compiled for each type.
type typed[T any] struct{ codec }

func (t *typed[T]) Append(dst []byte, v *T) ([]byte, error) { return t.enc(dst, unsafe.Pointer(v)) }

func (t *typed[T]) Decode(src []byte, v *T) ([]byte, error) { return t.dec(src, unsafe.Pointer(v)) }

// ID implements [Coder].
func (c *codec) ID() string { return c.id }

// Deterministic implements [Coder].
func (c *codec) Deterministic() error { return c.det }

// FixedSize implements [Coder].
func (c *codec) FixedSize() int { return c.fixed }

// untyped returns the codec inside a Coder of ours.
func (c *codec) untyped() *codec { return c }

// codecIn returns a codec of what c encodes: c's own if it has one.
func codecIn[T any](c Coder[T]) *codec {
	if t, ok := c.(interface{ untyped() *codec }); ok {
		return t.untyped()
	}
	return foreign(c, func(encode bool, b []byte, p unsafe.Pointer) ([]byte, error) {
		if encode {
			return c.Append(b, (*T)(p))
		}
		return c.Decode(b, (*T)(p))
	})
}

// foreign returns a codec of the coder c of somebody else's, of which do encodes or decodes.
func foreign(c interface {
	ID() string
	Deterministic() error
	FixedSize() int
}, do func(encode bool, b []byte, p unsafe.Pointer) ([]byte, error),
) *codec {
	return &codec{
		id: c.ID(), det: c.Deterministic(), fixed: c.FixedSize(),
		enc: func(dst []byte, p unsafe.Pointer) ([]byte, error) { return do(true, dst, p) },
		dec: func(src []byte, p unsafe.Pointer) ([]byte, error) { return do(false, src, p) },
	}
}

// Untyped is a coder of values whose type its user does not know: it works on their memory.
type Untyped struct{ c *codec }

// Erase returns c without its type.
func Erase[T any](c Coder[T]) Untyped { return Untyped{codecIn(c)} }

// Typed is the coder of T that u is without its type: u has to be one of T.
func Typed[T any](u Untyped) Coder[T] { return &typed[T]{*u.c} }

// Append appends the encoding of the value at p.
func (u Untyped) Append(dst []byte, p unsafe.Pointer) ([]byte, error) { return u.c.enc(dst, p) }

// Decode reads a value from the front of src to p, where there is a value of the type, and returns what is left.
func (u Untyped) Decode(src []byte, p unsafe.Pointer) ([]byte, error) { return u.c.dec(src, p) }

// ID is that of the [Coder].
func (u Untyped) ID() string { return u.c.id }

// Deterministic is that of the [Coder].
func (u Untyped) Deterministic() error { return u.c.det }

var compiled sync.Map // reflect.Type -> result

type result struct {
	c   *codec
	err error
}

// For returns the coder of T. It is compiled at the first call for a type. The error names the part of the type
// that has no encoding, and wraps [ErrUnencodable].
func For[T any]() (Coder[T], error) {
	u, err := UntypedOf(reflect.TypeFor[T]())
	if err != nil {
		return nil, err
	}
	return Typed[T](u), nil
}

// UntypedOf returns what [For] does, without the type. After an error the Untyped may not be used.
func UntypedOf(t reflect.Type) (Untyped, error) {
	c, err := codecOf(t)
	return Untyped{c}, err
}

func codecOf(t reflect.Type) (*codec, error) {
	if r, ok := compiled.Load(t); ok {
		return r.(result).c, r.(result).err
	}
	c, err := compile(t, nil)
	compiled.Store(t, result{c, err})
	return c, err
}

// AppendOuter appends the encoding of *v in Beam's outermost context, where the end of the bytes ends the value.
func AppendOuter[T any](c Coder[T], dst []byte, v *T) ([]byte, error) {
	if t, ok := c.(interface{ untyped() *codec }); ok && t.untyped().encOuter != nil {
		return t.untyped().encOuter(dst, unsafe.Pointer(v))
	}
	return c.Append(dst, v)
}

// DecodeOuter decodes what [AppendOuter] has written: all of src is one value.
func DecodeOuter[T any](c Coder[T], src []byte, v *T) error {
	if t, ok := c.(interface{ untyped() *codec }); ok && t.untyped().decOuter != nil {
		return t.untyped().decOuter(src, unsafe.Pointer(v))
	}
	rest, err := c.Decode(src, v)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("coder: %d bytes after a value of %s: %w", len(rest), c.ID(), ErrMalformed)
	}
	return err
}

// NewKV returns the coder of pairs whose halves have the given coders.
func NewKV[K, V any](k Coder[K], v Coder[V]) Coder[KV[K, V]] {
	return Typed[KV[K, V]](UntypedKV(Erase(k), Erase(v), unsafe.Offsetof(KV[K, V]{}.Value)))
}

// UntypedKV returns the coder of pairs whose value lies off bytes behind their beginning, where the key is.
func UntypedKV(k, v Untyped, off uintptr) Untyped { return Untyped{pair(k.c, v.c, off)} }

// Custom is a coder of the program's own. id identifies its format; deterministic says that equal values give
// equal bytes, without which T cannot be a key. The bytes are wrapped in their length.
func Custom[T any](id string, deterministic bool, enc func(dst []byte, v T) ([]byte, error), dec func(src []byte) (T, error)) Coder[T] {
	c := &codec{id: "custom:" + id}
	if !deterministic {
		c.det = fmt.Errorf("coder %q is declared not deterministic", id)
	}
	c.enc = func(dst []byte, p unsafe.Pointer) ([]byte, error) {
		return framed(dst, func(dst []byte) ([]byte, error) { return enc(dst, *(*T)(p)) })
	}
	c.dec = func(src []byte, p unsafe.Pointer) ([]byte, error) {
		b, rest, err := takeBytes(src)
		if err != nil {
			return src, err
		}
		v, err := dec(b)
		if err != nil {
			return src, fmt.Errorf("coder %q: %w: %w", id, ErrMalformed, err)
		}
		*(*T)(p) = v
		return rest, nil
	}
	return &typed[T]{*c}
}
