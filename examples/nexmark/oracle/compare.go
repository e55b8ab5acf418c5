package oracle

import (
	"fmt"
	"slices"
	"strings"
)

// maxShown is how many rows a difference shows.
const maxShown = 20

// Compare reads the result that a run of the query wrote to path and returns how it differs from want, the lines that
// Rows returned: a few lines to read, or "" if the rows are the same, in any order. The rows of a query with a key
// replace each other first, in the order of the files by name and of the lines in each. For query 10, path is a
// directory, and its layout is checked too.
//
// An error means that the result cannot be read: it is missing or incomplete, or a line is no row.
func Compare(query int, want []string, path string) (string, error) {
	var got []string
	var err error
	if query == 10 {
		got, err = readPartitions(path)
	} else {
		got, err = readResult(query, path)
	}
	if err != nil {
		return "", err
	}
	return Diff(query, want, got), nil
}

// Diff returns how the rows got of a query differ from want: a few lines to read, or "" if they are the same, in any
// order. Both are in the form that Rows returns, and stay as they are.
func Diff(query int, want, got []string) string {
	missing, extra := difference(want, got)
	if len(missing)+len(extra) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "query %d: %d rows are missing and %d should not be there, of %d wanted and %d found (-want +got):\n",
		query, len(missing), len(extra), len(want), len(got))
	// As many of each as there is room for.
	show := min(len(missing), max(maxShown/2, maxShown-len(extra)))
	for _, line := range missing[:show] {
		b.WriteString("- " + line + "\n")
	}
	for _, line := range extra[:min(len(extra), maxShown-show)] {
		b.WriteString("+ " + line + "\n")
	}
	return b.String()
}

// difference returns what want has more often than got, and got more often than want.
func difference(want, got []string) (missing, extra []string) {
	want, got = slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got))
	for len(want) > 0 && len(got) > 0 {
		switch c := strings.Compare(want[0], got[0]); {
		case c < 0:
			missing, want = append(missing, want[0]), want[1:]
		case c > 0:
			extra, got = append(extra, got[0]), got[1:]
		default:
			want, got = want[1:], got[1:]
		}
	}
	return append(missing, want...), append(extra, got...)
}

// readResult returns the final rows of the query's result at path, in no order.
func readResult(query int, path string) ([]string, error) {
	files, err := Files(path)
	if err != nil {
		return nil, err
	}
	final := newTable(query)
	for _, file := range files {
		if err := readRows(file, final.add); err != nil {
			return nil, err
		}
	}
	return final.rows(), nil
}

// table is the result that remains when rows replace each other.
type table struct {
	key    []string // empty if every row stays
	lines  []string
	places map[string]int // in lines, by the values of the key
}

func newTable(query int) *table { return &table{key: keys[query], places: map[string]int{}} }

func (t *table) add(place string, row fields) error {
	text := row.line()
	if len(t.key) == 0 {
		t.lines = append(t.lines, text)
		return nil
	}
	var key strings.Builder
	for _, name := range t.key {
		value := row.get(name)
		if value == "" {
			return fmt.Errorf("oracle: %s: the key field %q is missing: %.200s", place, name, text)
		}
		key.WriteString(value + ",")
	}
	if i, ok := t.places[key.String()]; ok {
		t.lines[i] = text
		return nil
	}
	t.places[key.String()] = len(t.lines)
	t.lines = append(t.lines, text)
	return nil
}

func (t *table) rows() []string { return t.lines }
