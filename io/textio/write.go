package textio

import (
	"io"
	"strings"

	"github.com/millrace-go/millrace/io/filesystem/fileset"
	"github.com/millrace-go/millrace/sdk"
)

// Shards sets the number of files to write. By default there are as many as the runner finds useful.
func Shards(n int) Option { return func(o *options) { o.shards = n } }

// Overwrite lets a set be written where there is one. By default that is refused.
func Overwrite() Option { return func(o *options) { o.overwrite = true } }

// Header sets lines that begin every file that is written.
func Header(lines ...string) Option { return func(o *options) { o.header = lines } }

// Footer sets lines that end every file that is written.
func Footer(lines ...string) Option { return func(o *options) { o.footer = lines } }

// Suffix sets what the names of the files that are written end with, before that of a compression.
func Suffix(s string) Option { return func(o *options) { o.suffix = s } }

// Write writes lines, each with "\n" behind it, to the files PATH-00000-of-0000N, and the marker PATH-_SUCCESS
// when they are complete: see package fileset. The order of the lines is not defined.
func Write(in sdk.PCollection[string], path string, opts ...Option) fileset.Result {
	o := parse(opts)
	return sdk.Scope(in.Pipeline(), "textio.Write", func() fileset.Result {
		codec := o.codec.of(o.suffix)
		suffix := o.suffix
		if !strings.HasSuffix(suffix, codec.suffix()) {
			suffix += codec.suffix()
		}
		return fileset.Write(in, format{codec, o.header, o.footer}, fileset.SinkOptions{
			FileSystems: o.fs, Path: path, Suffix: suffix, Overwrite: o.overwrite, Shards: o.shards,
		})
	})
}

type format struct {
	codec          Compression
	header, footer []string
}

type encoder struct {
	w      io.WriteCloser
	line   []byte
	footer []string
}

func (f format) NewEncoder(w io.Writer) (fileset.Encoder[string], error) {
	c, err := f.codec.writer(w)
	if err != nil {
		return nil, err
	}
	e := &encoder{w: c, footer: f.footer}
	for _, l := range f.header {
		if err := e.Encode(l); err != nil {
			return nil, err
		}
	}
	return e, nil
}

func (e *encoder) Encode(line string) error {
	e.line = append(append(e.line[:0], line...), '\n')
	_, err := e.w.Write(e.line)
	return err
}

func (e *encoder) Close() error {
	for _, l := range e.footer {
		if err := e.Encode(l); err != nil {
			return err
		}
	}
	return e.w.Close()
}
