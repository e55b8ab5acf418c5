// Package data makes the input of the benchmarks: the same for the same seed, so that every side of a case and
// every run works on the same elements, and so that results can be compared by one number.
package data

import (
	"bufio"
	"encoding/binary"
	"io"
	"math/bits"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// Words is how many distinct words [Text] draws from. All of them occur in 100 MB.
const Words = 50_000

// Text writes about size bytes of lines of twelve words to w, Zipf-distributed with exponent 1.1. A word has 3 to
// 12 letters, the hundred most frequent ones 3 to 6: with the spaces about 7 bytes a word, as in English.
func Text(w io.Writer, size int64, seed uint64) error {
	rng := rand.New(rand.NewPCG(seed, 2)) //nolint:gosec // test data
	words := vocabulary(rng)
	z := rand.NewZipf(rng, 1.1, 3, Words-1)
	buf := bufio.NewWriterSize(w, 1<<20)
	for n := int64(0); n < size; {
		for i := range 12 {
			if i > 0 {
				_ = buf.WriteByte(' ')
			}
			k, err := buf.WriteString(words[z.Uint64()])
			if err != nil {
				return err
			}
			n += int64(k) + 1
		}
		_ = buf.WriteByte('\n')
	}
	return buf.Flush()
}

func vocabulary(rng *rand.Rand) []string {
	words, seen := make([]string, 0, Words), make(map[string]bool, Words)
	for len(words) < Words {
		n := 3 + rng.IntN(4)
		if len(words) >= 100 {
			n = 4 + rng.IntN(9)
		}
		b := make([]byte, n)
		for i := range b {
			b[i] = byte('a' + rng.IntN(26))
		}
		if s := string(b); !seen[s] {
			seen[s] = true
			words = append(words, s)
		}
	}
	return words
}

const odd = 0x9E3779B97F4A7C15 // 2^64 over the golden ratio

// Key returns the key of the i-th of the rows of a grouping case with n keys, scattered over all of int64. Each
// of the first n rows has a key of its own, so that n rows or more have exactly n keys; from there on they are
// random.
func Key(i, n int64) int64 {
	id := uint64(i)
	if i >= n {
		x := id * odd
		x ^= x >> 32
		id, _ = bits.Mul64(x*odd, uint64(n))
	}
	return int64(id * odd)
}

// Fill fills b with bytes that do not compress, the same for the same seed.
func Fill(b []byte, seed uint64) {
	rng := rand.NewPCG(seed, 1)
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, rng.Uint64())
		b = b[8:]
	}
	for i := range b {
		b[i] = byte(rng.Uint64())
	}
}

// Check hashes a result of a case, a name with a number. The sum of the checks of all results, in any order, says
// whether two sides agree.
func Check(name string, n int64) int64 {
	h := uint64(n) * odd
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 1_099_511_628_211
	}
	return int64(h ^ h>>29)
}

// File returns the path of the file called name in dir, and makes it first if there is none. It appears whole or
// not at all.
func File(dir, name string, write func(w io.Writer) error) (path string, err error) {
	path = filepath.Join(dir, name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(dir, name+".part-*")
	if err != nil {
		return "", err
	}
	defer os.Remove(f.Name()) // there is none once it is renamed
	if err := write(f); err != nil {
		_ = f.Close()
		return "", err
	}
	if err := f.Close(); err != nil {
		return "", err
	}
	return path, os.Rename(f.Name(), path)
}
