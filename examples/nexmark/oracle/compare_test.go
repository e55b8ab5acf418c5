package oracle_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace-go/millrace/examples/nexmark/event"
	"github.com/millrace-go/millrace/examples/nexmark/oracle"
)

// write puts files, by name, in a new directory and returns the path of "out" in it.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "out")
}

var (
	twoBids   = []event.Event{bid(123, 2, 3, 4, "x"), bid(246, 2, 3, 4, "x"), bid(246, 2, 3, 4, "x")}
	threeRows = "{\"price\":3, \"auction\":246}\r\n{\"auction\":123,\"price\":3}\n{\"\\u0061uction\":246,\"price\":3}\n"
)

func TestCompare(t *testing.T) {
	t.Parallel()
	category := []event.Event{auction(1, 2, 10, 0, 9), auction(2, 2, 11, 0, 9), bid(1, 1, 5, 3, ""), bid(2, 1, 6, 3, "")}
	const partition = "out/day=1970-01-01/minute=00-00/"
	const q10 = `{"auction":123,"bidder":2,"price":3,"dateTime":4,"extra":"x","day":"1970-01-01","minute":"00:00"}` + "\n"
	for _, tc := range []struct {
		name   string
		query  int
		events []event.Event
		files  map[string]string
		// diff and err are parts of what is returned; both empty if all is well.
		diff, err string
	}{
		{"one file", 2, twoBids, map[string]string{"out": threeRows, "out-_SUCCESS": "", "out2": "junk"}, "", ""},
		{"no line end", 2, twoBids[:1], map[string]string{"out": `{"auction":123,"price":3}`}, "", ""},
		{"an empty file", 2, nil, map[string]string{"out": ""}, "", ""},
		{"shards", 2, twoBids, map[string]string{
			"out-00000-of-00002": "{\"price\":3, \"auction\":246}\n", "out-_SUCCESS": "",
			"out-00001-of-00002": "{\"auction\":123,\"price\":3}\n{\"auction\":246,\"price\":3}\n",
		}, "", ""},
		{
			"a row missing, one too many", 2, twoBids,
			map[string]string{"out": threeRows[:54] + `{"auction":1,"price":3}`},
			"1 rows are missing and 1 should not be there, of 3 wanted and 3 found (-want +got):\n" +
				"- {\"auction\":246,\"price\":3}\n+ {\"auction\":1,\"price\":3}\n", "",
		},
		{"a row twice", 2, twoBids, map[string]string{"out": threeRows + threeRows[:27]}, "+ {\"auction\":246,\"price\":3}", ""},
		{"a field too many", 2, twoBids[:1], map[string]string{"out": `{"auction":123,"price":3,"x":1}`}, "1 should not be there", ""},
		{"a number as a string", 2, twoBids[:1], map[string]string{"out": `{"auction":123,"price":"3"}`}, "1 should not be there", ""},
		{"a fraction", 2, twoBids[:1], map[string]string{"out": `{"auction":123,"price":3.0}`}, "", "not a flat JSON object"},
		{"an exponent", 2, twoBids[:1], map[string]string{"out": `{"auction":123,"price":3e0}`}, "", "not a flat JSON object"},
		{"a leading zero", 2, twoBids[:1], map[string]string{"out": `{"auction":123,"price":03}`}, "", "not a flat JSON object"},
		{"null", 2, twoBids[:1], map[string]string{"out": `{"auction":123,"price":null}`}, "", `field "price": not a flat`},
		{"a field twice", 2, twoBids[:1], map[string]string{"out": `{"auction":123,"price":3,"price":3}`}, "", `"price" is there twice`},
		{"not UTF-8", 2, twoBids[:1], map[string]string{"out": "{\"auction\":123,\"price\":\"\xff\"}"}, "", "UTF-8"},
		{"half a line", 2, twoBids, map[string]string{"out": threeRows[:60]}, "", "out:3: not a flat JSON object"},
		{"two objects in a line", 2, twoBids[:1], map[string]string{"out": `{"auction":123,"price":3}{}`}, "", "not a flat JSON object"},
		{"a blank line", 2, twoBids, map[string]string{"out": threeRows + "\n"}, "", "out:4: not a flat"},
		{"a shard missing", 2, twoBids, map[string]string{"out-00000-of-00002": threeRows}, "", "1 of 2 shards"},
		{"shards of two runs", 2, twoBids, map[string]string{"out-0-of-1": "", "out-0-of-2": ""}, "", "two runs"},
		{"a shard and a file", 2, twoBids, map[string]string{"out": "", "out-0-of-1": ""}, "", "two runs"},
		{"a shard too many", 2, twoBids, map[string]string{"out-2-of-2": ""}, "", "no such shard"},
		{"nothing", 2, nil, map[string]string{"out-_SUCCESS": ""}, "", "file does not exist"},

		{"the last row of a key in a file", 4, category, map[string]string{
			"out": `{"category":10,"avgPrice":4}` + "\n" + `{"category":11,"avgPrice":6}` + "\n" + `{"avgPrice":5,"category":10}`,
		}, "", ""},
		{"the last row of a key by the files' names", 4, category, map[string]string{
			"out-00000-of-00002": `{"category":11,"avgPrice":6}` + "\n" + `{"category":10,"avgPrice":4}`,
			"out-00001-of-00002": `{"category":10,"avgPrice":5}`,
		}, "", ""},
		{"an old row last", 4, category, map[string]string{
			"out": `{"category":10,"avgPrice":5}` + "\n" + `{"category":11,"avgPrice":6}` + "\n" + `{"avgPrice":4,"category":10}`,
		}, `- {"avgPrice":5,"category":10}` + "\n+ " + `{"avgPrice":4,"category":10}`, ""},
		{"no key", 4, category, map[string]string{"out": `{"avgPrice":5}`}, "", `key field "category"`},

		{"partitions", 10, twoBids[:1], map[string]string{partition + "a.jsonl": q10, partition + "b.jsonl": "", partition + "_SUCCESS": ""}, "", ""},
		{"no partitions", 10, nil, nil, "", ""},
		{"no partitions where there should be", 10, twoBids, nil, "3 rows are missing", ""},
		{"no marker", 10, twoBids[:1], map[string]string{partition + "a.jsonl": q10}, "", "has no _SUCCESS"},
		{"a marker with contents", 10, twoBids[:1], map[string]string{partition + "a.jsonl": q10, partition + "_SUCCESS": "x"}, "", "1 bytes"},
		{"a temporary file", 10, twoBids[:1], map[string]string{partition + "a.jsonl": q10, partition + "_SUCCESS": "", partition + ".b.tmp": ""}, "", "neither rows nor"},
		{"a temporary file above", 10, twoBids[:1], map[string]string{"out/b.jsonl": ""}, "", "in no partition"},
		{"another directory", 10, nil, map[string]string{"out/tmp/b.jsonl": ""}, "", "no partition"},
		{"the wrong partition", 10, twoBids[:1], map[string]string{
			"out/day=1970-01-01/minute=00-01/a.jsonl": q10, "out/day=1970-01-01/minute=00-01/_SUCCESS": "",
		}, "", "wrong partition"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			want, err := oracle.Rows(tc.query, tc.events)
			if err != nil {
				t.Fatal(err)
			}
			diff, err := oracle.Compare(tc.query, want, write(t, tc.files))
			if (diff == "") != (tc.diff == "") || !strings.Contains(diff, tc.diff) {
				t.Errorf("difference %q, want %q", diff, tc.diff)
			}
			if (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Errorf("error %v, want %q", err, tc.err)
			}
		})
	}
}

func TestCompareWithoutResult(t *testing.T) {
	t.Parallel()
	if _, err := oracle.Compare(2, nil, filepath.Join(t.TempDir(), "out")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want %v", err, fs.ErrNotExist)
	}
}

func TestDiffShowsTwentyRows(t *testing.T) {
	t.Parallel()
	many := strings.Split(strings.Repeat("x ", 50), " ")[:50]
	for _, tc := range []struct {
		want, got  []string
		minus, add int
	}{
		{many, nil, 20, 0},
		{nil, many, 0, 20},
		{many, []string{"a", "b"}, 18, 2},
		{many[:3], strings.Split(strings.Repeat("y ", 50), " ")[:50], 3, 17},
		{many, strings.Split(strings.Repeat("y ", 50), " ")[:50], 10, 10},
	} {
		text := oracle.Diff(0, tc.want, tc.got)
		if m, a := strings.Count(text, "\n- "), strings.Count(text, "\n+ "); m != tc.minus || a != tc.add {
			t.Errorf("%d and %d rows shown, want %d and %d", m, a, tc.minus, tc.add)
		}
	}
}

func TestCompareLive(t *testing.T) {
	t.Parallel()
	events := []event.Event{bid(1, 5, 1, 0, ""), bid(2, 5, 1, 0, ""), bid(1, 5, 1, 0, ""), bid(1, 6, 1, 0, "")}
	const six = `{"bidder":6,"count":1,"windowStart":-10000,"windowEnd":0}` + "\n"
	for _, tc := range []struct{ name, rows, want string }{
		{"two windows", six + `{"bidder":5,"count":2,"windowStart":0,"windowEnd":10000}
{"bidder":5,"count":1,"windowStart":10000,"windowEnd":20000}`, ""},
		{"a bid missing", six + `{"bidder":5,"count":2,"windowStart":0,"windowEnd":10000}`, `- {"bidder":5,"count":3}`},
		{"two rows of a window", six + `{"bidder":5,"count":2,"windowStart":0,"windowEnd":10000}
{"bidder":5,"count":1,"windowStart":0,"windowEnd":10000}`, "a second row"},
		{"not aligned", six + `{"bidder":5,"count":3,"windowStart":5000,"windowEnd":15000}`, "not aligned"},
		{"too long", six + `{"bidder":5,"count":3,"windowStart":0,"windowEnd":20000}`, "not 10 s long"},
		{"no count", six + `{"bidder":5,"count":3,"windowStart":0,"windowEnd":10000}` + "\n" + `{"bidder":5,"count":0,"windowStart":10000,"windowEnd":20000}`, "not positive"},
		{"a field missing", six + `{"bidder":5,"count":3,"windowStart":0}`, "windowEnd is no integer"},
		{"another field", six + `{"bidder":5,"count":3,"windowStart":0,"windowEnd":10000,"x":1}`, "other fields"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := oracle.CompareLive(events, write(t, map[string]string{"out": tc.rows}))
			if err != nil {
				t.Fatal(err)
			}
			if (got == "") != (tc.want == "") || !strings.Contains(got, tc.want) {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}
