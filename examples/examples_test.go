package examples

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/millrace-go/millrace/examples/brc/measurements"
)

// run builds and runs an example and returns what it prints, its lines sorted.
func run(t *testing.T, name string, args ...string) []string {
	t.Helper()
	exe := filepath.Join(t.TempDir(), name+".exe")
	if out, err := exec.Command("go", "build", "-o", exe, "./"+name).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cmd := exec.Command(exe, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, &stderr)
	}
	return lines(string(out))
}

func lines(s string) []string {
	ls := strings.Split(strings.TrimSpace(s), "\n")
	for i := range ls {
		ls[i] = strings.TrimRight(ls[i], "\r")
	}
	slices.Sort(ls)
	return ls
}

// written is the lines of a set of files.
func written(t *testing.T, path string) []string {
	t.Helper()
	files, err := filepath.Glob(path + "-?????-of-?????")
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: no files, %v", path, err)
	}
	var all strings.Builder
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	if _, err := os.Stat(path + "-_SUCCESS"); err != nil {
		t.Error(err)
	}
	return lines(all.String())
}

func check(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestMinimal(t *testing.T) { check(t, run(t, "minimal"), "56") }

func TestJoin(t *testing.T) {
	check(t, run(t, "join", "--quiet"), "Ada ordered engine", "Edsger ordered nothing", "Grace ordered compiler", "Grace ordered nanoseconds")
}

func TestCogroup(t *testing.T) {
	check(t, run(t, "cogroup", "--quiet"),
		"amy [amy@example.com] [111-222 333-444] []", "carl [carl@example.com] [] [41]", "james [] [222-333] [37]")
}

func TestDeadletter(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in.txt")
	if err := os.WriteFile(in, []byte("1\n2\nthree\n4\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	run(t, "deadletter", "--quiet", "--input", in, "--output", filepath.Join(dir, "sum"), "--errors", filepath.Join(dir, "bad"))
	check(t, written(t, filepath.Join(dir, "sum")), "7")
	check(t, written(t, filepath.Join(dir, "bad")), `"three": strconv.Atoi: parsing "three": invalid syntax`)
}

func TestWordcount(t *testing.T) {
	dir := t.TempDir()
	for i, text := range []string{"to be or\tnot to be\n", "that is\n\nthe question\n"} {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("in%d.txt", i)), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	run(t, "wordcount", "--quiet", "--input", filepath.Join(dir, "in*.txt"), "--output", filepath.Join(dir, "counts"))
	check(t, written(t, filepath.Join(dir, "counts")), "be\t2", "is\t1", "not\t1", "or\t1", "question\t1", "that\t1", "the\t1", "to\t2")
}

// The oracle of brc is a loop over the same file.
func TestBRC(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "m.txt"), filepath.Join(dir, "stations")
	run(t, "brc", "--quiet", "--generate", "20000", "--input", in, "--output", out)
	b, err := os.ReadFile(in)
	if err != nil {
		t.Fatal(err)
	}
	type acc struct{ min, max, sum, n float64 }
	accs := map[string]*acc{}
	for line := range strings.Lines(string(b)) {
		var v float64
		name, temp, _ := strings.Cut(strings.TrimSpace(line), ";")
		if _, err := fmt.Sscan(temp, &v); err != nil {
			t.Fatal(err)
		}
		a := accs[name]
		if a == nil {
			a = &acc{min: 1000, max: -1000}
			accs[name] = a
		}
		a.min, a.max, a.sum, a.n = min(a.min, v), max(a.max, v), a.sum+v, a.n+1
	}
	got := written(t, out)
	if len(got) != len(accs) || len(accs) < measurements.Stations/2 {
		t.Errorf("%d stations, want %d", len(got), len(accs))
	}
	for _, line := range got {
		name, rest, _ := strings.Cut(line, "=")
		var lo, mean, hi float64
		if _, err := fmt.Sscanf(rest, "%f/%f/%f", &lo, &mean, &hi); err != nil {
			t.Fatal(err)
		}
		a := accs[name]
		if a == nil || lo != a.min || hi != a.max || mean-a.sum/a.n > 0.051 || a.sum/a.n-mean > 0.051 {
			t.Errorf("%s, want %+v", line, a)
		}
	}
}

func TestTopusers(t *testing.T) {
	dir := t.TempDir()
	in, out := filepath.Join(dir, "orders"), filepath.Join(dir, "top")
	run(t, "topusers", "--quiet", "--generate", "5000", "--input", in)
	run(t, "topusers", "--quiet", "--input", in+"-*.parquet", "--output", out, "--top", "3")
	type row struct {
		Rank  int32  `parquet:"rank"`
		User  string `parquet:"user"`
		Cents int64  `parquet:"cents"`
	}
	sums := map[string]int64{}
	files, _ := filepath.Glob(in + "-*.parquet")
	for _, f := range files {
		rows, err := parquet.ReadFile[struct {
			User  string `parquet:"user"`
			Cents int64  `parquet:"cents"`
		}](f)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			sums[r.User] += r.Cents
		}
	}
	best := slices.SortedFunc(maps.Values(sums), func(a, b int64) int { return cmp.Compare(b, a) })
	got, err := parquet.ReadFile[row](out + "-00000-of-00001.parquet")
	if err != nil || len(got) != 3 {
		t.Fatalf("%v, %v", got, err)
	}
	for i, r := range got {
		if r.Rank != int32(i+1) || r.Cents != best[i] || sums[r.User] != r.Cents {
			t.Errorf("rank %d: %+v, want %d", i+1, r, best[i])
		}
	}
}
