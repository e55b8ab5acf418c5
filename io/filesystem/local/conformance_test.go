package local_test

import (
	"path/filepath"
	"testing"

	"github.com/millrace-go/millrace/io/filesystem"
	"github.com/millrace-go/millrace/io/filesystem/local"
	"github.com/millrace-go/millrace/io/iotest"
)

func TestConformance(t *testing.T) {
	t.Run("absolute", func(t *testing.T) {
		iotest.TestFileSystem(t, func(t *testing.T) (filesystem.FileSystem, string) {
			return local.FileSystem{}, filepath.ToSlash(t.TempDir())
		})
	})
	t.Run("relative", func(t *testing.T) {
		iotest.TestFileSystem(t, func(t *testing.T) (filesystem.FileSystem, string) {
			t.Chdir(t.TempDir())
			return local.FileSystem{}, "dir"
		})
	})
}
