package local

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/millrace-go/millrace/io/filesystem"
)

// RemoveStale implements [filesystem.Janitor].
func (FileSystem) RemoveStale(ctx context.Context, path string) ([]string, error) {
	dir, base := filepath.Split(native(path))
	if dir == "" {
		dir = "."
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, filesystem.PathError("listing", dir, err)
	}
	var removed []string
	for _, e := range entries {
		if ctx.Err() != nil {
			return removed, context.Cause(ctx)
		}
		of, host, pid, ok := filesystem.ParseTempName(e.Name())
		if !ok || !strings.HasPrefix(of, base) || host != filesystem.ThisHost() || pid == os.Getpid() || alive(pid) {
			continue
		}
		p := filepath.Join(dir, e.Name())
		if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return removed, filesystem.PathError("removing what a dead process left", p, err)
		}
		removed = append(removed, p)
	}
	return removed, nil
}
