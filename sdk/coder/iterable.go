package coder

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"reflect"
	"slices"
	"unsafe"
)

// Iterable is the coder of sequences of what c encodes: Beam's iterable coder. Encoding iterates the sequence
// once; a decoded one is backed by a slice.
func Iterable[V any](c Coder[V]) Coder[iter.Seq[V]] {
	return Typed[iter.Seq[V]](UntypedIterable[V](Erase(c)))
}

// UntypedIterable is [Iterable] without the type of the coders: elem is that of V.
func UntypedIterable[V any](elem Untyped) Untyped {
	e := elem.c
	return Untyped{&codec{
		id: "iterable<" + e.id + ">", det: errSequence,
		enc: func(dst []byte, p unsafe.Pointer) (_ []byte, err error) {
			at, n := len(dst), 0
			dst = append(dst, 0, 0, 0, 0)
			if seq := *(*iter.Seq[V])(p); seq != nil {
				for x := range seq {
					if dst, err = e.enc(dst, unsafe.Pointer(&x)); err != nil {
						return dst[:at], err
					}
					n++
				}
			}
			return counted(dst, at, n)
		},
		dec: func(src []byte, p unsafe.Pointer) ([]byte, error) {
			var vs []V
			rest, err := decodeSlice(src, reflect.ValueOf(&vs).Elem(), e)
			if err != nil {
				return src, err
			}
			*(*iter.Seq[V])(p) = slices.Values(vs)
			return rest, nil
		},
	}}
}

// counted writes the number of elements where a sequence begins.
func counted(dst []byte, at, n int) ([]byte, error) {
	if n > math.MaxInt32 {
		return dst[:at], fmt.Errorf("coder: a sequence of %d elements: the encoding holds at most 2147483647", n)
	}
	binary.BigEndian.PutUint32(dst[at:], uint32(n))
	return dst, nil
}

var errSequence = fmt.Errorf("a sequence has no fixed order: group values come in no particular order")
