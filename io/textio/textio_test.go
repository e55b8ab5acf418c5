package textio_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/millrace-go/millrace/io/filesystem"
	"github.com/millrace-go/millrace/io/filesystem/memfs"
	"github.com/millrace-go/millrace/io/textio"
	"github.com/millrace-go/millrace/runners/ptest"
	"github.com/millrace-go/millrace/sdk"
)

func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(p, data, 0o666); err != nil {
		t.Fatal(err)
	}
	return p
}

func read(t *testing.T, pattern string, opts ...textio.Option) []string {
	t.Helper()
	got := ptest.Collect(t, func(p *sdk.Pipeline) sdk.PCollection[string] { return textio.Read(p, pattern, opts...) })
	slices.Sort(got)
	return got
}

func gzipped(b []byte) []byte {
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	_, _ = w.Write(b)
	_ = w.Close()
	return buf.Bytes()
}

func TestRead(t *testing.T) {
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 700_000)
	tests := []struct {
		name string
		data []byte
		file string
		want []string
	}{
		{"lines", []byte("b\na\n"), "f.txt", []string{"a", "b"}},
		{"no end at the end", []byte("b\na"), "f.txt", []string{"a", "b"}},
		{"empty file", nil, "f.txt", nil},
		{"empty lines", []byte("\n\n"), "f.txt", []string{"", ""}},
		{"carriage returns", []byte("b\r\na\rc\r\n"), "f.txt", []string{"a\rc", "b"}},
		{"bytes that are not UTF-8", []byte("\xff\xfe\x00\n"), "f.txt", []string{"\xff\xfe\x00"}},
		{"a line longer than the buffer", []byte("a\n" + long + "\nb\n"), "f.txt", []string{"a", "b", long}},
		{"gzip", gzipped([]byte("b\na")), "f.gz", []string{"a", "b"}},
		{"gzip of a long line", gzipped([]byte("a\n" + long + "\nb\n")), "f.gz", []string{"a", "b", long}},
		{"zstd", z.EncodeAll([]byte("b\na\n"), nil), "f.zst", []string{"a", "b"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := read(t, write(t, tt.file, tt.data)); !slices.Equal(got, tt.want) {
				t.Errorf("got %.100q, want %.100q", got, tt.want)
			}
		})
	}
}

func TestReadErrors(t *testing.T) {
	gz := gzipped(bytes.Repeat([]byte("some text, not all the same 12345\n"), 10_000))
	tests := []struct {
		name, pattern string
		opts          []textio.Option
		is            error
		says          string
	}{
		{name: "truncated gzip", pattern: write(t, "f.gz", gz[:len(gz)/2]), says: "cut off"},
		{name: "not gzip", pattern: write(t, "f.gz", []byte("plain")), says: "f.gz"},
		{name: "line too long", pattern: write(t, "f.txt", bytes.Repeat([]byte("y"), 600_000)), opts: []textio.Option{textio.MaxLine(300_000)}, is: textio.ErrLineTooLong, says: "offset 0"},
		{name: "unknown scheme", pattern: "s3://bucket/x", is: filesystem.ErrNoFileSystem, says: "s3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ptest.RunErr(t, func(p *sdk.Pipeline) error {
				textio.Read(p, tt.pattern, tt.opts...)
				return nil
			})
			if err == nil || tt.is != nil && !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error %v, want %v saying %q", err, tt.is, tt.says)
			}
		})
	}
}

func TestReadFromMemory(t *testing.T) {
	m := &memfs.FileSystem{}
	for _, p := range []string{"mem://d/a.txt", "mem://d/e/b.txt", "mem://d/c.md"} {
		if err := m.PutIfAbsent(t.Context(), p, []byte(p+"\n")); err != nil {
			t.Fatal(err)
		}
	}
	set := textio.FileSystems(filesystem.Set{"mem": m})
	if got := read(t, "mem://d/**/*.txt", set); len(got) != 2 {
		t.Errorf("got %q", got)
	}
}
