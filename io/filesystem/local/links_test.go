package local_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/millrace-go/millrace/io/filesystem/local"
)

// A link is the file that it leads to, and nothing if there is none.
func TestGlobLinks(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("making links needs a privilege")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file.txt"), []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"link.txt": "file.txt", "dangling.txt": "nothing"} {
		if err := os.Symlink(filepath.Join(dir, to), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := local.FileSystem{}.Glob(t.Context(), filepath.ToSlash(dir)+"/*.txt")
	if err != nil || len(got) != 2 || filepath.Base(got[0].Path) != "file.txt" || filepath.Base(got[1].Path) != "link.txt" || got[1].Size != 4 {
		t.Errorf("got %+v, %v", got, err)
	}
}
