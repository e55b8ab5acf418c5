package options

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/millrace-go/millrace/sdk"
)

var (
	durationType = reflect.TypeFor[time.Duration]()
	timeType     = reflect.TypeFor[time.Time]()
	sizeType     = reflect.TypeFor[ByteSize]()
	secretType   = reflect.TypeFor[sdk.Secret]()
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// isText reports whether values of type t read themselves.
func isText(t reflect.Type) bool {
	return t.Kind() == reflect.Pointer && t.Implements(textType) || reflect.PointerTo(t).Implements(textType)
}

// isList reports whether an option of type t takes several values.
func isList(t reflect.Type) bool { return t.Kind() == reflect.Slice && !isText(t) }

// typeName is what a value of type t is called in the usage; empty if no option can have it.
func typeName(t reflect.Type) string {
	switch {
	case t == durationType:
		return "duration"
	case t == sizeType:
		return "size"
	case t == timeType:
		return "time"
	case t == secretType:
		return "secret"
	case isText(t):
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		return strings.ToLower(t.Name())
	}
	switch t.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "bool"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "int"
	case reflect.Float32, reflect.Float64:
		return "number"
	case reflect.Slice:
		if elem := typeName(t.Elem()); elem != "" && !isList(t.Elem()) {
			return elem + ",..."
		}
	default:
	}
	return ""
}

// parse sets v, which is no list, to what s says. The error says what is wanted.
func parse(v reflect.Value, s string) error {
	t := v.Type()
	switch {
	case t == secretType:
		// The reason must not repeat the value, whatever it says.
		if v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s)) != nil {
			return errors.New("want env:NAME or file:PATH, not the secret itself")
		}
		return nil
	case t == timeType:
		at, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return errors.New("want a time such as 2026-01-02T15:04:05Z")
		}
		v.Set(reflect.ValueOf(at))
		return nil
	case t == durationType:
		d, err := time.ParseDuration(s)
		if err != nil {
			return errors.New("want a duration such as 90s or 1h30m")
		}
		v.SetInt(int64(d))
		return nil
	case t.Kind() == reflect.Pointer:
		p := reflect.New(t.Elem())
		if err := p.Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s)); err != nil {
			return err
		}
		v.Set(p)
		return nil
	case isText(t):
		return v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s))
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Bool:
		b, err := strconv.ParseBool(s)
		if err != nil {
			return errors.New("want true or false")
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(s, 0, t.Bits())
		if err != nil {
			most := int64(1)<<(t.Bits()-1) - 1
			return fmt.Errorf("want a whole number from %d to %d", -most-1, most)
		}
		v.SetInt(n)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(s, 0, t.Bits())
		if err != nil {
			return fmt.Errorf("want a whole number from 0 to %d", ^uint64(0)>>(64-t.Bits()))
		}
		v.SetUint(n)
	default: // a float, by typeName
		f, err := strconv.ParseFloat(s, t.Bits())
		if err != nil {
			return errors.New("want a number")
		}
		v.SetFloat(f)
	}
	return nil
}

// show is what the log says of a value; of secrets only whether there is one.
func show(v reflect.Value) string {
	switch {
	case v.Type() == secretType:
		if v.IsZero() {
			return ""
		}
		return "(not shown)"
	case isList(v.Type()):
		var parts []string
		for i := range v.Len() {
			parts = append(parts, show(v.Index(i)))
		}
		return strings.Join(parts, ",")
	case v.Kind() == reflect.Pointer && v.IsNil():
		return ""
	}
	switch x := v.Addr().Interface().(type) {
	case encoding.TextMarshaler:
		if b, err := x.MarshalText(); err == nil {
			return string(b)
		}
	case fmt.Stringer:
		return x.String()
	}
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	return fmt.Sprint(v.Interface())
}
