package csvio_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"testing"

	"github.com/millrace-go/millrace/io/csvio"
	"github.com/millrace-go/millrace/io/filesystem"
	"github.com/millrace-go/millrace/io/filesystem/fileset"
	"github.com/millrace-go/millrace/io/iotest"
	"github.com/millrace-go/millrace/sdk"
)

type reading struct {
	ID   int64
	Note string
}

func row(i int) reading { return reading{int64(i), fmt.Sprintf(`note "%d", quoted`, i)} }

func TestSourceConformance(t *testing.T) {
	for _, header := range []bool{false, true} {
		t.Run(fmt.Sprintf("header=%v", header), func(t *testing.T) {
			iotest.TestSource(t, iotest.SourceCase[reading]{
				Suffix: ".csv", Row: row,
				Store: func(w io.Writer, rows []reading) error {
					c := csv.NewWriter(w)
					if header {
						_ = c.Write([]string{"ID", "Note"})
					}
					for _, r := range rows {
						_ = c.Write([]string{strconv.FormatInt(r.ID, 10), r.Note})
					}
					c.Flush()
					return c.Error()
				},
				Read: func(p *sdk.Pipeline, fs filesystem.Set, pattern string) sdk.PCollection[reading] {
					opts := []csvio.Option{csvio.FileSystems(fs)}
					if header {
						opts = append(opts, csvio.Header())
					}
					return csvio.Read[reading](p, pattern, opts...)
				},
			})
		})
	}
}

func TestSinkConformance(t *testing.T) {
	iotest.TestSink(t, iotest.SinkCase[reading]{
		Suffix: ".csv", Row: row,
		Write: func(in sdk.PCollection[reading], fs filesystem.Set, path string, o iotest.SinkOptions) fileset.Result {
			opts := []csvio.Option{csvio.FileSystems(fs), csvio.Header(), csvio.Shards(o.Shards)}
			if o.Overwrite {
				opts = append(opts, csvio.Overwrite())
			}
			return csvio.Write(in, path, opts...)
		},
		Load: func(file []byte) (rows []reading, err error) {
			recs, err := csv.NewReader(bytes.NewReader(file)).ReadAll()
			if err != nil {
				return nil, err
			}
			if len(recs) == 0 || recs[0][0] != "ID" || recs[0][1] != "Note" {
				return nil, errors.New("there is no header")
			}
			for _, rec := range recs[1:] {
				id, err := strconv.ParseInt(rec[0], 10, 64)
				if err != nil {
					return nil, err
				}
				rows = append(rows, reading{id, rec[1]})
			}
			return rows, nil
		},
	})
}
