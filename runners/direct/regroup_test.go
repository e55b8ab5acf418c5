package direct_test

import (
	"fmt"
	"iter"
	"testing"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
)

// A grouping is read while the next one, of its output, is over the budget: what is spilled then may be the part of
// the first that another worker is about to read. Nothing is lost and nothing comes twice.
func TestGroupIsSpilledWhileItIsRead(t *testing.T) {
	const rows = 60_000
	for range 4 {
		all := newTally(rows)
		r := &direct.Runner{Budget: 6 << 20, Workers: 4, TempDir: t.TempDir(), Log: quiet()}
		if _, err := sdk.Run(t.Context(), r, func(p *sdk.Pipeline) error {
			first := sdk.GroupByKey(sdk.Map(numbers(p, rows), func(i int64) sdk.KV[int64, []byte] {
				b := make([]byte, 40)
				copy(b, fmt.Sprint(i))
				return sdk.MakeKV(i%7001, b)
			}))
			again := sdk.FlatMap(first, func(g sdk.KV[int64, iter.Seq[[]byte]]) iter.Seq[sdk.KV[int64, []byte]] {
				return func(yield func(sdk.KV[int64, []byte]) bool) {
					for b := range g.Value {
						if !yield(sdk.MakeKV(g.Key%997, append(make([]byte, 0, 80), b...))) {
							return
						}
					}
				}
			})
			sdk.Map(sdk.GroupByKey(again), func(g sdk.KV[int64, iter.Seq[[]byte]]) bool {
				for b := range g.Value {
					i := int64(-1)
					if _, err := fmt.Sscan(string(trimmed(b)), &i); err != nil || i%7001%997 != g.Key {
						i = -1
					}
					all.add(i)
				}
				return true
			})
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if err := all.check(1); err != nil {
			t.Fatal(err)
		}
	}
}

func trimmed(b []byte) []byte {
	for i, c := range b {
		if c == 0 {
			return b[:i]
		}
	}
	return b
}
