package keyed

import (
	"maps"
	"testing"
	"unsafe"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec/keys"
)

// lookup is what core.find does, without the keys.
func (t *table) lookup(tag uint32, is func(slot uint32) bool) (slot uint32, ok bool) {
	if len(t.entries) == 0 {
		return 0, false
	}
	i := tag & t.mask
	for e := t.entries[i]; e != 0; e = t.entries[i] {
		if s := uint32(e) - 1; uint32(e>>32) == tag && is(s) {
			return s, true
		}
		i = (i + 1) & t.mask
	}
	return 0, false
}

// A table finds what a Go map finds, while keys come and go. Tags are drawn from few, so that probes run into each other,
// wrap around the end, and keys share a tag.
func TestTableAgainstMap(t *testing.T) {
	r := random(t)
	for _, spread := range []uint32{1, 3, 17, 1 << 10, 1 << 31} {
		var tb table
		model := map[uint32]uint32{} // slot: tag
		for i := range 20_000 {
			slot := r.Uint32N(300)
			switch tag, there := model[slot]; {
			case !there && r.IntN(3) > 0:
				tag = r.Uint32N(spread) - spread/2 // around the end of the table too
				tb.reserve(1)
				tb.add(tag, slot)
				model[slot] = tag
			case there && r.IntN(3) > 0:
				tb.remove(tag, slot)
				delete(model, slot)
			}
			if tb.n != len(model) {
				t.Fatalf("spread %d, step %d: %d entries, want %d", spread, i, tb.n, len(model))
			}
			probe := r.Uint32N(300)
			tag, there := model[probe]
			if got, ok := tb.lookup(tag, func(s uint32) bool { return s == probe }); there && (!ok || got != probe) || !there && ok {
				t.Fatalf("spread %d, step %d: slot %d under tag %d: found %v, want %v", spread, i, probe, tag, ok, there)
			}
			if i%500 == 0 {
				got := map[uint32]uint32{}
				tb.each(func(s uint32) { got[s] = model[s] })
				if !maps.Equal(got, model) {
					t.Fatalf("spread %d, step %d: each gives %v, want %v", spread, i, got, model)
				}
			}
		}
	}
}

// Key numbers are dense and in the order of the first sight of the keys, for words and for texts short and long; a
// table that has been reset knows none.
func TestKeyTable(t *testing.T) {
	r := random(t)
	t.Run("words", func(t *testing.T) {
		numbers(t, keys.Words, func() int64 { return int64(r.IntN(500)) - 250 }, r.IntN)
	})
	t.Run("texts", func(t *testing.T) {
		numbers(t, keys.Texts, func() string {
			b := make([]byte, r.IntN(20)) // those of more than 15 are compared by their bytes
			for i := range b {
				b[i] = 'a' + byte(r.IntN(2))
			}
			return string(b)
		}, r.IntN)
	})
}

func numbers[K comparable](t *testing.T, kind keys.Kind, draw func() K, intN func(int) int) {
	c, err := coder.For[K]()
	if err != nil {
		t.Fatal(err)
	}
	typ := keys.TypeOf(c)
	if typ.Kind != kind {
		t.Fatalf("keys are of kind %v, want %v", typ.Kind, kind)
	}
	kt := keyTable{kind: kind}
	for range 3 {
		model := map[K]uint32{}
		for range 50 {
			in := make([]K, 1+intN(300))
			for i := range in {
				in[i] = draw()
			}
			var col keys.Column
			if err := typ.Load(&col, unsafe.Pointer(&in[0]), unsafe.Sizeof(in[0]), len(in)); err != nil {
				t.Fatal(err)
			}
			for i, id := range kt.ids(&col) {
				want, known := model[in[i]]
				if !known {
					want = uint32(len(model))
					model[in[i]] = want
				}
				if id != want {
					t.Fatalf("key %v has number %d, want %d", in[i], id, want)
				}
				if kind == keys.Texts && kt.kept(id) != any(in[i]).(string) {
					t.Fatalf("the copy of key %q is %q", any(in[i]), kt.kept(id))
				}
			}
		}
		kt.reset()
	}
}
