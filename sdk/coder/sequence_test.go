package coder

import (
	"iter"
	"slices"
	"testing"
	"unsafe"
)

// A sequence gives what its Values hold when it is iterated, in each of their forms, as often as it is iterated, and stops when
// it is told to.
func TestSequence(t *testing.T) {
	vs := []string{"a", "b", "c", "d"}
	at := unsafe.Pointer(&vs[0])
	each := func(yield func(unsafe.Pointer) bool) {
		for i := range vs {
			if !yield(unsafe.Pointer(&vs[i])) {
				return
			}
		}
	}
	var v Values
	var seq iter.Seq[string]
	SequenceOf[string]().Set(unsafe.Pointer(&seq), &v)
	for _, c := range []struct {
		name string
		v    Values
		want []string
	}{
		{"none", Values{}, nil},
		{"side by side", Values{At: at, N: 3}, vs[:3]},
		{"read", Values{Each: each}, vs},
		{"a list", Values{At: at, Next: []uint32{0, 1, 4, 2}, First: 3}, []string{"c", "d", "b", "a"}},
		{"an empty list", Values{At: at, Next: []uint32{0}}, nil},
	} {
		v = c.v
		for range 2 {
			if got := slices.Collect(seq); !slices.Equal(got, c.want) {
				t.Errorf("%s: %q, want %q", c.name, got, c.want)
			}
		}
		n := 0
		for range seq {
			if n++; n == 1 {
				break
			}
		}
		if want := min(1, len(c.want)); n != want {
			t.Errorf("%s: %d values before the stop, want %d", c.name, n, want)
		}
	}
}
