package csvio_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace-go/millrace/io/csvio"
	"github.com/millrace-go/millrace/io/textio"
	"github.com/millrace-go/millrace/runners/ptest"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/passert"
)

type trip struct {
	ID   int64 `csv:"id"`
	Name string
	Fare float64
	OK   bool
	At   time.Time
	Skip []int `csv:"-"`
}

func file(t *testing.T, text string) string {
	t.Helper()
	p := filepath.Join(t.TempDir(), "in.csv")
	if err := os.WriteFile(p, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return p
}

var at = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestRead(t *testing.T) {
	path := file(t, "id,Name,Fare,OK,At\n1,\"a, \"\"b\"\"\",2.5,true,2026-01-02T03:04:05Z\n-2,,0,false,2026-01-02T03:04:05Z\n")
	ptest.Run(t, func(p *sdk.Pipeline) {
		passert.Equals(csvio.Read[trip](p, path, csvio.Header()),
			trip{ID: 1, Name: `a, "b"`, Fare: 2.5, OK: true, At: at}, trip{ID: -2, At: at})
	})
}

func TestWriteAndReadBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	want := []trip{{ID: 1, Name: `quote " and, comma`, Fare: 1.25, OK: true, At: at}, {ID: 2, Name: " ", At: at}}
	ptest.Run(t, func(p *sdk.Pipeline) { csvio.Write(sdk.Create(p, want), path, csvio.Header(), csvio.Comma(';')) })
	ptest.Run(t, func(p *sdk.Pipeline) {
		passert.Equals(csvio.Read[trip](p, path+"-*.csv", csvio.Header(), csvio.Comma(';')), want...)
	})
}

func TestBadRecords(t *testing.T) {
	path := file(t, "1,a,2,true,2026-01-02T03:04:05Z\n2,too few\nx,a,2,true,2026-01-02T03:04:05Z\n3,\"open,2,true,2026-01-02T03:04:05Z\n")
	_, err := ptest.RunErr(t, func(p *sdk.Pipeline) error { csvio.Read[trip](p, path); return nil })
	if !errors.Is(err, csvio.ErrRecord) || !strings.Contains(err.Error(), "in.csv at offset") {
		t.Errorf("error %v", err)
	}
	got := ptest.Collect(t, func(p *sdk.Pipeline) sdk.PCollection[string] {
		var bad sdk.Output[sdk.Failed[textio.Line]]
		good := csvio.Read[trip](p, path, csvio.OnError(sdk.DeadLetter(&bad)))
		return sdk.Flatten(
			sdk.Map(good, func(v trip) string { return fmt.Sprint("good ", v.ID) }),
			sdk.Map(bad.PCollection(), func(f sdk.Failed[textio.Line]) string {
				return fmt.Sprint("bad ", filepath.Base(f.Element.Path), " ", f.Element.Offset)
			}))
	})
	slices.Sort(got)
	if want := []string{"bad in.csv 32", "bad in.csv 42", "bad in.csv 74", "good 1"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	_, err = ptest.RunErr(t, func(p *sdk.Pipeline) error { csvio.Read[trip](p, path, csvio.Header()); return nil })
	if err == nil || !strings.Contains(err.Error(), "header") {
		t.Errorf("a wrong header: %v", err)
	}
	_, err = ptest.RunErr(t, func(p *sdk.Pipeline) error { csvio.Read[struct{ F []int }](p, path); return nil })
	if err == nil || !strings.Contains(err.Error(), "field F") {
		t.Errorf("a field that is no text: %v", err)
	}
}
