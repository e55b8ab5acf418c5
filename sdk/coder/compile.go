package coder

import (
	"encoding"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"
	"unsafe"

	"google.golang.org/protobuf/proto"
)

var (
	timeType     = reflect.TypeFor[time.Time]()
	messageType  = reflect.TypeFor[proto.Message]()
	marshaler    = reflect.TypeFor[encoding.BinaryMarshaler]()
	appender     = reflect.TypeFor[encoding.BinaryAppender]()
	unmarshaler  = reflect.TypeFor[encoding.BinaryUnmarshaler]()
	errRecursive = errors.New("the type contains itself, so its encoding has no bound")
)

// compile makes the codec of t. above holds the types that t is a part of.
func compile(t reflect.Type, above []reflect.Type) (*codec, error) {
	if slices.Contains(above, t) {
		return nil, fmt.Errorf("coder: %s: %w: %w", t, ErrUnencodable, errRecursive)
	}
	above = append(above[:len(above):len(above)], t)
	switch {
	case IsKV(t):
		return compileKV(t, above)
	case t == timeType:
		return timeCodec, nil
	case t.Kind() == reflect.Pointer && t.Implements(messageType):
		return messageCodec(t), nil
	case reflect.PointerTo(t).Implements(unmarshaler) && (t.Implements(marshaler) || reflect.PointerTo(t).Implements(marshaler)):
		return binaryCodec(t), nil
	}
	switch t.Kind() {
	case reflect.Bool:
		return boolCodec, nil
	case reflect.Int8:
		return byteCodec("int8"), nil
	case reflect.Uint8:
		return byteCodec("byte"), nil
	case reflect.Int16:
		return int16Codec, nil
	case reflect.Int, reflect.Int64:
		return varintCodec("varint", func(p unsafe.Pointer) uint64 { return *(*uint64)(p) },
			func(p unsafe.Pointer, v uint64) bool { *(*uint64)(p) = v; return true }), nil
	case reflect.Int32:
		return varintCodec("varint32", func(p unsafe.Pointer) uint64 { return uint64(int64(*(*int32)(p))) }, func(p unsafe.Pointer, v uint64) bool {
			*(*int32)(p) = int32(v)
			return int64(v) == int64(int32(v))
		}), nil
	case reflect.Uint, reflect.Uint64, reflect.Uintptr:
		return varintCodec("varint", func(p unsafe.Pointer) uint64 { return *(*uint64)(p) },
			func(p unsafe.Pointer, v uint64) bool { *(*uint64)(p) = v; return true }), nil
	case reflect.Uint32:
		return varintCodec("varintu32", func(p unsafe.Pointer) uint64 { return uint64(*(*uint32)(p)) }, func(p unsafe.Pointer, v uint64) bool {
			*(*uint32)(p) = uint32(v)
			return v <= math.MaxUint32
		}), nil
	case reflect.Uint16:
		return varintCodec("varintu16", func(p unsafe.Pointer) uint64 { return uint64(*(*uint16)(p)) }, func(p unsafe.Pointer, v uint64) bool {
			*(*uint16)(p) = uint16(v)
			return v <= math.MaxUint16
		}), nil
	case reflect.Float64:
		return float64Codec, nil
	case reflect.Float32:
		return float32Codec, nil
	case reflect.String:
		return stringCodec, nil
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return bytesCodec, nil
		}
		return compileSlice(t, above)
	case reflect.Array:
		return compileArray(t, above)
	case reflect.Map:
		return compileMap(t, above)
	case reflect.Pointer:
		return compilePointer(t, above)
	case reflect.Struct:
		return compileRow(t, above)
	default:
		return nil, fmt.Errorf("coder: %s: %w: a %s holds nothing that could be sent", t, ErrUnencodable, t.Kind())
	}
}

var boolCodec = &codec{
	id: "bool", fixed: 1,
	enc: func(dst []byte, p unsafe.Pointer) ([]byte, error) {
		if *(*bool)(p) {
			return append(dst, 1), nil
		}
		return append(dst, 0), nil
	},
	dec: func(src []byte, p unsafe.Pointer) ([]byte, error) {
		if len(src) < 1 {
			return src, short("bool")
		}
		if src[0] > 1 {
			return src, fmt.Errorf("coder: bool: byte %#x is neither 0 nor 1: %w", src[0], ErrMalformed)
		}
		*(*bool)(p) = src[0] == 1
		return src[1:], nil
	},
}

func byteCodec(id string) *codec {
	return &codec{
		id: id, fixed: 1,
		enc: func(dst []byte, p unsafe.Pointer) ([]byte, error) { return append(dst, *(*byte)(p)), nil },
		dec: func(src []byte, p unsafe.Pointer) ([]byte, error) {
			if len(src) < 1 {
				return src, short(id)
			}
			*(*byte)(p) = src[0]
			return src[1:], nil
		},
	}
}

var int16Codec = &codec{
	id: "int16", fixed: 2,
	enc: func(dst []byte, p unsafe.Pointer) ([]byte, error) {
		return binary.BigEndian.AppendUint16(dst, *(*uint16)(p)), nil
	},
	dec: func(src []byte, p unsafe.Pointer) ([]byte, error) {
		if len(src) < 2 {
			return src, short("int16")
		}
		*(*uint16)(p) = binary.BigEndian.Uint16(src)
		return src[2:], nil
	},
}

func varintCodec(id string, get func(unsafe.Pointer) uint64, set func(unsafe.Pointer, uint64) bool) *codec {
	return &codec{
		id: id,
		enc: func(dst []byte, p unsafe.Pointer) ([]byte, error) {
			return binary.AppendUvarint(dst, get(p)), nil
		},
		dec: func(src []byte, p unsafe.Pointer) ([]byte, error) {
			v, n := binary.Uvarint(src)
			if n <= 0 {
				return src, short(id)
			}
			if !set(p, v) {
				return src, fmt.Errorf("coder: %s: %d is out of range: %w", id, int64(v), ErrMalformed)
			}
			return src[n:], nil
		},
	}
}

var errFloat = errors.New("a floating-point number has several encodings that compare equal or unequal against expectation (0 and -0, NaN)")

var float64Codec = &codec{
	id: "double", fixed: 8, det: errFloat,
	enc: func(dst []byte, p unsafe.Pointer) ([]byte, error) {
		return binary.BigEndian.AppendUint64(dst, *(*uint64)(p)), nil
	},
	dec: func(src []byte, p unsafe.Pointer) ([]byte, error) {
		if len(src) < 8 {
			return src, short("double")
		}
		*(*uint64)(p) = binary.BigEndian.Uint64(src)
		return src[8:], nil
	},
}

var float32Codec = &codec{
	id: "float", fixed: 4, det: errFloat,
	enc: func(dst []byte, p unsafe.Pointer) ([]byte, error) {
		return binary.BigEndian.AppendUint32(dst, *(*uint32)(p)), nil
	},
	dec: func(src []byte, p unsafe.Pointer) ([]byte, error) {
		if len(src) < 4 {
			return src, short("float")
		}
		*(*uint32)(p) = binary.BigEndian.Uint32(src)
		return src[4:], nil
	},
}

var stringCodec = &codec{
	id: "string_utf8",
	enc: func(dst []byte, p unsafe.Pointer) ([]byte, error) {
		s := *(*string)(p)
		return append(binary.AppendUvarint(dst, uint64(len(s))), s...), nil
	},
	dec: func(src []byte, p unsafe.Pointer) ([]byte, error) {
		b, rest, err := takeBytes(src)
		if err != nil {
			return src, err
		}
		*(*string)(p) = string(b)
		return rest, nil
	},
	encOuter: func(dst []byte, p unsafe.Pointer) ([]byte, error) { return append(dst, *(*string)(p)...), nil },
	decOuter: func(src []byte, p unsafe.Pointer) error { *(*string)(p) = string(src); return nil },
}

var bytesCodec = &codec{
	id: "bytes",
	enc: func(dst []byte, p unsafe.Pointer) ([]byte, error) {
		s := *(*[]byte)(p)
		return append(binary.AppendUvarint(dst, uint64(len(s))), s...), nil
	},
	dec: func(src []byte, p unsafe.Pointer) ([]byte, error) {
		b, rest, err := takeBytes(src)
		if err != nil {
			return src, err
		}
		*(*[]byte)(p) = append([]byte(nil), b...)
		return rest, nil
	},
	encOuter: func(dst []byte, p unsafe.Pointer) ([]byte, error) { return append(dst, *(*[]byte)(p)...), nil },
	decOuter: func(src []byte, p unsafe.Pointer) error {
		*(*[]byte)(p) = append([]byte(nil), src...)
		return nil
	},
}

// timeCodec writes the instant as a row of seconds since the epoch and nanoseconds: Beam's logical type
// beam:logical_type:timestamp:v1 of precision 9.
var timeCodec = &codec{
	id: "timestamp9",
	enc: func(dst []byte, p unsafe.Pointer) ([]byte, error) {
		t := (*time.Time)(p)
		dst = append(dst, 2, 0)
		dst = binary.AppendUvarint(dst, uint64(t.Unix()))
		return binary.AppendUvarint(dst, uint64(t.Nanosecond())), nil
	},
	dec: func(src []byte, p unsafe.Pointer) ([]byte, error) {
		if len(src) < 4 {
			return src, short("timestamp")
		}
		if src[0] != 2 || src[1] != 0 {
			return src, fmt.Errorf("coder: timestamp: no row of two fields: %w", ErrMalformed)
		}
		s, n := binary.Uvarint(src[2:])
		if n <= 0 {
			return src, short("timestamp")
		}
		ns, k := binary.Uvarint(src[2+n:])
		if k <= 0 {
			return src, short("timestamp")
		}
		if ns >= 1e9 {
			return src, fmt.Errorf("coder: timestamp: %d nanoseconds: %w", ns, ErrMalformed)
		}
		*(*time.Time)(p) = time.Unix(int64(s), int64(ns)).UTC()
		return src[2+n+k:], nil
	},
}

func messageCodec(t reflect.Type) *codec {
	opts := proto.MarshalOptions{Deterministic: true}
	return &codec{
		id: "proto<" + t.Elem().String() + ">",
		enc: func(dst []byte, p unsafe.Pointer) ([]byte, error) {
			m, _ := reflect.NewAt(t, p).Elem().Interface().(proto.Message)
			if reflect.ValueOf(m).IsNil() {
				return dst, fmt.Errorf("coder: encoding a nil %s", t)
			}
			return framed(dst, func(dst []byte) ([]byte, error) { return opts.MarshalAppend(dst, m) })
		},
		dec: func(src []byte, p unsafe.Pointer) ([]byte, error) {
			b, rest, err := takeBytes(src)
			if err != nil {
				return src, err
			}
			v := reflect.New(t.Elem())
			if err := proto.Unmarshal(b, v.Interface().(proto.Message)); err != nil {
				return src, fmt.Errorf("coder: %s: %w: %w", t, ErrMalformed, err)
			}
			reflect.NewAt(t, p).Elem().Set(v)
			return rest, nil
		},
	}
}

func binaryCodec(t reflect.Type) *codec {
	appends := reflect.PointerTo(t).Implements(appender)
	return &codec{
		id: "binary<" + t.String() + ">",
		enc: func(dst []byte, p unsafe.Pointer) ([]byte, error) {
			v := reflect.NewAt(t, p).Interface()
			return framed(dst, func(dst []byte) ([]byte, error) {
				if appends {
					return v.(encoding.BinaryAppender).AppendBinary(dst)
				}
				b, err := v.(encoding.BinaryMarshaler).MarshalBinary()
				return append(dst, b...), err
			})
		},
		dec: func(src []byte, p unsafe.Pointer) ([]byte, error) {
			b, rest, err := takeBytes(src)
			if err != nil {
				return src, err
			}
			if err := reflect.NewAt(t, p).Interface().(encoding.BinaryUnmarshaler).UnmarshalBinary(b); err != nil {
				return src, fmt.Errorf("coder: %s: %w: %w", t, ErrMalformed, err)
			}
			return rest, nil
		},
	}
}

func compileKV(t reflect.Type, above []reflect.Type) (*codec, error) {
	k, err := compile(t.Field(0).Type, above)
	if err != nil {
		return nil, fmt.Errorf("key of %s: %w", t, err)
	}
	v, err := compile(t.Field(1).Type, above)
	if err != nil {
		return nil, fmt.Errorf("value of %s: %w", t, err)
	}
	off := t.Field(1).Offset
	return pair(k, v, off), nil
}

// pair is the codec of a key and, off bytes behind it, a value.
func pair(k, v *codec, off uintptr) *codec {
	c := &codec{id: "kv<" + k.id + "," + v.id + ">"}
	if k.fixed > 0 && v.fixed > 0 {
		c.fixed = k.fixed + v.fixed
	}
	c.det = errors.Join(in("key", k.det), in("value", v.det))
	c.enc = func(dst []byte, p unsafe.Pointer) ([]byte, error) {
		dst, err := k.enc(dst, p)
		if err != nil {
			return dst, err
		}
		return v.enc(dst, unsafe.Add(p, off))
	}
	c.dec = func(src []byte, p unsafe.Pointer) ([]byte, error) {
		src, err := k.dec(src, p)
		if err != nil {
			return src, err
		}
		return v.dec(src, unsafe.Add(p, off))
	}
	if v.encOuter != nil {
		c.encOuter = func(dst []byte, p unsafe.Pointer) ([]byte, error) {
			dst, err := k.enc(dst, p)
			if err != nil {
				return dst, err
			}
			return v.encOuter(dst, unsafe.Add(p, off))
		}
		c.decOuter = func(src []byte, p unsafe.Pointer) error {
			src, err := k.dec(src, p)
			if err != nil {
				return err
			}
			return v.decOuter(src, unsafe.Add(p, off))
		}
	}
	return c
}

func compileSlice(t reflect.Type, above []reflect.Type) (*codec, error) {
	e, err := compile(t.Elem(), above)
	if err != nil {
		return nil, fmt.Errorf("element of %s: %w", t, err)
	}
	size := t.Elem().Size()
	return &codec{
		id:  "iterable<" + e.id + ">",
		det: in("element", e.det),
		enc: func(dst []byte, p unsafe.Pointer) ([]byte, error) {
			s := (*sliceHeader)(p)
			if s.len > math.MaxInt32 {
				return dst, fmt.Errorf("coder: %s of %d elements: the encoding holds at most 2147483647", t, s.len)
			}
			dst = binary.BigEndian.AppendUint32(dst, uint32(s.len))
			var err error
			for i := range s.len {
				if dst, err = e.enc(dst, unsafe.Add(s.data, uintptr(i)*size)); err != nil {
					return dst, err
				}
			}
			return dst, nil
		},
		dec: func(src []byte, p unsafe.Pointer) ([]byte, error) {
			rest, err := decodeSlice(src, reflect.NewAt(t, p).Elem(), e)
			if err != nil {
				return src, err
			}
			return rest, nil
		},
	}, nil
}

type sliceHeader struct {
	data     unsafe.Pointer
	len, cap int
}

// decodeSlice reads an iterable of known length, or in Beam's chunked form.
func decodeSlice(src []byte, v reflect.Value, e *codec) ([]byte, error) {
	if len(src) < 4 {
		return src, short("iterable")
	}
	n := int(int32(binary.BigEndian.Uint32(src)))
	src = src[4:]
	size := v.Type().Elem().Size()
	v.SetLen(0)
	add := func(n int) error {
		if n > len(src) { // each element takes a byte at least: a forged length must not allocate
			return short("iterable")
		}
		at := v.Len()
		v.Grow(n)
		v.SetLen(at + n)
		base := v.UnsafePointer()
		var err error
		for i := range n {
			if src, err = e.dec(src, unsafe.Add(base, uintptr(at+i)*size)); err != nil {
				return err
			}
		}
		return nil
	}
	v.SetZero() // no elements are nil: the encoding does not tell an empty slice from none
	switch {
	case n >= 0:
		err := add(n)
		return src, err
	case n == -1:
		for {
			c, k := binary.Uvarint(src)
			if k <= 0 {
				return src, short("iterable")
			}
			src = src[k:]
			if c == 0 {
				return src, nil
			}
			if c > uint64(len(src)) {
				return src, short("iterable")
			}
			if err := add(int(c)); err != nil {
				return src, err
			}
		}
	}
	return src, fmt.Errorf("coder: iterable of length %d: %w", n, ErrMalformed)
}

func compileArray(t reflect.Type, above []reflect.Type) (*codec, error) {
	e, err := compile(t.Elem(), above)
	if err != nil {
		return nil, fmt.Errorf("element of %s: %w", t, err)
	}
	n, size := t.Len(), t.Elem().Size()
	c := &codec{id: fmt.Sprintf("array%d<%s>", n, e.id), det: in("element", e.det)}
	if e.fixed > 0 {
		c.fixed = 4 + n*e.fixed
	}
	c.enc = func(dst []byte, p unsafe.Pointer) ([]byte, error) {
		dst = binary.BigEndian.AppendUint32(dst, uint32(n))
		var err error
		for i := range n {
			if dst, err = e.enc(dst, unsafe.Add(p, uintptr(i)*size)); err != nil {
				return dst, err
			}
		}
		return dst, nil
	}
	c.dec = func(src []byte, p unsafe.Pointer) ([]byte, error) {
		if len(src) < 4 {
			return src, short("array")
		}
		if k := binary.BigEndian.Uint32(src); uint64(k) != uint64(n) {
			return src, fmt.Errorf("coder: %s of %d elements: %w", t, k, ErrMalformed)
		}
		rest := src[4:]
		var err error
		for i := range n {
			if rest, err = e.dec(rest, unsafe.Add(p, uintptr(i)*size)); err != nil {
				return src, err
			}
		}
		return rest, nil
	}
	return c, nil
}

func compileMap(t reflect.Type, above []reflect.Type) (*codec, error) {
	k, err := compile(t.Key(), above)
	if err != nil {
		return nil, fmt.Errorf("key of %s: %w", t, err)
	}
	v, err := compile(t.Elem(), above)
	if err != nil {
		return nil, fmt.Errorf("value of %s: %w", t, err)
	}
	kt, vt := t.Key(), t.Elem()
	return &codec{
		id:  "map<" + k.id + "," + v.id + ">",
		det: fmt.Errorf("a %s has no order", t),
		enc: func(dst []byte, p unsafe.Pointer) ([]byte, error) {
			m := reflect.NewAt(t, p).Elem()
			dst = binary.BigEndian.AppendUint32(dst, uint32(m.Len()))
			kp, vp := reflect.New(kt), reflect.New(vt)
			it := m.MapRange()
			var err error
			for it.Next() {
				kp.Elem().SetIterKey(it)
				vp.Elem().SetIterValue(it)
				if dst, err = k.enc(dst, kp.UnsafePointer()); err != nil {
					return dst, err
				}
				if dst, err = v.enc(dst, vp.UnsafePointer()); err != nil {
					return dst, err
				}
			}
			return dst, nil
		},
		dec: func(src []byte, p unsafe.Pointer) ([]byte, error) {
			if len(src) < 4 {
				return src, short("map")
			}
			n := int(int32(binary.BigEndian.Uint32(src)))
			rest := src[4:]
			if n < 0 || n > len(rest) {
				return src, short("map")
			}
			m := reflect.MakeMapWithSize(t, n)
			var err error
			for range n {
				kp, vp := reflect.New(kt), reflect.New(vt)
				if rest, err = k.dec(rest, kp.UnsafePointer()); err != nil {
					return src, err
				}
				if rest, err = v.dec(rest, vp.UnsafePointer()); err != nil {
					return src, err
				}
				m.SetMapIndex(kp.Elem(), vp.Elem())
			}
			reflect.NewAt(t, p).Elem().Set(m)
			return rest, nil
		},
	}, nil
}

func compilePointer(t reflect.Type, above []reflect.Type) (*codec, error) {
	e, err := compile(t.Elem(), above)
	if err != nil {
		return nil, err
	}
	return &codec{
		id:  "nullable<" + e.id + ">",
		det: e.det,
		enc: func(dst []byte, p unsafe.Pointer) ([]byte, error) {
			q := *(*unsafe.Pointer)(p)
			if q == nil {
				return append(dst, 0), nil
			}
			return e.enc(append(dst, 1), q)
		},
		dec: func(src []byte, p unsafe.Pointer) ([]byte, error) {
			if len(src) < 1 {
				return src, short("nullable")
			}
			switch src[0] {
			case 0:
				*(*unsafe.Pointer)(p) = nil
				return src[1:], nil
			case 1:
				v := reflect.New(t.Elem())
				rest, err := e.dec(src[1:], v.UnsafePointer())
				if err != nil {
					return src, err
				}
				reflect.NewAt(t, p).Elem().Set(v)
				return rest, nil
			}
			return src, fmt.Errorf("coder: nullable: byte %#x is neither 0 nor 1: %w", src[0], ErrMalformed)
		},
	}, nil
}

// in names the part that an error is about.
func in(part string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", part, err)
}

func short(what string) error {
	return fmt.Errorf("coder: %s: the bytes end early: %w", what, ErrMalformed)
}

// takeBytes reads a length and that many bytes, which alias src.
func takeBytes(src []byte) (b, rest []byte, err error) {
	n, k := binary.Uvarint(src)
	if k <= 0 || n > uint64(len(src)-k) {
		return nil, src, short("bytes")
	}
	return src[k : k+int(n)], src[k+int(n):], nil
}

// framed appends what f appends, behind its length.
func framed(dst []byte, f func(dst []byte) ([]byte, error)) ([]byte, error) {
	at := len(dst)
	dst = append(dst, 0) // room for a short length
	dst, err := f(dst)
	if err != nil {
		return dst[:at], err
	}
	n := len(dst) - at - 1
	if n < 0x80 {
		dst[at] = byte(n)
		return dst, nil
	}
	var l [binary.MaxVarintLen64]byte
	k := binary.PutUvarint(l[:], uint64(n))
	dst = append(dst, l[:k-1]...)
	copy(dst[at+k:], dst[at+1:at+1+n])
	copy(dst[at:], l[:k])
	return dst, nil
}

func fieldName(f reflect.StructField) string {
	if tag, ok := f.Tag.Lookup("beam"); ok {
		if name, _, _ := strings.Cut(tag, ","); name != "" {
			return name
		}
	}
	return f.Name
}
