package filesystem_test

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"sync"
	"testing"

	"github.com/millrace-go/millrace/io/filesystem"
	"github.com/millrace-go/millrace/io/filesystem/local"
	"github.com/millrace-go/millrace/io/filesystem/memfs"
)

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"*.txt", "a.txt", true},
		{"*.txt", "d/a.txt", false},
		{"d/*.txt", "d/a.txt", true},
		{"**/*.txt", "a.txt", true},
		{"**/*.txt", "d/e/a.txt", true},
		{"d/**", "d/e/f", true},
		{"d/**/f", "d/f", true},
		{"d/**/f", "e/f", false},
		{"[ab].?", "a.c", true},
		{"[ab].?", "c.c", false},
	} {
		if got, err := filesystem.Match(tt.pattern, tt.name); err != nil || got != tt.want {
			t.Errorf("Match(%q, %q) = %v, %v", tt.pattern, tt.name, got, err)
		}
	}
	if _, err := filesystem.Match("[", "x"); err == nil {
		t.Error("a bad pattern is accepted")
	}
}

// TestContract checks what the interface promises, on each file system.
func TestContract(t *testing.T) {
	for name, f := range map[string]filesystem.FileSystem{"local": local.FileSystem{}, "memory": &memfs.FileSystem{}} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.ToSlash(t.TempDir())
			ctx := t.Context()
			write := func(path, text string, abort bool) {
				t.Helper()
				w, err := f.Create(ctx, path)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := io.WriteString(w, text); err != nil {
					t.Fatal(err)
				}
				if found, err := f.Glob(ctx, dir+"/**"); err != nil || abort && len(found) > 1 {
					t.Errorf("a file that is being written is seen: %v, %v", found, err)
				}
				end := w.Close
				if abort {
					end = w.Abort
				}
				if err := end(); err != nil {
					t.Fatal(err)
				}
			}
			read := func(path string) string {
				t.Helper()
				b, err := filesystem.ReadAll(ctx, f, path, 100)
				if err != nil {
					t.Fatal(err)
				}
				return string(b)
			}
			a := dir + "/d/a"
			write(a, "one", false)
			write(a, "nothing", true)
			if got := read(a); got != "one" {
				t.Errorf("after an abort: %q", got)
			}
			write(a, "two", false)
			if got := read(a); got != "two" {
				t.Errorf("after a second write: %q", got)
			}
			if err := f.Rename(ctx, a, dir+"/e/b"); err != nil {
				t.Fatal(err)
			}
			if _, err := f.Stat(ctx, a); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Stat of what was renamed: %v", err)
			}
			if _, err := f.Open(ctx, a); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Open of what was renamed: %v", err)
			}
			if in, err := f.Stat(ctx, dir+"/e/b"); err != nil || in.Size != 3 {
				t.Errorf("Stat: %v, %v", in, err)
			}
			for range 2 { // removing what is not there is no error
				if err := f.Remove(ctx, dir+"/e/b"); err != nil {
					t.Error(err)
				}
			}
			if found, err := f.Glob(ctx, dir+"/nowhere/*"); err != nil || len(found) > 0 {
				t.Errorf("Glob of nothing: %v, %v", found, err)
			}
			// Of several that put a file, one wins.
			for round := range 20 {
				var wg sync.WaitGroup
				var mu sync.Mutex
				won := 0
				for range 8 {
					wg.Go(func() {
						err := f.PutIfAbsent(ctx, dir+"/put", []byte("x"))
						mu.Lock()
						defer mu.Unlock()
						if err == nil {
							won++
						} else if !errors.Is(err, fs.ErrExist) {
							t.Error(err)
						}
					})
				}
				wg.Wait()
				if won != 1 {
					t.Errorf("round %d: %d won", round, won)
				}
				if err := f.Remove(ctx, dir+"/put"); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
