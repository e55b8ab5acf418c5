package limit

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/millrace-go/millrace/examples/brc/measurements"
	"github.com/millrace-go/millrace/integration/bench/data"
)

// The benchmarks of the limits are those of command bench; these are smaller, for work on them.

func BenchmarkWordCount(b *testing.B) {
	path, err := data.File(filepath.Join(os.TempDir(), "millrace-bench"), "limit-zipf-20000000.txt", func(w io.Writer) error { return data.Text(w, 20e6, 1) })
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(20e6)
	for b.Loop() {
		if _, err := WordCount(path); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBRC(b *testing.B) {
	path, err := data.File(filepath.Join(os.TempDir(), "millrace-bench"), "limit-brc-2000000.txt", func(w io.Writer) error { return measurements.Write(w, 2e6, 1) })
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := BRC(path); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/2e6, "ns/row")
}

func BenchmarkGroup(b *testing.B) {
	for b.Loop() {
		Group(5e6, 100e3)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/5e6, "ns/row")
}

func BenchmarkCombine(b *testing.B) {
	for b.Loop() {
		Combine(5e6, 100e3)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/5e6, "ns/row")
}
