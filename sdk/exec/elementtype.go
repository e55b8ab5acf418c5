package exec

import (
	"slices"
	"unsafe"

	"github.com/millrace-go/millrace/sdk/coder"
)

// ElementType does with batches of one type what operators need that do not know the type: a batch is a *Batch[T] in an
// any, a sink a Sink[T]. So what is not in the way of every element is compiled once, and not for each type.
type ElementType interface {
	// Err is why elements have no encoding, or nil.
	Err() error
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

// Typed is the ElementType of T.
type Typed[T any] struct {
	coder coder.Coder[T]
	err   error
	sizer coder.Sizer[T]
	lent  bool
}

// NewTyped returns the ElementType of T, with its coder, or why it has none.
func NewTyped[T any](c coder.Coder[T], err error) *Typed[T] {
	return &Typed[T]{coder: c, err: err, sizer: coder.SizerFor[T](), lent: Lent[T]()}
}

// Coder returns the coder of T, or why it has none.
func (t *Typed[T]) Coder() (coder.Coder[T], error) { return t.coder, t.err }

// Err implements [ElementType].
func (t *Typed[T]) Err() error { return t.err }

// Deterministic implements [ElementType].
func (t *Typed[T]) Deterministic() error { return t.coder.Deterministic() }

// Lent implements [ElementType].
func (t *Typed[T]) Lent() bool { return t.lent }

// New implements [ElementType].
func (*Typed[T]) New(n int, m Meta) any { return &Batch[T]{V: make([]T, n), Meta: m} }

// Clone implements [ElementType].
func (*Typed[T]) Clone(b any) any {
	x := b.(*Batch[T])
	return &Batch[T]{V: slices.Clone(x.V), Meta: x.Meta.Clone()}
}

// Meta implements [ElementType].
func (*Typed[T]) Meta(b any) *Meta { return &b.(*Batch[T]).Meta }

// Len implements [ElementType].
func (*Typed[T]) Len(b any) int { return len(b.(*Batch[T]).V) }

// Gather implements [ElementType].
func (*Typed[T]) Gather(dst, src any, rows []uint32) {
	d, s := dst.(*Batch[T]), src.(*Batch[T])
	for _, i := range rows {
		d.V = append(d.V, s.V[i])
	}
}

// View implements [ElementType].
func (*Typed[T]) View(dst, src any, lo, hi int) { dst.(*Batch[T]).V = src.(*Batch[T]).V[lo:hi:hi] }

// Reset implements [ElementType].
func (*Typed[T]) Reset(b any) {
	x := b.(*Batch[T])
	clear(x.V)
	x.V = x.V[:0]
}

// Size implements [ElementType].
func (t *Typed[T]) Size(b any) int64 {
	x := b.(*Batch[T])
	return int64(len(x.V))*int64(unsafe.Sizeof(*new(T))) + t.sizer.SizeAll(x.V)
}

// Show implements [ElementType].
func (*Typed[T]) Show(b any, i int) string { return show(b.(*Batch[T]).V[i]) }

// Encode implements [ElementType].
func (t *Typed[T]) Encode(dst []byte, b any, i int) ([]byte, error) {
	return t.coder.Append(dst, &b.(*Batch[T]).V[i])
}

// Decode implements [ElementType].
func (t *Typed[T]) Decode(src []byte, b any, i int) ([]byte, error) {
	return t.coder.Decode(src, &b.(*Batch[T]).V[i])
}

// Sink implements [ElementType].
func (*Typed[T]) Sink(s AnySink) any { return Sink[T](&anySink[T]{s}) }

// Push implements [ElementType].
func (*Typed[T]) Push(sink, b any) error { return sink.(Sink[T]).Push(b.(*Batch[T])) }

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
