package limit

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/millrace-go/millrace/examples/brc/measurements"
	"github.com/millrace-go/millrace/integration/bench/data"
)

// The naive results are computed with Go maps and package strings, from the same input.

func naiveWords(text string) (check int64) {
	count := map[string]int64{}
	for _, w := range strings.Fields(text) {
		count[w]++
	}
	for w, n := range count {
		check += data.Check(w, n)
	}
	return check
}

func TestWordCount(t *testing.T) {
	var zipf bytes.Buffer
	if err := data.Text(&zipf, 2_000_000, 3); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	var mixed strings.Builder // all lengths around multiples of eight, few distinct, all kinds of space
	for range 200_000 {
		for range rng.IntN(27) {
			mixed.WriteByte("abé\xffz"[rng.IntN(6)])
		}
		mixed.WriteByte(" \t\n\r\n "[rng.IntN(6)])
	}
	var many strings.Builder // more words than the table starts with room for
	for i := range 150_000 {
		many.WriteString(strconv.Itoa(i*i) + "\n")
	}
	for name, text := range map[string]string{
		"zipf": zipf.String(), "all lengths": mixed.String(), "the table grows": many.String(), "empty": "",
		"no end of line": "one two\nthree two", "one word": "word", "only space": " \n\n \n",
		"eight bytes and nothing": "12345678\n123456781\n12345678\n1234567812345678\n",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := WordCount(file(t, text))
			if want := naiveWords(text); err != nil || got != want {
				t.Errorf("got %d, %v, want %d", got, err, want)
			}
		})
	}
	if _, err := WordCount(filepath.Join(t.TempDir(), "none")); !os.IsNotExist(err) {
		t.Errorf("of a missing file: %v", err)
	}
}

func TestBRC(t *testing.T) {
	for _, rows := range []int64{0, 1, 2, 300_000} {
		var b bytes.Buffer
		if err := measurements.Write(&b, rows, 5); err != nil {
			t.Fatal(err)
		}
		want := map[string]Station{}
		for line := range strings.Lines(b.String()) {
			name, temp, _ := strings.Cut(strings.TrimSpace(line), ";")
			f, err := strconv.ParseInt(strings.Replace(temp, ".", "", 1), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			s, ok := want[name]
			if !ok {
				s.Min, s.Max = f, f
			}
			want[name] = Station{min(s.Min, f), max(s.Max, f), s.Sum + f, s.N + 1}
		}
		check := int64(0)
		for name, s := range want {
			check += s.Check(name)
		}
		got, err := BRC(file(t, b.String()))
		if err != nil || got != check {
			t.Errorf("%d rows: got %d, %v, want %d", rows, got, err, check)
		}
	}
}

func TestGroupAndCombine(t *testing.T) {
	for _, c := range []struct{ n, keys int64 }{{0, 1}, {1, 1}, {10, 3}, {200_000, 1}, {300_000, 1000}, {200_000, 80_000}, {100_000, 100_000}} {
		sums := map[int64]int64{}
		for i := range c.n {
			sums[data.Key(i, c.keys)] += i
		}
		var want int64
		for k, s := range sums {
			want += data.Check("", s^k)
		}
		if got := Group(c.n, c.keys); got != want {
			t.Errorf("%d rows of %d keys, grouped: got %d, want %d", c.n, c.keys, got, want)
		}
		if got := Combine(c.n, c.keys); got != want {
			t.Errorf("%d rows of %d keys, combined: got %d, want %d", c.n, c.keys, got, want)
		}
	}
}

func TestMaps(t *testing.T) {
	got := Maps(1001, func(i int64) int64 { return i + 1 }, func(i int64) int64 { return 3 * i }, func(i int64) int64 { return i ^ 5 })
	var want int64
	for i := range int64(1001) {
		want += 3*(i^5) + 1
	}
	if got != want {
		t.Errorf("got %d, want %d", got, want)
	}
}

func file(t *testing.T, text string) string {
	t.Helper()
	path, err := data.File(t.TempDir(), "input", func(w io.Writer) error { _, err := io.WriteString(w, text); return err })
	if err != nil {
		t.Fatal(err)
	}
	return path
}
