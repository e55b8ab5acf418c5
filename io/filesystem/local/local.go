// Package local is this machine's file system.
package local

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	slash "path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/millrace-go/millrace/io/filesystem"
)

// FileSystem is this machine's file system. The zero value is ready. Relative paths are relative to the working
// directory.
type FileSystem struct{}

// Default is the set of file systems that sources and sinks use when they are given none: local paths only.
var Default = filesystem.Set{"": FileSystem{}, "file": FileSystem{}}

func native(path string) string {
	return filepath.FromSlash(strings.TrimPrefix(path, "file://"))
}

type file struct {
	*os.File
	size int64
}

func (f *file) Size() int64 { return f.size }

// Open implements [filesystem.FileSystem].
func (FileSystem) Open(ctx context.Context, path string) (filesystem.File, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	f, err := os.Open(native(path))
	if err != nil {
		return nil, filesystem.PathError("opening", path, err)
	}
	st, err := f.Stat()
	if err == nil && st.IsDir() {
		err = errors.New("is a directory, not a file; to read what is in it, end the path with /*")
	}
	if err != nil {
		return nil, errors.Join(filesystem.PathError("opening", path, err), f.Close())
	}
	return &file{f, st.Size()}, nil
}

// writer writes a temporary file in the directory of the final one, so that the rename stays on one disk.
type writer struct {
	f     *os.File
	path  string
	final string
	ended bool
}

// Create implements [filesystem.FileSystem].
func (FileSystem) Create(ctx context.Context, path string) (filesystem.Writer, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	final := native(path)
	dir := filepath.Dir(final)
	if err := makeDirs(dir); err != nil {
		return nil, filesystem.PathError("creating the directory of", path, err)
	}
	temp := final
	if !strings.HasPrefix(filepath.Base(final), filesystem.TempPrefix) { // else it is a temporary file itself
		temp = filepath.Join(dir, filesystem.TempName(filepath.Base(final), suffix()))
	}
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, filesystem.PathError("creating", path, err)
	}
	return &writer{f: f, path: path, final: final}, nil
}

func suffix() string {
	var b [9]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func (w *writer) Write(b []byte) (int, error) {
	n, err := w.f.Write(b)
	if err != nil {
		err = filesystem.PathError("writing", w.path, err)
	}
	return n, err
}

func (w *writer) Close() error {
	if w.ended {
		return nil
	}
	// A file whose fsync has failed may be lost although a second fsync succeeds: it is given up.
	err := w.f.Sync()
	if cerr := w.f.Close(); err == nil {
		err = cerr
	}
	if err == nil && w.f.Name() != w.final {
		err = os.Rename(w.f.Name(), w.final)
	}
	if err == nil {
		err = syncDir(filepath.Dir(w.final))
	}
	w.ended = true
	if err != nil {
		_ = os.Remove(w.f.Name())
		return filesystem.PathError("finishing", w.path, err)
	}
	return nil
}

func (w *writer) Abort() error {
	if w.ended {
		return nil
	}
	w.ended = true
	return errors.Join(w.f.Close(), os.Remove(w.f.Name()))
}

// PutIfAbsent implements [filesystem.FileSystem]: a link fails if there is a file, and is atomic.
func (FileSystem) PutIfAbsent(ctx context.Context, path string, data []byte) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	final := native(path)
	dir := filepath.Dir(final)
	if err := makeDirs(dir); err != nil {
		return filesystem.PathError("creating the directory of", path, err)
	}
	temp := filepath.Join(dir, filesystem.TempName(filepath.Base(final), suffix()))
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return filesystem.PathError("creating", path, err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		if err = os.Link(temp, final); errors.Is(err, fs.ErrExist) {
			err = fs.ErrExist
		}
	}
	_ = os.Remove(temp)
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return filesystem.PathError("creating", path, err)
	}
	return nil
}

// Glob implements [filesystem.FileSystem]. Temporary files of writers are left out, and so are links to nothing.
func (l FileSystem) Glob(ctx context.Context, pattern string) ([]filesystem.Info, error) {
	pattern = strings.TrimPrefix(pattern, "file://")
	if !filesystem.IsPattern(pattern) {
		in, err := l.Stat(ctx, pattern)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		return []filesystem.Info{in}, nil
	}
	slashed := slash.Clean(filepath.ToSlash(pattern))
	root := filesystem.Root(slashed)
	start := root
	if start == "" {
		start = "."
	}
	deep := strings.Count(slashed, "/")
	var out []filesystem.Info
	err := filepath.WalkDir(filepath.FromSlash(start), func(p string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // nothing matches, or it has been removed meanwhile
			}
			return err
		}
		name := filepath.ToSlash(p)
		if d.IsDir() {
			if !strings.Contains(slashed, "**") && strings.Count(name, "/") >= deep && name != start {
				return fs.SkipDir
			}
			return nil
		}
		ok, err := filesystem.Match(slashed, name)
		if err != nil || !ok || strings.HasPrefix(d.Name(), filesystem.TempPrefix) {
			return err
		}
		st, err := os.Stat(p) // follows links
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed meanwhile, or a link to nothing
		}
		if err != nil {
			return err
		}
		if st.Mode().IsRegular() {
			out = append(out, filesystem.Info{Path: name, Size: st.Size(), Modified: st.ModTime()})
		}
		return nil
	})
	if err != nil {
		return nil, filesystem.PathError("listing", pattern, err)
	}
	slices.SortFunc(out, func(a, b filesystem.Info) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}

// Stat implements [filesystem.FileSystem].
func (FileSystem) Stat(ctx context.Context, path string) (filesystem.Info, error) {
	if ctx.Err() != nil {
		return filesystem.Info{}, context.Cause(ctx)
	}
	st, err := os.Stat(native(path))
	if err == nil && st.IsDir() {
		err = errors.New("is a directory, not a file; to read what is in it, end the path with /*")
	}
	if err != nil {
		return filesystem.Info{}, filesystem.PathError("looking at", path, err)
	}
	return filesystem.Info{Path: path, Size: st.Size(), Modified: st.ModTime()}, nil
}

// Rename implements [filesystem.FileSystem].
func (FileSystem) Rename(ctx context.Context, from, to string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := makeDirs(filepath.Dir(native(to))); err != nil {
		return filesystem.PathError("creating the directory of", to, err)
	}
	if err := os.Rename(native(from), native(to)); err != nil {
		return filesystem.PathError("renaming to "+to, from, err)
	}
	if err := syncDir(filepath.Dir(native(to))); err != nil {
		return filesystem.PathError("renaming to "+to, from, err)
	}
	return nil
}

// Remove implements [filesystem.FileSystem].
func (FileSystem) Remove(ctx context.Context, path string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	err := os.Remove(native(path))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return filesystem.PathError("removing", path, err)
	}
	return nil
}
