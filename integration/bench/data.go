package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/millrace-go/millrace/examples/brc/measurements"
)

// zipfText makes a file of about size bytes: lines of words of which there are 50,000, Zipf-distributed.
func zipfText(dir string, size int64) (string, error) {
	return cached(dir, fmt.Sprintf("zipf-%d.txt", size), func(w *bufio.Writer) error {
		rng := rand.New(rand.NewPCG(1, 2))
		z := rand.NewZipf(rng, 1.1, 3, 49_999)
		words := make([]string, 50_000)
		for i := range words {
			b := make([]byte, 2+rng.IntN(8))
			for k := range b {
				b[k] = byte('a' + rng.IntN(26))
			}
			words[i] = fmt.Sprintf("%s%x", b[:len(b)/2], i)
		}
		var n int64
		for n < size {
			for i := range 12 {
				if i > 0 {
					_ = w.WriteByte(' ')
				}
				s := words[z.Uint64()]
				_, _ = w.WriteString(s)
				n += int64(len(s)) + 1
			}
			_ = w.WriteByte('\n')
		}
		return nil
	})
}

func brcFile(dir string, rows int64) (string, error) {
	return cached(dir, fmt.Sprintf("brc-%d.txt", rows), func(w *bufio.Writer) error {
		return measurements.Write(w, rows, 1)
	})
}

// cached makes a file once.
func cached(dir, name string, make func(w *bufio.Writer) error) (string, error) {
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	f, err := os.Create(path + ".part")
	if err != nil {
		return "", err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	if err := make(w); err != nil {
		return "", err
	}
	if err := w.Flush(); err != nil {
		return "", err
	}
	if err := f.Close(); err != nil {
		return "", err
	}
	return path, os.Rename(path+".part", path)
}

// key is the i-th key of the grouping cases, one of n, scattered.
func key(i int64, n uint64) int64 {
	x := uint64(i) * 0x9E3779B97F4A7C15
	x ^= x >> 32
	return int64(x % n)
}
