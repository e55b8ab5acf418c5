package group

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unsafe"

	"github.com/millrace-go/millrace/sdk/exec/keys"

	"github.com/millrace-go/millrace/sdk/coder"
)

// Keys get the numbers that a Go map would give them, whatever their kind, length and likeness.
func TestTableAgainstMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	text := func(max int) string {
		b := make([]byte, rng.IntN(max+1))
		for i := range b {
			b[i] = "\x00ab\xff"[rng.IntN(4)]
		}
		return string(b)
	}
	t.Run("words", func(t *testing.T) {
		tableAgainstMap(t, keys.Words, func() int64 { return rng.Int64N(1 << uint(1+rng.IntN(40))) })
	})
	t.Run("short words", func(t *testing.T) { tableAgainstMap(t, keys.Words, func() int8 { return int8(rng.IntN(256)) }) })
	t.Run("short texts", func(t *testing.T) { tableAgainstMap(t, keys.Texts, func() string { return text(4) }) })
	t.Run("texts around the limit of pairs", func(t *testing.T) { tableAgainstMap(t, keys.Texts, func() string { return text(20) }) })
	t.Run("long texts", func(t *testing.T) {
		tableAgainstMap(t, keys.Texts, func() string { return strings.Repeat("x", 30) + text(5) })
	})
	t.Run("encodings", func(t *testing.T) {
		tableAgainstMap(t, keys.Encoded, func() struct{ A, B string } { return struct{ A, B string }{text(3), text(12)} })
	})
}

func tableAgainstMap[K comparable](t *testing.T, kind keys.Kind, next func() K) {
	c, err := coder.For[K]()
	if err != nil {
		t.Fatal(err)
	}
	kt := keys.TypeOf(c)
	if kt.Kind != kind {
		t.Fatalf("kind %d, want %d", kt.Kind, kind)
	}
	tab := newTable(kind, false)
	for range 3 {
		tab.reset(0)
		want := map[K]uint32{}
		var order []K
		var col keys.Column
		for range 200 {
			rows := make([]K, 100)
			for i := range rows {
				rows[i] = next()
			}
			if err := kt.Load(&col, unsafe.Pointer(&rows[0]), unsafe.Sizeof(rows[0]), len(rows)); err != nil {
				t.Fatal(err)
			}
			ids := make([]uint32, len(rows))
			tab.ids(&col, ids)
			for i, k := range rows {
				id, ok := want[k]
				if !ok {
					id = uint32(len(want))
					want[k] = id
					order = append(order, k)
				}
				if ids[i] != id {
					t.Fatalf("%q has number %d, want %d", fmt.Sprint(k), ids[i], id)
				}
				if got := tab.keyHash(id); got != col.Hash[i] {
					t.Fatalf("hash of %q: %x, and %x by its number", fmt.Sprint(k), col.Hash[i], got)
				}
			}
		}
		if tab.n != len(want) {
			t.Fatalf("%d keys, want %d", tab.n, len(want))
		}
		for id := range order {
			if int(id) > 0 && tab.compare(uint32(id), uint32(id-1)) == 0 {
				t.Fatalf("%v and %v compare equal", order[id], order[id-1])
			}
		}
	}
}
