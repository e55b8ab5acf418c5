//go:build !unix

package local

import "os"

// alive reports whether a process of that id exists: where processes are opened to find them, they have to.
func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	_ = p.Release()
	return true
}
