package jsonio_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace-go/millrace/io/jsonio"
	"github.com/millrace-go/millrace/io/textio"
	"github.com/millrace-go/millrace/runners/ptest"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/passert"
)

type event struct {
	Name string `json:"name"`
	N    int
	Tags []string `json:",omitempty"`
}

func TestWriteAndReadBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	want := []event{{"a<b>\n", 1, nil}, {"\u2028", 2, []string{"x", "y"}}}
	ptest.Run(t, func(p *sdk.Pipeline) {
		jsonio.Write(sdk.Create(p, want), path, jsonio.Shards(2), jsonio.Compress(textio.Gzip))
	})
	ptest.Run(t, func(p *sdk.Pipeline) { passert.Equals(jsonio.Read[event](p, path+"-*.jsonl.gz"), want...) })
}

func TestBadRecords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "in.jsonl")
	text := "{\"name\":\"a\"}\n\n{\"name\":5}\n{\"name\":\"b\"} {}\n{\"other\":1}\nnot json\n"
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	_, err := ptest.RunErr(t, func(p *sdk.Pipeline) error { jsonio.Read[event](p, path); return nil })
	if !errors.Is(err, jsonio.ErrRecord) || !strings.Contains(err.Error(), "in.jsonl at offset") {
		t.Errorf("error %v", err)
	}
	ptest.Run(t, func(p *sdk.Pipeline) {
		var bad sdk.Output[sdk.Failed[textio.Line]]
		good := jsonio.Read[event](p, path, jsonio.Strict(), jsonio.OnError(sdk.DeadLetter(&bad)))
		passert.Equals(good, event{Name: "a"})
		passert.Equals(sdk.Map(bad.PCollection(), func(f sdk.Failed[textio.Line]) int64 { return f.Element.Offset }), 14, 25, 41, 53)
	})
}
