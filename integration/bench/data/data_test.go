package data

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
)

func TestText(t *testing.T) {
	var a, b bytes.Buffer
	if err := Text(&a, 3_000_000, 1); err != nil {
		t.Fatal(err)
	}
	if err := Text(&b, 3_000_000, 1); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("two texts of one seed differ")
	}
	if n := a.Len(); n < 3_000_000 || n > 3_000_200 {
		t.Errorf("%d bytes, asked for 3,000,000", n)
	}
	count, total := map[string]int{}, 0
	for w := range strings.FieldsSeq(a.String()) {
		if len(w) < 3 || len(w) > 12 {
			t.Fatalf("a word of %d letters", len(w))
		}
		count[w]++
		total++
	}
	most := 0
	for _, n := range count {
		most = max(most, n)
	}
	// The most frequent of Zipf-distributed words with exponent 1.1 and offset 3: about 1 in 19.
	if share := float64(most) / float64(total); share < 0.04 || share > 0.08 {
		t.Errorf("the most frequent word is %.3f of all", share)
	}
	if mean := float64(a.Len()) / float64(total); mean < 6.5 || mean > 8 {
		t.Errorf("%.2f bytes a word", mean)
	}
}

func TestTextEndsWithALine(t *testing.T) {
	var b bytes.Buffer
	if err := Text(&b, 1, 1); err != nil {
		t.Fatal(err)
	}
	if n := len(strings.Fields(b.String())); n != 12 || !strings.HasSuffix(b.String(), "\n") {
		t.Errorf("%d words: %q", n, b.String())
	}
}

func TestKey(t *testing.T) {
	for _, n := range []int64{1, 1000, 100_000} {
		rows := map[int64]int{}
		for i := range 4 * n {
			rows[Key(i, n)]++
		}
		if int64(len(rows)) != n {
			t.Errorf("%d rows have %d keys, want %d", 4*n, len(rows), n)
		}
		for k, r := range rows {
			if n > 1 && r > 40 {
				t.Fatalf("key %d has %d of %d rows", k, r, 4*n)
			}
		}
	}
}

func TestFill(t *testing.T) {
	b := make([]byte, 100_003)
	Fill(b, 7)
	var z bytes.Buffer
	w, err := flate.NewWriter(&z, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write(b)
	_ = w.Close()
	if z.Len() < len(b) {
		t.Errorf("%d bytes compress to %d", len(b), z.Len())
	}
	c := make([]byte, len(b))
	Fill(c, 7)
	if !bytes.Equal(b, c) {
		t.Error("two fills of one seed differ")
	}
}

func TestCheck(t *testing.T) {
	seen := map[int64]bool{}
	for _, name := range []string{"", "a", "b", "ab", "ba"} {
		for n := range int64(100) {
			seen[Check(name, n)] = true
		}
	}
	if len(seen) != 500 {
		t.Errorf("500 results have %d checks", len(seen))
	}
}

func TestFileAppearsWholeOrNotAtAll(t *testing.T) {
	dir := t.TempDir()
	failed := errors.New("failed")
	if _, err := File(dir, "f", func(w io.Writer) error { _, _ = io.WriteString(w, "half"); return failed }); !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("%d files are left", len(left))
	}
	calls := 0
	for range 2 { // the second finds the first's
		path, err := File(dir, "f", func(w io.Writer) error { calls++; _, err := io.WriteString(w, "whole"); return err })
		if err != nil {
			t.Fatal(err)
		}
		if b, _ := os.ReadFile(path); string(b) != "whole" {
			t.Errorf("got %q", b)
		}
	}
	if calls != 1 {
		t.Errorf("made %d times", calls)
	}
}
