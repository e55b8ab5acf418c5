// Package textio reads and writes files of lines.
package textio

import (
	"fmt"
	"io"

	"github.com/millrace-go/millrace/io/filesystem"
	"github.com/millrace-go/millrace/io/filesystem/fileset"
	"github.com/millrace-go/millrace/io/filesystem/local"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/sdf"
)

// DefaultMaxLine is the longest line that is read by default, in bytes.
const DefaultMaxLine = 1 << 30

// Option is an option of this package's sources and sinks.
type Option func(*options)

type options struct {
	fs        filesystem.Set
	maxLine   int
	codec     Compression
	shards    int
	overwrite bool
	header    []string
	footer    []string
	suffix    string
}

func parse(opts []Option) *options {
	o := &options{fs: local.Default, maxLine: DefaultMaxLine, codec: Auto}
	for _, f := range opts {
		f(o)
	}
	return o
}

// FileSystems sets where paths are looked up; local paths only by default.
func FileSystems(s filesystem.Set) Option { return func(o *options) { o.fs = s } }

// MaxLine sets the longest line, in bytes; a longer one fails the job, naming file and offset. By default it is
// [DefaultMaxLine].
func MaxLine(bytes int) Option { return func(o *options) { o.maxLine = bytes } }

// Line is a line and where it comes from.
type Line struct {
	Path   string
	Offset int64 // of the line's first byte; in a compressed file, of the uncompressed text
	Text   string
}

// Read reads the lines of the files that a path or pattern stands for, without their ends ("\n" or "\r\n").
// Nothing else of a line's bytes is changed or checked. Files that end in .gz, .zst or .bz2 are decompressed.
// That nothing matches is an error of the job.
//
// Uncompressed files are read in parts by as many workers as have time.
func Read(p *sdk.Pipeline, pattern string, opts ...Option) sdk.PCollection[string] {
	return sdk.Scope(p, "textio.Read", func() sdk.PCollection[string] {
		return sdk.ParDoSplittable(files(p, pattern, opts), &readFn{source: newSource(opts)})
	})
}

// ReadLines is [Read] with the file and offset of each line.
func ReadLines(p *sdk.Pipeline, pattern string, opts ...Option) sdk.PCollection[Line] {
	return sdk.Scope(p, "textio.ReadLines", func() sdk.PCollection[Line] {
		return sdk.ParDoSplittable(files(p, pattern, opts), &readLinesFn{source: newSource(opts)})
	})
}

// ReadAll reads the lines of the files that each pattern of a collection stands for.
func ReadAll(patterns sdk.PCollection[string], opts ...Option) sdk.PCollection[string] {
	return sdk.Scope(patterns.Pipeline(), "textio.ReadAll", func() sdk.PCollection[string] {
		return sdk.ParDoSplittable(find(patterns, opts), &readFn{source: newSource(opts)})
	})
}

func files(p *sdk.Pipeline, pattern string, opts []Option) sdk.PCollection[fileset.Found] {
	return find(sdk.Create(p, []string{pattern}), opts)
}

func find(patterns sdk.PCollection[string], opts []Option) sdk.PCollection[fileset.Found] {
	return fileset.Find(patterns, parse(opts).fs)
}

// source is what the splittable readers share.
type source struct{ o *options }

func newSource(opts []Option) source { return source{parse(opts)} }

// InitialRestriction is the bytes of the file; a compressed one is read as a whole.
func (s source) InitialRestriction(f fileset.Found) sdf.OffsetRange {
	if s.o.codec.of(f.Path) != None {
		return sdf.OffsetRange{Lo: 0, Hi: 1}
	}
	return sdf.OffsetRange{Lo: 0, Hi: f.Size}
}

// RestrictionSize is in bytes.
func (s source) RestrictionSize(f fileset.Found, r sdf.OffsetRange) float64 {
	if s.o.codec.of(f.Path) != None {
		return float64(f.Size)
	}
	return r.Size()
}

// NewTracker implements sdk.SplittableFn.
func (source) NewTracker(r sdf.OffsetRange) *sdf.OffsetTracker { return sdf.NewOffsetTracker(r) }

// read calls emit for the lines that begin in t's part of f.
func (s source) read(c *sdk.Context, f fileset.Found, t *sdf.OffsetTracker, emit func(offset int64, line string)) error {
	fsys, err := s.o.fs.For(f.Path)
	if err != nil {
		return err
	}
	r, err := fsys.Open(c, f.Path)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	codec := s.o.codec.of(f.Path)
	if codec == None {
		ls := &lines{r: r, size: r.Size(), max: s.o.maxLine, path: f.Path, ctx: c}
		return ls.read(t, emit, c.AddBytes)
	}
	if !t.TryClaim(0) {
		return nil
	}
	d, err := codec.reader(io.NewSectionReader(&counted{r, c}, 0, r.Size()))
	if err != nil {
		return fmt.Errorf("textio: decompressing %s: %w", f.Path, err)
	}
	defer func() { _ = d.Close() }()
	ls := &lines{max: s.o.maxLine, path: f.Path, ctx: c}
	if err := ls.stream(d, emit); err != nil {
		return err
	}
	t.TryClaim(1) // says that all of it is done
	return nil
}

// counted counts what is read of a compressed file.
type counted struct {
	r io.ReaderAt
	c *sdk.Context
}

func (r *counted) ReadAt(b []byte, at int64) (int, error) {
	n, err := r.r.ReadAt(b, at)
	r.c.AddBytes(int64(n))
	return n, err
}

type readFn struct{ source }

func (f *readFn) ProcessElement(c *sdk.Context, in fileset.Found, t *sdf.OffsetTracker, out sdk.Emitter[string]) (sdk.Continuation, error) {
	return sdf.Stop(), f.read(c, in, t, func(_ int64, line string) { out.Emit(line) })
}

type readLinesFn struct{ source }

func (f *readLinesFn) ProcessElement(c *sdk.Context, in fileset.Found, t *sdf.OffsetTracker, out sdk.Emitter[Line]) (sdk.Continuation, error) {
	return sdf.Stop(), f.read(c, in, t, func(at int64, line string) { out.Emit(Line{in.Path, at, line}) })
}
