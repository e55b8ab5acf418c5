package limit

import (
	"math/bits"

	"github.com/millrace-go/millrace/integration/bench/data"
)

// Combine sums n rows by their keys, into a table for each goroutine that is then merged.
func Combine(n, keys int64) (check int64) {
	var tables [2]sums
	both(n, func(lo, hi int64, half int) {
		t := make(sums, 1<<bits.Len64(uint64(2*keys)))
		for i := lo; i < hi; i++ {
			t.add(data.Key(i, keys), i)
		}
		tables[half] = t
	})
	for _, s := range tables[1] {
		if s.used {
			tables[0].add(s.key, s.sum)
		}
	}
	for _, s := range tables[0] {
		if s.used {
			check += data.Check("", s.sum^s.key)
		}
	}
	return check
}

type sum struct {
	key, sum int64
	used     bool
}

// sums is a table by key, at most half full.
type sums []sum

func (t sums) add(key, v int64) {
	for i := fold(uint64(key)); ; i++ {
		s := &t[i&uint64(len(t)-1)]
		if s.key == key && s.used {
			s.sum += v
			return
		}
		if !s.used {
			*s = sum{key, v, true}
			return
		}
	}
}
