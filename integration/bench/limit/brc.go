package limit

import (
	"encoding/binary"
	"math/bits"

	"github.com/millrace-go/millrace/integration/bench/data"
)

// Station is what is known of a station, in tenths of a degree.
type Station struct{ Min, Max, Sum, N int64 }

// Check is one number for a station.
func (s Station) Check(name string) int64 { return data.Check(name, s.Min+3*s.Max+5*s.Sum+7*s.N) }

// BRC finds the least, greatest and summed temperature of each station in a file of lines "station;temperature",
// eight bytes of the name at a time.
func BRC(path string) (check int64, err error) {
	var tables [2]stations
	err = lines(path, func(b []byte, half int) {
		t, b8 := &tables[half], b[:len(b)+pad]
		for i := 0; i < len(b); {
			start, key := i, uint64(0)
			for {
				x := binary.LittleEndian.Uint64(b8[i:])
				y := x ^ 0x3B3B3B3B3B3B3B3B // ';' becomes 0
				if semi := (y - 0x0101010101010101) &^ y & 0x8080808080808080; semi != 0 {
					at := bits.TrailingZeros64(semi) &^ 7
					key, i = fold(key)^x&(1<<at-1), i+at/8
					break
				}
				key, i = fold(key)^x, i+8
			}
			name := b[start:i]
			// "d.d", "dd.d" or one of them behind '-', without branches: bit 4 is set in digits only.
			x := binary.LittleEndian.Uint64(b8[i+1:])
			neg := ^x >> 4 & 1
			x >>= 8 * neg & 63
			one := ^x >> 12 & 1 // digit before the point
			i += 1 + int(neg+5-one)
			x <<= 8 * one & 63
			v := int64(x&15*100 + x>>8&15*10 + x>>24&15)
			v = (v ^ -int64(neg)) + int64(neg)
			s := t.find(key, name)
			s.Min, s.Max, s.Sum, s.N = min(s.Min, v), max(s.Max, v), s.Sum+v, s.N+1
		}
	})
	for _, s := range tables[1].slots {
		if s.N > 0 {
			a := tables[0].find(s.key, []byte(s.name))
			a.Min, a.Max, a.Sum, a.N = min(a.Min, s.Min), max(a.Max, s.Max), a.Sum+s.Sum, a.N+s.N
		}
	}
	for _, s := range tables[0].slots {
		check += s.Check(s.name)
	}
	return check, err
}

// stations is a table for the challenge's at most 10,000 stations.
type stations struct {
	slots [1 << 15]struct {
		key  uint64
		name string
		Station
	}
}

func (t *stations) find(key uint64, name []byte) *Station {
	for i := fold(key) >> 20; ; i++ {
		s := &t.slots[i%uint64(len(t.slots))]
		if s.key == key && s.N > 0 && s.name == string(name) {
			return &s.Station
		}
		if s.N == 0 {
			s.key, s.name, s.Min, s.Max = key, string(name), 1<<62, -1<<62
			return &s.Station
		}
	}
}
