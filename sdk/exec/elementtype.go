package exec

import (
	"fmt"
	"reflect"
	"unsafe"

	"github.com/millrace-go/millrace/sdk/coder"
)

// ElementType does with values and batches of one type what operators need that do not know the type: a batch is a *Batch[T]
// in an any. So what is not in the way of every element is compiled once, and not for each type. It does not change and is
// safe for concurrent use.
type ElementType struct {
	batch reflect.Type // Batch[T]
	ptr   reflect.Type // *Batch[T]
	rows  reflect.Type // []T
	size  uintptr      // of a row
	coder coder.Untyped
	err   error
	sizer coder.RowSizer
	lent  bool
	place Placer
	zero  unsafe.Pointer // a zero value
}

// Placer copies values of one type: to[i] is where the one goes that lies rows[i]*stride bytes behind from, or i*stride if rows
// is nil.
type Placer func(to []unsafe.Pointer, from unsafe.Pointer, stride uintptr, rows []uint32)

// Element is what has to be compiled for a type T whose values are elements.
type Element struct {
	batch reflect.Type // *Batch[T]
	place Placer
}

// ElementOf returns the Element of T.
//
//go:noinline
func ElementOf[T any]() Element { // in a caller's text its function would be compiled for each of them, as reflect.TypeFor would
	return Element{reflect.TypeOf((*Batch[T])(nil)), func(to []unsafe.Pointer, from unsafe.Pointer, stride uintptr, rows []uint32) {
		if rows == nil {
			for i, p := range to {
				*(*T)(p) = *(*T)(unsafe.Add(from, uintptr(i)*stride))
			}
			return
		}
		rows = rows[:len(to)]
		for i, p := range to {
			*(*T)(p) = *(*T)(unsafe.Add(from, uintptr(rows[i])*stride))
		}
	}}
}

// Type is the type of the elements.
func (e Element) Type() reflect.Type { return e.batch.Elem().Field(0).Type.Elem() }

// NewElementType returns the ElementType of an element with its coder, or why it has none.
func NewElementType(e Element, c coder.Untyped, err error) *ElementType {
	batch := e.batch.Elem()
	rows := batch.Field(0).Type
	t := rows.Elem()
	return &ElementType{
		batch: batch, ptr: e.batch, rows: rows, size: t.Size(), coder: c, err: err, sizer: coder.RowSizerOf(t), lent: lent(t, nil), place: e.place,
		zero: reflect.New(t).UnsafePointer(),
	}
}

// Type is the type of the elements.
func (e *ElementType) Type() reflect.Type { return e.rows.Elem() }

// BatchType is the type of batches: *Batch[T].
func (e *ElementType) BatchType() reflect.Type { return e.ptr }

// RowSize is the size of a value itself, in bytes.
func (e *ElementType) RowSize() uintptr { return e.size }

// Coder is the coder of the elements. Without an encoding it may not be used.
func (e *ElementType) Coder() coder.Untyped { return e.coder }

// Err is why elements have no encoding, or nil.
func (e *ElementType) Err() error { return e.err }

// Deterministic returns why equal elements may have different encodings, or nil.
func (e *ElementType) Deterministic() error { return e.coder.Deterministic() }

// Sizer tells how much memory elements lead to.
func (e *ElementType) Sizer() coder.RowSizer { return e.sizer }

// Lent reports whether elements lead to what is valid during a call only.
func (e *ElementType) Lent() bool { return e.lent }

// New returns a batch of n zero rows.
func (e *ElementType) New(n int, m Meta) any {
	b := reflect.New(e.batch)
	if n > 0 {
		b.Elem().Field(0).Set(reflect.MakeSlice(e.rows, n, n))
	}
	x := b.Interface()
	headOf(x).Meta = m
	return x
}

// Clone returns a copy of b that shares nothing with it but what the rows lead to.
func (e *ElementType) Clone(b any) any {
	c := e.New(e.Len(b), e.Meta(b).Clone())
	reflect.Copy(rowsOf(c), rowsOf(b))
	return c
}

// Meta returns the batch's own meta.
func (e *ElementType) Meta(b any) *Meta { return &headOf(b).Meta }

// Len is the number of rows of b.
func (e *ElementType) Len(b any) int { return headOf(b).len }

// LenOf is Len for a batch that comes from elsewhere: of another type it panics.
func (e *ElementType) LenOf(b any) int {
	if reflect.TypeOf(b) != e.ptr {
		panic(fmt.Sprintf("exec: internal error: a %T where rows are %v", b, e.Type()))
	}
	return headOf(b).len
}

// Rows is where the rows of b are; nil if there are none.
func (e *ElementType) Rows(b any) unsafe.Pointer { return headOf(b).rows }

// Make returns memory for n zero values. It is the caller's to keep within.
func (e *ElementType) Make(n int) unsafe.Pointer {
	return reflect.MakeSlice(e.rows, n, n).UnsafePointer()
}

// Zero is a zero value, to be copied.
func (e *ElementType) Zero() unsafe.Pointer { return e.zero }

// Clear sets the n values at p to zero.
func (e *ElementType) Clear(p unsafe.Pointer, n int) {
	h := head{rows: p, len: n, cap: n}
	reflect.NewAt(e.rows, unsafe.Pointer(&h)).Elem().Clear()
}

// Copy copies n values.
func (e *ElementType) Copy(dst, src unsafe.Pointer, n int) {
	d, s := head{rows: dst, len: n, cap: n}, head{rows: src, len: n, cap: n}
	reflect.Copy(reflect.NewAt(e.rows, unsafe.Pointer(&d)).Elem(), reflect.NewAt(e.rows, unsafe.Pointer(&s)).Elem())
}

// Place calls the type's [Placer].
func (e *ElementType) Place(to []unsafe.Pointer, from unsafe.Pointer, stride uintptr, rows []uint32) {
	e.place(to, from, stride, rows)
}

// Gather appends some rows of src to dst, without their meta.
func (e *ElementType) Gather(dst, src any, rows []uint32, p *Places) {
	n := e.Extend(dst, len(rows))
	d, s := headOf(dst), headOf(src)
	for len(rows) > 0 {
		k := min(len(p.to), len(rows))
		for i := range k {
			p.to[i] = unsafe.Add(d.rows, uintptr(n+i)*e.size)
		}
		e.place(p.to[:k], s.rows, e.size, rows[:k])
		clear(p.to[:k])
		n, rows = n+k, rows[k:]
	}
}

// Places is room for where a [Placer] puts values: BatchSize of them. Its owner keeps it, so that it is not allocated for each
// batch.
type Places struct {
	to [BatchSize]unsafe.Pointer
	n  int
}

// Take returns room for n places, until Done.
func (p *Places) Take(n int) []unsafe.Pointer {
	p.n = n
	return p.to[:n]
}

// Done forgets the places, or they would hold on to what they are in.
func (p *Places) Done() { clear(p.to[:p.n]) }

// Resize makes b, which has room for them, have n rows.
func (e *ElementType) Resize(b any, n int) {
	h := headOf(b)
	if n > h.cap {
		panic(fmt.Sprintf("exec: a batch of %d rows has room for %d", n, h.cap))
	}
	h.len = n
}

// Extend appends n rows to b, of which nothing is known, without their meta, and returns the number of the first.
func (e *ElementType) Extend(b any, n int) (first int) {
	h := headOf(b)
	first = h.len
	if h.len+n > h.cap {
		rowsOf(b).Grow(n)
	}
	h.len += n
	return first
}

// View makes the rows of dst those from lo to hi of src, which they share.
func (e *ElementType) View(dst, src any, lo, hi int) {
	rowsOf(dst).Set(rowsOf(src).Slice3(lo, hi, hi))
}

// Reset empties b, keeping its memory.
func (e *ElementType) Reset(b any) {
	rowsOf(b).Clear()
	headOf(b).len = 0
}

// Size is the memory of the rows of b, with what they lead to, in bytes.
func (e *ElementType) Size(b any) int64 {
	h := headOf(b)
	return e.sizer.SizeAll(h.rows, h.len)
}

// Show prints row i of b, shortened to what a message can hold.
func (e *ElementType) Show(b any, i int) string { return showRow(b, i) }

// Row is row i of b, in an any: for messages.
func (e *ElementType) Row(b any, i int) any { return rowsOf(b).Index(i).Interface() }

// Encode appends the encoding of row i of b.
func (e *ElementType) Encode(dst []byte, b any, i int) ([]byte, error) {
	return e.coder.Append(dst, e.row(b, i))
}

// Decode sets row i of b from its encoding and returns what is behind it.
func (e *ElementType) Decode(src []byte, b any, i int) ([]byte, error) {
	return e.coder.Decode(src, e.row(b, i))
}

// row is where row i of b is.
func (e *ElementType) row(b any, i int) unsafe.Pointer {
	h := headOf(b)
	if uint(i) >= uint(h.len) {
		panic(fmt.Sprintf("exec: row %d of a batch of %d", i, h.len))
	}
	return unsafe.Add(h.rows, uintptr(i)*e.size)
}
