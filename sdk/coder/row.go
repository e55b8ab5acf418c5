package coder

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unsafe"
)

// field is one field of a row.
type field struct {
	c    *codec // of the field; of what it points to, if it is nullable
	off  uintptr
	null bool
	elem reflect.Type // of a nullable field
}

// compileRow makes the codec of a struct: Beam's row coder. Fields of an embedded struct are the row's own.
func compileRow(t reflect.Type, above []reflect.Type) (*codec, error) {
	var fs []field
	var names []string
	var det error
	fixed := 2 // the number of fields and of null bytes, if both are below 128
	var add func(t reflect.Type, base uintptr, above []reflect.Type) error
	add = func(t reflect.Type, base uintptr, above []reflect.Type) error {
		for i := range t.NumField() {
			f := t.Field(i)
			if f.Anonymous && f.Type.Kind() == reflect.Struct && f.Type != timeType {
				if err := add(f.Type, base+f.Offset, append(above[:len(above):len(above)], f.Type)); err != nil {
					return err
				}
				continue
			}
			if f.Name == "_" {
				continue
			}
			if !f.IsExported() {
				return fmt.Errorf("coder: %s: %w: field %s is not exported, so it would be lost; export it, or give the type MarshalBinary and UnmarshalBinary", t, ErrUnencodable, f.Name)
			}
			fl := field{off: base + f.Offset}
			ft := f.Type
			if ft.Kind() == reflect.Pointer && !ft.Implements(messageType) {
				fl.null, fl.elem, ft = true, ft.Elem(), ft.Elem()
			}
			c, err := compile(ft, above)
			if err != nil {
				return fmt.Errorf("field %s of %s: %w", f.Name, t, err)
			}
			fl.c = c
			fs = append(fs, fl)
			id := fieldName(f) + " " + c.id
			if fl.null {
				id += "?"
			}
			names = append(names, id)
			det = errors.Join(det, in("field "+f.Name, c.det))
			if fl.null || c.fixed == 0 {
				fixed = -1 << 30
			}
			fixed += c.fixed
		}
		return nil
	}
	if err := add(t, 0, above); err != nil {
		return nil, err
	}
	c := &codec{id: "row{" + strings.Join(names, ",") + "}", det: det, fixed: max(fixed, 0)}
	if len(fs) >= 128 {
		c.fixed = 0
	}
	c.enc = func(dst []byte, p unsafe.Pointer) ([]byte, error) { return encodeRow(fs, dst, p) }
	c.dec = func(src []byte, p unsafe.Pointer) ([]byte, error) { return decodeRow(t, fs, src, p) }
	return c, nil
}

func encodeRow(fs []field, dst []byte, p unsafe.Pointer) ([]byte, error) {
	dst = binary.AppendUvarint(dst, uint64(len(fs)))
	at := len(dst)
	dst = append(dst, 0)
	for i := range fs {
		f := &fs[i]
		if f.null && *(*unsafe.Pointer)(unsafe.Add(p, f.off)) == nil {
			for n := i/8 + 1; len(dst)-at-1 < n; {
				dst = append(dst, 0)
			}
			dst[at+1+i/8] |= 1 << (i % 8)
		}
	}
	n := len(dst) - at - 1
	if n >= 0x80 {
		return dst, fmt.Errorf("coder: a row with nulls beyond field %d cannot be encoded", 0x80*8)
	}
	dst[at] = byte(n)
	var err error
	for i := range fs {
		f := &fs[i]
		q := unsafe.Add(p, f.off)
		if f.null {
			if q = *(*unsafe.Pointer)(q); q == nil {
				continue
			}
		}
		if dst, err = f.c.enc(dst, q); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func decodeRow(t reflect.Type, fs []field, src []byte, p unsafe.Pointer) ([]byte, error) {
	n, k := binary.Uvarint(src)
	if k <= 0 {
		return src, short("row")
	}
	if n != uint64(len(fs)) {
		return src, fmt.Errorf("coder: a row of %d fields for %s, which has %d: %w", n, t, len(fs), ErrMalformed)
	}
	nulls, rest, err := takeBytes(src[k:])
	if err != nil {
		return src, err
	}
	for i := range fs {
		f := &fs[i]
		q := unsafe.Add(p, f.off)
		isNull := i/8 < len(nulls) && nulls[i/8]&(1<<(i%8)) != 0
		switch {
		case isNull && !f.null:
			return src, fmt.Errorf("coder: null in field %d of %s, which is not a pointer: %w", i, t, ErrMalformed)
		case isNull:
			*(*unsafe.Pointer)(q) = nil
			continue
		case f.null:
			v := reflect.New(f.elem)
			if rest, err = f.c.dec(rest, v.UnsafePointer()); err != nil {
				return src, err
			}
			*(*unsafe.Pointer)(q) = v.UnsafePointer()
			continue
		}
		if rest, err = f.c.dec(rest, q); err != nil {
			return src, err
		}
	}
	return rest, nil
}
