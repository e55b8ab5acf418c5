package filesystem_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/millrace-go/millrace/io/filesystem"
	"github.com/millrace-go/millrace/io/filesystem/local"
	"github.com/millrace-go/millrace/io/filesystem/memfs"
)

// A Set chooses the file system by a path's scheme. Sources and sinks take one: textio.FileSystems(set).
func Example() {
	set := filesystem.Set{"": local.FileSystem{}, "mem": &memfs.FileSystem{}}
	ctx := context.Background()
	f, err := set.For("mem://in/a.txt")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range []string{"mem://in/a.txt", "mem://in/deep/b.txt"} {
		if err := f.PutIfAbsent(ctx, p, []byte("hello")); err != nil {
			fmt.Println(err)
		}
	}
	found, err := f.Glob(ctx, "mem://in/**/*.txt")
	for _, in := range found {
		fmt.Println(in.Path, in.Size)
	}
	fmt.Println(err)

	_, err = set.For("gs://bucket/a.txt")
	fmt.Println(errors.Is(err, filesystem.ErrNoFileSystem))
	// Output:
	// mem://in/a.txt 5
	// mem://in/deep/b.txt 5
	// <nil>
	// true
}
