package coder

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"slices"
)

// Iterable is the coder of sequences of what c encodes: Beam's iterable coder. Encoding iterates the sequence
// once; a decoded one is backed by a slice.
func Iterable[V any](c Coder[V]) Coder[iter.Seq[V]] { return iterable[V]{c} }

type iterable[V any] struct{ c Coder[V] }

func (s iterable[V]) Append(dst []byte, v *iter.Seq[V]) ([]byte, error) {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	n := 0
	if *v != nil {
		for x := range *v {
			var err error
			if dst, err = s.c.Append(dst, &x); err != nil {
				return dst[:at], err
			}
			n++
		}
	}
	if n > math.MaxInt32 {
		return dst[:at], fmt.Errorf("coder: a sequence of %d elements: the encoding holds at most 2147483647", n)
	}
	binary.BigEndian.PutUint32(dst[at:], uint32(n))
	return dst, nil
}

func (s iterable[V]) Decode(src []byte, v *iter.Seq[V]) ([]byte, error) {
	if len(src) < 4 {
		return src, short("iterable")
	}
	n := int(int32(binary.BigEndian.Uint32(src)))
	rest := src[4:]
	var vs []V
	add := func(n uint64) error {
		if n > uint64(len(rest)) {
			return short("iterable")
		}
		vs = slices.Grow(vs, int(n))
		for range n {
			var x V
			var err error
			if rest, err = s.c.Decode(rest, &x); err != nil {
				return err
			}
			vs = append(vs, x)
		}
		return nil
	}
	switch {
	case n >= 0:
		if err := add(uint64(n)); err != nil {
			return src, err
		}
	case n == -1:
		for {
			c, k := binary.Uvarint(rest)
			if k <= 0 {
				return src, short("iterable")
			}
			rest = rest[k:]
			if c == 0 {
				break
			}
			if err := add(c); err != nil {
				return src, err
			}
		}
	default:
		return src, fmt.Errorf("coder: iterable of length %d: %w", n, ErrMalformed)
	}
	*v = slices.Values(vs)
	return rest, nil
}

func (s iterable[V]) ID() string { return "iterable<" + s.c.ID() + ">" }

func (s iterable[V]) Deterministic() error {
	return fmt.Errorf("a sequence has no fixed order: %w", errSequence)
}

var errSequence = fmt.Errorf("group values come in no particular order")

func (s iterable[V]) FixedSize() int { return 0 }
