package options

import (
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// Option is one option: a field of a struct.
type Option struct {
	Flag     string // without dashes; also its key in the file
	Env      string // the environment variable
	Help     string
	Default  string
	Required bool
	Type     string // for people: "duration"

	v      reflect.Value
	secret bool
	from   string // where its value came from; empty: nowhere yet
	field  string // of which struct, for messages about the program
}

// Set is the options of one or more structs. The zero value has none. Not safe for concurrent use.
type Set struct {
	opts   []*Option
	byFlag map[string]*Option
	byEnv  map[string]*Option
	nested map[string]bool // prefixes of nested structs, without the dash
	groups []group
}

type group struct {
	heading string
	opts    []*Option
}

// Add adds the options of the struct that p points to, under a heading for the usage, and sets those that have
// a default to it. The error joins everything that is wrong with the struct; it is a mistake of the program.
func (s *Set) Add(heading string, p any) error {
	v := reflect.ValueOf(p)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("options: %T is not a pointer to a struct", p)
	}
	if s.byFlag == nil {
		s.byFlag, s.byEnv, s.nested = map[string]*Option{}, map[string]*Option{}, map[string]bool{}
	}
	g := group{heading: heading}
	if errs := s.add(&g, v.Elem(), ""); len(errs) > 0 {
		return errors.Join(errs...)
	}
	s.groups = append(s.groups, g)
	return nil
}

// flagName is what flags can be called: a shell, the environment and a JSON key have to take it.
var flagName = regexp.MustCompile(`^[A-Za-z0-9]+([-_.][A-Za-z0-9]+)*$`)

// reserved are flags of every program.
var reserved = []string{"config", "help", "h"}

func (s *Set) add(g *group, v reflect.Value, prefix string) (errs []error) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		bad := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("options: field %s of %s: "+format, append([]any{f.Name, v.Type()}, args...)...))
		}
		embedded := f.Anonymous && f.Type.Kind() == reflect.Struct
		if !f.IsExported() && !embedded {
			for _, tag := range []string{"name", "help", "default", "required"} {
				if _, ok := f.Tag.Lookup(tag); ok {
					bad("it has a tag %q but is not exported", tag)
					break
				}
			}
			continue
		}
		name := f.Tag.Get("name")
		if name == "" {
			name = kebab(f.Name)
		}
		name = prefix + name
		if f.Type.Kind() == reflect.Struct && !isText(f.Type) {
			inner := name + "-"
			if embedded && f.Tag.Get("name") == "" {
				inner = prefix
			} else {
				s.nested[name] = true
			}
			errs = append(errs, s.add(g, v.Field(i), inner)...)
			continue
		}
		o := &Option{
			Flag: name, Env: envName(name),
			Help: f.Tag.Get("help"), Default: f.Tag.Get("default"), Required: f.Tag.Get("required") == "true",
			Type: typeName(f.Type), v: v.Field(i), field: fmt.Sprintf("%s of %s", f.Name, v.Type()),
			secret: f.Type == secretType || f.Type.Kind() == reflect.Slice && f.Type.Elem() == secretType,
		}
		switch {
		case o.Type == "":
			bad("no option can be of type %s", f.Type)
			continue
		case !flagName.MatchString(name):
			bad("%q cannot be the name of a flag", name)
			continue
		case slices.Contains(reserved, name):
			bad("every program has an option --%s already", name)
			continue
		case s.byFlag[name] != nil:
			bad("field %s is called --%s already; the tag name gives one of them another", s.byFlag[name].field, name)
			continue
		case s.byEnv[o.Env] != nil:
			bad("the option --%s has the environment variable %s already", s.byEnv[o.Env].Flag, o.Env)
			continue
		case o.Required && o.Default != "":
			bad("it is required and has a default")
		}
		if o.Default != "" {
			if err := o.set([]string{o.Default}, true, false); err != nil {
				bad("its default %q: %v", o.Default, err)
			}
		}
		s.byFlag[name], s.byEnv[o.Env] = o, o
		s.opts = append(s.opts, o)
		g.opts = append(g.opts, o)
	}
	return errs
}

// set gives the option its value. Of a list, values are its elements, each perhaps several separated by commas
// if split is set; more says that they are added to what there is.
func (o *Option) set(values []string, split, more bool) error {
	t := o.v.Type()
	if !isList(t) {
		return parse(o.v, values[0])
	}
	list := reflect.MakeSlice(t, 0, len(values))
	if more {
		list = o.v
	}
	for _, s := range values {
		parts := []string{s}
		if split {
			parts = strings.Split(s, ",")
			if strings.TrimSpace(s) == "" {
				parts = nil
			}
		}
		for _, part := range parts {
			if split {
				part = strings.TrimSpace(part)
			}
			e := reflect.New(t.Elem()).Elem()
			if err := parse(e, part); err != nil {
				return err
			}
			list = reflect.Append(list, e)
		}
	}
	o.v.Set(list)
	return nil
}

// LogValue implements [slog.LogValuer]: every option and its value, but of secrets only whether they are given.
func (s *Set) LogValue() slog.Value {
	var attrs []slog.Attr
	for _, o := range s.opts {
		attrs = append(attrs, slog.String(o.Flag, show(o.v)))
	}
	return slog.GroupValue(attrs...)
}

func envName(flag string) string {
	return "MILLRACE_" + strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(flag))
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
