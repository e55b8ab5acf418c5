package textio_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/millrace-go/millrace/io/textio"
	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
)

func Example() {
	dir, err := os.MkdirTemp("", "textio")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	in, out := filepath.Join(dir, "in.txt"), filepath.Join(dir, "out")
	if err := os.WriteFile(in, []byte("to be\nor not\n"), 0o666); err != nil {
		fmt.Println(err)
		return
	}

	_, err = sdk.Run(context.Background(), &direct.Runner{}, func(p *sdk.Pipeline) error {
		lines := textio.Read(p, in)
		textio.Write(sdk.Map(lines, strings.ToUpper), out, textio.Shards(1), textio.Suffix(".txt"))
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	// The marker out-_SUCCESS says that the set is complete.
	files, _ := filepath.Glob(out + "-*")
	for _, f := range files {
		fmt.Println(filepath.Base(f))
	}
	text, err := os.ReadFile(files[0])
	fmt.Println(strings.Contains(string(text), "TO BE\n"), strings.Contains(string(text), "OR NOT\n"), err)
	// Output:
	// out-00000-of-00001.txt
	// out-_SUCCESS
	// true true <nil>
}

// Where a line comes from is part of what ReadLines gives.
func ExampleReadLines() {
	dir, err := os.MkdirTemp("", "textio")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := os.WriteFile(filepath.Join(dir, "a.log"), []byte("start\nerror: disk\n"), 0o666); err != nil {
		fmt.Println(err)
		return
	}
	_, err = sdk.Run(context.Background(), &direct.Runner{}, func(p *sdk.Pipeline) error {
		lines := textio.ReadLines(p, dir+"/**/*.log")
		bad := sdk.Filter(lines, func(l textio.Line) bool { return strings.HasPrefix(l.Text, "error") })
		sdk.Map(bad, func(l textio.Line) bool {
			fmt.Println(filepath.Base(l.Path), l.Offset, l.Text)
			return true
		})
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output: a.log 6 error: disk
}
