package main

import (
	"math/bits"
	"strings"
	"sync/atomic"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	_ "github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem/local" // textio.Read finds files by it
	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/textio"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/register"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/transforms/stats"
)

func init() { // Beam finds functions by registration
	register.Function2x0(splitFn)
	register.Function2x1(checkCountFn)
	register.Function2x1(checkSumFn)
	register.Function2x1(sumGroupFn)
	register.Function1x0(keepFn)
	register.Function2x1(addFn)
	register.DoFn2x0[[]byte, func(int64, int64)](&rowsFn{})
	register.Emitter1[string]()
	register.Emitter2[int64, int64]()
	register.Iter1[int64]()
}

func wordCount(s beam.Scope, input string) beam.PCollection {
	words := beam.ParDo(s, splitFn, textio.Read(s, input))
	return beam.ParDo(s, checkCountFn, stats.Count(s, words))
}

func splitFn(line string, emit func(string)) {
	for w := range strings.FieldsSeq(line) {
		emit(w)
	}
}

func checkCountFn(word string, n int) int64 { return check(word, int64(n)) }

func group(s beam.Scope, rows, keys int64) beam.PCollection {
	return beam.ParDo(s, sumGroupFn, beam.GroupByKey(s, source(s, rows, keys)))
}

func sumGroupFn(key int64, values func(*int64) bool) int64 {
	var v, sum int64
	for values(&v) {
		sum += v
	}
	return check("", sum^key)
}

func combine(s beam.Scope, rows, keys int64) beam.PCollection {
	return beam.ParDo(s, checkSumFn, stats.SumPerKey(s, source(s, rows, keys)))
}

func checkSumFn(key, sum int64) int64 { return check("", sum^key) }

// source makes the rows of the grouping cases.
func source(s beam.Scope, rows, keys int64) beam.PCollection {
	return beam.ParDo(s, &rowsFn{Rows: rows, Keys: keys}, beam.Impulse(s))
}

type rowsFn struct{ Rows, Keys int64 }

func (f *rowsFn) ProcessElement(_ []byte, emit func(int64, int64)) {
	for i := range f.Rows {
		emit(key(i, f.Keys), i)
	}
}

// result is the sum of the checks: the runners are in this process.
var result atomic.Int64

func total(s beam.Scope, checks beam.PCollection) {
	beam.ParDo0(s, keepFn, beam.Combine(s, addFn, checks))
}

func addFn(a, b int64) int64 { return a + b }

func keepFn(sum int64) { result.Store(sum) }

// key and check are those of package integration/bench/data, which a module of its own does not import; command
// bench compares the results.

const odd = 0x9E3779B97F4A7C15

func key(i, n int64) int64 {
	id := uint64(i)
	if i >= n {
		x := id * odd
		x ^= x >> 32
		id, _ = bits.Mul64(x*odd, uint64(n))
	}
	return int64(id * odd)
}

func check(name string, n int64) int64 {
	h := uint64(n) * odd
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1_099_511_628_211
	}
	return int64(h ^ h>>29)
}
