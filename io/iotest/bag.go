package iotest

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/millrace-go/millrace/sdk/coder"
)

// bag is rows without their order: how often each comes, by its encoding, as groups know their keys. It takes
// rows from several workers at once.
type bag[T any] struct {
	coder coder.Coder[T]
	mu    sync.Mutex
	count map[string]int
	shown map[string]T
	rows  int
}

func newBag[T any](t *testing.T, rows []T) *bag[T] {
	t.Helper()
	c, err := coder.For[T]()
	if err == nil {
		err = c.Deterministic()
	}
	if err != nil {
		t.Fatalf("rows of the case cannot be compared: %v", err)
	}
	b := &bag[T]{coder: c, count: map[string]int{}, shown: map[string]T{}}
	for _, r := range rows {
		b.add(r)
	}
	return b
}

// add returns how many rows there are now.
func (b *bag[T]) add(v T) int {
	enc, err := b.coder.Append(nil, &v)
	if err != nil {
		panic(fmt.Errorf("iotest: encoding a row to compare it: %w", err))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.count[string(enc)]++
	b.shown[string(enc)] = v
	b.rows++
	return b.rows
}

// diff says what b lacks of want, and has too often; nil if they are the same.
func (b *bag[T]) diff(want *bag[T]) error {
	var lost, extra []string
	for enc, n := range want.count {
		if d := n - b.count[enc]; d > 0 {
			lost = append(lost, fmt.Sprintf("%dx %.100s", d, fmt.Sprintf("%+v", want.shown[enc])))
		}
	}
	for enc, n := range b.count {
		if d := n - want.count[enc]; d > 0 {
			extra = append(extra, fmt.Sprintf("%dx %.100s", d, fmt.Sprintf("%+v", b.shown[enc])))
		}
	}
	if len(lost)+len(extra) == 0 {
		return nil
	}
	slices.Sort(lost)
	slices.Sort(extra)
	const most = 5
	return fmt.Errorf("%d rows, want %d: %d different ones are lost, such as %q; %d come too often, such as %q",
		b.rows, want.rows, len(lost), lost[:min(most, len(lost))], len(extra), extra[:min(most, len(extra))])
}

// rowsOf is the rows lo to hi of a case.
func rowsOf[T any](row func(i int) T, lo, hi int) []T {
	var vs []T
	for i := lo; i < hi; i++ {
		vs = append(vs, row(i))
	}
	return vs
}
