package textio_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/millrace-go/millrace/io/filesystem"
	"github.com/millrace-go/millrace/io/filesystem/fileset"
	"github.com/millrace-go/millrace/io/iotest"
	"github.com/millrace-go/millrace/io/textio"
	"github.com/millrace-go/millrace/sdk"
)

func row(i int) string { return fmt.Sprintf("line %d", i) }

func storeLines(w io.Writer, rows []string) error {
	b := bufio.NewWriter(w)
	for _, r := range rows {
		_, _ = b.WriteString(r + "\n")
	}
	return b.Flush()
}

func readLines(p *sdk.Pipeline, fs filesystem.Set, pattern string) sdk.PCollection[string] {
	return textio.Read(p, pattern, textio.FileSystems(fs))
}

func TestSourceConformance(t *testing.T) {
	t.Run("Read", func(t *testing.T) {
		iotest.TestSource(t, iotest.SourceCase[string]{Suffix: ".txt", Row: row, Store: storeLines, Read: readLines})
	})
	t.Run("gzip", func(t *testing.T) {
		iotest.TestSource(t, iotest.SourceCase[string]{
			Suffix: ".txt.gz", Row: row, Read: readLines, Whole: true,
			Store: func(w io.Writer, rows []string) error {
				z := gzip.NewWriter(w)
				if err := storeLines(z, rows); err != nil {
					return err
				}
				return z.Close()
			},
		})
	})
	t.Run("ReadLines", func(t *testing.T) {
		iotest.TestSource(t, iotest.SourceCase[string]{
			Row: row, Store: storeLines,
			Read: func(p *sdk.Pipeline, fs filesystem.Set, pattern string) sdk.PCollection[string] {
				return sdk.Map(textio.ReadLines(p, pattern, textio.FileSystems(fs)), func(l textio.Line) string { return l.Text })
			},
		})
	})
	t.Run("ReadAll", func(t *testing.T) {
		iotest.TestSource(t, iotest.SourceCase[string]{
			Row: row, Store: storeLines,
			Read: func(p *sdk.Pipeline, fs filesystem.Set, pattern string) sdk.PCollection[string] {
				return textio.ReadAll(sdk.Of(p, pattern), textio.FileSystems(fs))
			},
		})
	})
}

func TestSinkConformance(t *testing.T) {
	for _, codec := range []textio.Compression{textio.None, textio.Gzip, textio.Zstd} {
		suffix := map[textio.Compression]string{textio.Gzip: ".gz", textio.Zstd: ".zst"}[codec]
		t.Run("codec="+suffix, func(t *testing.T) {
			iotest.TestSink(t, iotest.SinkCase[string]{
				Suffix: ".txt" + suffix, Row: row,
				Write: func(in sdk.PCollection[string], fs filesystem.Set, path string, o iotest.SinkOptions) fileset.Result {
					opts := []textio.Option{textio.FileSystems(fs), textio.Suffix(".txt"), textio.Compress(codec), textio.Shards(o.Shards), textio.Header("head"), textio.Footer("foot")}
					if o.Overwrite {
						opts = append(opts, textio.Overwrite())
					}
					return textio.Write(in, path, opts...)
				},
				Load: func(file []byte) ([]string, error) { return loadLines(codec, file) },
			})
		})
	}
}

// loadLines takes off the head and foot lines.
func loadLines(codec textio.Compression, file []byte) ([]string, error) {
	var r io.Reader = bytes.NewReader(file)
	var err error
	switch codec {
	case textio.Gzip:
		r, err = gzip.NewReader(r)
	case textio.Zstd:
		r, err = zstd.NewReader(r)
	default:
	}
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	lines := strings.SplitAfter(string(b), "\n")
	n := len(lines)
	if n < 3 || lines[0] != "head\n" || lines[n-2] != "foot\n" || lines[n-1] != "" {
		return nil, fmt.Errorf("no head or foot: %.100q", b)
	}
	var rows []string
	for _, l := range lines[1 : n-2] {
		rows = append(rows, strings.TrimSuffix(l, "\n"))
	}
	return rows, nil
}
