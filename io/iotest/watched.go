package iotest

import (
	"context"
	"errors"
	"io/fs"
	"sync/atomic"

	"github.com/millrace-go/millrace/io/filesystem"
)

// errInjected is what a call that is told to fail returns.
var errInjected = errors.New("injected failure")

// watched is a file system under observation: it counts calls and what is open, tells of every Open, and fails
// one call.
type watched struct {
	filesystem.FileSystem
	onOpen func() // may be nil

	failAt int64 // which call fails, from 1; 0: none
	after  bool  // the call is done, but its result is lost
	// Reports of what has happened.
	calls  atomic.Int64
	open   atomic.Int64 // files and writers that nobody has closed
	failed atomic.Pointer[call]
}

// call is one call of a file system.
type call struct{ op, path string }

func (c *call) String() string { return c.op + " " + c.path }

// do makes a call, or lets it fail.
func (w *watched) do(op, path string, f func() error) error {
	if w.calls.Add(1) != w.failAt {
		return f()
	}
	w.failed.Store(&call{op, path})
	if w.after {
		if err := f(); err != nil {
			return err
		}
	}
	return &fs.PathError{Op: op, Path: path, Err: errInjected}
}

// Open implements [filesystem.FileSystem].
func (w *watched) Open(ctx context.Context, path string) (filesystem.File, error) {
	var f filesystem.File
	err := w.do("Open", path, func() (err error) {
		f, err = w.FileSystem.Open(ctx, path)
		return err
	})
	if err != nil {
		if f != nil {
			_ = f.Close()
		}
		return nil, err
	}
	w.open.Add(1)
	if w.onOpen != nil {
		w.onOpen()
	}
	return &watchedFile{File: f, w: w, path: path}, nil
}

type watchedFile struct {
	filesystem.File
	w      *watched
	path   string
	closed atomic.Bool
}

func (f *watchedFile) ReadAt(b []byte, at int64) (n int, err error) {
	err = f.w.do("ReadAt", f.path, func() (err error) {
		n, err = f.File.ReadAt(b, at)
		return err
	})
	if errors.Is(err, errInjected) {
		n /= 2 // part of it had been read
	}
	return n, err
}

func (f *watchedFile) Close() error {
	if f.closed.CompareAndSwap(false, true) {
		f.w.open.Add(-1)
	}
	return f.File.Close()
}

// Create implements [filesystem.FileSystem].
func (w *watched) Create(ctx context.Context, path string) (filesystem.Writer, error) {
	var out filesystem.Writer
	err := w.do("Create", path, func() (err error) {
		out, err = w.FileSystem.Create(ctx, path)
		return err
	})
	if err != nil {
		if out != nil {
			_ = out.Abort()
		}
		return nil, err
	}
	w.open.Add(1)
	return &watchedWriter{Writer: out, w: w, path: path}, nil
}

type watchedWriter struct {
	filesystem.Writer
	w     *watched
	path  string
	ended bool
}

func (f *watchedWriter) Write(b []byte) (n int, err error) {
	err = f.w.do("Write", f.path, func() (err error) {
		n, err = f.Writer.Write(b)
		return err
	})
	if errors.Is(err, errInjected) && n == 0 {
		n, _ = f.Writer.Write(b[:len(b)/2]) // a torn write
	}
	return n, err
}

// Close leaves nothing if it fails, as file systems do.
func (f *watchedWriter) Close() error {
	f.end()
	err := f.w.do("Close", f.path, f.Writer.Close)
	if errors.Is(err, errInjected) {
		_ = f.Writer.Abort()
	}
	return err
}

func (f *watchedWriter) Abort() error {
	f.end()
	err := f.w.do("Abort", f.path, f.Writer.Abort)
	if errors.Is(err, errInjected) {
		_ = f.Writer.Abort()
	}
	return err
}

func (f *watchedWriter) end() {
	if !f.ended {
		f.ended = true
		f.w.open.Add(-1)
	}
}

// PutIfAbsent implements [filesystem.FileSystem].
func (w *watched) PutIfAbsent(ctx context.Context, path string, data []byte) error {
	return w.do("PutIfAbsent", path, func() error { return w.FileSystem.PutIfAbsent(ctx, path, data) })
}

// Glob implements [filesystem.FileSystem].
func (w *watched) Glob(ctx context.Context, pattern string) (found []filesystem.Info, err error) {
	err = w.do("Glob", pattern, func() (err error) {
		found, err = w.FileSystem.Glob(ctx, pattern)
		return err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// Stat implements [filesystem.FileSystem].
func (w *watched) Stat(ctx context.Context, path string) (in filesystem.Info, err error) {
	err = w.do("Stat", path, func() (err error) {
		in, err = w.FileSystem.Stat(ctx, path)
		return err
	})
	if err != nil {
		return filesystem.Info{}, err
	}
	return in, nil
}

// Rename implements [filesystem.FileSystem].
func (w *watched) Rename(ctx context.Context, from, to string) error {
	return w.do("Rename", from, func() error { return w.FileSystem.Rename(ctx, from, to) })
}

// Remove implements [filesystem.FileSystem].
func (w *watched) Remove(ctx context.Context, path string) error {
	return w.do("Remove", path, func() error { return w.FileSystem.Remove(ctx, path) })
}

// RemoveStale implements [filesystem.Janitor], if the file system does.
func (w *watched) RemoveStale(ctx context.Context, path string) (removed []string, err error) {
	j, ok := w.FileSystem.(filesystem.Janitor)
	if !ok {
		return nil, nil
	}
	err = w.do("RemoveStale", path, func() (err error) {
		removed, err = j.RemoveStale(ctx, path)
		return err
	})
	return removed, err
}
