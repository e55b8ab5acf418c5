package memfs_test

import (
	"testing"

	"github.com/millrace-go/millrace/io/filesystem"
	"github.com/millrace-go/millrace/io/filesystem/memfs"
	"github.com/millrace-go/millrace/io/iotest"
)

func TestConformance(t *testing.T) {
	for _, dir := range []string{"mem://dir", "dir", "/dir"} {
		t.Run(dir, func(t *testing.T) {
			iotest.TestFileSystem(t, func(*testing.T) (filesystem.FileSystem, string) { return &memfs.FileSystem{}, dir })
		})
	}
}
