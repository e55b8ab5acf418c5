package direct

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

const tempPrefix = "millrace-"

// liveJobs has the directories of this process's jobs. In a container each process has the same id, so the id alone
// does not say that a directory is ours.
var liveJobs sync.Map

// tempDir makes the job's directory for spill files, and removes those of processes that have died. The name
// holds the process id; on a host where the parent directory is shared between machines or containers that is
// no proof, so the host name is part of it too.
func tempDir(parent, jobID string, log *slog.Logger) (string, error) {
	if parent == "" {
		parent = os.TempDir()
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	host = strings.Map(func(r rune) rune {
		if r == '-' || r == '/' || r == '\\' || r == ':' {
			return '_'
		}
		return r
	}, host)
	mine := tempPrefix + host + "-"
	if entries, err := os.ReadDir(parent); err == nil {
		for _, e := range entries {
			rest, ok := strings.CutPrefix(e.Name(), mine)
			if !ok || !e.IsDir() {
				continue
			}
			pid, _, _ := strings.Cut(rest, "-")
			left := filepath.Join(parent, e.Name())
			if n, err := strconv.Atoi(pid); err != nil || n != os.Getpid() && alive(n) {
				continue
			}
			if _, ours := liveJobs.Load(left); ours {
				continue
			}
			if err := os.RemoveAll(left); err != nil {
				log.Warn("removing what a dead job left", "dir", left, "error", err)
				continue
			}
			log.Info("removed what a dead job left", "dir", left)
		}
	}
	dir := filepath.Join(parent, mine+strconv.Itoa(os.Getpid())+"-"+jobID)
	liveJobs.Store(dir, true)
	if err := os.Mkdir(dir, 0o700); err != nil {
		liveJobs.Delete(dir)
		return "", fmt.Errorf("direct: making a directory for spill files: %w; set Runner.TempDir to one that can be written", err)
	}
	return dir, nil
}
