package textio

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/millrace-go/millrace/io/filesystem"
)

// list returns the names that match a pattern of local files, in their order, whatever they are names of. It is for
// directories that change while they are listed: what goes meanwhile is no error.
func list(ctx context.Context, pattern string) (names []string, err error) {
	pattern = path.Clean(filepath.ToSlash(strings.TrimPrefix(pattern, "file://")))
	if !filesystem.IsPattern(pattern) {
		return []string{pattern}, nil
	}
	start := filesystem.Root(pattern)
	if start == "" {
		start = "."
	}
	depth := strings.Count(pattern, "/")
	err = filepath.WalkDir(filepath.FromSlash(start), func(p string, e fs.DirEntry, err error) error {
		name := filepath.ToSlash(p)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case e.IsDir():
			if !strings.Contains(pattern, "**") && strings.Count(name, "/") >= depth && name != start {
				return fs.SkipDir
			}
			return nil
		case strings.HasPrefix(e.Name(), filesystem.TempPrefix): // a writer has not finished it
			return nil
		}
		ok, err := filesystem.Match(pattern, name)
		if ok {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		return nil, filesystem.PathError("listing", pattern, err)
	}
	return names, nil
}
