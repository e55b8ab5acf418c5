package textio

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/millrace-go/millrace/sdk/sdf"
)

// Every line comes exactly once, wherever a file is cut, and however often.
func TestEveryByteSplit(t *testing.T) {
	text := "first\n\nthird line, which is longer\r\nx\n" + strings.Repeat("long ", 60) + "\nlast without end"
	want := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	part := func(lo, hi int64) []string {
		var got []string
		l := &lines{r: bytes.NewReader([]byte(text)), size: int64(len(text)), max: DefaultMaxLine, ctx: context.Background()}
		tr := sdf.NewOffsetTracker(sdf.OffsetRange{Lo: lo, Hi: hi})
		if err := l.read(tr, func(_ int64, s string) { got = append(got, s) }, func(int64) {}); err != nil {
			t.Fatal(err)
		}
		if err := tr.Check(); err != nil {
			t.Fatalf("[%d, %d): %v", lo, hi, err)
		}
		return got
	}
	n := int64(len(text))
	for i := range n + 1 {
		if got := append(part(0, i), part(i, n)...); !slices.Equal(got, want) {
			t.Fatalf("cut at %d: got %q", i, got)
		}
		for j := i; j <= n; j += 7 {
			if got := slices.Concat(part(0, i), part(i, j), part(j, n)); !slices.Equal(got, want) {
				t.Fatalf("cut at %d and %d: got %q", i, j, got)
			}
		}
	}
}

// A part that is given away while the file is read is not read here.
func TestSplitWhileReading(t *testing.T) {
	text := strings.Repeat("some line\n", 100_000)
	for _, after := range []int{0, 1, 5_000, 99_999} {
		var mine, rest int
		tr := sdf.NewOffsetTracker(sdf.OffsetRange{Hi: int64(len(text))})
		var residual []sdf.OffsetRange
		read := func(tr *sdf.OffsetTracker, n *int, split bool) {
			l := &lines{r: bytes.NewReader([]byte(text)), size: int64(len(text)), max: DefaultMaxLine, ctx: context.Background()}
			err := l.read(tr, func(int64, string) {
				if *n++; split && *n == after {
					if r, ok := tr.TrySplit(0.5); ok {
						residual = append(residual, r)
					}
				}
			}, func(int64) {})
			if err != nil {
				t.Fatal(err)
			}
		}
		read(tr, &mine, true)
		for _, r := range residual {
			read(sdf.NewOffsetTracker(r), &rest, false)
		}
		if mine+rest != 100_000 {
			t.Errorf("split after %d: %d and %d lines", after, mine, rest)
		}
		if after == 5_000 && (len(residual) == 0 || rest < 40_000) {
			t.Errorf("split after %d gave away %d lines", after, rest)
		}
	}
}

func FuzzLines(f *testing.F) {
	f.Add([]byte("a\nb\r\n\nc"), uint16(3))
	f.Fuzz(func(t *testing.T, text []byte, cut uint16) {
		at := int64(cut) % int64(len(text)+1)
		var got []string
		for _, r := range []sdf.OffsetRange{{Lo: 0, Hi: at}, {Lo: at, Hi: int64(len(text))}} {
			l := &lines{r: bytes.NewReader(text), size: int64(len(text)), max: DefaultMaxLine, ctx: context.Background()}
			if err := l.read(sdf.NewOffsetTracker(r), func(_ int64, s string) { got = append(got, s) }, func(int64) {}); err != nil {
				t.Fatal(err)
			}
		}
		var whole []string
		l := &lines{max: DefaultMaxLine, ctx: context.Background()}
		if err := l.stream(io.Reader(bytes.NewReader(text)), func(_ int64, s string) { whole = append(whole, s) }); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, whole) {
			t.Fatalf("in parts %q, as a stream %q", got, whole)
		}
	})
}
