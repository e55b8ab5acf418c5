package local_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/millrace-go/millrace/io/filesystem"
	"github.com/millrace-go/millrace/io/filesystem/local"
)

func Example() {
	tmp, err := os.MkdirTemp("", "local")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(tmp) }()
	ctx, f := context.Background(), local.FileSystem{}
	path := filepath.ToSlash(tmp) + "/new/dir/greeting.txt"

	w, err := f.Create(ctx, path)
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = fmt.Fprint(w, "hello")
	found, _ := f.Glob(ctx, filepath.ToSlash(tmp)+"/**")
	fmt.Println("while it is written:", len(found), "files,", err)

	if err := w.Close(); err != nil {
		fmt.Println(err)
		return
	}
	text, err := filesystem.ReadAll(ctx, f, path, 100)
	fmt.Printf("closed: %q, %v\n", text, err)
	// Output:
	// while it is written: 0 files, <nil>
	// closed: "hello", <nil>
}
