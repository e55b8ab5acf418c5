package coder

import (
	"iter"
	"reflect"
	"unsafe"
)

// Values is what a sequence gives: so many values of a type side by side; or those that Each reads, if it is not nil; or, if
// Next is not nil, a list of some of the values at At: their numbers are one less than First and, for each, than its Next, up
// to 0.
type Values struct {
	At    unsafe.Pointer
	N     int
	Each  func(yield func(value unsafe.Pointer) bool)
	Next  []uint32
	First uint32
}

// Sequence is what has to be compiled for a type V of which there are sequences.
type Sequence struct {
	elem reflect.Type
	set  func(seq unsafe.Pointer, v *Values)
	each func(seq unsafe.Pointer, f func(value unsafe.Pointer) bool)
}

// SequenceOf returns the Sequence of V.
//
//go:noinline
func SequenceOf[V any]() Sequence { // in a caller's text its functions would be compiled for each of them
	return Sequence{
		reflect.TypeOf((*V)(nil)).Elem(),
		func(seq unsafe.Pointer, v *Values) {
			*(*iter.Seq[V])(seq) = func(yield func(V) bool) {
				if v.Each != nil {
					v.Each(func(p unsafe.Pointer) bool { return yield(*(*V)(p)) })
					return
				}
				for at := v.First; v.Next != nil && at != 0; at = v.Next[at-1] {
					if !yield(*(*V)(unsafe.Add(v.At, uintptr(at-1)*unsafe.Sizeof(*new(V))))) {
						return
					}
				}
				for _, x := range unsafe.Slice((*V)(v.At), v.N) {
					if !yield(x) {
						return
					}
				}
			}
		},
		func(seq unsafe.Pointer, f func(value unsafe.Pointer) bool) {
			var v V
			(*(*iter.Seq[V])(seq))(func(x V) bool {
				v = x
				return f(unsafe.Pointer(&v))
			})
		},
	}
}

// Set makes the iter.Seq[V] at seq one of whatever v holds when it is iterated.
func (s Sequence) Set(seq unsafe.Pointer, v *Values) { s.set(seq, v) }
