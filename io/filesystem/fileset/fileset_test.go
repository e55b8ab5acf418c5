package fileset_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/zeebo/xxh3"

	"github.com/millrace-go/millrace/io/filesystem"
	"github.com/millrace-go/millrace/io/filesystem/fileset"
	"github.com/millrace-go/millrace/io/filesystem/local"
	"github.com/millrace-go/millrace/io/filesystem/memfs"
)

// deadly is a file system whose process dies at its n-th call, or right after it.
type deadly struct {
	local.FileSystem
	calls atomic.Int64
	n     int64
}

func (d *deadly) call() func() {
	n := d.calls.Add(1)
	if n == d.n {
		die() // before the call
	}
	return func() {
		if n+1000 == d.n {
			die() // after it
		}
	}
}

func die() {
	p, err := os.FindProcess(os.Getpid())
	if err == nil {
		_ = p.Signal(syscall.SIGKILL)
	}
	select {}
}

type deadlyWriter struct {
	filesystem.Writer
	d *deadly
}

func (w deadlyWriter) Write(b []byte) (int, error) {
	defer w.d.call()()
	return w.Writer.Write(b)
}

func (w deadlyWriter) Close() error {
	defer w.d.call()()
	return w.Writer.Close()
}

func (d *deadly) Create(ctx context.Context, path string) (filesystem.Writer, error) {
	defer d.call()()
	w, err := d.FileSystem.Create(ctx, path)
	return deadlyWriter{w, d}, err
}

func (d *deadly) PutIfAbsent(ctx context.Context, path string, data []byte) error {
	defer d.call()()
	return d.FileSystem.PutIfAbsent(ctx, path, data)
}

func (d *deadly) Rename(ctx context.Context, from, to string) error {
	defer d.call()()
	return d.FileSystem.Rename(ctx, from, to)
}

func (d *deadly) Remove(ctx context.Context, path string) error {
	defer d.call()()
	return d.FileSystem.Remove(ctx, path)
}

// writeSet writes four shards.
func writeSet(f filesystem.FileSystem, path, job string, overwrite bool) error {
	ctx := context.Background()
	t := fileset.Target{FS: f, Path: path, Overwrite: overwrite, JobID: job}
	if err := t.Check(ctx); err != nil {
		return err
	}
	var shards []fileset.Shard
	for i := range 4 {
		w, err := t.NewShard(ctx)
		if err != nil {
			return err
		}
		for range 3 {
			w.Rows++
			if _, err := fmt.Fprintf(w, "job %s shard %d\n", job, i); err != nil {
				return err
			}
		}
		s, err := w.Close()
		if err != nil {
			return err
		}
		shards = append(shards, s)
	}
	_, err := t.Commit(ctx, shards)
	return err
}

// whole says what is wrong with the set at path: there is no marker, or every file that it names is whole.
func whole(path string) (complete bool, err error) {
	b, err := os.ReadFile(path + fileset.MarkerSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var m fileset.Manifest
	if err := json.Unmarshal(b, &m); err != nil {
		return false, fmt.Errorf("the marker is not whole: %w", err)
	}
	if len(m.Files) != 4 || m.Rows != 12 {
		return false, fmt.Errorf("manifest %+v", m)
	}
	for _, f := range m.Files {
		b, err := os.ReadFile(filepath.Join(filepath.Dir(path), f.Name))
		if err != nil {
			return false, err
		}
		if sum := fmt.Sprintf("%016x", xxh3.Hash(b)); int64(len(b)) != f.Bytes || sum != f.Checksum {
			return false, fmt.Errorf("%s has %d bytes and checksum %s, the marker says %d and %s", f.Name, len(b), sum, f.Bytes, f.Checksum)
		}
	}
	return true, nil
}

func TestMain(m *testing.M) {
	if n := os.Getenv("FILESET_DIE_AT"); n != "" {
		at, _ := strconv.ParseInt(n, 10, 64)
		err := writeSet(&deadly{n: at}, os.Getenv("FILESET_PATH"), "second", true)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// A process that is killed at any call of the file system leaves no marker, or a whole set; the next run cleans
// up.
func TestKilledAtEveryCall(t *testing.T) {
	if os.PathSeparator != '/' {
		t.Skip("needs SIGKILL")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	killed := 0
	for _, base := range []int{0, 1000} { // before the call, after it
		for n := 1; ; n++ {
			path := filepath.Join(t.TempDir(), "set")
			if err := writeSet(local.FileSystem{}, path, "first", false); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(exe)
			cmd.Env = append(os.Environ(), "FILESET_DIE_AT="+strconv.Itoa(base+n), "FILESET_PATH="+path)
			out, err := cmd.CombinedOutput()
			complete, werr := whole(path)
			if werr != nil {
				t.Fatalf("killed at call %d: %v", base+n, werr)
			}
			if err == nil { // it had fewer calls
				if !complete {
					t.Errorf("not killed, and not complete")
				}
				break
			}
			if cmd.ProcessState.ExitCode() >= 0 {
				t.Fatalf("call %d: %v: %s", base+n, err, out)
			}
			killed++
			if err := writeSet(local.FileSystem{}, path, "third", true); err != nil {
				t.Fatalf("after a kill at call %d: %v", base+n, err)
			}
			if complete, err := whole(path); !complete || err != nil {
				t.Fatalf("after a kill at call %d the next run leaves %v, %v", base+n, complete, err)
			}
			entries, err := os.ReadDir(filepath.Dir(path))
			if err != nil || len(entries) != 5 {
				t.Fatalf("after a kill at call %d the next run leaves %d files: %v", base+n, len(entries), entries)
			}
		}
	}
	if killed < 40 {
		t.Errorf("killed %d times only", killed)
	}
}

func TestExistingIsRefused(t *testing.T) {
	for _, f := range []filesystem.FileSystem{local.FileSystem{}, &memfs.FileSystem{}} {
		path := filepath.ToSlash(filepath.Join(t.TempDir(), "set"))
		if err := writeSet(f, path, "a", false); err != nil {
			t.Fatal(err)
		}
		if err := writeSet(f, path, "b", false); !errors.Is(err, fileset.ErrExists) || !strings.Contains(err.Error(), "Overwrite") {
			t.Errorf("writing again: %v", err)
		}
		if err := writeSet(f, path, "c", true); err != nil {
			t.Errorf("overwriting: %v", err)
		}
		if err := f.Remove(t.Context(), path+fileset.MarkerSuffix); err != nil {
			t.Fatal(err)
		}
		if err := writeSet(f, path, "d", false); !errors.Is(err, fileset.ErrExists) {
			t.Errorf("shards without a marker: %v", err)
		}
	}
}

func TestNotWritable(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	err := writeSet(local.FileSystem{}, filepath.Join(dir, "file", "set"), "a", false)
	if err == nil || !strings.Contains(err.Error(), "cannot be written to") && !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("error %v", err)
	}
}

// Readers take what the marker says, and nothing that is left of another set.
func TestExpandUsesTheMarker(t *testing.T) {
	path := filepath.ToSlash(filepath.Join(t.TempDir(), "set"))
	f := local.FileSystem{}
	if err := writeSet(f, path, "a", false); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+"-00000-of-00009", []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path + "-*", path} {
		if found, err := fileset.Expand(t.Context(), f, p); err != nil || len(found) != 4 {
			t.Errorf("%s: %v, %v", p, found, err)
		}
	}
	if err := os.Truncate(path+"-00001-of-00004", 3); err != nil {
		t.Fatal(err)
	}
	if _, err := fileset.Expand(t.Context(), f, path+"-*"); !errors.Is(err, fileset.ErrIncomplete) {
		t.Errorf("a truncated shard: %v", err)
	}
}

// A result that appears between Check and Commit is not touched, whatever wrote it: another job, or a second
// sink of the same one.
func TestExistingSinceCheck(t *testing.T) {
	for _, f := range []filesystem.FileSystem{local.FileSystem{}, &memfs.FileSystem{}} {
		for _, other := range []string{"a", "b"} {
			for _, marker := range []bool{true, false} {
				ctx := t.Context()
				path := filepath.ToSlash(filepath.Join(t.TempDir(), "set"))
				late := fileset.Target{FS: f, Path: path, JobID: "a"}
				if err := late.Check(ctx); err != nil {
					t.Fatal(err)
				}
				w, err := late.NewShard(ctx)
				if err != nil {
					t.Fatal(err)
				}
				s, err := w.Close()
				if err != nil {
					t.Fatal(err)
				}
				if err := writeSet(f, path, other, false); err != nil {
					t.Fatal(err)
				}
				if !marker {
					if err := f.Remove(ctx, late.Marker()); err != nil {
						t.Fatal(err)
					}
				}
				before, err := f.Glob(ctx, path+"-*")
				if err != nil {
					t.Fatal(err)
				}
				if _, err := late.Commit(ctx, []fileset.Shard{s}); !errors.Is(err, fileset.ErrExists) {
					t.Errorf("marker %v: %v, want ErrExists", marker, err)
				}
				after, err := f.Glob(ctx, path+"-*")
				if err != nil || !slices.Equal(after, before) {
					t.Errorf("marker %v: before %v, after %v, %v", marker, before, after, err)
				}
				if err := late.Discard(ctx, []fileset.Shard{s}); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

// Commit may be called again, wherever the one before failed.
func TestCommitAgain(t *testing.T) {
	for renamed := range 4 {
		for _, overwrite := range []bool{false, true} {
			ctx, f := t.Context(), &memfs.FileSystem{}
			target := fileset.Target{FS: f, Path: "dir/set", JobID: "a", Overwrite: overwrite}
			var shards []fileset.Shard
			for i := range 3 {
				w, err := target.NewShard(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := fmt.Fprint(w, i); err != nil {
					t.Fatal(err)
				}
				s, err := w.Close()
				if err != nil {
					t.Fatal(err)
				}
				shards = append(shards, s)
			}
			slices.SortFunc(shards, func(a, b fileset.Shard) int { return strings.Compare(a.Temp, b.Temp) })
			for i := range renamed { // what an attempt before has done
				if err := f.Rename(ctx, shards[i].Temp, fmt.Sprintf("dir/set-%05d-of-00003", i)); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 {
				m, err := target.Commit(ctx, shards)
				if err != nil || len(m.Files) != 3 {
					t.Errorf("after %d renames: %+v, %v", renamed, m, err)
				}
			}
			if n := len(f.Paths()); n != 4 {
				t.Errorf("after %d renames: %q", renamed, f.Paths())
			}
		}
	}
}
