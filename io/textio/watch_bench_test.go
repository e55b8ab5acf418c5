package textio_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/millrace-go/millrace/io/textio"
	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/mtime"
)

// A backlog of short lines, with and without a time of their own.
func BenchmarkWatch(b *testing.B) {
	var text strings.Builder
	const n = 1_000_000
	for i := range n {
		fmt.Fprintf(&text, "line %d\n", i)
	}
	file := filepath.Join(b.TempDir(), "a.log")
	if err := os.WriteFile(file, []byte(text.String()), 0o666); err != nil {
		b.Fatal(err)
	}
	zero := func(string) (sdk.Time, bool) { return mtime.Time(0), true }
	for name, opts := range map[string][]textio.WatchOption{"arrival": nil, "line time": {textio.LineTime(zero, 0)}} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(text.Len()))
			for b.Loop() {
				_, err := sdk.Run(b.Context(), &direct.Runner{}, func(p *sdk.Pipeline) error {
					textio.Watch(p, file, append(opts, textio.Poll(time.Millisecond), textio.UntilQuiet(time.Millisecond))...)
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/elem")
		})
	}
}
