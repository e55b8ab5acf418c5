// Package memfs is a file system in memory, for tests.
package memfs

import (
	"bytes"
	"context"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/millrace-go/millrace/io/filesystem"
)

// FileSystem is a file system in memory. The zero value is empty and ready. Paths may have the scheme mem://.
type FileSystem struct {
	mu    sync.Mutex
	files map[string]entry
}

type entry struct {
	data []byte // never changed
	at   time.Time
}

type file struct{ *bytes.Reader }

func (file) Close() error  { return nil }
func (f file) Size() int64 { return f.Reader.Size() }

func (m *FileSystem) get(path string) (entry, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.files[path]
	return e, ok
}

func (m *FileSystem) put(path string, data []byte, replace bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.files[path]; ok && !replace {
		return false
	}
	if m.files == nil {
		m.files = map[string]entry{}
	}
	m.files[path] = entry{data, time.Now()}
	return true
}

// Open implements [filesystem.FileSystem].
func (m *FileSystem) Open(ctx context.Context, path string) (filesystem.File, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	e, ok := m.get(path)
	if !ok {
		return nil, filesystem.PathError("opening", path, fs.ErrNotExist)
	}
	return file{bytes.NewReader(e.data)}, nil
}

type writer struct {
	m    *FileSystem
	path string
	buf  bytes.Buffer
	done bool
}

func (w *writer) Write(b []byte) (int, error) { return w.buf.Write(b) }

func (w *writer) Close() error {
	if !w.done {
		w.done = true
		w.m.put(w.path, w.buf.Bytes(), true)
	}
	return nil
}

func (w *writer) Abort() error {
	w.done = true
	return nil
}

// Create implements [filesystem.FileSystem].
func (m *FileSystem) Create(ctx context.Context, path string) (filesystem.Writer, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return &writer{m: m, path: path}, nil
}

// PutIfAbsent implements [filesystem.FileSystem].
func (m *FileSystem) PutIfAbsent(ctx context.Context, path string, data []byte) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !m.put(path, slices.Clone(data), false) {
		return filesystem.PathError("creating", path, fs.ErrExist)
	}
	return nil
}

// Glob implements [filesystem.FileSystem].
func (m *FileSystem) Glob(ctx context.Context, pattern string) ([]filesystem.Info, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []filesystem.Info
	for p, e := range m.files {
		ok := p == pattern
		if filesystem.IsPattern(pattern) {
			var err error
			if ok, err = filesystem.Match(pattern, p); err != nil {
				return nil, err
			}
			ok = ok && !strings.HasPrefix(path.Base(p), filesystem.TempPrefix)
		}
		if ok {
			out = append(out, filesystem.Info{Path: p, Size: int64(len(e.data)), Modified: e.at})
		}
	}
	slices.SortFunc(out, func(a, b filesystem.Info) int { return strings.Compare(a.Path, b.Path) })
	return out, nil
}

// Stat implements [filesystem.FileSystem].
func (m *FileSystem) Stat(ctx context.Context, path string) (filesystem.Info, error) {
	if ctx.Err() != nil {
		return filesystem.Info{}, context.Cause(ctx)
	}
	e, ok := m.get(path)
	if !ok {
		return filesystem.Info{}, filesystem.PathError("looking at", path, fs.ErrNotExist)
	}
	return filesystem.Info{Path: path, Size: int64(len(e.data)), Modified: e.at}, nil
}

// Rename implements [filesystem.FileSystem].
func (m *FileSystem) Rename(ctx context.Context, from, to string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.files[from]
	if !ok {
		return filesystem.PathError("renaming to "+to, from, fs.ErrNotExist)
	}
	delete(m.files, from)
	m.files[to] = e
	return nil
}

// Remove implements [filesystem.FileSystem].
func (m *FileSystem) Remove(ctx context.Context, path string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.files, path)
	return nil
}

// Paths returns the paths of all files in order, those that globs leave out included.
func (m *FileSystem) Paths() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.files))
}
