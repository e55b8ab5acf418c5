// Package jsonio reads and writes files of JSON, one value a line, with encoding/json.
package jsonio

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/millrace-go/millrace/io/filesystem"
	"github.com/millrace-go/millrace/io/filesystem/fileset"
	"github.com/millrace-go/millrace/io/filesystem/local"
	"github.com/millrace-go/millrace/io/textio"
	"github.com/millrace-go/millrace/sdk"
)

// ErrRecord is wrapped by the error of a line that is no value of the type read.
var ErrRecord = errors.New("malformed record")

// Option is an option of this package's sources and sinks.
type Option func(*options)

type options struct {
	fs        filesystem.Set
	strict    bool
	policy    []sdk.Option
	shards    int
	overwrite bool
	codec     textio.Compression
}

func parse(opts []Option) *options {
	o := &options{fs: local.Default, codec: textio.Auto}
	for _, f := range opts {
		f(o)
	}
	return o
}

// FileSystems sets where paths are looked up; local paths only by default.
func FileSystems(s filesystem.Set) Option { return func(o *options) { o.fs = s } }

// Strict refuses members that the type does not have. By default they are passed over.
func Strict() Option { return func(o *options) { o.strict = true } }

// OnError sets what happens to lines that are no values; by default the job fails. With a dead letter, an
// sdk.Output[sdk.Failed[textio.Line]], they come out with file and offset.
func OnError(p sdk.ErrorPolicy) Option {
	return func(o *options) { o.policy = append(o.policy, sdk.OnError(p)) }
}

// Shards sets the number of files to write.
func Shards(n int) Option { return func(o *options) { o.shards = n } }

// Overwrite lets a set be written where there is one. By default that is refused.
func Overwrite() Option { return func(o *options) { o.overwrite = true } }

// Compress sets the compression of what is written.
func Compress(c textio.Compression) Option { return func(o *options) { o.codec = c } }

// Read reads the values of the files that a path or pattern stands for. Empty lines are passed over.
func Read[T any](p *sdk.Pipeline, pattern string, opts ...Option) sdk.PCollection[T] {
	o := parse(opts)
	return sdk.Scope(p, "jsonio.Read", func() sdk.PCollection[T] {
		lines := sdk.Filter(textio.ReadLines(p, pattern, textio.FileSystems(o.fs)), func(l textio.Line) bool { return l.Text != "" })
		return sdk.TryMap(lines, func(l textio.Line) (T, error) {
			var v T
			d := json.NewDecoder(strings.NewReader(l.Text))
			if o.strict {
				d.DisallowUnknownFields()
			}
			err := d.Decode(&v)
			if err == nil {
				if _, more := d.Token(); !errors.Is(more, io.EOF) {
					err = errors.New("more than one value")
				}
			}
			if err != nil {
				err = fmt.Errorf("jsonio: %s at offset %d: %w: %w", l.Path, l.Offset, ErrRecord, err)
			}
			return v, err
		}, o.policy...)
	})
}

// Write writes values to the files PATH-00000-of-0000N.jsonl, and the marker PATH-_SUCCESS when they are
// complete: see package fileset.
func Write[T any](in sdk.PCollection[T], path string, opts ...Option) fileset.Result {
	o := parse(opts)
	return sdk.Scope(in.Pipeline(), "jsonio.Write", func() fileset.Result {
		lines := sdk.TryMap(in, func(v T) (string, error) {
			var b bytes.Buffer
			e := json.NewEncoder(&b)
			e.SetEscapeHTML(false)
			err := e.Encode(v)
			return strings.TrimSuffix(b.String(), "\n"), err
		})
		w := []textio.Option{textio.FileSystems(o.fs), textio.Suffix(".jsonl"), textio.Shards(o.shards), textio.Compress(o.codec)}
		if o.overwrite {
			w = append(w, textio.Overwrite())
		}
		return textio.Write(lines, path, w...)
	})
}
