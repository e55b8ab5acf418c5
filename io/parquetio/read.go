// Package parquetio reads and writes Parquet files of structs, with github.com/parquet-go/parquet-go: fields are
// columns, named by the tag "parquet".
package parquetio

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"

	"github.com/parquet-go/parquet-go"

	"github.com/millrace-go/millrace/io/filesystem"
	"github.com/millrace-go/millrace/io/filesystem/fileset"
	"github.com/millrace-go/millrace/io/filesystem/local"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/metrics"
	"github.com/millrace-go/millrace/sdk/sdf"
)

// ErrSchema is wrapped by the error of a file that lacks a column of the struct, or has it in another type.
var ErrSchema = errors.New("the file has another schema")

// ErrCorrupt is wrapped by the error of a file that is damaged or cut off.
var ErrCorrupt = errors.New("the file is damaged, cut off, or not Parquet")

// Option is an option of this package's sources and sinks.
type Option func(*options)

type options struct {
	fs        filesystem.Set
	bounds    []bound
	rowGroup  int64
	shards    int
	overwrite bool
}

// bound is a predicate that whole row groups can be judged by.
type bound struct {
	column string
	lo, hi parquet.Value
}

func parse(opts []Option) *options {
	o := &options{fs: local.Default, rowGroup: 128 << 10}
	for _, f := range opts {
		f(o)
	}
	return o
}

// FileSystems sets where paths are looked up; local paths only by default.
func FileSystems(s filesystem.Set) Option { return func(o *options) { o.fs = s } }

// Where skips row groups that have no value of a column between lo and hi, both included, by the statistics in
// the file. Rows of other groups come as they are: filter them too. Several conditions must all hold.
func Where[T cmp.Ordered](column string, lo, hi T) Option {
	return func(o *options) {
		o.bounds = append(o.bounds, bound{column, parquet.ValueOf(lo), parquet.ValueOf(hi)})
	}
}

// Read reads the rows of the files that a path or pattern stands for. Only the columns that T has are read; a
// file may have more. A file that lacks one, or has it in another type, fails the job with [ErrSchema].
//
// Row groups are read by as many workers as have time. The source counts "RowGroupsRead" and
// "RowGroupsSkipped".
func Read[T any](p *sdk.Pipeline, pattern string, opts ...Option) sdk.PCollection[T] {
	o := parse(opts)
	return sdk.Scope(p, "parquetio.Read", func() sdk.PCollection[T] {
		files := fileset.Find(sdk.Create(p, []string{pattern}), o.fs)
		return sdk.ParDoSplittable(files, &readFn[T]{o: o})
	})
}

// readFn reads row groups: they are the positions of the restriction.
type readFn[T any] struct {
	RowGroupsRead    metrics.Counter
	RowGroupsSkipped metrics.Counter
	o                *options
}

// InitialRestriction is not used: the number of row groups has to be read.
func (f *readFn[T]) InitialRestriction(fileset.Found) sdf.OffsetRange { return sdf.OffsetRange{} }

// StartRestriction is the row groups of the file.
func (f *readFn[T]) StartRestriction(ctx context.Context, in fileset.Found) (sdf.OffsetRange, error) {
	pf, r, err := f.o.open(ctx, in.Path, func(int) {})
	if err != nil {
		return sdf.OffsetRange{}, err
	}
	defer func() { _ = r.Close() }()
	if _, err := schemaOf[T](); err != nil {
		return sdf.OffsetRange{}, err
	}
	if err := compatible[T](pf, in.Path); err != nil {
		return sdf.OffsetRange{}, err
	}
	return sdf.OffsetRange{Hi: int64(len(pf.RowGroups()))}, nil
}

// RestrictionSize is in bytes.
func (f *readFn[T]) RestrictionSize(in fileset.Found, r sdf.OffsetRange) float64 {
	return float64(in.Size) * r.Size() / max(1, float64(r.Hi))
}

func (f *readFn[T]) NewTracker(r sdf.OffsetRange) *sdf.OffsetTracker { return sdf.NewOffsetTracker(r) }

func (f *readFn[T]) ProcessElement(c *sdk.Context, in fileset.Found, t *sdf.OffsetTracker, out sdk.Emitter[T]) (sdk.Continuation, error) {
	pf, r, err := f.o.open(c, in.Path, func(n int) { c.AddBytes(int64(n)) })
	if err != nil {
		return sdf.Stop(), err
	}
	defer func() { _ = r.Close() }()
	groups := pf.RowGroups()
	for i := t.Restriction().Lo; t.TryClaim(i); i++ {
		skip, err := f.o.skip(groups[i], in.Path)
		if err != nil {
			return sdf.Stop(), err
		}
		if skip {
			f.RowGroupsSkipped.Inc(1)
			continue
		}
		f.RowGroupsRead.Inc(1)
		if err := readGroup(c, groups[i], out); err != nil {
			return sdf.Stop(), fmt.Errorf("parquetio: reading row group %d of %s: %w", i, in.Path, err)
		}
	}
	return sdf.Stop(), nil
}

func readGroup[T any](c *sdk.Context, g parquet.RowGroup, out sdk.Emitter[T]) (err error) {
	defer func() {
		if p := recover(); p != nil { // the library panics on some damage
			err = fmt.Errorf("%w: %v", ErrCorrupt, p)
		}
	}()
	r := parquet.NewGenericRowGroupReader[T](g)
	defer func() { err = errors.Join(err, r.Close()) }()
	want, got := g.NumRows(), int64(0)
	for {
		if err := c.Err(); err != nil {
			return context.Cause(c)
		}
		rows := make([]T, 256) // fresh: what it points to belongs to the elements
		n, err := r.Read(rows)
		got += int64(n)
		for i := range n {
			out.Emit(rows[i])
		}
		if errors.Is(err, io.EOF) {
			if got != want {
				return fmt.Errorf("%w: %d rows of %d", ErrCorrupt, got, want)
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
	}
}

// counting reports how much is read.
type counting struct {
	filesystem.File
	count func(n int)
}

func (r *counting) ReadAt(b []byte, at int64) (int, error) {
	n, err := r.File.ReadAt(b, at)
	r.count(n)
	return n, err
}

func (o *options) open(ctx context.Context, path string, count func(n int)) (pf *parquet.File, r filesystem.File, err error) {
	fsys, err := o.fs.For(path)
	if err != nil {
		return nil, nil, err
	}
	f, err := fsys.Open(ctx, path)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("parquetio: opening %s: %w: %v", path, ErrCorrupt, p)
		}
		if err != nil {
			_ = f.Close()
		}
	}()
	pf, err = parquet.OpenFile(&counting{f, count}, f.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, nil, fmt.Errorf("parquetio: opening %s: %w: %w", path, ErrCorrupt, err)
	}
	return pf, f, nil
}

// schemaOf is the schema of T, which has to be a struct of types that Parquet has.
func schemaOf[T any]() (s *parquet.Schema, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("parquetio: %s has no Parquet schema: %v", reflect.TypeFor[T](), p)
		}
	}()
	var v T
	return parquet.SchemaOf(&v), nil
}

// compatible says what a file lacks to be read as T.
func compatible[T any](pf *parquet.File, path string) error {
	want, err := schemaOf[T]()
	if err != nil {
		return err
	}
	have := pf.Schema()
	for _, col := range want.Columns() {
		w, _ := want.Lookup(col...)
		h, ok := have.Lookup(col...)
		switch {
		case !ok:
			return fmt.Errorf("parquetio: %s: %w: column %q of %s is missing; it has %q", path, ErrSchema, col, reflect.TypeFor[T](), have.Columns())
		case w.Node.Type().Kind() != h.Node.Type().Kind():
			return fmt.Errorf("parquetio: %s: %w: column %q is %s, %s wants %s", path, ErrSchema, col, h.Node.Type(), reflect.TypeFor[T](), w.Node.Type())
		}
	}
	return nil
}

// skip reports whether no row of g can satisfy all bounds.
func (o *options) skip(g parquet.RowGroup, path string) (bool, error) {
	for _, b := range o.bounds {
		leaf, ok := g.Schema().Lookup(b.column)
		if !ok {
			return false, fmt.Errorf("parquetio: %s: %w: there is no column %q to filter by", path, ErrSchema, b.column)
		}
		chunk, ok := g.ColumnChunks()[leaf.ColumnIndex].(interface {
			Bounds() (lo, hi parquet.Value, ok bool)
		})
		if !ok {
			continue
		}
		lo, hi, ok := chunk.Bounds()
		if !ok {
			continue
		}
		typ := leaf.Node.Type()
		if b.lo.Kind() != typ.Kind() {
			return false, fmt.Errorf("parquetio: %s: %w: column %q is %s, the condition has %s", path, ErrSchema, b.column, typ, b.lo.Kind())
		}
		if typ.Compare(hi, b.lo) < 0 || typ.Compare(lo, b.hi) > 0 {
			return true, nil
		}
	}
	return false, nil
}
