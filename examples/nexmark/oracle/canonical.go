package oracle

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/millrace-go/millrace/examples/nexmark/event"
)

// quote returns s as a JSON string: the one form that equal strings have here.
func quote(s string) string { return string(event.AppendString(nil, s)) }

// fields are the names of a row's fields and their values, already canonical JSON, sorted by name.
type fields []field

type field struct{ name, value string }

func (f fields) sort() {
	slices.SortFunc(f, func(a, b field) int { return strings.Compare(a.name, b.name) })
}

// get returns the value of a field, "" if there is none of that name.
func (f fields) get(name string) string {
	for i := range f {
		if f[i].name == name {
			return f[i].value
		}
	}
	return ""
}

// line returns the row as a JSON object.
func (f fields) line() string {
	n := len("{}")
	for i := range f {
		n += len(f[i].name) + len(f[i].value) + len(`"":,`)
	}
	b := make([]byte, 0, n)
	for i := range f {
		b = append(b, "{,"[min(i, 1)])
		b = event.AppendString(b, f[i].name)
		b = append(append(b, ':'), f[i].value...)
	}
	if len(f) == 0 {
		b = append(b, '{')
	}
	return string(append(b, '}'))
}

var errForm = errors.New("not a flat JSON object of integers and strings, in UTF-8")

// parse returns the fields of a result line, their values in canonical form. It refuses what a row may not hold: null,
// numbers that are no integers or have an exponent, nested values, a field twice.
func parse(text string) (fields, error) {
	if !utf8.ValidString(text) {
		return nil, errForm
	}
	row := make(fields, 0, 24)
	s := scanner(text)
	if !s.punct('{') {
		return nil, errForm
	}
	for more := !s.punct('}'); more; {
		name, ok := s.text()
		if !ok || !s.punct(':') {
			return nil, errForm
		}
		value, ok := s.integer()
		if !ok {
			str, ok := s.text()
			if !ok {
				return nil, fmt.Errorf("field %q: %w", name, errForm)
			}
			value = quote(str)
		}
		row = append(row, field{name, value})
		if more = s.punct(','); !more && !s.punct('}') {
			return nil, errForm
		}
	}
	if s.space(); s != "" {
		return nil, errForm
	}
	row.sort()
	for i := range row[min(len(row), 1):] {
		if row[i].name == row[i+1].name {
			return nil, fmt.Errorf("field %q is there twice", row[i].name)
		}
	}
	return row, nil
}

// scanner is what is left of a line. Its methods take one token from the front, if it is there.
type scanner string

func (s *scanner) space() { *s = scanner(strings.TrimLeft(string(*s), " \t\r")) }

func (s *scanner) punct(c byte) bool {
	s.space()
	if *s == "" || (*s)[0] != c {
		return false
	}
	*s = (*s)[1:]
	return true
}

// integer takes a number without fraction and exponent; -0 and leading zeros are none.
func (s *scanner) integer() (string, bool) {
	s.space()
	n := 0
	for n < len(*s) && ((*s)[n] >= '0' && (*s)[n] <= '9' || n == 0 && (*s)[n] == '-') {
		n++
	}
	got := string((*s)[:n])
	digits := strings.TrimPrefix(got, "-")
	if digits == "" || digits[0] == '0' && got != "0" {
		return "", false
	}
	*s = (*s)[n:]
	return got, true
}

func (s *scanner) text() (string, bool) {
	s.space()
	if !strings.HasPrefix(string(*s), `"`) {
		return "", false
	}
	plain := true
	for n := 1; n < len(*s); n++ {
		switch c := (*s)[n]; {
		case c == '\\':
			plain = false
			n++
		case c < ' ':
			return "", false
		case c == '"':
			quoted := string((*s)[:n+1])
			*s = (*s)[n+1:]
			if plain {
				return quoted[1:n], true
			}
			var got string
			err := json.Unmarshal([]byte(quoted), &got)
			return got, err == nil
		}
	}
	return "", false
}
