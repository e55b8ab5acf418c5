package memfs_test

import (
	"context"
	"fmt"

	"github.com/millrace-go/millrace/io/filesystem"
	"github.com/millrace-go/millrace/io/filesystem/memfs"
	"github.com/millrace-go/millrace/io/textio"
	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
)

// A test of a pipeline that reads and writes files needs no disk.
func Example() {
	ctx, files := context.Background(), &memfs.FileSystem{}
	if err := files.PutIfAbsent(ctx, "mem://in.txt", []byte("a\nb\n")); err != nil {
		fmt.Println(err)
		return
	}
	mem := textio.FileSystems(filesystem.Set{"mem": files})
	_, err := sdk.Run(ctx, &direct.Runner{}, func(p *sdk.Pipeline) error {
		textio.Write(textio.Read(p, "mem://in.txt", mem), "mem://out", textio.Shards(1), mem)
		return nil
	})
	fmt.Println(err)
	for _, p := range files.Paths() {
		fmt.Println(p)
	}
	// Output:
	// <nil>
	// mem://in.txt
	// mem://out-00000-of-00001
	// mem://out-_SUCCESS
}
