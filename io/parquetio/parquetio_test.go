package parquetio_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/millrace-go/millrace/io/parquetio"
	"github.com/millrace-go/millrace/runners/ptest"
	"github.com/millrace-go/millrace/sdk"
)

type trip struct {
	ID       int64   `parquet:"id"`
	User     string  `parquet:"user"`
	Fare     float64 `parquet:"fare"`
	Note     *string `parquet:"note,optional"`
	Comments string  `parquet:"comments"`
}

func trips(n int) []trip {
	var ts []trip
	for i := range n {
		t := trip{ID: int64(i), User: fmt.Sprint("user", i%100), Fare: float64(i) / 4, Comments: strings.Repeat(fmt.Sprint("long text ", i), 20)}
		if i%3 == 0 {
			s := fmt.Sprint("note ", i)
			t.Note = &s
		}
		ts = append(ts, t)
	}
	return ts
}

// reference writes a file with the library alone.
func reference(t *testing.T, rows []trip, perGroup int64) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), "in.parquet")
	f, err := os.Create(p)
	if err != nil {
		t.Fatal(err)
	}
	w := parquet.NewGenericWriter[trip](f, parquet.MaxRowsPerRowGroup(perGroup))
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return p
}

func key(t trip) string {
	note := "-"
	if t.Note != nil {
		note = *t.Note
	}
	return fmt.Sprint(t.ID, t.User, t.Fare, note, len(t.Comments))
}

func keys(ts []trip) []string {
	var ks []string
	for _, t := range ts {
		ks = append(ks, key(t))
	}
	slices.Sort(ks)
	return ks
}

// Columns that the struct does not have are not read; row groups that cannot match neither.
func TestPushDown(t *testing.T) {
	path := reference(t, trips(10_000), 1000)
	bytesRead := func(res *sdk.Result) int64 {
		var n int64
		for _, s := range res.Status.Steps {
			n += s.Bytes
		}
		return n
	}
	all := ptest.Run(t, func(p *sdk.Pipeline) { parquetio.Read[trip](p, path) }, ptest.Fast())
	type narrow struct {
		ID int64 `parquet:"id"`
	}
	sum := int64(0)
	ids := ptest.Run(t, func(p *sdk.Pipeline) {
		sum = 0
		sdk.Filter(sdk.CombineGlobally(sdk.Map(parquetio.Read[narrow](p, path), func(n narrow) int64 { return n.ID }), add{}), func(v int64) bool { sum = v; return true })
	}, ptest.Fast())
	if sum != 10_000*9_999/2 {
		t.Errorf("sum %d", sum)
	}
	if a, b := bytesRead(all), bytesRead(ids); b == 0 || b > a/4 {
		t.Errorf("one of five columns: %d bytes read, %d for all", b, a)
	}
	some := ptest.Run(t, func(p *sdk.Pipeline) {
		parquetio.Read[trip](p, path, parquetio.Where("id", int64(2500), int64(3100)))
	}, ptest.Fast())
	if r, s := some.Counter("parquetio.Read/ParDoSplittable", "RowGroupsRead"), some.Counter("parquetio.Read/ParDoSplittable", "RowGroupsSkipped"); r != 2 || s != 8 {
		t.Errorf("read %d row groups and skipped %d, want 2 and 8", r, s)
	}
	if a, b := bytesRead(all), bytesRead(some); b > a/3 {
		t.Errorf("two of ten row groups: %d bytes read, %d for all", b, a)
	}
}

type add struct{}

func (add) CreateAccumulator() int64           { return 0 }
func (add) AddInput(a, v int64) int64          { return a + v }
func (add) MergeAccumulators(a, b int64) int64 { return a + b }
func (add) ExtractOutput(a int64) int64        { return a }

func TestBadFiles(t *testing.T) {
	path := reference(t, trips(2000), 500)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	read := func(b []byte) error {
		p := filepath.Join(t.TempDir(), "bad.parquet")
		if err := os.WriteFile(p, b, 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := ptest.RunErr(t, func(pl *sdk.Pipeline) error { parquetio.Read[trip](pl, p); return nil }, ptest.Fast())
		return err
	}
	if err := read(good); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"truncated": good[:len(good)/2], "text": []byte("not parquet at all"), "empty": nil} {
		if err := read(b); !errors.Is(err, parquetio.ErrCorrupt) || !strings.Contains(err.Error(), "bad.parquet") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A flipped byte is found, or was in what nobody reads (statistics in page headers): never wrong rows.
	want, found := keys(trips(2000)), 0
	for at := 4; at < len(good)-8; at += len(good) / 60 {
		b := slices.Clone(good)
		b[at] ^= 0x40
		p := filepath.Join(t.TempDir(), "bad.parquet")
		if err := os.WriteFile(p, b, 0o666); err != nil {
			t.Fatal(err)
		}
		var got []trip
		_, err := ptest.RunErr(t, func(pl *sdk.Pipeline) error {
			got = nil
			sdk.Filter(parquetio.Read[trip](pl, p), func(v trip) bool { got = append(got, v); return true })
			return nil
		}, ptest.Fast(), ptest.Workers(1))
		switch {
		case err != nil && strings.Contains(err.Error(), "bad.parquet"):
			found++
		case err != nil:
			t.Errorf("a flipped byte at %d: %v", at, err)
		case !slices.Equal(keys(got), want):
			t.Errorf("a flipped byte at %d of %d gives other rows", at, len(b))
		}
	}
	if found < 40 {
		t.Errorf("%d of about 60 flipped bytes were found", found)
	}
	type other struct {
		ID string `parquet:"id"`
	}
	type more struct {
		ID    int64  `parquet:"id"`
		Extra string `parquet:"extra"`
	}
	_, err = ptest.RunErr(t, func(p *sdk.Pipeline) error { parquetio.Read[other](p, path); return nil })
	if !errors.Is(err, parquetio.ErrSchema) || !strings.Contains(err.Error(), "id") {
		t.Errorf("another type: %v", err)
	}
	_, err = ptest.RunErr(t, func(p *sdk.Pipeline) error { parquetio.Read[more](p, path); return nil })
	if !errors.Is(err, parquetio.ErrSchema) || !strings.Contains(err.Error(), "extra") {
		t.Errorf("a missing column: %v", err)
	}
}
