package generator_test

import (
	"testing"

	"github.com/millrace-go/millrace/examples/nexmark/event"
	"github.com/millrace-go/millrace/examples/nexmark/generator"
)

func BenchmarkFill(b *testing.B) {
	g := generator.New(generator.Config{})
	dst := make([]event.Event, 256)
	var from int64
	b.ReportAllocs()
	for b.Loop() {
		g.Fill(from, dst)
		from += int64(len(dst))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(from), "ns/elem")
}

func BenchmarkAt(b *testing.B) {
	g := generator.New(generator.Config{})
	var n int64
	for b.Loop() {
		_ = g.At(n)
		n++
	}
}
