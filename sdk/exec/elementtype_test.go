package exec

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"unsafe"

	"github.com/millrace-go/millrace/sdk/coder"
)

// What is copied without its type is what it was, and stays in memory when nothing else leads to it.
func TestGather(t *testing.T) {
	type row struct {
		Name string
		At   *int
		N    int64
	}
	e := NewElementType(ElementOf[row](), coder.Untyped{}, nil)
	src, dst := &Batch[row]{}, e.New(0, Meta{})
	var want []string
	for i := range 3 * BatchSize {
		src.V = append(src.V, row{fmt.Sprint("row ", i), new(i), int64(i)})
	}
	var rows []uint32
	for i := range 2*BatchSize + 7 {
		r := uint32(i*7) % uint32(len(src.V))
		rows = append(rows, r)
		want = append(want, fmt.Sprint("row ", r))
	}
	var p Places
	e.Gather(dst, src, rows[:5], &p)
	e.Gather(dst, src, rows[5:], &p)
	if slices.ContainsFunc(p.to[:], func(p unsafe.Pointer) bool { return p != nil }) {
		t.Error("the places still lead to the rows")
	}
	clear(src.V)
	runtime.GC()
	got := dst.(*Batch[row]).V
	if len(got) != len(want) {
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
	for i, r := range got {
		if r.Name != want[i] || int64(*r.At) != r.N || r.N != int64(rows[i]) {
			t.Fatalf("row %d is %+v, want %s", i, r, want[i])
		}
	}
}

// A column keeps its values as it grows, and holds nothing when it has been reset.
func TestColumn(t *testing.T) {
	c := Column{T: NewElementType(ElementOf[*int](), coder.Untyped{}, nil)}
	for i := range 1000 {
		v := new(i)
		c.Set(c.Add(), unsafe.Pointer(&v))
	}
	runtime.GC()
	vs := unsafe.Slice((**int)(c.At), c.N)
	for i, v := range vs {
		if *v != i {
			t.Fatalf("value %d is %d", i, *v)
		}
	}
	c.Reset()
	if c.N != 0 || slices.ContainsFunc(vs, func(v *int) bool { return v != nil }) {
		t.Error("the column still holds values")
	}
	if p := c.Add(); *(**int)(p) != nil {
		t.Error("a new value is not zero")
	}
}

// A sink that is given rows of another type says so, instead of reading them as its own.
func TestLenOfAnotherType(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a batch of int was taken for one of string")
		}
	}()
	NewElementType(ElementOf[string](), coder.Untyped{}, nil).LenOf(&Batch[int]{V: []int{1}})
}
