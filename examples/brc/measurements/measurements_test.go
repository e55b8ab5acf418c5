package measurements

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
)

func TestWrite(t *testing.T) {
	const rows = 50_000
	var a, b bytes.Buffer
	if err := Write(&a, rows, 1); err != nil {
		t.Fatal(err)
	}
	if err := Write(&b, rows, 1); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("two files of one seed differ")
	}
	line := regexp.MustCompile(`^([A-Z][A-Za-z -]+);-?\d{1,2}\.\d$`)
	stations, n := map[string]bool{}, 0
	for l := range strings.Lines(a.String()) {
		m := line.FindStringSubmatch(strings.TrimSuffix(l, "\n"))
		if m == nil || !strings.HasSuffix(l, "\n") {
			t.Fatalf("line %d is %q", n, l)
		}
		stations[m[1]] = true
		n++
	}
	if n != rows || len(stations) != Stations {
		t.Errorf("%d rows of %d stations, want %d of %d", n, len(stations), rows, Stations)
	}
}

func TestWriteReportsAFullDisk(t *testing.T) {
	if err := Write(full{}, 1_000_000, 1); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("got %v", err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func BenchmarkWrite(b *testing.B) {
	const rows = 1_000_000
	for b.Loop() {
		if err := Write(io.Discard, rows, 1); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
}
