package parquetio

import (
	"io"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/millrace-go/millrace/io/filesystem/fileset"
	"github.com/millrace-go/millrace/sdk"
)

// RowGroup sets how many rows a row group has that is written; 131072 by default. Row groups are what readers
// share out and skip.
func RowGroup(rows int64) Option { return func(o *options) { o.rowGroup = max(rows, 1) } }

// Shards sets the number of files to write. By default there are as many as the runner finds useful.
func Shards(n int) Option { return func(o *options) { o.shards = n } }

// Overwrite lets a set be written where there is one. By default that is refused.
func Overwrite() Option { return func(o *options) { o.overwrite = true } }

// Write writes rows, compressed with zstd, to the files PATH-00000-of-0000N.parquet, and the marker
// PATH-_SUCCESS when they are complete: see package fileset.
func Write[T any](in sdk.PCollection[T], path string, opts ...Option) fileset.Result {
	o := parse(opts)
	return sdk.Scope(in.Pipeline(), "parquetio.Write", func() fileset.Result {
		return fileset.Write(in, format[T]{o.rowGroup}, fileset.SinkOptions{
			FileSystems: o.fs, Path: path, Suffix: ".parquet", Overwrite: o.overwrite, Shards: o.shards,
		})
	})
}

type format[T any] struct{ rowGroup int64 }

type encoder[T any] struct {
	w    *parquet.GenericWriter[T]
	rows []T
}

func (f format[T]) NewEncoder(w io.Writer) (fileset.Encoder[T], error) {
	s, err := schemaOf[T]()
	if err != nil {
		return nil, err
	}
	pw := parquet.NewGenericWriter[T](w, s, parquet.Compression(&zstd.Codec{Level: zstd.SpeedFastest}), parquet.MaxRowsPerRowGroup(f.rowGroup))
	return &encoder[T]{w: pw, rows: make([]T, 0, 256)}, nil
}

func (e *encoder[T]) Encode(v T) error {
	e.rows = append(e.rows, v)
	if len(e.rows) < cap(e.rows) {
		return nil
	}
	return e.flush()
}

func (e *encoder[T]) flush() error {
	_, err := e.w.Write(e.rows)
	e.rows = e.rows[:0]
	return err
}

func (e *encoder[T]) Close() error {
	if err := e.flush(); err != nil {
		return err
	}
	return e.w.Close()
}
