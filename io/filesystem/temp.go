package filesystem

import (
	"context"
	"os"
	"strconv"
	"strings"
	"sync"
)

// TempPrefix begins the names of files that are being written. Globs do not show them.
const TempPrefix = ".millrace-tmp-"

// TempName returns the name of a temporary file for one that will be called base, in the same directory. It
// says which process writes it, so that what a dead one leaves can be told from what a live one needs; unique
// tells files of one process apart.
func TempName(base, unique string) string {
	return TempPrefix + base + "~" + host() + "~" + strconv.Itoa(os.Getpid()) + "~" + unique
}

// ParseTempName undoes TempName.
func ParseTempName(name string) (base, onHost string, pid int, ok bool) {
	rest, ok := strings.CutPrefix(name, TempPrefix)
	if !ok {
		return "", "", 0, false
	}
	parts := strings.Split(rest, "~")
	if len(parts) < 4 {
		return "", "", 0, false
	}
	n := len(parts)
	pid, err := strconv.Atoi(parts[n-2])
	return strings.Join(parts[:n-3], "~"), parts[n-3], pid, err == nil
}

// ThisHost is the host as TempName writes it.
func ThisHost() string { return host() }

var host = sync.OnceValue(func() string {
	h, err := os.Hostname()
	if err != nil || h == "" {
		return "unknown"
	}
	return strings.Map(func(r rune) rune {
		if r == '~' || r == '/' || r == '\\' {
			return '_'
		}
		return r
	}, h)
})

// Janitor is implemented by file systems that can find what dead processes have left.
type Janitor interface {
	// RemoveStale removes the temporary files, next to path, of files whose name begins with path's, that
	// processes of this host wrote which have died since. It returns their names.
	RemoveStale(ctx context.Context, path string) (removed []string, err error)
}
