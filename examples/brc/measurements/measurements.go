// Package measurements makes input for the one-billion-row challenge: lines "station;temperature", the
// temperature from -99.9 to 99.9 with one digit after the point.
package measurements

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
)

// Stations is how many stations there are.
const Stations = 413

// Write writes rows lines to w, the same for the same seed: about 14 bytes each.
func Write(w io.Writer, rows int64, seed uint64) error {
	rng := rand.New(rand.NewPCG(seed, 413)) //nolint:gosec // test data
	names := make([]string, Stations)
	mean := make([]int, Stations)
	for i := range names {
		names[i] = fmt.Sprintf("%s%s", []string{"San ", "Port ", "New ", "", "", "Saint-"}[i%6], syllables(rng, 2+i%3))
		mean[i] = rng.IntN(400) - 100
	}
	buf := bufio.NewWriterSize(w, 1<<20)
	var line []byte
	for range rows {
		r := rng.Uint64()
		s := int(r % Stations)
		t := mean[s] + int(r>>32%200) - 100
		line = append(append(line[:0], names[s]...), ';')
		if t < 0 {
			line = append(line, '-')
			t = -t
		}
		line = strconv.AppendInt(line, int64(t/10), 10)
		line = append(line, '.', byte('0'+t%10), '\n')
		if _, err := buf.Write(line); err != nil {
			return err
		}
	}
	return buf.Flush()
}

func syllables(rng *rand.Rand, n int) string {
	parts := []string{"ba", "de", "ki", "lo", "mu", "na", "ro", "sa", "ti", "vo", "wen", "zur"}
	s := ""
	for range n {
		s += parts[rng.IntN(len(parts))]
	}
	return string(s[0]-'a'+'A') + s[1:]
}
