package fileset_test

import (
	"context"
	"fmt"
	"io"

	"github.com/millrace-go/millrace/io/filesystem"
	"github.com/millrace-go/millrace/io/filesystem/fileset"
	"github.com/millrace-go/millrace/io/filesystem/memfs"
	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
)

// padded is a format of one's own: numbers of four digits.
type padded struct{ w io.Writer }

func (padded) NewEncoder(w io.Writer) (fileset.Encoder[int], error) { return padded{w}, nil }

func (p padded) Encode(v int) error {
	_, err := fmt.Fprintf(p.w, "%04d\n", v)
	return err
}

func (padded) Close() error { return nil }

// With a Format any collection can be written as a set that appears whole.
func ExampleWrite() {
	ctx, files := context.Background(), &memfs.FileSystem{}
	_, err := sdk.Run(ctx, &direct.Runner{}, func(p *sdk.Pipeline) error {
		fileset.Write(sdk.Of(p, 7, 42), padded{}, fileset.SinkOptions{
			FileSystems: filesystem.Set{"mem": files}, Path: "mem://out/numbers", Suffix: ".num", Shards: 1,
		})
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	found, err := fileset.Expand(ctx, files, "mem://out/numbers")
	for _, f := range found {
		fmt.Println(f.Path, f.Size)
	}
	fmt.Println(err)
	// Output:
	// mem://out/numbers-00000-of-00001.num 10
	// <nil>
}
