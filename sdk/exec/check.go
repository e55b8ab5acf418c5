package exec

import (
	"bytes"
	"fmt"
)

type check struct {
	t      *ElementType
	path   string
	to     Sink
	before []byte
	ends   []int
}

// NewCheck returns a sink that passes rows on to sink the way a remote runner would: encoded and decoded, so
// that nothing is shared; and that fails, naming path, if a row cannot be encoded, does not decode to what
// encodes alike, or is changed by those it is passed to. Types without a coder pass as they are: whoever needs one
// says so.
func NewCheck(path string, t *ElementType, sink Sink) Sink {
	if t.Err() != nil {
		return sink
	}
	return &check{t: t, path: path, to: sink}
}

func (c *check) Push(b any) error {
	n := c.t.Len(b)
	c.before, c.ends = c.before[:0], c.ends[:0]
	for i := range n {
		var err error
		if c.before, err = c.t.Encode(c.before, b, i); err != nil {
			return fmt.Errorf("%s: element %s cannot be encoded, as it must be on a remote runner: %w", c.path, c.t.Show(b, i), err)
		}
		c.ends = append(c.ends, len(c.before))
	}
	// Fresh memory for each batch: user code that keeps an element gets its own, as after a network.
	d := c.t.New(n, *c.t.Meta(b))
	at := 0
	for i, end := range c.ends {
		rest, err := c.t.Decode(c.before[at:end], d, i)
		if err != nil {
			return fmt.Errorf("%s: element %s does not survive encoding: %w", c.path, c.t.Show(b, i), err)
		}
		if len(rest) > 0 {
			return fmt.Errorf("%s: element %s does not survive encoding: decoding left %d bytes", c.path, c.t.Show(b, i), len(rest))
		}
		at = end
	}
	if err := c.to.Push(d); err != nil {
		return err
	}
	if err := c.unchanged(b, "the function that emitted it, after it was emitted,"); err != nil {
		return err
	}
	return c.unchanged(d, "a function that it was passed to")
}

func (c *check) unchanged(b any, who string) error {
	if c.t.Deterministic() != nil {
		return nil // equal values may encode differently, so bytes prove nothing
	}
	var buf []byte
	at := 0
	for i, end := range c.ends {
		var err error
		if buf, err = c.t.Encode(buf[:0], b, i); err != nil || !bytes.Equal(buf, c.before[at:end]) {
			return fmt.Errorf("%s: element %s was changed by %s: elements are immutable; copy before changing", c.path, c.t.Show(b, i), who)
		}
		at = end
	}
	return nil
}

type bundler struct {
	t  *ElementType
	b  *Build
	to Sink
}

// NewBundler returns a sink for a root that makes a bundle of every batch, or of parts of it, if it is larger than the
// host's batches are.
func NewBundler(b *Build, t *ElementType, sink Sink) Sink {
	return &bundler{t: t, b: b, to: sink}
}

func (c *bundler) Push(b any) error {
	n, most := c.t.Len(b), c.b.Host.Rows()
	if n <= most {
		if err := c.to.Push(b); err != nil {
			return err
		}
		return c.b.cut()
	}
	part := c.t.New(0, Meta{})
	for lo := 0; lo < n; lo += most {
		hi := min(lo+most, n)
		c.t.View(part, b, lo, hi)
		*c.t.Meta(part) = c.t.Meta(b).Slice(lo, hi)
		if err := c.to.Push(part); err != nil {
			return err
		}
		if err := c.b.cut(); err != nil {
			return err
		}
	}
	return nil
}

// Relay is a sink that passes rows on to whichever sink it is told. It belongs to one goroutine.
type Relay struct{ to Sink }

// To sets the sink that gets the rows from now on.
func (r *Relay) To(sink Sink) { r.to = sink }

// Push implements [Sink].
func (r *Relay) Push(b any) error { return r.to.Push(b) }
