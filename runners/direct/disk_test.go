package direct_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/millrace-go/millrace/io/filesystem"
	"github.com/millrace-go/millrace/io/filesystem/local"
	"github.com/millrace-go/millrace/io/textio"
	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/exec/spill"
)

// everything lists the files below dir, hidden ones and directories included.
func everything(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && path != dir {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// spillFiles calls f for the spill files below dir and returns how many there are.
func spillFiles(dir string, f func(path string, size int64) error) (int, error) {
	n := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasPrefix(d.Name(), "spill-") {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		n++
		return f(path, info.Size())
	})
	return n, err
}

// twice reads a group two times, and damages what it is read from in the first.
type twice struct {
	damage func() error
	Bad    sdk.Output[string]
	read   *atomic.Int64
}

func (f *twice) ProcessElement(_ *sdk.Context, g sdk.KV[string, iter.Seq[string]], out sdk.Emitter[string]) error {
	for range 2 {
		n := 0
		for v := range g.Value {
			if n++; n == 100 && f.damage != nil {
				if err := f.damage(); err != nil {
					return err
				}
				f.damage = nil
			}
			f.read.Add(1)
			out.Emit(v[:10])
			f.Bad.Emit(v[:10])
		}
	}
	return nil // as if all had been well
}

// A group larger than memory whose file is damaged while it is read fails the element that it is, with an error that
// says so, whatever the function makes of the part that it has seen: nothing that it emitted survives, under any policy.
func TestDamageInTheMiddleOfAGroup(t *testing.T) {
	const rows = 20_000
	const size = 1000
	kinds := map[string]func(path string, size int64) error{
		"nothing": nil,
		"a flipped byte": func(path string, size int64) error {
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				return err
			}
			var b [1]byte
			at := size * 2 / 3
			_, err = f.ReadAt(b[:], at)
			b[0] ^= 1
			_, werr := f.WriteAt(b[:], at)
			return errors.Join(err, werr, f.Close())
		},
		"a file that ends early": func(path string, size int64) error { return os.Truncate(path, size*2/3) },
	}
	for name, damage := range kinds {
		for _, policy := range []string{"fail", "retry", "dead letter"} {
			t.Run(name+"/"+policy, func(t *testing.T) {
				temp, dir := t.TempDir(), t.TempDir()
				var read, later atomic.Int64
				files := 0
				res, err := sdk.Run(t.Context(), &direct.Runner{Budget: 2 << 20, TempDir: temp, Log: quiet()}, func(p *sdk.Pipeline) error {
					kv := sdk.Map(numbers(p, rows), func(i int64) sdk.KV[string, string] {
						b := payload(i)
						return sdk.MakeKV("the key", fmt.Sprintf("%010d", i)+string(b[10:size]))
					})
					d := &twice{read: &read}
					if damage != nil {
						d.damage = func() (err error) {
							files, err = spillFiles(temp, damage)
							return err
						}
					}
					var dead sdk.Output[sdk.Failed[sdk.KV[string, iter.Seq[string]]]]
					opts := []sdk.Option{sdk.Name("reads")}
					switch policy {
					case "retry":
						opts = append(opts, sdk.OnError(sdk.Retry(3, 0)))
					case "dead letter":
						opts = append(opts, sdk.OnError(sdk.DeadLetter(&dead)))
					}
					out := sdk.ParDo(sdk.GroupByKey(kv, sdk.Name("group")), d, opts...)
					textio.Write(out, filepath.Join(dir, "out"))
					textio.Write(d.Bad.PCollection(), filepath.Join(dir, "bad"), textio.Shards(2))
					// What comes after the next grouping sees nothing of it either.
					sdk.Map(sdk.GroupByKey(sdk.WithKeys(out, func(s string) string { return s[9:] })), func(sdk.KV[string, iter.Seq[string]]) int {
						later.Add(1)
						return 0
					})
					return nil
				})
				if damage == nil {
					if err != nil || read.Load() != 2*rows || later.Load() == 0 {
						t.Errorf("%v: %d values were read", err, read.Load())
					}
					return
				}
				if files == 0 || read.Load() < 100 || read.Load() > 2*rows-1 {
					t.Fatalf("%d files were damaged, %d values read: %v", files, read.Load(), err)
				}
				if !errors.Is(err, spill.ErrCorrupt) {
					t.Fatalf("error %v, %v", err, res)
				}
				for _, part := range []string{"group", temp, "spill", "damaged"} {
					if !strings.Contains(err.Error(), part) {
						t.Errorf("%v does not say %q", err, part)
					}
				}
				if later.Load() > 0 {
					t.Errorf("%d groups of what was emitted were seen", later.Load())
				}
				if left := everything(t, dir); len(left) > 0 {
					t.Errorf("written: %v", left)
				}
				if left := everything(t, temp); len(left) > 0 {
					t.Errorf("left behind: %v", left)
				}
			})
		}
	}
}

// smallDisk mounts a disk of some bytes, or skips the test.
func smallDisk(t *testing.T, size int64) string {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", fmt.Sprint("size=", size), "none", dir).CombinedOutput(); err != nil {
		t.Skipf("a small disk cannot be mounted (%v: %s): run as root on Linux", err, strings.TrimSpace(string(out)))
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("unmounting: %v: %s", err, out)
		}
	})
	return dir
}

// A disk that fills while spilling fails the job, with an error that says which and what to do, and is empty again.
func TestFullDiskWhileSpilling(t *testing.T) {
	const rows = 5000 // of 10 KB
	disk := smallDisk(t, 8<<20)
	for name, build := range map[string]func(p *sdk.Pipeline){
		"GroupByKey":    func(p *sdk.Pipeline) { sdk.GroupByKey(keyed(p, rows, 100)) },
		"CombinePerKey": func(p *sdk.Pipeline) { sdk.CombinePerKey(keyed(p, rows, rows), lastText{}) },
		"GroupByKeyOfLongKeys": func(p *sdk.Pipeline) {
			kv := sdk.WithKeys(numbers(p, rows), func(i int64) string { return string(payload(i)) })
			sdk.GroupByKey(kv)
		},
		"AsList": func(p *sdk.Pipeline) {
			view := sdk.AsList(sdk.Values(keyed(p, rows, 1)))
			sdk.ParDo(sdk.Of(p, 1), &reads{It: sdk.AsIterable(sdk.Of[string](p)), List: view, listed: newTally(rows)})
		},
		"AsMap": func(p *sdk.Pipeline) {
			sdk.ParDo(sdk.Of(p, int64(1)), &findsMany{Many: sdk.AsMultimap(keyed(p, rows, rows))})
		},
		"Reshuffle": func(p *sdk.Pipeline) { sdk.Reshuffle(keyed(p, rows, 1)) },
		"CoGroupByKey": func(p *sdk.Pipeline) {
			sdk.CoGroupByKey2(keyed(p, rows, 10), keyed(p, rows, 10))
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sdk.Run(t.Context(), &direct.Runner{Budget: 4 << 20, TempDir: disk, Log: quiet()}, func(p *sdk.Pipeline) error {
				build(p)
				return nil
			})
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("error %v", err)
			}
			for _, part := range []string{disk, "free space", "temporary directory", "budget"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%v does not say %q", err, part)
				}
			}
			if left := everything(t, disk); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// fullAfter is a file system whose disk is full after some bytes.
type fullAfter struct {
	local.FileSystem
	left *atomic.Int64
}

type fullWriter struct {
	filesystem.Writer
	left *atomic.Int64
}

func (w fullWriter) Write(b []byte) (int, error) {
	if w.left.Add(int64(-len(b))) < 0 {
		return 0, fmt.Errorf("writing: %w", syscall.ENOSPC)
	}
	return w.Writer.Write(b)
}

func (f fullAfter) Create(ctx context.Context, path string) (filesystem.Writer, error) {
	w, err := f.FileSystem.Create(ctx, path)
	return fullWriter{w, f.left}, err
}

// A disk that fills while output is written fails the job and leaves no part of the output, and what was there before.
func TestFullDiskWhileWriting(t *testing.T) {
	write := func(t *testing.T, dir string, rows int64, r *direct.Runner, opts ...textio.Option) error {
		_, err := sdk.Run(t.Context(), r, func(p *sdk.Pipeline) error {
			texts := sdk.Map(numbers(p, rows), func(i int64) string { return strings.Repeat("text ", 2000) })
			textio.Write(texts, filepath.Join(dir, "out"), opts...)
			return nil
		})
		return err
	}
	check := func(t *testing.T, dir string, opts ...textio.Option) {
		t.Helper()
		r := &direct.Runner{TempDir: t.TempDir(), Log: quiet()}
		for _, shards := range []int{0, 3} {
			err := write(t, dir, 3000, r, append(opts, textio.Shards(shards))...)
			if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "textio.Write") {
				t.Errorf("%d shards: error %v", shards, err)
			}
			if left := everything(t, dir); len(left) > 0 {
				t.Errorf("%d shards: left behind: %v", shards, left)
			}
		}
		// An older result survives.
		if err := write(t, dir, 1, r); err != nil {
			t.Fatal(err)
		}
		before := everything(t, dir)
		if err := write(t, dir, 3000, r, append(opts, textio.Overwrite())...); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("error %v", err)
		}
		if after := everything(t, dir); fmt.Sprint(after) != fmt.Sprint(before) {
			t.Errorf("there was %v, there is %v", before, after)
		}
	}
	t.Run("injected", func(t *testing.T) {
		var left atomic.Int64
		left.Store(4 << 20)
		check(t, t.TempDir(), textio.FileSystems(filesystem.Set{"": fullAfter{left: &left}}))
	})
	t.Run("disk", func(t *testing.T) { check(t, smallDisk(t, 4<<20)) })
}

// unreadable is a file system that fails to read a file, at once or after some bytes.
type unreadable struct {
	local.FileSystem
	err   error
	after int64 // -1: it cannot be opened
}

type unreadableFile struct {
	filesystem.File
	u unreadable
}

func (f unreadableFile) ReadAt(b []byte, at int64) (int, error) {
	if at+int64(len(b)) > f.u.after {
		return 0, f.u.err
	}
	return f.File.ReadAt(b, at)
}

func (u unreadable) Open(ctx context.Context, path string) (filesystem.File, error) {
	if u.after < 0 {
		return nil, filesystem.PathError("opening", path, u.err)
	}
	f, err := u.FileSystem.Open(ctx, path)
	return unreadableFile{f, u}, err
}

// A file that cannot be read fails the job with its name and the cause; nothing is written.
func TestUnreadableFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "in.txt")
	if err := os.WriteFile(file, []byte(strings.Repeat("some text\n", 200_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	forbidden := filepath.Join(dir, "forbidden.txt")
	if err := os.WriteFile(forbidden, []byte("text\n"), 0); err != nil {
		t.Fatal(err)
	}
	inject := func(u unreadable) []textio.Option {
		return []textio.Option{textio.FileSystems(filesystem.Set{"": u})}
	}
	for _, tt := range []struct {
		name, path string
		opts       []textio.Option
		is         error
	}{
		{"no permission, injected", file, inject(unreadable{err: fs.ErrPermission, after: -1}), fs.ErrPermission},
		{"a read error in the middle", file, inject(unreadable{err: syscall.EIO, after: 1 << 20}), syscall.EIO},
		{"no permission", forbidden, nil, fs.ErrPermission},
		{"a directory", dir, nil, nil},
		{"a file in place of a directory", filepath.Join(file, "x.txt"), nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.path == forbidden && os.Getuid() == 0 {
				t.Skip("the mode of a file does not bind root")
			}
			out := t.TempDir()
			_, err := sdk.Run(t.Context(), &direct.Runner{Log: quiet()}, func(p *sdk.Pipeline) error {
				textio.Write(textio.Read(p, tt.path, tt.opts...), filepath.Join(out, "out"))
				return nil
			})
			if err == nil || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.path) || !strings.Contains(err.Error(), "textio.Read") {
				t.Errorf("error %v", err)
			}
			if left := everything(t, out); len(left) > 0 {
				t.Errorf("written: %v", left)
			}
		})
	}
}
