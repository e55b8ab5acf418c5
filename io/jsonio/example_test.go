package jsonio_test

import (
	"context"
	"fmt"

	"github.com/millrace-go/millrace/io/filesystem"
	"github.com/millrace-go/millrace/io/filesystem/memfs"
	"github.com/millrace-go/millrace/io/jsonio"
	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
)

func Example() {
	type click struct {
		User string `json:"user"`
		Page string `json:"page"`
	}
	ctx, files := context.Background(), &memfs.FileSystem{}
	in := []byte(`{"user": "amy", "page": "/"}` + "\n" + `{"user": "bob", "page": "/cart", "ms": 12}` + "\n")
	if err := files.PutIfAbsent(ctx, "mem://in/clicks.jsonl", in); err != nil {
		fmt.Println(err)
		return
	}
	mem := jsonio.FileSystems(filesystem.Set{"mem": files})
	_, err := sdk.Run(ctx, &direct.Runner{}, func(p *sdk.Pipeline) error {
		clicks := jsonio.Read[click](p, "mem://in/clicks.jsonl", mem)
		carts := sdk.Filter(clicks, func(c click) bool { return c.Page == "/cart" })
		jsonio.Write(carts, "mem://out/carts", jsonio.Shards(1), mem)
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := filesystem.ReadAll(ctx, files, "mem://out/carts-00000-of-00001.jsonl", 1<<20)
	fmt.Printf("%s%v\n", text, err)
	// Output:
	// {"user":"bob","page":"/cart"}
	// <nil>
}
