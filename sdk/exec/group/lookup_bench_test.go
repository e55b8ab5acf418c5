package group

import (
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/millrace-go/millrace/sdk/exec/keys"

	"github.com/millrace-go/millrace/sdk/coder"
)

// What a row costs in front of a combine: hash, find the key's number, add.

type sumFn struct{}

func (sumFn) CreateAccumulator() int64           { return 0 }
func (sumFn) AddInput(a, v int64) int64          { return a + v }
func (sumFn) MergeAccumulators(a, b int64) int64 { return a + b }
func (sumFn) ExtractOutput(a int64) int64        { return a }

func BenchmarkLookupWords(b *testing.B) {
	const n = 100_000
	rows := make([]coder.KV[int64, int64], 1<<20)
	for i := range rows {
		rows[i].Key = int64(rand.Uint64N(n) * 0x9E3779B97F4A7C15)
	}
	lookups(b, rows)
}

func BenchmarkLookupTexts(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	z := rand.NewZipf(rng, 1.1, 3, 49_999)
	words := make([]string, 50_000)
	for i := range words {
		w := make([]byte, 4+rng.IntN(9))
		for j := range w {
			w[j] = byte('a' + rng.IntN(26))
		}
		words[i] = string(w)
	}
	rows := make([]coder.KV[string, int64], 1<<20)
	for i := range rows {
		rows[i].Key = words[z.Uint64()]
	}
	lookups(b, rows)
}

func lookups[K any](b *testing.B, rows []coder.KV[K, int64]) {
	c, err := coder.For[K]()
	if err != nil {
		b.Fatal(err)
	}
	kt := keys.TypeOf(c)
	t := newTable(kt.Kind, true)
	t.reset(0)
	var col keys.Column
	var accs []int64
	add := CombinerOf[int64, int64, int64](sumFn{}).add
	const batch = 256
	ids := make([]uint32, batch)
	one := func(part []coder.KV[K, int64]) {
		if err := kt.Load(&col, unsafe.Pointer(&part[0].Key), unsafe.Sizeof(part[0]), len(part)); err != nil {
			b.Fatal(err)
		}
		t.ids(&col, ids)
		for len(accs) < t.n {
			accs = append(accs, 0)
		}
		add(unsafe.Pointer(&accs[0]), ids, unsafe.Pointer(&part[0].Value), unsafe.Sizeof(part[0]), nil)
	}
	for at := 0; at < len(rows); at += batch {
		one(rows[at : at+batch])
	}
	b.ResetTimer()
	at := 0
	for range b.N {
		for range 4096 {
			one(rows[at : at+batch])
			if at += batch; at == len(rows) {
				at = 0
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/4096/batch, "ns/row")
}
