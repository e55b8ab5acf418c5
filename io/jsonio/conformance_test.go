package jsonio_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/millrace-go/millrace/io/filesystem"
	"github.com/millrace-go/millrace/io/filesystem/fileset"
	"github.com/millrace-go/millrace/io/iotest"
	"github.com/millrace-go/millrace/io/jsonio"
	"github.com/millrace-go/millrace/sdk"
)

func row(i int) event {
	return event{Name: fmt.Sprintf("name\n%d", i), N: i, Tags: []string{"a", fmt.Sprint(i)}[:1+i%2]}
}

func TestConformance(t *testing.T) {
	t.Run("Source", func(t *testing.T) {
		iotest.TestSource(t, iotest.SourceCase[event]{
			Suffix: ".jsonl", Row: row,
			Store: func(w io.Writer, rows []event) error {
				e := json.NewEncoder(w)
				for _, r := range rows {
					if err := e.Encode(r); err != nil {
						return err
					}
				}
				return nil
			},
			Read: func(p *sdk.Pipeline, fs filesystem.Set, pattern string) sdk.PCollection[event] {
				return jsonio.Read[event](p, pattern, jsonio.FileSystems(fs), jsonio.Strict())
			},
		})
	})
	t.Run("Sink", func(t *testing.T) {
		iotest.TestSink(t, iotest.SinkCase[event]{
			Suffix: ".jsonl", Row: row,
			Write: func(in sdk.PCollection[event], fs filesystem.Set, path string, o iotest.SinkOptions) fileset.Result {
				opts := []jsonio.Option{jsonio.FileSystems(fs), jsonio.Shards(o.Shards)}
				if o.Overwrite {
					opts = append(opts, jsonio.Overwrite())
				}
				return jsonio.Write(in, path, opts...)
			},
			Load: func(file []byte) (rows []event, err error) {
				for d := json.NewDecoder(bytes.NewReader(file)); ; {
					var e event
					if err := d.Decode(&e); errors.Is(err, io.EOF) {
						return rows, nil
					} else if err != nil {
						return nil, err
					}
					rows = append(rows, e)
				}
			},
		})
	})
}
