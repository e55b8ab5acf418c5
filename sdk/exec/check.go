package exec

import (
	"bytes"
	"fmt"

	"github.com/millrace-go/millrace/sdk/coder"
)

type check[T any] struct {
	path   string
	coder  coder.Coder[T]
	err    error
	to     Sink[T]
	before []byte
	ends   []int
	v      []T
}

// NewCheck returns a sink that passes rows on to sink the way a remote runner would: encoded and decoded, so
// that nothing is shared; and that fails, naming path, if a row cannot be encoded, does not decode to what
// encodes alike, or is changed by those it is passed to. Types without a coder (err is why) pass as they are:
// whoever needs one says so.
func NewCheck[T any](b *Build, path string, c coder.Coder[T], err error, sink Sink[T]) Sink[T] {
	return &check[T]{path: path, coder: c, err: err, to: sink}
}

func (c *check[T]) Push(b *Batch[T]) error {
	if c.err != nil {
		return c.to.Push(b)
	}
	c.before, c.ends = c.before[:0], c.ends[:0]
	for i := range b.V {
		var err error
		if c.before, err = c.coder.Append(c.before, &b.V[i]); err != nil {
			return fmt.Errorf("%s: element %s cannot be encoded, as it must be on a remote runner: %w", c.path, show(b.V[i]), err)
		}
		c.ends = append(c.ends, len(c.before))
	}
	// Fresh memory for each batch: user code that keeps an element gets its own, as after a network.
	c.v = make([]T, len(b.V))
	at := 0
	for i, end := range c.ends {
		rest, err := c.coder.Decode(c.before[at:end], &c.v[i])
		if err != nil {
			return fmt.Errorf("%s: element %s does not survive encoding: %w", c.path, show(b.V[i]), err)
		}
		if len(rest) > 0 {
			return fmt.Errorf("%s: element %s does not survive encoding: decoding left %d bytes", c.path, show(b.V[i]), len(rest))
		}
		at = end
	}
	d := Batch[T]{V: c.v, Meta: b.Meta}
	if err := c.to.Push(&d); err != nil {
		return err
	}
	if err := c.unchanged(b.V, "the function that emitted it, after it was emitted,"); err != nil {
		return err
	}
	return c.unchanged(c.v, "a function that it was passed to")
}

func (c *check[T]) unchanged(vs []T, who string) error {
	if c.coder.Deterministic() != nil {
		return nil // equal values may encode differently, so bytes prove nothing
	}
	var buf []byte
	at := 0
	for i := range vs {
		var err error
		if buf, err = c.coder.Append(buf[:0], &vs[i]); err != nil || !bytes.Equal(buf, c.before[at:c.ends[i]]) {
			return fmt.Errorf("%s: element %s was changed by %s: elements are immutable; copy before changing", c.path, show(vs[i]), who)
		}
		at = c.ends[i]
	}
	return nil
}

type bundler[T any] struct {
	b  *Build
	to Sink[T]
}

// NewBundler returns a sink for a root that makes a bundle of every batch.
func NewBundler[T any](b *Build, sink Sink[T]) Sink[T] { return &bundler[T]{b: b, to: sink} }

func (c *bundler[T]) Push(b *Batch[T]) error {
	if err := c.to.Push(b); err != nil {
		return err
	}
	return c.b.cut()
}
