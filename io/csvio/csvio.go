// Package csvio reads and writes files of comma-separated values as structs: one record a line (RFC 4180 without
// line ends inside fields, so that files can be split anywhere).
//
// Exported fields are columns, in order; the tag `csv:"name"` names one, `csv:"-"` leaves one out. Fields are
// strings, numbers, bools, and what implements encoding.TextUnmarshaler and TextMarshaler.
package csvio

import (
	"encoding"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace-go/millrace/io/filesystem"
	"github.com/millrace-go/millrace/io/filesystem/fileset"
	"github.com/millrace-go/millrace/io/filesystem/local"
	"github.com/millrace-go/millrace/io/textio"
	"github.com/millrace-go/millrace/sdk"
)

// ErrRecord is wrapped by the error of a line that is no record of the struct's.
var ErrRecord = errors.New("malformed record")

// Option is an option of this package's sources and sinks.
type Option func(*options)

type options struct {
	fs        filesystem.Set
	header    bool
	comma     rune
	policy    []sdk.Option
	shards    int
	overwrite bool
}

func parse(opts []Option) *options {
	o := &options{fs: local.Default, comma: ','}
	for _, f := range opts {
		f(o)
	}
	return o
}

// FileSystems sets where paths are looked up; local paths only by default.
func FileSystems(s filesystem.Set) Option { return func(o *options) { o.fs = s } }

// Header says that files begin with a line of column names. It is checked when reading, and written.
func Header() Option { return func(o *options) { o.header = true } }

// Comma sets what separates fields; a comma by default.
func Comma(r rune) Option { return func(o *options) { o.comma = r } }

// OnError sets what happens to lines that are no records; by default the job fails. With a dead letter,
//
//	var bad sdk.Output[sdk.Failed[textio.Line]]
//	trips := csvio.Read[Trip](p, glob, csvio.OnError(sdk.DeadLetter(&bad)))
//
// they come out with file and offset.
func OnError(p sdk.ErrorPolicy) Option {
	return func(o *options) { o.policy = append(o.policy, sdk.OnError(p)) }
}

// Shards sets the number of files to write.
func Shards(n int) Option { return func(o *options) { o.shards = n } }

// Overwrite lets a set be written where there is one. By default that is refused.
func Overwrite() Option { return func(o *options) { o.overwrite = true } }

// Read reads the records of the files that a path or pattern stands for.
func Read[T any](p *sdk.Pipeline, pattern string, opts ...Option) sdk.PCollection[T] {
	o := parse(opts)
	return sdk.Scope(p, "csvio.Read", func() sdk.PCollection[T] {
		lines := textio.ReadLines(p, pattern, textio.FileSystems(o.fs))
		cols, err := columns(reflect.TypeFor[T]())
		if o.header {
			lines = sdk.TryFilter(lines, func(l textio.Line) (bool, error) {
				if l.Offset > 0 || err != nil {
					return true, nil
				}
				return false, o.checkHeader(l, cols)
			})
		}
		return sdk.TryMap(lines, func(l textio.Line) (v T, _ error) {
			if err != nil {
				return v, err
			}
			return v, o.decode(l, cols, reflect.ValueOf(&v).Elem())
		}, o.policy...)
	})
}

type column struct {
	name  string
	index int
}

func columns(t reflect.Type) ([]column, error) {
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("csvio: %s is not a struct", t)
	}
	var cs []column
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Tag.Get("csv")
		if !f.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		v := reflect.New(f.Type)
		if _, ok := v.Interface().(encoding.TextUnmarshaler); !ok && (f.Type.Kind() == reflect.Slice || f.Type.Kind() > reflect.Float64 && f.Type.Kind() != reflect.String) {
			return nil, fmt.Errorf("csvio: field %s of %s: a %s cannot be read from text; leave it out with csv:\"-\"", f.Name, t, f.Type)
		}
		cs = append(cs, column{name, i})
	}
	return cs, nil
}

func (o *options) fields(l textio.Line) ([]string, error) {
	r := csv.NewReader(strings.NewReader(l.Text))
	r.Comma, r.FieldsPerRecord, r.ReuseRecord = o.comma, -1, true
	fs, err := r.Read()
	if errors.Is(err, io.EOF) {
		return []string{""}, nil // an empty line is one empty field
	}
	if err != nil {
		return nil, fmt.Errorf("csvio: %s at offset %d: %w: %w", l.Path, l.Offset, ErrRecord, err)
	}
	return fs, nil
}

func (o *options) checkHeader(l textio.Line, cols []column) error {
	fs, err := o.fields(l)
	if err != nil {
		return err
	}
	if len(fs) > 0 {
		fs[0] = strings.TrimPrefix(fs[0], "\ufeff")
	}
	if !slices.EqualFunc(fs, cols, func(f string, c column) bool { return f == c.name }) {
		var names []string
		for _, c := range cols {
			names = append(names, c.name)
		}
		return fmt.Errorf("csvio: %s: the header is %q, the struct's columns are %q", l.Path, fs, names)
	}
	return nil
}

func (o *options) decode(l textio.Line, cols []column, v reflect.Value) error {
	fs, err := o.fields(l)
	if err != nil {
		return err
	}
	if len(fs) != len(cols) {
		return fmt.Errorf("csvio: %s at offset %d: %w: %d fields, want %d", l.Path, l.Offset, ErrRecord, len(fs), len(cols))
	}
	for i, c := range cols {
		if err := set(v.Field(c.index), fs[i]); err != nil {
			return fmt.Errorf("csvio: %s at offset %d: %w: column %s: %w", l.Path, l.Offset, ErrRecord, c.name, err)
		}
	}
	return nil
}

func set(v reflect.Value, s string) error {
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(s))
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Bool:
		b, err := strconv.ParseBool(s)
		v.SetBool(b)
		return err
	case reflect.Float32, reflect.Float64:
		f, err := strconv.ParseFloat(s, v.Type().Bits())
		v.SetFloat(f)
		return err
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		n, err := strconv.ParseUint(s, 10, v.Type().Bits())
		v.SetUint(n)
		return err
	default:
		n, err := strconv.ParseInt(s, 10, v.Type().Bits())
		v.SetInt(n)
		return err
	}
	return nil
}

// Write writes records to the files PATH-00000-of-0000N.csv, and the marker PATH-_SUCCESS when they are
// complete: see package fileset. A field with a line end in it fails the job, as it could not be read back.
func Write[T any](in sdk.PCollection[T], path string, opts ...Option) fileset.Result {
	o := parse(opts)
	return sdk.Scope(in.Pipeline(), "csvio.Write", func() fileset.Result {
		return fileset.Write(in, format[T]{o}, fileset.SinkOptions{
			FileSystems: o.fs, Path: path, Suffix: ".csv", Overwrite: o.overwrite, Shards: o.shards,
		})
	})
}

type format[T any] struct{ o *options }

type encoder[T any] struct {
	w    *csv.Writer
	cols []column
	rec  []string
}

func (f format[T]) NewEncoder(w io.Writer) (fileset.Encoder[T], error) {
	cols, err := columns(reflect.TypeFor[T]())
	if err != nil {
		return nil, err
	}
	e := &encoder[T]{w: csv.NewWriter(w), cols: cols}
	e.w.Comma = f.o.comma
	if f.o.header {
		for _, c := range cols {
			e.rec = append(e.rec, c.name)
		}
		if err := e.w.Write(e.rec); err != nil {
			return nil, err
		}
	}
	return e, nil
}

func (e *encoder[T]) Encode(v T) error {
	rv := reflect.ValueOf(&v).Elem()
	e.rec = e.rec[:0]
	for _, c := range e.cols {
		s, err := text(rv.Field(c.index))
		if err == nil && strings.ContainsAny(s, "\r\n") {
			err = errors.New("a line end inside a field could not be read back")
		}
		if err != nil {
			return fmt.Errorf("csvio: column %s: %w", c.name, err)
		}
		e.rec = append(e.rec, s)
	}
	return e.w.Write(e.rec)
}

func text(v reflect.Value) (string, error) {
	if m, ok := v.Addr().Interface().(encoding.TextMarshaler); ok {
		b, err := m.MarshalText()
		return string(b), err
	}
	return fmt.Sprint(v.Interface()), nil
}

func (e *encoder[T]) Close() error {
	e.w.Flush()
	return e.w.Error()
}
