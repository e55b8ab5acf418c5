package coder

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/model/pipeline_v1"
	"google.golang.org/protobuf/proto"
	"gopkg.in/yaml.v3"
)

type spec struct {
	URN              string
	Components       []spec
	Payload          string
	NonDeterministic bool `yaml:"non_deterministic"`
}

type vector struct {
	Coder    spec
	Nested   *bool
	Examples yaml.Node
}

// left says which coders of the file are not run here, and why.
var left = map[string]string{
	"beam:coder:state_backed_iterable:v1": "needs the state API: comes with portability",
	"beam:coder:param_windowed_value:v1":  "comes with portability",
	"beam:coder:custom_window:v1":         "comes with portability",
	"beam:coder:sharded_key:v1":           "comes with portability",
	"beam:coder:timer:v1":                 "comes with timers",
	"beam:coder:windowed_value:v1":        "is sdk/window's, tested there",
	"beam:coder:interval_window:v1":       "is sdk/window's, tested there",
	"beam:coder:global_window:v1":         "has no bytes; is sdk/window's",
}

var errLeft = errors.New("left")

// goType is the Go type whose coder is the one that s describes.
func goType(s spec) (reflect.Type, error) {
	part := func(i int) reflect.Type {
		t, err := goType(s.Components[i])
		if err != nil {
			return nil
		}
		return t
	}
	switch s.URN {
	case "beam:coder:bytes:v1":
		return reflect.TypeFor[[]byte](), nil
	case "beam:coder:bool:v1":
		return reflect.TypeFor[bool](), nil
	case "beam:coder:string_utf8:v1":
		return reflect.TypeFor[string](), nil
	case "beam:coder:varint:v1":
		return reflect.TypeFor[int64](), nil
	case "beam:coder:double:v1":
		return reflect.TypeFor[float64](), nil
	case "beam:coder:kv:v1":
		switch k, v := part(0), part(1); {
		case k == reflect.TypeFor[[]byte]() && v == reflect.TypeFor[int64]():
			return reflect.TypeFor[KV[[]byte, int64]](), nil
		case k == reflect.TypeFor[[]byte]() && v == reflect.TypeFor[[]byte]():
			return reflect.TypeFor[KV[[]byte, []byte]](), nil
		case k == reflect.TypeFor[[]byte]() && v == reflect.TypeFor[bool]():
			return reflect.TypeFor[KV[[]byte, bool]](), nil
		case k == reflect.TypeFor[int64]() && v == reflect.TypeFor[int64]():
			return reflect.TypeFor[KV[int64, int64]](), nil
		}
		return nil, fmt.Errorf("no KV type for %v", s)
	case "beam:coder:iterable:v1":
		if t := part(0); t != nil {
			return reflect.SliceOf(t), nil
		}
		return nil, errLeft
	case "beam:coder:nullable:v1":
		return reflect.PointerTo(part(0)), nil
	case "beam:coder:row:v1":
		var schema pipeline_v1.Schema
		if err := proto.Unmarshal(latin1(s.Payload), &schema); err != nil {
			return nil, err
		}
		return rowType(&schema)
	}
	return nil, errLeft
}

// rowType is a struct with the fields of a Beam schema.
func rowType(s *pipeline_v1.Schema) (reflect.Type, error) {
	var fs []reflect.StructField
	if s.GetEncodingPositionsSet() {
		return nil, fmt.Errorf("%w: a schema with encoding positions: comes with schema evolution", errLeft)
	}
	for _, f := range s.GetFields() {
		t, err := fieldType(f.GetType())
		if err != nil {
			return nil, err
		}
		name := f.GetName()
		fs = append(fs, reflect.StructField{Name: strings.ToUpper(name[:1]) + name[1:], Type: t})
	}
	return reflect.StructOf(fs), nil
}

func fieldType(f *pipeline_v1.FieldType) (t reflect.Type, err error) {
	switch x := f.GetTypeInfo().(type) {
	case *pipeline_v1.FieldType_AtomicType:
		t = map[pipeline_v1.AtomicType]reflect.Type{
			pipeline_v1.AtomicType_BYTE:    reflect.TypeFor[int8](),
			pipeline_v1.AtomicType_INT16:   reflect.TypeFor[int16](),
			pipeline_v1.AtomicType_INT32:   reflect.TypeFor[int32](),
			pipeline_v1.AtomicType_INT64:   reflect.TypeFor[int64](),
			pipeline_v1.AtomicType_FLOAT:   reflect.TypeFor[float32](),
			pipeline_v1.AtomicType_DOUBLE:  reflect.TypeFor[float64](),
			pipeline_v1.AtomicType_STRING:  reflect.TypeFor[string](),
			pipeline_v1.AtomicType_BOOLEAN: reflect.TypeFor[bool](),
			pipeline_v1.AtomicType_BYTES:   reflect.TypeFor[[]byte](),
		}[x.AtomicType]
	case *pipeline_v1.FieldType_ArrayType:
		if t, err = fieldType(x.ArrayType.GetElementType()); err == nil {
			t = reflect.SliceOf(t)
		}
	case *pipeline_v1.FieldType_MapType:
		var k, v reflect.Type
		if k, err = fieldType(x.MapType.GetKeyType()); err == nil {
			if v, err = fieldType(x.MapType.GetValueType()); err == nil {
				t = reflect.MapOf(k, v)
			}
		}
	case *pipeline_v1.FieldType_RowType:
		t, err = rowType(x.RowType.GetSchema())
	case *pipeline_v1.FieldType_LogicalType:
		switch x.LogicalType.GetUrn() {
		case "beam:logical_type:decimal:v1", "beam:logical_type:millis_instant:v1":
			return nil, fmt.Errorf("%w: %s has no Go type yet", errLeft, x.LogicalType.GetUrn())
		}
		t, err = fieldType(x.LogicalType.GetRepresentation())
	default:
		err = fmt.Errorf("%w: field type %T", errLeft, x)
	}
	if err == nil && f.GetNullable() {
		t = reflect.PointerTo(t)
	}
	return t, err
}

// latin1 turns the file's strings, in which a character is a byte, into bytes.
func latin1(s string) []byte {
	var b []byte
	for _, r := range s {
		b = append(b, byte(r))
	}
	return b
}

// plain is v as the file writes values.
func plain(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return plain(v.Elem())
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return string(v.Bytes())
		}
		out := []any{}
		for i := range v.Len() {
			out = append(out, plain(v.Index(i)))
		}
		return out
	case reflect.Map:
		out := map[string]any{}
		for it := v.MapRange(); it.Next(); {
			out[it.Key().String()] = plain(it.Value())
		}
		return out
	case reflect.Struct:
		out := map[string]any{}
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			out[strings.ToLower(name[:1])+name[1:]] = plain(v.Field(i))
		}
		return out
	case reflect.Float32, reflect.Float64:
		return v.Float()
	case reflect.Bool:
		return v.Bool()
	case reflect.String:
		return v.String()
	default:
		return v.Int()
	}
}

// same compares a decoded value with the file's.
func same(got, want any) bool {
	switch g := got.(type) {
	case float64:
		var w float64
		switch x := want.(type) {
		case string:
			w, _ = strconv.ParseFloat(x, 64)
		case float64:
			w = x
		}
		return g == w || math.IsNaN(g) && math.IsNaN(w) || float32(g) == float32(w)
	case int64:
		return fmt.Sprint(g) == fmt.Sprint(want)
	case []any:
		w, ok := want.([]any)
		if !ok || len(w) != len(g) {
			return false
		}
		for i := range g {
			if !same(g[i], w[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		w, ok := want.(map[string]any)
		if !ok || len(w) != len(g) {
			return false
		}
		for k := range g {
			if !same(g[k], w[k]) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(got, want)
}

func TestStandardCoders(t *testing.T) {
	f, err := os.Open("testdata/standard_coders.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ran, skipped := 0, map[string]int{}
	for d := yaml.NewDecoder(f); ; {
		var v vector
		if err := d.Decode(&v); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if v.Coder.URN == "" {
			continue
		}
		examples := len(v.Examples.Content) / 2
		rt, err := goType(v.Coder)
		if errors.Is(err, errLeft) {
			why := left[v.Coder.URN]
			if why == "" {
				why = err.Error()
			}
			skipped[v.Coder.URN+": "+why] += examples
			continue
		}
		if err != nil {
			t.Fatalf("%v: %v", v.Coder, err)
		}
		c, err := codecOf(rt)
		if err != nil {
			t.Fatalf("%v: %v", rt, err)
		}
		for i := 0; i < len(v.Examples.Content); i += 2 {
			want := latin1(v.Examples.Content[i].Value)
			var value any
			if err := v.Examples.Content[i+1].Decode(&value); err != nil {
				t.Fatal(err)
			}
			for _, nested := range []bool{true, false} {
				if v.Nested != nil && *v.Nested != nested || v.Nested == nil && !nested && c.decOuter != nil {
					continue
				}
				ran++
				name := fmt.Sprintf("%s %q nested=%v", v.Coder.URN, want, nested)
				got := reflect.New(rt)
				var rest []byte
				if !nested && c.decOuter != nil {
					err = c.decOuter(want, got.UnsafePointer())
				} else {
					rest, err = c.dec(want, got.UnsafePointer())
				}
				if err != nil || len(rest) > 0 {
					t.Errorf("%s: decoding: %v, %d bytes left", name, err, len(rest))
					continue
				}
				if v.Coder.URN == "beam:coder:kv:v1" {
					value = map[string]any{"key": value.(map[string]any)["key"], "value": value.(map[string]any)["value"]}
				}
				if !same(plain(got.Elem()), value) {
					t.Errorf("%s: decoded %v, want %v", name, plain(got.Elem()), value)
				}
				if v.Coder.NonDeterministic {
					continue
				}
				enc := c.enc
				if !nested && c.encOuter != nil {
					enc = c.encOuter
				}
				b, err := enc(nil, got.UnsafePointer())
				if err != nil || !bytes.Equal(b, want) {
					t.Errorf("%s: encoded %q, %v", name, b, err)
				}
			}
		}
	}
	for what, n := range skipped {
		t.Logf("left: %d examples of %s", n, what)
	}
	const least = 139
	if ran < least {
		t.Errorf("ran %d examples, at least %d are known to run", ran, least)
	}
	t.Logf("ran %d examples", ran)
}
