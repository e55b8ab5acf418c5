package coder

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"reflect"
	"unsafe"
)

// Iterable is the coder of sequences of what c encodes: Beam's iterable coder. Encoding iterates the sequence
// once; a decoded one is backed by a slice.
func Iterable[V any](c Coder[V]) Coder[iter.Seq[V]] {
	return Typed[iter.Seq[V]](UntypedIterable(SequenceOf[V](), Erase(c)))
}

// UntypedIterable is [Iterable] without the type: elem is the coder of what s is of.
func UntypedIterable(s Sequence, elem Untyped) Untyped {
	e := elem.c
	return Untyped{&codec{
		id: "iterable<" + e.id + ">", det: errSequence,
		enc: func(dst []byte, p unsafe.Pointer) (_ []byte, err error) {
			at, n := len(dst), 0
			dst = append(dst, 0, 0, 0, 0)
			if *(*unsafe.Pointer)(p) != nil {
				s.each(p, func(value unsafe.Pointer) bool {
					dst, err = e.enc(dst, value)
					n++
					return err == nil
				})
			}
			if err != nil {
				return dst[:at], err
			}
			return counted(dst, at, n)
		},
		dec: func(src []byte, p unsafe.Pointer) ([]byte, error) {
			vs := reflect.New(reflect.SliceOf(s.elem)).Elem()
			rest, err := decodeSlice(src, vs, e)
			if err != nil {
				return src, err
			}
			s.set(p, &Values{At: vs.UnsafePointer(), N: vs.Len()})
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
