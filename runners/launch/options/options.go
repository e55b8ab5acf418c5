// Package options fills a struct from command-line flags, environment variables, a file and defaults, in this
// order of precedence.
//
// Exported fields are options. A field's name in kebab case is its flag, unless the tag "name" says another;
// the environment variable is MILLRACE_ and the flag in capitals with underscores; the key in the file (JSON) is
// the flag. The tag "help" describes it, "default" is its default, and `required:"true"` says that it must be
// given. A nested struct's options have its name as a prefix.
//
// Types: string, bool, integers, floats, [time.Duration] ("90s"), [ByteSize] ("512MB"), []string (comma
// separated, or the flag repeated), and everything that implements [encoding.TextUnmarshaler], as time.Time and
// sdk.Secret do.
package options

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// ByteSize is a number of bytes, written as "64KB", "512MB", "2GB" (powers of 1024, as are KiB, MiB, GiB) or
// plainly.
type ByteSize int64

// UnmarshalText implements [encoding.TextUnmarshaler].
func (b *ByteSize) UnmarshalText(t []byte) error {
	s := strings.TrimSpace(string(t))
	units := []struct {
		name string
		size float64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"KB", 1 << 10}, {"MB", 1 << 20}, {"GB", 1 << 30}, {"TB", 1 << 40}, {"B", 1}}
	mul := 1.0
	for _, u := range units {
		if len(s) > len(u.name) && strings.EqualFold(s[len(s)-len(u.name):], u.name) {
			s, mul = strings.TrimSpace(s[:len(s)-len(u.name)]), u.size
			break
		}
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || v*mul > 1<<62 || v*mul < -(1<<62) || v != v {
		return fmt.Errorf("want a size such as 512MB")
	}
	*b = ByteSize(v * mul)
	return nil
}

// String is in the largest unit that divides b.
func (b ByteSize) String() string {
	for _, u := range []struct {
		name string
		size ByteSize
	}{{"GB", 1 << 30}, {"MB", 1 << 20}, {"KB", 1 << 10}} {
		if b != 0 && b%u.size == 0 {
			return strconv.FormatInt(int64(b/u.size), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(b), 10)
}

// MarshalText implements [encoding.TextMarshaler].
func (b ByteSize) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// Option is one option of a struct.
type Option struct {
	Flag, Env     string
	Help, Default string
	Required      bool
	Type          string
	v             reflect.Value
	set           bool
	from          string
}

// Set is the options of one or more structs.
type Set struct {
	opts   []*Option
	byFlag map[string]*Option
	groups []group
}

type group struct {
	name string
	opts []*Option
}

// Add adds the options of the struct that p points to, under a heading for the usage.
func (s *Set) Add(heading string, p any) error {
	v := reflect.ValueOf(p)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("options: %T is not a pointer to a struct", p)
	}
	g := group{name: heading}
	if err := s.add(&g, v.Elem(), ""); err != nil {
		return err
	}
	s.groups = append(s.groups, g)
	return nil
}

func (s *Set) add(g *group, v reflect.Value, prefix string) error {
	if s.byFlag == nil {
		s.byFlag = map[string]*Option{}
	}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() {
			continue
		}
		name := f.Tag.Get("name")
		if name == "" {
			name = kebab(f.Name)
		}
		name = prefix + name
		_, text := v.Field(i).Addr().Interface().(encoding.TextUnmarshaler)
		if f.Type.Kind() == reflect.Struct && !text {
			if err := s.add(g, v.Field(i), name+"-"); err != nil {
				return err
			}
			continue
		}
		o := &Option{
			Flag: name, Env: "MILLRACE_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")),
			Help: f.Tag.Get("help"), Default: f.Tag.Get("default"), Required: f.Tag.Get("required") == "true",
			Type: typeName(f.Type), v: v.Field(i),
		}
		if o.Type == "" {
			return fmt.Errorf("options: field %s has type %s, which no option can have", f.Name, f.Type)
		}
		if s.byFlag[name] != nil {
			return fmt.Errorf("options: two options are called --%s", name)
		}
		s.byFlag[name] = o
		s.opts = append(s.opts, o)
		g.opts = append(g.opts, o)
	}
	return nil
}

func kebab(s string) string {
	var b strings.Builder
	rs := []rune(s)
	for i, r := range rs {
		if unicode.IsUpper(r) && i > 0 && (!unicode.IsUpper(rs[i-1]) || i+1 < len(rs) && unicode.IsLower(rs[i+1])) {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

var durationType = reflect.TypeFor[time.Duration]()

func typeName(t reflect.Type) string {
	switch {
	case t == durationType:
		return "duration"
	case t == reflect.TypeFor[ByteSize]():
		return "size"
	case t == reflect.TypeFor[time.Time]():
		return "time"
	case reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
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
		if t.Elem().Kind() == reflect.String {
			return "list"
		}
	default:
	}
	return ""
}

// ErrUsage is wrapped by the errors of Parse.
var ErrUsage = errors.New("usage")

// ErrHelp is returned by Parse when help was asked for.
var ErrHelp = errors.New("help")

// Parse fills the options: args are the command line without the program's name, getenv looks up environment
// variables, and readFile reads the file named by --config. All mistakes are returned together.
func (s *Set) Parse(args []string, getenv func(string) (string, bool), readFile func(string) ([]byte, error)) error {
	var errs []error
	bad := func(o *Option, value, from string, err error) {
		errs = append(errs, fmt.Errorf("--%s: %q (from %s) is no %s: %w", o.Flag, value, from, o.Type, err))
	}
	config, haveConfig := getenv("MILLRACE_CONFIG")
	for i := 0; i < len(args); i++ {
		a := args[i]
		name, ok := strings.CutPrefix(a, "--")
		if !ok {
			name, ok = strings.CutPrefix(a, "-")
		}
		if !ok {
			errs = append(errs, fmt.Errorf("%q: options begin with --; quote a pattern so that the shell does not expand it", a))
			continue
		}
		name, value, hasValue := strings.Cut(name, "=")
		if name == "help" || name == "h" {
			return ErrHelp
		}
		o := s.byFlag[name]
		if o == nil && name != "config" {
			errs = append(errs, fmt.Errorf("--%s: there is no such option%s", name, s.nearest(name)))
			if !hasValue && i+1 < len(args) && !strings.HasPrefix(args[i+1], "-") {
				i++ // its value
			}
			continue
		}
		if !hasValue {
			if o != nil && o.v.Kind() == reflect.Bool {
				value = "true"
			} else if i+1 < len(args) {
				i++
				value = args[i]
			} else {
				errs = append(errs, fmt.Errorf("--%s: a value is missing", name))
				continue
			}
		}
		if name == "config" {
			config, haveConfig = value, true
			continue
		}
		if err := o.fill(value, o.from == "the command line"); err != nil {
			bad(o, value, "the command line", err)
		}
		o.set, o.from = true, "the command line"
	}
	for _, o := range s.opts {
		if v, ok := getenv(o.Env); ok && !o.set {
			if err := o.fill(v, false); err != nil {
				bad(o, v, o.Env, err)
			}
			o.set, o.from = true, o.Env
		}
	}
	if haveConfig {
		errs = append(errs, s.file(config, readFile)...)
	}
	for _, o := range s.opts {
		if o.set {
			continue
		}
		if o.Required {
			errs = append(errs, fmt.Errorf("--%s (%s) is required: %s", o.Flag, o.Type, o.Help))
			continue
		}
		if o.Default != "" {
			if err := o.fill(o.Default, false); err != nil {
				bad(o, o.Default, "its default", err)
			}
		}
	}
	if len(errs) > 0 {
		return fmt.Errorf("%w: %w", ErrUsage, errors.Join(errs...))
	}
	return nil
}

func (s *Set) file(path string, readFile func(string) ([]byte, error)) []error {
	b, err := readFile(path)
	if err != nil {
		return []error{fmt.Errorf("--config: %w", err)}
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal(b, &m); err != nil {
		return []error{fmt.Errorf("--config: %s: want a JSON object of options: %w", path, err)}
	}
	var errs []error
	for name, raw := range m {
		o := s.byFlag[name]
		if o == nil {
			errs = append(errs, fmt.Errorf("%s: there is no option %q%s", path, name, s.nearest(name)))
			continue
		}
		if o.set {
			continue
		}
		value := string(raw)
		var str string
		var list []string
		if json.Unmarshal(raw, &str) == nil {
			value = str
		} else if json.Unmarshal(raw, &list) == nil {
			value = strings.Join(list, ",")
		}
		if err := o.fill(value, false); err != nil {
			errs = append(errs, fmt.Errorf("--%s: %q (from %s) is no %s: %w", o.Flag, value, path, o.Type, err))
		}
		o.set, o.from = true, path
	}
	return errs
}

func (o *Option) fill(s string, add bool) error {
	if u, ok := o.v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(s))
	}
	if o.v.Type() == durationType {
		d, err := time.ParseDuration(s)
		if err != nil {
			return errors.New("want a duration such as 90s or 1h30m")
		}
		o.v.SetInt(int64(d))
		return nil
	}
	switch o.v.Kind() {
	case reflect.String:
		o.v.SetString(s)
	case reflect.Bool:
		b, err := strconv.ParseBool(s)
		if err != nil {
			return errors.New("want true or false")
		}
		o.v.SetBool(b)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(s, 0, o.v.Type().Bits())
		if err != nil {
			return fmt.Errorf("want a whole number of %d bits", o.v.Type().Bits())
		}
		o.v.SetInt(n)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(s, 0, o.v.Type().Bits())
		if err != nil {
			return fmt.Errorf("want a whole number of %d bits, not negative", o.v.Type().Bits())
		}
		o.v.SetUint(n)
	case reflect.Float32, reflect.Float64:
		f, err := strconv.ParseFloat(s, o.v.Type().Bits())
		if err != nil {
			return errors.New("want a number")
		}
		o.v.SetFloat(f)
	default: // a list
		var vs []string
		if add {
			vs = o.v.Interface().([]string)
		}
		if s != "" {
			vs = append(vs, strings.Split(s, ",")...)
		}
		o.v.Set(reflect.ValueOf(vs))
	}
	return nil
}

// nearest suggests the option whose name is most like name.
func (s *Set) nearest(name string) string {
	best, least := "", 4
	for _, o := range s.opts {
		if d := distance(name, o.Flag); d < least {
			best, least = o.Flag, d
		}
	}
	if best == "" {
		return "; --help lists them"
	}
	return "; did you mean --" + best + "?"
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		prev := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := prev
			if a[i] != b[j] {
				cost++
			}
			prev = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// Usage writes what there is to set.
func (s *Set) Usage(w io.Writer) {
	for _, g := range s.groups {
		if len(g.opts) == 0 {
			continue
		}
		_, _ = fmt.Fprintf(w, "\n%s:\n", g.name)
		for _, o := range g.opts {
			_, _ = fmt.Fprintf(w, "  --%s %s\n", o.Flag, o.Type)
			line := o.Help
			if o.Default != "" {
				line += " (default " + o.Default + ")"
			}
			if o.Required {
				line += " (required)"
			}
			_, _ = fmt.Fprintf(w, "        %s [$%s]\n", strings.TrimSpace(line), o.Env)
		}
	}
	_, _ = fmt.Fprintf(w, "  --config file\n        a JSON object of options, used where neither flag nor environment says otherwise [$MILLRACE_CONFIG]\n")
}

// Values lists the options and their values, for the log; secrets print as their references.
func (s *Set) Values() []string {
	var vs []string
	for _, o := range s.opts {
		vs = append(vs, fmt.Sprintf("%s=%v", o.Flag, o.v.Interface()))
	}
	slices.Sort(vs)
	return vs
}
