package iotest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace-go/millrace/io/filesystem"
)

// TestFileSystem checks a file system. fresh returns it with an empty directory of it, as a path without a slash at
// its end, which may not exist yet; it is called for each case.
func TestFileSystem(t *testing.T, fresh func(t *testing.T) (f filesystem.FileSystem, dir string)) {
	for name, test := range map[string]func(*testing.T, filesystem.FileSystem, string){
		"Create": testCreate, "Racing": testRacing, "ReadAt": testReadAt, "PutIfAbsent": testPutIfAbsent, "Rename": testRename,
		"Remove": testRemove, "Glob": testGlob, "Stat": testStat, "Missing": testMissing, "Ended": testEnded,
	} {
		t.Run(name, func(t *testing.T) {
			f, dir := fresh(t)
			test(t, f, dir)
		})
	}
}

func create(t *testing.T, f filesystem.FileSystem, path, text string) {
	t.Helper()
	w, err := f.Create(t.Context(), path)
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// holds checks what a file has; want "-" says that there is none.
func holds(t *testing.T, sentence string, f filesystem.FileSystem, path, want string) {
	t.Helper()
	b, err := filesystem.ReadAll(t.Context(), f, path, 1<<20)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		b = []byte("-")
	case err != nil:
		t.Fatal(err)
	}
	if string(b) != want {
		t.Errorf("%s\n%s holds %.100q, want %.100q", sentence, path, b, want)
	}
}

func glob(t *testing.T, f filesystem.FileSystem, pattern string) []string {
	t.Helper()
	found, err := f.Glob(t.Context(), pattern)
	if err != nil {
		t.Fatalf("Glob(%q): %v", pattern, err)
	}
	var names []string
	for _, in := range found {
		names = append(names, in.Path)
	}
	return names
}

func testCreate(t *testing.T, f filesystem.FileSystem, dir string) {
	const (
		whole  = "The file appears, whole, when the writer is closed; until then path, and whatever it held before, is as it was."
		abort  = "Abort leaves nothing."
		once   = "After Close Abort does nothing, and after Abort Close."
		unseen = "A file that is being written is not listed."
	)
	a := dir + "/d/e/a"
	for i, end := range []string{"Close", "Abort", "Close", "Abort"} {
		before := []string{"-", "text 0", "text 0", "text 2"}[i]
		w, err := f.Create(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprint("text ", i)
		for _, part := range []string{text[:3], text[3:]} {
			n, err := io.WriteString(w, part)
			if err != nil || n != len(part) {
				t.Fatalf("Write: %d, %v", n, err)
			}
			holds(t, whole, f, a, before)
		}
		if names := glob(t, f, dir+"/**"); len(names) > min(i, 1) {
			t.Errorf("%s\n%q", unseen, names)
		}
		first, second := w.Close, w.Abort
		sentence := whole
		if end == "Abort" {
			first, second, text, sentence = w.Abort, w.Close, before, abort
		}
		if err := first(); err != nil {
			t.Fatal(err)
		}
		holds(t, sentence, f, a, text)
		if err := second(); err != nil {
			t.Errorf("%s\nthe other returns %v", once, err)
		}
		holds(t, once, f, a, text)
	}
	create(t, f, dir+"/empty", "")
	holds(t, whole, f, dir+"/empty", "")
}

func testRacing(t *testing.T, f filesystem.FileSystem, dir string) {
	const sentence = "Methods are safe for concurrent use: of several writers of one path one wins, whole, and whoever reads meanwhile reads one of them."
	p := dir + "/a"
	text := func(i int) string { return strings.Repeat(fmt.Sprint(i), 10_000) }
	create(t, f, p, text(0))
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			w, err := f.Create(t.Context(), p)
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := io.WriteString(w, text(i)); err != nil {
				t.Error(err)
			}
			if err := w.Close(); err != nil {
				t.Error(err)
			}
			b, err := filesystem.ReadAll(t.Context(), f, p, 1<<20)
			if err != nil || len(b) != 10_000 || string(b) != text(int(b[0]-'0')) {
				t.Errorf("%s\nread %d bytes of a mixture, or %v", sentence, len(b), err)
			}
		})
	}
	wg.Wait()
	if names := glob(t, f, dir+"/*"); !slices.Equal(names, []string{p}) {
		t.Errorf("%s\nthere is %q", sentence, names)
	}
}

func testReadAt(t *testing.T, f filesystem.FileSystem, dir string) {
	const sentence = "ReadAt returns the bytes at an offset, fewer with io.EOF at the end; it is safe for concurrent use."
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a test's
	data := make([]byte, 300_000)
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	p := dir + "/a"
	create(t, f, p, string(data))
	file, err := f.Open(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	size := int64(len(data))
	if got := file.Size(); got != size {
		t.Errorf("Size is %d, want %d", got, size)
	}
	ranges := [][2]int64{{0, size}, {0, size + 1}, {size - 1, 1}, {size - 1, 2}, {size, 1}, {size + 10, 1}, {0, 0}, {size, 0}}
	for range 100 {
		ranges = append(ranges, [2]int64{r.Int64N(size), r.Int64N(5000)})
	}
	var wg sync.WaitGroup
	for _, x := range ranges {
		wg.Go(func() {
			at, n := x[0], x[1]
			b := make([]byte, n)
			got, err := file.ReadAt(b, at)
			want := data[min(at, size):min(at+n, size)]
			short := int64(len(want)) < n
			if !bytes.Equal(b[:got], want) || short != errors.Is(err, io.EOF) || err != nil && !errors.Is(err, io.EOF) {
				// io.ReaderAt allows io.EOF with a read that ends at the end.
				if !bytes.Equal(b[:got], want) || short || at+n != size || !errors.Is(err, io.EOF) {
					t.Errorf("%s\nat %d of %d: %d of %d bytes, %v", sentence, at, size, got, n, err)
				}
			}
		})
	}
	wg.Wait()
	if err := file.Close(); err != nil {
		t.Error(err)
	}
}

func testPutIfAbsent(t *testing.T, f filesystem.FileSystem, dir string) {
	const (
		sentence = "PutIfAbsent writes a file if there is none at path, whole; else it returns an error that is fs.ErrExist and names the path, and changes nothing."
		race     = "Of several at once exactly one succeeds."
	)
	p := dir + "/d/put"
	data := []byte("first")
	if err := f.PutIfAbsent(t.Context(), p, data); err != nil {
		t.Fatal(err)
	}
	copy(data, "other") // the slice is the caller's
	holds(t, sentence, f, p, "first")
	if err := f.PutIfAbsent(t.Context(), p, data); !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), p) {
		t.Errorf("%s\nthe second one: %v", sentence, err)
	}
	holds(t, sentence, f, p, "first")
	create(t, f, dir+"/made", "by Create")
	if err := f.PutIfAbsent(t.Context(), dir+"/made", data); !errors.Is(err, fs.ErrExist) {
		t.Errorf("%s\nover a created file: %v", sentence, err)
	}
	for round := range 20 {
		p := fmt.Sprintf("%s/race%d", dir, round)
		var wg sync.WaitGroup
		var mu sync.Mutex
		var won []string
		for i := range 8 {
			wg.Go(func() {
				text := fmt.Sprint("writer ", i)
				err := f.PutIfAbsent(t.Context(), p, []byte(text))
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won = append(won, text)
				} else if !errors.Is(err, fs.ErrExist) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if len(won) != 1 {
			t.Fatalf("%s\n%q did", race, won)
		}
		holds(t, race, f, p, won[0])
	}
	if names := glob(t, f, dir+"/**"); len(names) != 22 {
		t.Errorf("%s\nthere are %q", sentence, names)
	}
}

func testRename(t *testing.T, f filesystem.FileSystem, dir string) {
	const sentence = "Rename moves a file, replacing what is at the new path, and makes the directories it is in."
	a, b, c := dir+"/a", dir+"/b", dir+"/new/dir/c"
	create(t, f, a, "one")
	create(t, f, b, "two")
	for _, move := range [][2]string{{a, b}, {b, c}} {
		if err := f.Rename(t.Context(), move[0], move[1]); err != nil {
			t.Fatal(err)
		}
		holds(t, sentence, f, move[0], "-")
		holds(t, sentence, f, move[1], "one")
	}
	if names := glob(t, f, dir+"/**"); !slices.Equal(names, []string{c}) {
		t.Errorf("%s\nthere are %q", sentence, names)
	}
	if err := f.Rename(t.Context(), a, c); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), a) {
		t.Errorf("Renaming what is not there is fs.ErrNotExist, and names it.\n%v", err)
	}
	holds(t, "A rename that fails changes nothing.", f, c, "one")
}

func testRemove(t *testing.T, f filesystem.FileSystem, dir string) {
	const sentence = "Remove removes a file. That it does not exist is no error."
	a := dir + "/a"
	create(t, f, a, "one")
	for range 2 {
		if err := f.Remove(t.Context(), a); err != nil {
			t.Errorf("%s\n%v", sentence, err)
		}
		holds(t, sentence, f, a, "-")
	}
	if err := f.Remove(t.Context(), dir+"/no/dir/a"); err != nil {
		t.Errorf("%s\n%v", sentence, err)
	}
}

func testGlob(t *testing.T, f filesystem.FileSystem, dir string) {
	const (
		sentence = `"*", "?" and "[a-z]" match within a name, "**" any number of directories; files come in the order of their paths; no match is no error.`
		temps    = "Globs do not show temporary files."
	)
	for _, name := range []string{"b.txt", "a.txt", "a.md", "d/a.txt", "d/e/a.txt", "d/e/f/c.txt", "d-e/a.txt", "[x].txt", "d.txt/a"} {
		create(t, f, dir+"/"+name, name)
	}
	create(t, f, dir+"/d/"+filesystem.TempName("a.txt", "1"), "temporary")
	for _, tt := range []struct {
		pattern string
		want    []string
	}{
		{"*", []string{"[x].txt", "a.md", "a.txt", "b.txt"}},
		{"*.txt", []string{"[x].txt", "a.txt", "b.txt"}},
		{"?.txt", []string{"a.txt", "b.txt"}},
		{"[b-z].txt", []string{"b.txt"}},
		{"[[]x].txt", []string{"[x].txt"}},
		{"a.txt", []string{"a.txt"}},
		{"d*", nil}, // directories are no files
		{"d*/a.txt", []string{"d-e/a.txt", "d/a.txt"}},
		{"d*/a*", []string{"d-e/a.txt", "d.txt/a", "d/a.txt"}},
		{"*/*/a.txt", []string{"d/e/a.txt"}},
		{"**/a.txt", []string{"a.txt", "d-e/a.txt", "d/a.txt", "d/e/a.txt"}},
		{"d/**", []string{"d/a.txt", "d/e/a.txt", "d/e/f/c.txt"}},
		{"d/**/c.txt", []string{"d/e/f/c.txt"}},
		{"d/**/a.txt", []string{"d/a.txt", "d/e/a.txt"}},
		{"**/e/**", []string{"d/e/a.txt", "d/e/f/c.txt"}},
		{"**/e/**/c.txt", []string{"d/e/f/c.txt"}},
		{"*.none", nil},
		{"none", nil},
		{"none/*", nil},
		{"none/**/x", nil},
		{"d/.*", nil},
	} {
		var want []string
		for _, w := range tt.want {
			want = append(want, dir+"/"+w)
		}
		slices.Sort(want)
		got := glob(t, f, dir+"/"+tt.pattern)
		if !slices.Equal(got, want) {
			t.Errorf("%s\nGlob(%q) = %q, want %q", sentence, tt.pattern, got, want)
		}
		for _, p := range got {
			if strings.HasPrefix(path.Base(p), filesystem.TempPrefix) {
				t.Errorf("%s\nGlob(%q) shows %s", temps, tt.pattern, p)
			}
		}
	}
	if _, err := f.Glob(t.Context(), dir+"/[a"); err == nil || !strings.Contains(err.Error(), "[a") {
		t.Errorf("A malformed pattern is an error that names it.\n%v", err)
	}
}

func testStat(t *testing.T, f filesystem.FileSystem, dir string) {
	const sentence = "Stat and Glob describe a file: its path, as it can be opened, its size in bytes, and when it was written."
	p := dir + "/d/a"
	from := time.Now().Add(-time.Minute)
	create(t, f, p, "12345")
	check := func(in filesystem.Info, err error) {
		t.Helper()
		if err != nil || in.Path != p || in.Size != 5 || in.Modified.Before(from) || in.Modified.After(time.Now().Add(time.Minute)) {
			t.Errorf("%s\n%+v, %v", sentence, in, err)
		}
	}
	check(f.Stat(t.Context(), p))
	for _, pattern := range []string{p, dir + "/d/*"} {
		found, err := f.Glob(t.Context(), pattern)
		if err != nil || len(found) != 1 {
			t.Fatalf("%s\n%v, %v", sentence, found, err)
		}
		check(found[0], nil)
	}
	if _, err := f.Stat(t.Context(), dir+"/d"); err == nil {
		t.Errorf("A directory is not a file.\nStat of one is no error")
	}
	if _, err := f.Open(t.Context(), dir+"/d"); err == nil {
		t.Errorf("A directory is not a file.\nOpen of one is no error")
	}
}

func testMissing(t *testing.T, f filesystem.FileSystem, dir string) {
	const sentence = "Errors about a file that does not exist are fs.ErrNotExist, and name the path."
	for _, p := range []string{dir + "/missing", dir + "/no/dir/missing"} {
		_, openErr := f.Open(t.Context(), p)
		_, statErr := f.Stat(t.Context(), p)
		for _, err := range []error{openErr, statErr, f.Rename(t.Context(), p, dir+"/to")} {
			if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), p) {
				t.Errorf("%s\n%v", sentence, err)
			}
		}
	}
}

func testEnded(t *testing.T, f filesystem.FileSystem, dir string) {
	const sentence = "With a context that has ended methods do nothing and return its cause."
	a := dir + "/a"
	create(t, f, a, "one")
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	_, open := f.Open(ctx, a)
	_, made := f.Create(ctx, dir+"/b")
	_, globbed := f.Glob(ctx, dir+"/*")
	_, named := f.Glob(ctx, a)
	_, stat := f.Stat(ctx, a)
	for name, err := range map[string]error{
		"Open": open, "Create": made, "Glob": globbed, "Glob of a path": named, "Stat": stat,
		"PutIfAbsent": f.PutIfAbsent(ctx, dir+"/c", nil), "Rename": f.Rename(ctx, a, dir+"/d"), "Remove": f.Remove(ctx, a),
	} {
		if !errors.Is(err, cause) {
			t.Errorf("%s\n%s returns %v", sentence, name, err)
		}
	}
	if names := glob(t, f, dir+"/**"); !slices.Equal(names, []string{a}) {
		t.Errorf("%s\nthere are %q", sentence, names)
	}
}
