package keys

import (
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/millrace-go/millrace/sdk/coder"
)

// Short texts and their pairs are one to one.
func TestPairs(t *testing.T) {
	seen := map[Pair]string{}
	rng := rand.New(rand.NewPCG(2, 2))
	for range 200_000 {
		b := make([]byte, rng.IntN(maxPair+1))
		for i := range b {
			b[i] = byte(rng.IntN(3))
		}
		s := string(b)
		p, h := PairOf(s)
		if was, ok := seen[p]; ok && was != s {
			t.Fatalf("%q and %q are both %x", was, s, p)
		}
		if h != p.Hash() || p.hi == long {
			t.Fatalf("%q: %x, hash %x", s, p, h)
		}
		seen[p] = s
	}
}

// A column of texts has the pairs and hashes that they have one by one.
func TestLoadTexts(t *testing.T) {
	c, err := coder.For[string]()
	if err != nil {
		t.Fatal(err)
	}
	k := TypeOf(c)
	rng := rand.New(rand.NewPCG(4, 4))
	ks := make([]string, 5000)
	for i := range ks {
		b := make([]byte, rng.IntN(maxPair+4))
		for j := range b {
			b[j] = byte(rng.Uint32())
		}
		ks[i] = string(b)
	}
	var col Column
	if err := k.Load(&col, unsafe.Pointer(&ks[0]), unsafe.Sizeof(ks[0]), len(ks)); err != nil {
		t.Fatal(err)
	}
	for i, s := range ks {
		p, h := PairOf(s)
		if col.Pair[i] != p || col.Hash[i] != h {
			t.Fatalf("%x: %x and %x, want %x and %x", s, col.Pair[i], col.Hash[i], p, h)
		}
		if got := HashOf(Texts, []byte(s)); got != h {
			t.Fatalf("%x: hash %x, want %x", s, got, h)
		}
	}
}

// A key's group is that of its encoding, however it is computed.
func TestGroups(t *testing.T) {
	groupsOf(t, []int64{0, 1, -1, 1 << 40})
	groupsOf(t, []uint64{0, 1 << 63})
	groupsOf(t, []int32{0, -7})
	groupsOf(t, []uint8{0, 200})
	groupsOf(t, []bool{false, true})
	groupsOf(t, []string{"", "a", "0123456789abcdef0123"})
	groupsOf(t, []struct{ A, B string }{{}, {"x", "y"}})
}

func groupsOf[K any](t *testing.T, ks []K) {
	t.Helper()
	c, err := coder.For[K]()
	if err != nil {
		t.Fatal(err)
	}
	k := TypeOf(c)
	var col Column
	if err := k.Load(&col, unsafe.Pointer(&ks[0]), unsafe.Sizeof(ks[0]), len(ks)); err != nil {
		t.Fatal(err)
	}
	got := make([]uint8, len(ks))
	if err := k.Groups(&col, got); err != nil {
		t.Fatal(err)
	}
	for i := range ks {
		b, err := c.Append(nil, &ks[i])
		if err != nil {
			t.Fatal(err)
		}
		if want := coder.KeyGroup(b); got[i] != want {
			t.Errorf("%T %v is in group %d, want %d", ks[i], ks[i], got[i], want)
		}
	}
}
