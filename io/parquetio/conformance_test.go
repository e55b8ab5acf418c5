package parquetio_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/millrace-go/millrace/io/filesystem"
	"github.com/millrace-go/millrace/io/filesystem/fileset"
	"github.com/millrace-go/millrace/io/iotest"
	"github.com/millrace-go/millrace/io/parquetio"
	"github.com/millrace-go/millrace/sdk"
)

type position struct {
	ID   int64   `parquet:"id"`
	Name string  `parquet:"name"`
	Note *string `parquet:"note,optional"`
}

func row(i int) position {
	p := position{ID: int64(i), Name: "name"}
	if i%3 == 0 {
		p.Note = &p.Name
	}
	return p
}

func TestConformance(t *testing.T) {
	t.Run("Source", func(t *testing.T) {
		iotest.TestSource(t, iotest.SourceCase[position]{
			Suffix: ".parquet", Row: row,
			Store: func(w io.Writer, rows []position) error {
				pw := parquet.NewGenericWriter[position](w, parquet.MaxRowsPerRowGroup(max(1, int64(len(rows)/20))))
				if _, err := pw.Write(rows); err != nil {
					return err
				}
				return pw.Close()
			},
			Read: func(p *sdk.Pipeline, fs filesystem.Set, pattern string) sdk.PCollection[position] {
				return parquetio.Read[position](p, pattern, parquetio.FileSystems(fs))
			},
		})
	})
	t.Run("Sink", func(t *testing.T) {
		iotest.TestSink(t, iotest.SinkCase[position]{
			Suffix: ".parquet", Row: row,
			Write: func(in sdk.PCollection[position], fs filesystem.Set, path string, o iotest.SinkOptions) fileset.Result {
				opts := []parquetio.Option{parquetio.FileSystems(fs), parquetio.Shards(o.Shards), parquetio.RowGroup(7)}
				if o.Overwrite {
					opts = append(opts, parquetio.Overwrite())
				}
				return parquetio.Write(in, path, opts...)
			},
			Load: func(file []byte) ([]position, error) {
				return parquet.Read[position](bytes.NewReader(file), int64(len(file)))
			},
		})
	})
}
