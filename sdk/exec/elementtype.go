package exec

import (
	"fmt"
	"reflect"
	"unsafe"

	"github.com/millrace-go/millrace/sdk/coder"
)

// ElementType does with batches of one type what operators need that do not know the type: a batch is a *Batch[T] in an
// any, a sink a Sink[T]. So what is not in the way of every element is compiled once, and not for each type.
type ElementType interface {
	// Type is the type of the elements.
	Type() reflect.Type
	// Err is why elements have no encoding, or nil.
	Err() error
	// Coder is their coder. Without an encoding it may not be used.
	Coder() coder.Untyped
	// Deterministic returns why equal elements may have different encodings, or nil.
	Deterministic() error
	// Lent reports whether elements lead to what is valid during a call only.
	Lent() bool

	// New returns a batch of n zero rows.
	New(n int, m Meta) any
	// Clone returns a copy of b that shares nothing with it but what the rows lead to.
	Clone(b any) any
	// Meta returns the batch's own meta.
	Meta(b any) *Meta
	// Len is the number of rows.
	Len(b any) int
	// Gather appends some rows of src to dst, without their meta.
	Gather(dst, src any, rows []uint32)
	// View makes the rows of dst those from lo to hi of src, which they share.
	View(dst, src any, lo, hi int)
	// Reset empties b, keeping its memory.
	Reset(b any)
	// Size is the memory of the rows, with what they lead to, in bytes.
	Size(b any) int64
	// Show prints row i, shortened to what a message can hold.
	Show(b any, i int) string

	// Encode appends the encoding of row i.
	Encode(dst []byte, b any, i int) ([]byte, error)
	// Decode sets row i from its encoding and returns what is behind it.
	Decode(src []byte, b any, i int) ([]byte, error)

	// Sink returns a Sink[T] that pushes to s.
	Sink(s AnySink) any
	// Push pushes b to sink, a Sink[T].
	Push(sink, b any) error
}

// AnySink takes batches whose type it does not know: each is a *Batch of the type. As with a [Sink], b is lent.
type AnySink interface{ PushAny(b any) error }

// element is the ElementType of every type. What needs the type is in functions.
type element struct {
	batch reflect.Type // Batch[T]
	rows  reflect.Type // []T
	size  uintptr      // of a row
	coder coder.Untyped
	err   error
	sizer coder.RowSizer
	lent  bool

	gather func(dst, src any, rows []uint32)
	sink   func(AnySink) any
	push   func(sink, b any) error
}

// NewElementType returns the ElementType of T, with its coder, or why it has none.
func NewElementType[T any](c coder.Untyped, err error) ElementType {
	return newElement(reflect.TypeFor[Batch[T]](), c, err, func(dst, src any, rows []uint32) {
		d, s := dst.(*Batch[T]), src.(*Batch[T])
		for _, i := range rows {
			d.V = append(d.V, s.V[i])
		}
	}, func(s AnySink) any { return Sink[T](&anySink[T]{s}) },
		func(sink, b any) error { return sink.(Sink[T]).Push(b.(*Batch[T])) })
}

func newElement(batch reflect.Type, c coder.Untyped, err error, gather func(dst, src any, rows []uint32), sink func(AnySink) any, push func(sink, b any) error) ElementType {
	rows := batch.Field(0).Type
	t := rows.Elem()
	return &element{
		batch: batch, rows: rows, size: t.Size(), coder: c, err: err, sizer: coder.RowSizerOf(t), lent: lent(t, nil),
		gather: gather, sink: sink, push: push,
	}
}

// Type implements [ElementType].
func (e *element) Type() reflect.Type { return e.rows.Elem() }

// Coder implements [ElementType].
func (e *element) Coder() coder.Untyped { return e.coder }

// Err implements [ElementType].
func (e *element) Err() error { return e.err }

// Deterministic implements [ElementType].
func (e *element) Deterministic() error { return e.coder.Deterministic() }

// Lent implements [ElementType].
func (e *element) Lent() bool { return e.lent }

// New implements [ElementType].
func (e *element) New(n int, m Meta) any {
	b := reflect.New(e.batch)
	if n > 0 {
		b.Elem().Field(0).Set(reflect.MakeSlice(e.rows, n, n))
	}
	x := b.Interface()
	headOf(x).Meta = m
	return x
}

// Clone implements [ElementType].
func (e *element) Clone(b any) any {
	c := e.New(e.Len(b), e.Meta(b).Clone())
	reflect.Copy(rowsOf(c), rowsOf(b))
	return c
}

// Meta implements [ElementType].
func (e *element) Meta(b any) *Meta { return &headOf(b).Meta }

// Len implements [ElementType].
func (e *element) Len(b any) int { return headOf(b).len }

// Gather implements [ElementType].
func (e *element) Gather(dst, src any, rows []uint32) { e.gather(dst, src, rows) }

// View implements [ElementType].
func (e *element) View(dst, src any, lo, hi int) {
	rowsOf(dst).Set(rowsOf(src).Slice3(lo, hi, hi))
}

// Reset implements [ElementType].
func (e *element) Reset(b any) {
	rowsOf(b).Clear()
	headOf(b).len = 0
}

// Size implements [ElementType].
func (e *element) Size(b any) int64 {
	h := headOf(b)
	return e.sizer.SizeAll(h.rows, h.len)
}

// Show implements [ElementType].
func (e *element) Show(b any, i int) string { return showRow(b, i) }

// Encode implements [ElementType].
func (e *element) Encode(dst []byte, b any, i int) ([]byte, error) {
	return e.coder.Append(dst, e.row(b, i))
}

// Decode implements [ElementType].
func (e *element) Decode(src []byte, b any, i int) ([]byte, error) {
	return e.coder.Decode(src, e.row(b, i))
}

// row is where row i of b is.
func (e *element) row(b any, i int) unsafe.Pointer {
	h := headOf(b)
	if uint(i) >= uint(h.len) {
		panic(fmt.Sprintf("exec: row %d of a batch of %d", i, h.len))
	}
	return unsafe.Add(h.rows, uintptr(i)*e.size)
}

// Sink implements [ElementType].
func (e *element) Sink(s AnySink) any { return e.sink(s) }

// Push implements [ElementType].
func (e *element) Push(sink, b any) error { return e.push(sink, b) }

type anySink[T any] struct{ to AnySink }

func (s *anySink[T]) Push(b *Batch[T]) error { return s.to.PushAny(b) }

// Tee returns a sink that pushes to each of sinks. A batch is lent, so all may read the same one.
func Tee(t ElementType, sinks []any) any {
	if len(sinks) == 1 {
		return sinks[0]
	}
	return t.Sink(&tee{t, sinks})
}

type tee struct {
	t  ElementType
	to []any
}

func (t *tee) PushAny(b any) error {
	for _, s := range t.to {
		if err := t.t.Push(s, b); err != nil {
			return err
		}
	}
	return nil
}
