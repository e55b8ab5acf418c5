// Wordcount counts the words of text files.
//
//	go run ./examples/wordcount --input 'texts/*.txt' --output counts
//
// It writes lines "word<TAB>count" to counts-00000-of-0000N; a word is what strings.Fields yields. Without flags
// it counts the words of the Go standard library's source text and prints the ten most frequent.
package main

import (
	"fmt"
	"go/build"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/millrace-go/millrace/io/textio"
	"github.com/millrace-go/millrace/runners/launch"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/transforms/stats"
)

type options struct {
	Input  string `help:"files to read, a path or a pattern (default: the Go standard library's source)"`
	Output string `help:"where to write; without it the ten most frequent words are printed"`
}

func wordcount(p *sdk.Pipeline, o options) error {
	if o.Input == "" {
		o.Input = filepath.ToSlash(build.Default.GOROOT) + "/src/**/*.go"
	}
	lines := textio.Read(p, o.Input)
	words := sdk.FlatMap(lines, strings.FieldsSeq)
	counts := stats.Count(words)
	if o.Output != "" {
		textio.Write(sdk.Map(counts, format), o.Output)
		return nil
	}
	top := stats.Top(counts, 10, func(a, b sdk.KV[string, int64]) bool { return a.Value < b.Value })
	sdk.Map(top, show)
	return nil
}

func format(c sdk.KV[string, int64]) string { return c.Key + "\t" + strconv.FormatInt(c.Value, 10) }

func show(top []sdk.KV[string, int64]) bool {
	for _, c := range top {
		fmt.Printf("%8d  %s\n", c.Value, c.Key)
	}
	return true
}

func main() { launch.Main(wordcount) }
