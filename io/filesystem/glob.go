package filesystem

import (
	"fmt"
	"path"
	"strings"
)

// Match reports whether a path with slashes matches a pattern as in [FileSystem].Glob.
func Match(pattern, name string) (bool, error) {
	ok, err := match(strings.Split(pattern, "/"), strings.Split(name, "/"))
	if err != nil {
		return false, fmt.Errorf("filesystem: pattern %q: %w", pattern, err)
	}
	return ok, nil
}

func match(pattern, name []string) (bool, error) {
	for len(pattern) > 0 {
		if pattern[0] == "**" {
			for i := 0; i <= len(name); i++ {
				if ok, err := match(pattern[1:], name[i:]); ok || err != nil {
					return ok, err
				}
			}
			return false, nil
		}
		if len(name) == 0 {
			return false, nil
		}
		ok, err := path.Match(pattern[0], name[0])
		if !ok || err != nil {
			return false, err
		}
		pattern, name = pattern[1:], name[1:]
	}
	return len(name) == 0, nil
}

// Root returns the directory below which all matches of a pattern lie: what is before its first special
// character, up to a slash. It is "" for a pattern that may match anywhere.
func Root(pattern string) string {
	i := strings.IndexAny(pattern, "*?[")
	if i < 0 {
		i = len(pattern)
	}
	j := strings.LastIndexByte(pattern[:i], '/')
	switch {
	case j < 0:
		return ""
	case j == 0:
		return "/"
	}
	return pattern[:j]
}
