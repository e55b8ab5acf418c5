package fileset

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/millrace-go/millrace/io/filesystem"
)

// ErrNoFiles is wrapped by the error of a pattern that matches nothing.
var ErrNoFiles = errors.New("no file matches")

// Expand lists the files that a path or pattern stands for. A set whose shards are matched and that has a marker
// is what the marker says; a path without special characters that is no file may also be that of a set.
func Expand(ctx context.Context, f filesystem.FileSystem, pattern string) ([]filesystem.Info, error) {
	found, err := f.Glob(ctx, pattern)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 && !filesystem.IsPattern(pattern) {
		m, err := readMarker(ctx, f, pattern+MarkerSuffix)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("fileset: reading %s: %w", pattern, fs.ErrNotExist)
		case err != nil:
			return nil, fmt.Errorf("fileset: %w", err)
		}
		return ofSet(ctx, f, pattern+MarkerSuffix, m)
	}
	var out []filesystem.Info
	sets := map[string]map[string]bool{} // by marker: the names that belong; nil: there is no marker
	for _, in := range found {
		dir, name := path.Split(in.Path)
		if strings.HasSuffix(name, MarkerSuffix) {
			continue
		}
		if marker, ok := markerOf(dir, name); ok {
			names, known := sets[marker]
			if !known {
				if m, err := readMarker(ctx, f, marker); err == nil {
					files, err := ofSet(ctx, f, marker, m)
					if err != nil {
						return nil, err
					}
					names = map[string]bool{}
					for _, x := range files {
						names[x.Path] = true
					}
				} else if !errors.Is(err, fs.ErrNotExist) {
					return nil, fmt.Errorf("fileset: %w", err)
				}
				sets[marker] = names
			}
			if names != nil && !names[in.Path] {
				continue // left by an earlier set of that name
			}
		}
		out = append(out, in)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("fileset: reading %s: %w; check the pattern and the directory it is relative to", pattern, ErrNoFiles)
	}
	return out, nil
}

// markerOf returns the marker of the set that a file is a shard of, judging by its name.
func markerOf(dir, name string) (string, bool) {
	i := strings.Index(name, "-of-")
	if i < 0 {
		return "", false
	}
	end := i + 4
	for end < len(name) && name[end] >= '0' && name[end] <= '9' {
		end++
	}
	set, ok := isShard(name[:end], "", "")
	return dir + set + MarkerSuffix, ok
}

// ofSet returns the files of a manifest, which all have to be there.
func ofSet(ctx context.Context, f filesystem.FileSystem, marker string, m Manifest) ([]filesystem.Info, error) {
	var out []filesystem.Info
	dir, _ := path.Split(marker) // path.Dir would clean the scheme away
	for _, x := range m.Files {
		p := dir + x.Name
		in, err := f.Stat(ctx, p)
		if err != nil {
			return nil, fmt.Errorf("fileset: %s: %w: %w", marker, ErrIncomplete, err)
		}
		if in.Size != x.Bytes {
			return nil, fmt.Errorf("fileset: %s: %w: %s has %d bytes, the marker says %d", marker, ErrIncomplete, p, in.Size, x.Bytes)
		}
		out = append(out, in)
	}
	return out, nil
}
