package fileset

import (
	"bufio"
	"context"
	"errors"
	"io"
	"iter"
	"slices"
	"sync"

	"github.com/millrace-go/millrace/io/filesystem"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// Format is how a kind of file is written: what the sinks of text, CSV, JSON and Parquet differ in.
type Format[T any] interface {
	// NewEncoder begins a file on w.
	NewEncoder(w io.Writer) (Encoder[T], error)
}

// Encoder writes the rows of one file. It belongs to one goroutine.
type Encoder[T any] interface {
	Encode(v T) error
	// Close ends the file: what is buffered goes to the writer, which stays open.
	Close() error
}

// SinkOptions is what the sinks of sets have in common.
type SinkOptions struct {
	FileSystems filesystem.Set
	Path        string
	Suffix      string
	Overwrite   bool
	Shards      int // how many files, however few the rows; 0: as many as the runner likes, but one at least
}

// Result is what a sink of sets returns: a handle that is done when the set is complete, and its manifest.
type Result struct {
	sdk.Handle
	// Manifest has one element, when the set is complete.
	Manifest sdk.PCollection[Manifest]
}

// Write writes a collection, whatever its windows, as one set. Rows of a bundle go to one shard; with a number
// of shards set, rows are dealt out to that many.
func Write[T any](in sdk.PCollection[T], format Format[T], o SinkOptions) Result {
	p := in.Pipeline()
	left := &pending{}
	in = sdk.WindowInto(in, window.GlobalWindows())
	checked := sdk.Done(sdk.ParDo(sdk.Impulse(p), &checkFn{o: o}))
	var shards sdk.PCollection[Shard]
	if o.Shards > 0 {
		keyed := sdk.ParDo(in, &dealFn[T]{Shards: o.Shards})
		shards = sdk.ParDo(sdk.GroupByKey(keyed), &writeGroupFn[T]{o: o, format: format, left: left})
	} else {
		shards = sdk.ParDo(in, &writeFn[T]{o: o, format: format, left: left})
	}
	all := sdk.WaitFor(sdk.CombineGlobally(shards, gather{}), checked)
	done := sdk.ParDo(all, &commitFn[T]{o: o, format: format, left: left})
	sdk.Cleanup(p, func(_ string, failed bool) error { return left.discard(failed) })
	return Result{Handle: sdk.Done(done), Manifest: done}
}

func (o SinkOptions) target(c *sdk.Context) (Target, error) {
	f, err := o.FileSystems.For(o.Path)
	if err != nil {
		return Target{}, err
	}
	return Target{FS: f, Path: o.Path, Suffix: o.Suffix, Overwrite: o.Overwrite, JobID: c.JobID()}, nil
}

// checkFn refuses a target before the job has worked for it.
type checkFn struct{ o SinkOptions }

func (f *checkFn) ProcessElement(c *sdk.Context, _ []byte, _ sdk.Emitter[struct{}]) error {
	t, err := f.o.target(c)
	if err != nil {
		return err
	}
	return t.Check(c)
}

// pending is the temporary files of this process that no commit has taken over.
type pending struct {
	mu    sync.Mutex
	files map[string]filesystem.FileSystem
}

func (p *pending) add(f filesystem.FileSystem, temp string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.files == nil {
		p.files = map[string]filesystem.FileSystem{}
	}
	p.files[temp] = f
}

func (p *pending) remove(temp string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.files, temp)
}

// discard removes what is left when a job has failed. The job's context has ended by then.
func (p *pending) discard(failed bool) error {
	if !failed {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for temp, f := range p.files {
		errs = append(errs, f.Remove(context.Background(), temp))
	}
	p.files = nil
	return errors.Join(errs...)
}

// shardFile is a shard that is being encoded.
type shardFile[T any] struct {
	w    *ShardWriter
	buf  *bufio.Writer
	enc  Encoder[T]
	temp string
}

func openShard[T any](c *sdk.Context, o SinkOptions, format Format[T], left *pending) (*shardFile[T], error) {
	t, err := o.target(c)
	if err != nil {
		return nil, err
	}
	w, err := t.NewShard(c)
	if err != nil {
		return nil, err
	}
	left.add(t.FS, w.temp)
	s := &shardFile[T]{w: w, buf: bufio.NewWriterSize(w, 256<<10), temp: w.temp}
	if s.enc, err = format.NewEncoder(s.buf); err != nil {
		return nil, errors.Join(err, w.Abort())
	}
	return s, nil
}

func (s *shardFile[T]) add(v T) error {
	s.w.Rows++
	return s.enc.Encode(v)
}

func (s *shardFile[T]) close() (Shard, error) {
	if err := s.enc.Close(); err != nil {
		return Shard{}, errors.Join(err, s.w.Abort())
	}
	if err := s.buf.Flush(); err != nil {
		return Shard{}, errors.Join(err, s.w.Abort())
	}
	return s.w.Close()
}

// writeFn writes the rows of each bundle to a shard.
type writeFn[T any] struct {
	o      SinkOptions
	format Format[T]
	left   *pending
	cur    *shardFile[T]
}

func (f *writeFn[T]) ProcessElement(c *sdk.Context, v T, _ sdk.Emitter[Shard]) error {
	if f.cur == nil {
		var err error
		if f.cur, err = openShard(c, f.o, f.format, f.left); err != nil {
			return err
		}
	}
	return f.cur.add(v)
}

func (f *writeFn[T]) FinishBundle(_ *sdk.Context, out sdk.Emitter[Shard]) error {
	if f.cur == nil {
		return nil
	}
	s, err := f.cur.close()
	f.cur = nil
	if err != nil {
		return err
	}
	out.EmitIn(window.Global, mtime.EndOfGlobalWindow, s)
	return nil
}

func (f *writeFn[T]) Teardown() error {
	if f.cur == nil {
		return nil
	}
	err := f.cur.w.Abort() // the bundle has failed
	f.cur = nil
	return err
}

// dealFn deals rows out to shards.
type dealFn[T any] struct {
	Shards int
	next   int
}

func (f *dealFn[T]) ProcessElement(c *sdk.Context, v T, out sdk.Emitter[sdk.KV[int, T]]) error {
	f.next = (f.next + 1) % f.Shards
	out.Emit(sdk.MakeKV(f.next, v))
	return nil
}

// writeGroupFn writes the rows of each group to a shard.
type writeGroupFn[T any] struct {
	o      SinkOptions
	format Format[T]
	left   *pending
}

func (f *writeGroupFn[T]) ProcessElement(c *sdk.Context, g sdk.KV[int, iter.Seq[T]], out sdk.Emitter[Shard]) error {
	s, err := openShard(c, f.o, f.format, f.left)
	if err != nil {
		return err
	}
	for v := range g.Value {
		if err := s.add(v); err != nil {
			return errors.Join(err, s.w.Abort())
		}
	}
	sh, err := s.close()
	if err == nil {
		out.Emit(sh)
	}
	return err
}

// gather collects the shards.
type gather struct{}

func (gather) CreateAccumulator() []Shard             { return nil }
func (gather) AddInput(a []Shard, s Shard) []Shard    { return append(a, s) }
func (gather) MergeAccumulators(a, b []Shard) []Shard { return append(a, b...) }
func (gather) ExtractOutput(a []Shard) []Shard        { return a }

// commitFn makes the set of the shards. Where there are too few, it writes files without rows, which in most
// formats have bytes all the same.
type commitFn[T any] struct {
	o      SinkOptions
	format Format[T]
	left   *pending
}

func (f *commitFn[T]) ProcessElement(c *sdk.Context, shards []Shard, out sdk.Emitter[Manifest]) error {
	t, err := f.o.target(c)
	if err != nil {
		return err
	}
	shards = slices.Clone(shards)
	for len(shards) < max(f.o.Shards, 1) {
		w, err := openShard(c, f.o, f.format, f.left)
		if err != nil {
			return err
		}
		s, err := w.close()
		if err != nil {
			return err
		}
		shards = append(shards, s)
	}
	m, err := t.Commit(c, shards)
	if err != nil {
		return err
	}
	for _, s := range shards {
		f.left.remove(s.Temp)
	}
	out.Emit(m)
	return nil
}
