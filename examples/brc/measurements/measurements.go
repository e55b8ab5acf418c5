// Package measurements makes input for the one-billion-row challenge: lines "station;temperature", the
// temperature from -99.9 to 99.9 degrees with one digit after the point.
package measurements

import (
	"io"
	"math/rand/v2"
	"strconv"
)

// Stations is how many stations there are.
const Stations = 413

// Write writes rows lines to w, the same for the same seed: about 15 bytes each, every station as often as any
// other. A row's temperature lies within ten degrees of its station's mean.
func Write(w io.Writer, rows int64, seed uint64) error {
	rng := rand.New(rand.NewPCG(seed, Stations)) //nolint:gosec // test data
	names := names(rng)
	means := make([]int, Stations)
	for i := range means {
		means[i] = rng.IntN(400) - 100
	}
	const chunk = 256 << 10
	buf := make([]byte, 0, chunk+128)
	for range rows {
		r := rng.Uint64()
		s := int(uint64(uint32(r)) * Stations >> 32)
		t := means[s] + int(r>>32%200) - 100
		buf = append(append(buf, names[s]...), ';')
		if t < 0 {
			buf = append(buf, '-')
			t = -t
		}
		buf = strconv.AppendInt(buf, int64(t/10), 10)
		buf = append(buf, '.', byte('0'+t%10), '\n')
		if len(buf) >= chunk {
			if _, err := w.Write(buf); err != nil {
				return err
			}
			buf = buf[:0]
		}
	}
	_, err := w.Write(buf)
	return err
}

// names makes up the stations, all different.
func names(rng *rand.Rand) []string {
	prefixes := []string{"San ", "Port ", "New ", "", "", "Saint-"}
	names, seen := make([]string, 0, Stations), make(map[string]bool, Stations)
	for len(names) < Stations {
		i := len(names)
		if s := prefixes[i%len(prefixes)] + syllables(rng, 2+i%3); !seen[s] {
			seen[s] = true
			names = append(names, s)
		}
	}
	return names
}

func syllables(rng *rand.Rand, n int) string {
	parts := []string{"ba", "de", "ki", "lo", "mu", "na", "ro", "sa", "ti", "vo", "wen", "zur"}
	s := ""
	for range n {
		s += parts[rng.IntN(len(parts))]
	}
	return string(s[0]-'a'+'A') + s[1:]
}
