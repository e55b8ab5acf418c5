package iotest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/millrace-go/millrace/io/filesystem"
	"github.com/millrace-go/millrace/io/filesystem/fileset"
	"github.com/millrace-go/millrace/sdk"
)

// SourceCase says how to test a source of files. Its functions are called by several goroutines at once.
type SourceCase[T any] struct {
	// Suffix ends the names of files, as ".csv"; it may be empty.
	Suffix string
	// Row returns the i-th row of an input, i from 0. Different i give rows that differ. T needs a deterministic
	// coder, as a key does.
	Row func(i int) T
	// Store writes a file of rows, of none too, without the package under test where there is another way, and in
	// parts that are as small as the format allows, so that there is something to split.
	Store func(w io.Writer, rows []T) error
	// Read applies the source.
	Read func(p *sdk.Pipeline, fs filesystem.Set, pattern string) sdk.PCollection[T]
	// Whole says that a file cannot be split, as a compressed one: the suite then only checks that asking for it
	// does no harm.
	Whole bool
}

// The sizes of inputs: enough for several parts of every format where a source is split while it reads; few where
// every part is cut down to one position, each of which opens the file again.
const (
	manyRows = 4000
	fewRows  = 60
)

// onePosition is a fraction of any restriction that is rounded up to one position.
const onePosition = 1e-12

// TestSource checks a source.
func TestSource[T any](t *testing.T, c SourceCase[T]) {
	t.Run("Rows", c.rows)
	t.Run("TinySplits", c.tinySplits)
	t.Run("SplitWhileReading", c.splitWhileReading)
	t.Run("Strict", c.strict)
	t.Run("Empty", c.empty)
	t.Run("Missing", c.missing)
	t.Run("Set", c.set)
	t.Run("FailingReads", c.failingReads)
	t.Run("Cancel", c.cancel)
}

// store writes n rows to three files: one that has nearly all, one that has one, and one that has none.
func (c SourceCase[T]) store(t *testing.T, p place, n int) (pattern string) {
	t.Helper()
	for name, rows := range map[string][]T{"a": rowsOf(c.Row, 0, n-1), "b": rowsOf(c.Row, n-1, n), "c": nil} {
		p.put(t, p.dir+"/in-"+name+c.Suffix, c.file(t, rows))
	}
	return p.dir + "/in-*"
}

func (c SourceCase[T]) file(t *testing.T, rows []T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := c.Store(&b, rows); err != nil {
		t.Fatalf("storing an input: %v", err)
	}
	return b.Bytes()
}

// read runs the source under s and gives each row to got, and then to onRow with its number.
func (c SourceCase[T]) read(ctx context.Context, s sdk.Runner, set filesystem.Set, pattern string, got *bag[T], onRow func(n int)) error {
	_, err := sdk.Run(ctx, s, func(p *sdk.Pipeline) error {
		sdk.Filter(c.Read(p, set, pattern), func(v T) bool {
			n := got.add(v)
			if onRow != nil {
				onRow(n)
			}
			return false
		})
		return nil
	})
	return err
}

// check reads a pattern and compares what comes with want.
func (c SourceCase[T]) check(t *testing.T, sentence string, s *splitter, p place, w *watched, pattern string, want []T, onRow func(n int)) {
	t.Helper()
	got := newBag[T](t, nil)
	err := c.read(t.Context(), s, p.set(w), pattern, got, onRow)
	if err == nil {
		err = got.diff(newBag(t, want))
	}
	if err != nil {
		t.Errorf("%s\n%v", sentence, err)
	}
	if n := w.open.Load(); n != 0 {
		t.Errorf("When a job has ended all its files are closed.\n%d are open", n)
	}
}

var parallel = []int{1, 2, 8}

func (c SourceCase[T]) rows(t *testing.T) {
	const sentence = "Every row of the files that a pattern stands for comes exactly once, whatever the parallelism."
	eachPlace(t, func(t *testing.T, p place) {
		pattern := c.store(t, p, manyRows)
		for _, workers := range parallel {
			c.check(t, sentence, newSplitter(t, workers), p, &watched{FileSystem: p}, pattern, rowsOf(c.Row, 0, manyRows), nil)
		}
	})
}

func (c SourceCase[T]) tinySplits(t *testing.T) {
	const sentence = "A restriction may be cut anywhere before it is begun, down to single positions: together the parts have every row once."
	p := inMemory(t)
	pattern := c.store(t, p, fewRows)
	for _, workers := range parallel {
		for _, keep := range []float64{onePosition, 0.5} {
			s := newSplitter(t, workers)
			// Opening its file is the last that a source does before its first claim.
			w := &watched{FileSystem: p, onOpen: func() { s.split(keep) }}
			c.check(t, sentence, s, p, w, pattern, rowsOf(c.Row, 0, fewRows), nil)
			if n := s.pieces.Load(); !c.Whole && (n <= 3 || keep == onePosition && n < fewRows/3) {
				t.Errorf("%s\nthe input was cut into %d pieces only", sentence, n)
			}
		}
	}
}

func (c SourceCase[T]) splitWhileReading(t *testing.T) {
	const sentence = "A part of a restriction that is given away while it is read is read by whoever is given it, and by nobody else."
	p := inMemory(t)
	pattern := c.store(t, p, manyRows)
	for _, workers := range parallel {
		for _, fraction := range []float64{0, 0.5, 0.9} {
			t.Run(fmt.Sprintf("workers=%d/keep=%v", workers, fraction), func(t *testing.T) {
				s := newSplitter(t, workers)
				c.check(t, sentence, s, p, &watched{FileSystem: p}, pattern, rowsOf(c.Row, 0, manyRows), func(n int) {
					if n%16 == 1 {
						s.split(fraction)
					}
				})
				if n := s.pieces.Load(); !c.Whole && n < 5 {
					t.Errorf("%s\nthree files were read in %d pieces: none was given away", sentence, n)
				}
			})
		}
	}
}

func (c SourceCase[T]) strict(t *testing.T) {
	const sentence = "Every row survives its encoding, and nobody changes a row that has been emitted."
	p := inMemory(t)
	pattern := c.store(t, p, fewRows)
	s := newSplitter(t, 3)
	s.Strict, s.Seed = true, uint64(time.Now().UnixNano())
	t.Logf("seed %d", s.Seed)
	c.check(t, sentence, s, p, &watched{FileSystem: p}, pattern, rowsOf(c.Row, 0, fewRows), nil)
}

func (c SourceCase[T]) empty(t *testing.T) {
	const sentence = "A file without rows is no error, and gives none."
	eachPlace(t, func(t *testing.T, p place) {
		path := p.dir + "/empty" + c.Suffix
		p.put(t, path, c.file(t, nil))
		c.check(t, sentence, newSplitter(t, 2), p, &watched{FileSystem: p}, path, nil, nil)
	})
}

func (c SourceCase[T]) missing(t *testing.T) {
	const sentence = "An input that is not there fails the job with an error that names it and is fs.ErrNotExist, or fileset.ErrNoFiles for a pattern."
	eachPlace(t, func(t *testing.T, p place) {
		for pattern, is := range map[string]error{
			p.dir + "/missing" + c.Suffix:      fs.ErrNotExist,
			p.dir + "/missing-*" + c.Suffix:    fileset.ErrNoFiles,
			p.dir + "/no/dir/**/*" + c.Suffix:  fileset.ErrNoFiles,
			p.dir + "/no/dir/there" + c.Suffix: fs.ErrNotExist,
		} {
			got := newBag[T](t, nil)
			err := c.read(t.Context(), newSplitter(t, 2), p.set(p), pattern, got, nil)
			if !errors.Is(err, is) || !strings.Contains(err.Error(), pattern) {
				t.Errorf("%s\n%s: %v", sentence, pattern, err)
			}
		}
	})
}

// storeSet writes n rows as a set of two files, and beside it what an earlier set of that name has left.
func (c SourceCase[T]) storeSet(t *testing.T, p place, n int) (path string) {
	t.Helper()
	path = p.dir + "/set"
	target := fileset.Target{FS: p, Path: path, Suffix: c.Suffix, JobID: "stored"}
	var shards []fileset.Shard
	for _, rows := range [][]T{rowsOf(c.Row, 0, n/2), rowsOf(c.Row, n/2, n)} {
		w, err := target.NewShard(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		w.Rows = int64(len(rows))
		if err := c.Store(w, rows); err != nil {
			t.Fatal(err)
		}
		s, err := w.Close()
		if err != nil {
			t.Fatal(err)
		}
		shards = append(shards, s)
	}
	if _, err := target.Commit(t.Context(), shards); err != nil {
		t.Fatal(err)
	}
	p.put(t, path+"-00000-of-00009"+c.Suffix, c.file(t, rowsOf(c.Row, n, n+1)))
	return path
}

func (c SourceCase[T]) set(t *testing.T) {
	const sentence = "Of a set of files with a marker the source reads what the marker names, by the set's path and by a pattern, and nothing else."
	eachPlace(t, func(t *testing.T, p place) {
		path := c.storeSet(t, p, fewRows)
		for _, pattern := range []string{path, path + "-*"} {
			c.check(t, sentence, newSplitter(t, 2), p, &watched{FileSystem: p}, pattern, rowsOf(c.Row, 0, fewRows), nil)
		}
	})
	const incomplete = "A set that lacks a file its marker names, or has it in another size, fails the job with fileset.ErrIncomplete."
	eachPlace(t, func(t *testing.T, p place) {
		path := c.storeSet(t, p, fewRows)
		shard := path + "-00001-of-00002" + c.Suffix
		for name, damage := range map[string]func(){
			"another size": func() { p.put(t, shard, []byte("x")) },
			"missing":      func() { _ = p.Remove(t.Context(), shard) },
		} {
			damage()
			for _, pattern := range []string{path, path + "-*"} {
				err := c.read(t.Context(), newSplitter(t, 1), p.set(p), pattern, newBag[T](t, nil), nil)
				if !errors.Is(err, fileset.ErrIncomplete) || !strings.Contains(err.Error(), shard) {
					t.Errorf("%s\n%s, read as %s: %v", incomplete, name, pattern, err)
				}
			}
		}
	})
}

func (c SourceCase[T]) failingReads(t *testing.T) {
	const sentence = "A call of the file system that fails fails the job, with an error that wraps its error and names the file; it is never the end of the input."
	p := inMemory(t)
	set := c.storeSet(t, p, fewRows)
	pattern := c.store(t, p, fewRows)
	for _, pattern := range []string{pattern, set, set + "-*"} {
		total := 0
		for n := int64(1); ; n += 1 + n/50 { // all of the first calls, and ever fewer of many
			w := &watched{FileSystem: p, failAt: n}
			s := newSplitter(t, 1)
			got := newBag[T](t, nil)
			err := c.read(t.Context(), s, p.set(w), pattern, got, nil)
			failed := w.failed.Load()
			if failed == nil {
				if err != nil {
					t.Errorf("nothing was to fail: %v", err)
				}
				break
			}
			total++
			if !errors.Is(err, errInjected) || !strings.Contains(err.Error(), path.Base(failed.path)) {
				t.Errorf("%s\n%s failed, and the job says: %v", sentence, failed, err)
			}
			if n := w.open.Load(); n != 0 {
				t.Errorf("When a job has ended all its files are closed.\nafter %s failed %d are open", failed, n)
			}
		}
		if total < 4 {
			t.Errorf("reading %s makes %d calls only: what was tested?", pattern, total)
		}
	}
}

func (c SourceCase[T]) cancel(t *testing.T) {
	const sentence = "A job that is cancelled while it reads ends with the cause, and leaves no open file and no temporary one."
	eachPlace(t, func(t *testing.T, p place) {
		pattern := c.store(t, p, manyRows)
		before := len(p.list())
		for _, workers := range parallel {
			cause := errors.New("enough")
			ctx, cancel := context.WithCancelCause(t.Context())
			s := newSplitter(t, workers)
			w := &watched{FileSystem: p}
			err := c.read(ctx, s, p.set(w), pattern, newBag[T](t, nil), func(n int) {
				if n == manyRows/10 {
					cancel(cause)
				}
			})
			cancel(nil)
			if !errors.Is(err, cause) {
				t.Errorf("%s\nit ends with %v", sentence, err)
			}
			if n := w.open.Load(); n != 0 {
				t.Errorf("%s\n%d files are open", sentence, n)
			}
			if left := entries(t, s.TempDir); len(left) > 0 || len(p.list()) != before {
				t.Errorf("%s\nleft: %q, and of the input %q", sentence, left, p.list())
			}
		}
	})
}
