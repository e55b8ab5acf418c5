// Package filesystem is what sources and sinks of files need of a file system: ranged reads, writes that are
// seen whole or not at all, put-if-absent, and globs. Package local is this machine's, memfs one in memory.
//
// Paths use slashes; a path with a scheme ("mem://dir/file") names the file system, one without is local.
package filesystem

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"
)

// FileSystem is a file system. Its methods are safe for concurrent use. Errors are, or wrap, [fs.ErrNotExist],
// [fs.ErrExist] and [fs.ErrPermission] where these apply, and name the path. With a context that has ended they
// do nothing and return, or wrap, its cause.
type FileSystem interface {
	// Open opens a file for reading at offsets.
	Open(ctx context.Context, path string) (File, error)
	// Create begins to write a file, making the directories it is in. The file appears, whole and durable, when
	// the writer is closed; until then path, and whatever it held before, is as it was.
	Create(ctx context.Context, path string) (Writer, error)
	// PutIfAbsent writes a small file if there is none at path, whole and durable; else it returns an error that
	// is fs.ErrExist. Of several at once exactly one succeeds.
	PutIfAbsent(ctx context.Context, path string, data []byte) error
	// Glob lists the files that match a pattern: "*", "?" and "[a-z]" within a name, "**" for any number of
	// directories. Files come in the order of their paths. No match is no error.
	Glob(ctx context.Context, pattern string) ([]Info, error)
	// Stat describes a file.
	Stat(ctx context.Context, path string) (Info, error)
	// Rename moves a file, replacing what is at the new path, durably.
	Rename(ctx context.Context, from, to string) error
	// Remove removes a file. That it does not exist is no error.
	Remove(ctx context.Context, path string) error
}

// Info describes a file.
type Info struct {
	Path     string // as it can be opened
	Size     int64  // in bytes
	Modified time.Time
}

// File is a file open for reading. ReadAt is safe for concurrent use.
type File interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// Writer writes a file. Close makes it appear; Abort leaves nothing. After one of them the other does nothing.
type Writer interface {
	io.Writer
	Close() error
	Abort() error
}

// Set chooses a file system by the scheme of a path: "" is the one for paths without a scheme.
type Set map[string]FileSystem

// ErrNoFileSystem is wrapped by the error for a path whose scheme no file system serves.
var ErrNoFileSystem = errors.New("no file system for this scheme")

// For returns the file system that serves path.
func (s Set) For(path string) (FileSystem, error) {
	scheme, _, ok := strings.Cut(path, "://")
	if !ok {
		scheme = ""
	}
	if f := s[scheme]; f != nil {
		return f, nil
	}
	return nil, fmt.Errorf("filesystem: opening %q: %w %q; give the transform a filesystem.Set that has it", path, ErrNoFileSystem, scheme)
}

// ReadAll returns the contents of a small file: at most limit bytes, more is an error.
func ReadAll(ctx context.Context, f FileSystem, path string, limit int64) ([]byte, error) {
	r, err := f.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	if r.Size() > limit {
		return nil, fmt.Errorf("filesystem: reading %s: %d bytes, at most %d were expected", path, r.Size(), limit)
	}
	b := make([]byte, r.Size())
	if _, err := io.ReadFull(io.NewSectionReader(r, 0, r.Size()), b); err != nil {
		return nil, fmt.Errorf("filesystem: reading %s: %w", path, err)
	}
	return b, nil
}

// IsPattern reports whether path has characters that a glob gives a meaning.
func IsPattern(path string) bool { return strings.ContainsAny(path, "*?[") }

// PathError names the operation and path of an error.
func PathError(op, path string, err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return &fs.PathError{Op: "filesystem: " + op, Path: path, Err: err}
}
