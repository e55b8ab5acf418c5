package csvio_test

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/millrace-go/millrace/io/csvio"
	"github.com/millrace-go/millrace/io/filesystem"
	"github.com/millrace-go/millrace/io/filesystem/memfs"
	"github.com/millrace-go/millrace/io/textio"
	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
)

type payment struct {
	User  string `csv:"user"`
	Cents int64  `csv:"cents"`
}

// Lines that are no records go to an output of their own.
func Example() {
	ctx, files := context.Background(), &memfs.FileSystem{}
	if err := files.PutIfAbsent(ctx, "mem://in/may.csv", []byte("user,cents\namy,1200\nbob,many\n")); err != nil {
		fmt.Println(err)
		return
	}
	_, err := sdk.Run(ctx, &direct.Runner{}, func(p *sdk.Pipeline) error {
		var bad sdk.Output[sdk.Failed[textio.Line]]
		payments := csvio.Read[payment](p, "mem://in/*.csv", csvio.Header(),
			csvio.FileSystems(filesystem.Set{"mem": files}), csvio.OnError(sdk.DeadLetter(&bad)))
		sdk.Map(payments, func(p payment) bool { fmt.Println("paid:", p.User, p.Cents); return true })
		sdk.Map(bad.PCollection(), func(f sdk.Failed[textio.Line]) bool {
			fmt.Printf("not a payment: %s, offset %d: %q\n", filepath.Base(f.Element.Path), f.Element.Offset, f.Element.Text)
			return true
		})
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
	// Unordered output:
	// paid: amy 1200
	// not a payment: may.csv, offset 20: "bob,many"
}

func ExampleWrite() {
	ctx, files := context.Background(), &memfs.FileSystem{}
	_, err := sdk.Run(ctx, &direct.Runner{}, func(p *sdk.Pipeline) error {
		csvio.Write(sdk.Of(p, payment{"Smith, Amy", 1200}), "mem://out/payments",
			csvio.Header(), csvio.Shards(1), csvio.FileSystems(filesystem.Set{"mem": files}))
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := filesystem.ReadAll(ctx, files, "mem://out/payments-00000-of-00001.csv", 1<<20)
	fmt.Printf("%s%v\n", text, err)
	// Output:
	// user,cents
	// "Smith, Amy",1200
	// <nil>
}
