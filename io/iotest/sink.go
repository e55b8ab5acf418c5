package iotest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/millrace-go/millrace/io/filesystem"
	"github.com/millrace-go/millrace/io/filesystem/fileset"
	"github.com/millrace-go/millrace/sdk"
)

// SinkCase says how to test a sink of sets of files.
type SinkCase[T any] struct {
	// Suffix ends the names of the files that are written, as ".csv".
	Suffix string
	// Row returns the i-th row, i from 0. Different i give rows that differ. T needs a deterministic coder, as a key
	// does.
	Row func(i int) T
	// Write applies the sink.
	Write func(in sdk.PCollection[T], fs filesystem.Set, path string, o SinkOptions) fileset.Result
	// Load reads a file, without the package under test where there is another way.
	Load func(file []byte) ([]T, error)
}

// SinkOptions is what a sink is asked for.
type SinkOptions struct {
	Shards    int  // how many files; 0: as many as the runner likes
	Overwrite bool // replace what is there
}

// TestSink checks a sink.
func TestSink[T any](t *testing.T, c SinkCase[T]) {
	t.Run("Rows", c.rows)
	t.Run("Strict", c.strict)
	t.Run("Existing", c.existing)
	t.Run("Overwrite", c.overwrite)
	t.Run("FailedJob", c.failedJob)
	t.Run("Cancel", c.cancel)
	t.Run("FailingCalls", c.failingCalls)
}

// sinkRun is a job that writes rows.
type sinkRun[T any] struct {
	sink    SinkCase[T]
	runner  *splitter
	set     filesystem.Set
	path    string
	rows    []T
	options SinkOptions
	onRow   func(n int) error // called with the number of each row, from 1, before it is written; may be nil
}

// run runs the job and returns the manifests that the sink has given.
func (r *sinkRun[T]) run(ctx context.Context) ([]fileset.Manifest, error) {
	var got manifests
	_, err := sdk.Run(ctx, r.runner, func(p *sdk.Pipeline) error {
		in := sdk.Create(p, r.rows)
		if r.onRow != nil {
			var n counter
			in = sdk.TryFilter(in, func(T) (bool, error) { return true, r.onRow(n.next()) })
		}
		res := r.sink.Write(in, r.set, r.path, r.options)
		// What waits for the sink sees the set.
		sdk.TryMap(sdk.WaitFor(sdk.Of(p, r.path+fileset.MarkerSuffix), res), func(marker string) (bool, error) {
			f, err := r.set.For(marker)
			if err == nil {
				_, err = f.Stat(context.WithoutCancel(ctx), marker)
			}
			if errors.Is(err, fs.ErrNotExist) {
				err = fmt.Errorf("the sink's handle is done before the marker is there: %w", err)
			}
			return true, err
		})
		sdk.Filter(res.Manifest, func(m fileset.Manifest) bool { got.add(m); return false })
		return nil
	})
	return got.all, err
}

// check says what is wrong with the set at path, if it is not one of the given rows: marker, files, bytes,
// checksums, rows. Nothing else may be in the place.
func (c SinkCase[T]) check(t *testing.T, p place, path string, rows []T) (err error) {
	t.Helper()
	m, err := c.whole(t, p, path, rows)
	if err != nil {
		return err
	}
	want := []string{path + fileset.MarkerSuffix}
	for _, f := range m.Files {
		want = append(want, dirOf(path)+f.Name)
	}
	slices.Sort(want)
	if got := p.list(); !slices.Equal(got, want) {
		return fmt.Errorf("there are the files %q, want %q", got, want)
	}
	return nil
}

func dirOf(p string) string {
	dir, _ := path.Split(p)
	return dir
}

// whole is check of what the marker names; there may be other files.
func (c SinkCase[T]) whole(t *testing.T, p place, path string, rows []T) (m fileset.Manifest, err error) {
	t.Helper()
	ctx := context.Background()
	b, err := filesystem.ReadAll(ctx, p, path+fileset.MarkerSuffix, 1<<20)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return m, fmt.Errorf("the marker is not whole: %w", err)
	}
	got := newBag[T](t, nil)
	var bytes int64
	for i, f := range m.Files {
		if want := fmt.Sprintf("%s-%05d-of-%05d%s", path, i, len(m.Files), c.Suffix); dirOf(path)+f.Name != want {
			return m, fmt.Errorf("the marker names %s, want %s", f.Name, want)
		}
		b, err := filesystem.ReadAll(ctx, p, dirOf(path)+f.Name, 1<<30)
		if err != nil {
			return m, fmt.Errorf("a file that the marker names: %w", err)
		}
		vs, err := c.Load(b)
		if err != nil {
			return m, fmt.Errorf("%s (%d rows in %d bytes, says the marker) is no file of its kind: %w", f.Name, f.Rows, f.Bytes, err)
		}
		if sum := fmt.Sprintf("%016x", xxh3.Hash(b)); int64(len(vs)) != f.Rows || int64(len(b)) != f.Bytes || sum != f.Checksum {
			return m, fmt.Errorf("%s has %d rows, %d bytes, checksum %s; the marker says %+v", f.Name, len(vs), len(b), sum, f)
		}
		bytes += f.Bytes
		for _, v := range vs {
			got.add(v)
		}
	}
	if m.Rows != int64(got.rows) || m.Bytes != bytes {
		return m, fmt.Errorf("the files have %d rows and %d bytes, the marker says %d and %d", got.rows, bytes, m.Rows, m.Bytes)
	}
	return m, got.diff(newBag(t, rows))
}

// write runs a job that is to succeed, and checks what it has written.
func (c SinkCase[T]) write(t *testing.T, sentence string, s *splitter, p place, f filesystem.FileSystem, path string, rows []T, o SinkOptions) {
	t.Helper()
	r := &sinkRun[T]{sink: c, runner: s, set: p.set(f), path: path, rows: rows, options: o}
	ms, err := r.run(t.Context())
	if err == nil {
		err = c.check(t, p, path, rows)
	}
	if err == nil {
		var m fileset.Manifest
		if m, err = c.whole(t, p, path, rows); err == nil && (len(ms) != 1 || !reflect.DeepEqual(ms[0], m)) {
			err = fmt.Errorf("the sink's result is %+v, its marker %+v", ms, m)
		}
		if o.Shards > 0 && len(m.Files) != o.Shards {
			err = errors.Join(err, fmt.Errorf("%d files, want %d", len(m.Files), o.Shards))
		}
	}
	if err != nil {
		t.Errorf("%s\n%v", sentence, err)
	}
}

func (c SinkCase[T]) rows(t *testing.T) {
	const sentence = "A sink writes what it is given, once, to files that can be read, of none too; its marker names every file with the rows, bytes and checksum it has; there are as many as Shards says; nothing else is left."
	test := func(t *testing.T, p place, n, shards, workers int) {
		t.Run(fmt.Sprintf("rows=%d/shards=%d/workers=%d", n, shards, workers), func(t *testing.T) {
			p := p.below(fmt.Sprintf("%d-%d-%d", n, shards, workers))
			w := &watched{FileSystem: p}
			c.write(t, sentence, newSplitter(t, workers), p, w, p.dir+"/out", rowsOf(c.Row, 0, n), SinkOptions{Shards: shards})
			if n := w.open.Load(); n != 0 {
				t.Errorf("When a job has ended all its files are closed.\n%d are open", n)
			}
		})
	}
	disk, memory := onDisk(t), inMemory(t)
	for _, n := range []int{0, 1, 500} {
		for _, shards := range []int{0, 1, 3} {
			t.Run("local", func(t *testing.T) { test(t, disk, n, shards, 2) })
			for _, workers := range parallel {
				t.Run("memory", func(t *testing.T) { test(t, memory, n, shards, workers) })
			}
		}
	}
}

func (c SinkCase[T]) strict(t *testing.T) {
	const sentence = "The size of bundles and the number of instances do not matter to what is written."
	p := inMemory(t)
	for _, shards := range []int{0, 2} {
		s := newSplitter(t, 3)
		s.Strict, s.Seed = true, uint64(time.Now().UnixNano())
		t.Logf("seed %d", s.Seed)
		c.write(t, sentence, s, p, p, p.dir+"/out", rowsOf(c.Row, 0, 100), SinkOptions{Shards: shards, Overwrite: true})
	}
}

func (c SinkCase[T]) existing(t *testing.T) {
	const sentence = "A sink refuses to write where there is a result, or a part of one, with an error that is fileset.ErrExists and names the path, and leaves everything as it was."
	eachPlace(t, func(t *testing.T, p place) {
		path := p.dir + "/out"
		c.write(t, "A sink writes what it is given.", newSplitter(t, 2), p, p, path, rowsOf(c.Row, 0, 10), SinkOptions{Shards: 2})
		for _, state := range []string{"a set", "files without a marker", "a marker without files"} {
			switch state {
			case "files without a marker":
				c.remove(t, p, path+fileset.MarkerSuffix)
			case "a marker without files":
				for _, f := range p.list() {
					c.remove(t, p, f)
				}
				p.put(t, path+fileset.MarkerSuffix, []byte("{}"))
			}
			before := p.contents(t)
			r := &sinkRun[T]{sink: c, runner: newSplitter(t, 2), set: p.set(p), path: path, rows: rowsOf(c.Row, 10, 20)}
			_, err := r.run(t.Context())
			if !errors.Is(err, fileset.ErrExists) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s\n%s: %v", sentence, state, err)
			}
			if after := p.contents(t); !maps.Equal(before, after) {
				t.Errorf("%s\n%s: before there were %q, after %q", sentence, state, slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after)))
			}
		}
	})
}

func (c SinkCase[T]) remove(t *testing.T, p place, path string) {
	t.Helper()
	if err := p.Remove(t.Context(), path); err != nil {
		t.Fatal(err)
	}
}

func (c SinkCase[T]) overwrite(t *testing.T) {
	const sentence = "With Overwrite the new set replaces the old one, of which nothing is left, however many files each has."
	eachPlace(t, func(t *testing.T, p place) {
		for i, shards := range []int{3, 1, 2, 2} {
			c.write(t, sentence, newSplitter(t, 2), p, p, p.dir+"/out", rowsOf(c.Row, 10*i, 10*i+10), SinkOptions{Shards: shards, Overwrite: true})
		}
	})
	const neighbours = "Files of other sets in the directory are left alone, those whose names begin alike too."
	eachPlace(t, func(t *testing.T, p place) {
		for _, name := range []string{"out-a", "out-00000-of-00002", "ou", "out"} {
			r := &sinkRun[T]{sink: c, runner: newSplitter(t, 2), set: p.set(p), path: p.dir + "/" + name, rows: rowsOf(c.Row, 0, 4), options: SinkOptions{Shards: 2, Overwrite: true}}
			before := p.contents(t)
			if _, err := r.run(t.Context()); err != nil {
				t.Fatal(err)
			}
			after := p.contents(t)
			for f, b := range before {
				if after[f] != b {
					t.Errorf("%s\nwriting %s changed %s", neighbours, name, f)
				}
			}
		}
	})
}

// failAfter is an input that fails or cancels after some rows.
func (c SinkCase[T]) failAfter(t *testing.T, sentence string, stop func(cancel context.CancelCauseFunc, cause error) error) {
	eachPlace(t, func(t *testing.T, p place) {
		for _, shards := range []int{0, 2} {
			for _, workers := range parallel {
				p := p.below(fmt.Sprintf("%d-%d", shards, workers))
				path := p.dir + "/out"
				c.write(t, "A sink writes what it is given.", newSplitter(t, 2), p, p, path, rowsOf(c.Row, 0, 10), SinkOptions{Shards: 3})
				before := p.contents(t)
				cause := errors.New("enough")
				ctx, cancel := context.WithCancelCause(t.Context())
				w := &watched{FileSystem: p}
				r := &sinkRun[T]{
					sink: c, runner: newSplitter(t, workers), set: p.set(w), path: path, rows: rowsOf(c.Row, 0, 500), options: SinkOptions{Shards: shards, Overwrite: true},
					onRow: func(n int) error {
						if n == 400 {
							return stop(cancel, cause)
						}
						return nil
					},
				}
				_, err := r.run(ctx)
				cancel(nil)
				if !errors.Is(err, cause) {
					t.Errorf("%s\nit ends with %v", sentence, err)
				}
				if after := p.contents(t); !maps.Equal(before, after) {
					t.Errorf("%s\nbefore there were %q, after %q", sentence, slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after)))
				}
				if n := w.open.Load(); n != 0 {
					t.Errorf("When a job has ended all its files are closed.\n%d are open", n)
				}
				if left := entries(t, r.runner.TempDir); len(left) > 0 {
					t.Errorf("%s\nin the runner's directory: %q", sentence, left)
				}
			}
		}
	})
}

func (c SinkCase[T]) failedJob(t *testing.T) {
	c.failAfter(t, "A job that fails while it writes leaves the old set as it was, and no file of its own.",
		func(_ context.CancelCauseFunc, cause error) error { return cause })
}

func (c SinkCase[T]) cancel(t *testing.T) {
	c.failAfter(t, "A job that is cancelled while it writes leaves the old set as it was, and no file of its own.",
		func(cancel context.CancelCauseFunc, cause error) error {
			cancel(cause)
			return nil
		})
}

func (c SinkCase[T]) failingCalls(t *testing.T) {
	const (
		sentence = "Whichever call of the file system fails, there is no marker afterwards, or a whole set, and a job that reports success has written one."
		temps    = "A job that fails removes its temporary files."
		reported = "An error of the file system is wrapped by the job's, which names the path."
		next     = "The next job with Overwrite leaves its own set and nothing else."
	)
	old, want := rowsOf(c.Row, 0, 20), rowsOf(c.Row, 20, 50)
	for _, exists := range []bool{false, true} {
		for _, after := range []bool{false, true} {
			if after && !exists {
				continue // has nothing that the other three do not have
			}
			t.Run(fmt.Sprintf("existing=%v/after=%v", exists, after), func(t *testing.T) {
				total := 0
				for n := int64(1); ; n++ {
					p := inMemory(t)
					path := p.dir + "/out"
					if exists {
						c.write(t, "A sink writes what it is given.", newSplitter(t, 1), p, p, path, old, SinkOptions{Shards: 3})
					}
					w := &watched{FileSystem: p, failAt: n, after: after}
					r := &sinkRun[T]{sink: c, runner: newSplitter(t, 1), set: p.set(w), path: path, rows: want, options: SinkOptions{Shards: 2, Overwrite: true}}
					_, err := r.run(t.Context())
					failed := w.failed.Load()
					if failed == nil {
						if err == nil {
							err = c.check(t, p, path, want)
						}
						if err != nil {
							t.Errorf("nothing was to fail: %v", err)
						}
						break
					}
					total++
					_, isNew := c.whole(t, p, path, want)
					_, isOld := c.whole(t, p, path, old)
					switch {
					case isNew == nil || errors.Is(isNew, fs.ErrNotExist) && err != nil:
					case isOld == nil && exists && err != nil:
					default:
						t.Errorf("%s\n%s failed, the job says %v, and the set: %v", sentence, failed, err, isNew)
					}
					if err != nil && (!errors.Is(err, errInjected) || !strings.Contains(err.Error(), path)) {
						t.Errorf("%s\n%s failed, and the job says: %v", reported, failed, err)
					}
					for _, f := range p.list() {
						if strings.Contains(f, filesystem.TempPrefix) {
							t.Errorf("%s\nafter %s failed there is %s", temps, failed, f)
						}
					}
					if n := w.open.Load(); n != 0 {
						t.Errorf("When a job has ended all its files are closed.\nafter %s failed %d are open", failed, n)
					}
					c.write(t, next+" After "+failed.String()+" failed:", newSplitter(t, 1), p, p, path, want, SinkOptions{Shards: 2, Overwrite: true})
				}
				if total < 15 {
					t.Errorf("a job makes %d calls only: what was tested?", total)
				}
			})
		}
	}
}
