package coder

import (
	"reflect"
	"slices"
	"sync"
	"unsafe"
)

// Sizer tells how many bytes of memory a value holds beyond its own fixed size: what its strings, slices, maps
// and pointers lead to. Memory that two values share is counted for each. It is for memory accounting.
type Sizer[T any] struct{ f sizeFunc }

// RowSizer is a Sizer of values whose type its user does not know.
type RowSizer struct {
	f      sizeFunc
	stride uintptr
}

// RowSizerOf returns the sizer of values of type t.
func RowSizerOf(t reflect.Type) RowSizer { return RowSizer{sizerOf(t, nil), t.Size()} }

// SizeAll returns how much memory the n values at p have, with what they hold, in bytes.
func (s RowSizer) SizeAll(p unsafe.Pointer, n int) int64 {
	sum := int64(n) * int64(s.stride)
	if s.f != nil {
		for i := range n {
			sum += s.f(unsafe.Add(p, uintptr(i)*s.stride))
		}
	}
	return sum
}

// Fixed reports whether values of the type hold nothing beyond their fixed size.
func (s RowSizer) Fixed() bool { return s.f == nil }

// Held returns what the value at p leads to, in bytes.
func (s RowSizer) Held(p unsafe.Pointer) int64 {
	if s.f == nil {
		return 0
	}
	return s.f(p)
}

type sizeFunc func(p unsafe.Pointer) int64

var sizers sync.Map // reflect.Type -> sizeFunc

// SizerFor returns the sizer of T.
func SizerFor[T any]() Sizer[T] { return Sizer[T]{sizerOf(reflect.TypeFor[T](), nil)} }

// Fixed reports whether values of the type hold nothing beyond their fixed size.
func (s Sizer[T]) Fixed() bool { return s.f == nil }

// Size returns what *v holds, in bytes.
func (s Sizer[T]) Size(v *T) int64 {
	if s.f == nil {
		return 0
	}
	return s.f(unsafe.Pointer(v))
}

// SizeAll returns what the values of vs hold together, in bytes.
func (s Sizer[T]) SizeAll(vs []T) int64 {
	if s.f == nil {
		return 0
	}
	var n int64
	for i := range vs {
		n += s.f(unsafe.Pointer(&vs[i]))
	}
	return n
}

func sizerOf(t reflect.Type, above []reflect.Type) sizeFunc {
	if f, ok := sizers.Load(t); ok {
		return f.(sizeFunc)
	}
	if slices.Contains(above, t) {
		return func(unsafe.Pointer) int64 { return 64 } // a chain is counted by its first link
	}
	f := makeSizer(t, append(above[:len(above):len(above)], t))
	if len(above) == 0 {
		sizers.Store(t, f)
	}
	return f
}

func makeSizer(t reflect.Type, above []reflect.Type) sizeFunc {
	switch t.Kind() {
	case reflect.String:
		return func(p unsafe.Pointer) int64 { return int64(len(*(*string)(p))) }
	case reflect.Slice:
		e, size := sizerOf(t.Elem(), above), int64(t.Elem().Size())
		return func(p unsafe.Pointer) int64 {
			s := (*sliceHeader)(p)
			n := int64(s.cap) * size
			if e != nil {
				for i := range s.len {
					n += e(unsafe.Add(s.data, int64(i)*size))
				}
			}
			return n
		}
	case reflect.Array:
		e, size, l := sizerOf(t.Elem(), above), t.Elem().Size(), t.Len()
		if e == nil || l == 0 {
			return nil
		}
		return func(p unsafe.Pointer) int64 {
			var n int64
			for i := range l {
				n += e(unsafe.Add(p, uintptr(i)*size))
			}
			return n
		}
	case reflect.Struct:
		if t == timeType {
			return nil // locations are shared
		}
		type part struct {
			off uintptr
			f   sizeFunc
		}
		var parts []part
		for i := range t.NumField() {
			if f := sizerOf(t.Field(i).Type, above); f != nil {
				parts = append(parts, part{t.Field(i).Offset, f})
			}
		}
		if len(parts) == 0 {
			return nil
		}
		return func(p unsafe.Pointer) int64 {
			var n int64
			for i := range parts {
				n += parts[i].f(unsafe.Add(p, parts[i].off))
			}
			return n
		}
	case reflect.Pointer:
		e, size := sizerOf(t.Elem(), above), int64(t.Elem().Size())
		return func(p unsafe.Pointer) int64 {
			q := *(*unsafe.Pointer)(p)
			if q == nil {
				return 0
			}
			n := size
			if e != nil {
				n += e(q)
			}
			return n
		}
	case reflect.Map:
		ke, ve := sizerOf(t.Key(), above), sizerOf(t.Elem(), above)
		// A Swiss table is 7/8 full at most and half of that on average after it has grown.
		slot := int64(t.Key().Size()+t.Elem().Size()+1) * 3 / 2
		return func(p unsafe.Pointer) int64 {
			m := reflect.NewAt(t, p).Elem()
			n := 48 + int64(m.Len())*slot
			if ke == nil && ve == nil {
				return n
			}
			kp, vp := reflect.New(t.Key()), reflect.New(t.Elem())
			for it := m.MapRange(); it.Next(); {
				if ke != nil {
					kp.Elem().SetIterKey(it)
					n += ke(kp.UnsafePointer())
				}
				if ve != nil {
					vp.Elem().SetIterValue(it)
					n += ve(vp.UnsafePointer())
				}
			}
			return n
		}
	case reflect.Interface, reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return func(unsafe.Pointer) int64 { return 64 } // unknown; something
	default:
		return nil
	}
}
