package local_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/millrace-go/millrace/io/filesystem"
	"github.com/millrace-go/millrace/io/filesystem/local"
)

// writeDurably is what the traced process does.
func writeDurably(dir string) error {
	ctx, f := context.Background(), local.FileSystem{}
	w, err := f.Create(ctx, dir+"/new/sub/a")
	if err != nil {
		return err
	}
	_, err = w.Write([]byte("text"))
	return errors.Join(err, w.Close(), f.PutIfAbsent(ctx, dir+"/put", []byte("x")), f.Rename(ctx, dir+"/put", dir+"/moved"))
}

const traceDir = "LOCAL_TRACE_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(traceDir); dir != "" {
		if err := writeDurably(dir); err != nil {
			panic(err)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// What is in a file is on disk before the file has its name, and the name, with those of new directories, before
// the call returns: else a loss of power leaves an empty file under a final name, or none.
func TestDurabilityOrder(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("needs strace: ", err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(t.TempDir(), "trace")
	cmd := exec.Command(strace, "-f", "-y", "-s", "4096", "-o", log, "-e", "trace=fsync,fdatasync,mkdir,mkdirat,rename,renameat,renameat2,link,linkat", exe)
	cmd.Env = append(os.Environ(), traceDir+"="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		if strings.Contains(string(out), "ptrace") {
			t.Skipf("strace may not trace here: %v: %s", err, out)
		}
		t.Fatalf("%v: %s", err, out)
	}
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	got := calls(string(b), dir)
	want := []string{
		"mkdir ./new", "sync .", "mkdir ./new/sub", "sync ./new",
		"sync ./new/sub/TEMP", "rename ./new/sub/TEMP ./new/sub/a", "sync ./new/sub",
		"sync ./TEMP", "link ./TEMP ./put", "sync .",
		"rename ./put ./moved", "sync .",
	}
	if !slices.Equal(got, want) {
		t.Errorf("calls\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

var (
	callLine = regexp.MustCompile(`^\d+ +(f(?:data)?sync|mkdir|rename|link)(?:at2?)?\((.*)`)
	callPath = regexp.MustCompile(`\d<([^>]*)>|"([^"]*)"`)
	tempName = regexp.MustCompile(regexp.QuoteMeta(filesystem.TempPrefix) + `[^ ]*`)
)

// calls is what a trace says of files in dir: the call and the paths, relative to dir.
func calls(trace, dir string) []string {
	var out []string
	for line := range strings.Lines(trace) {
		m := callLine.FindStringSubmatch(line)
		if m == nil || !strings.Contains(line, dir) {
			continue
		}
		c := strings.Replace(strings.Replace(m[1], "fdatasync", "sync", 1), "fsync", "sync", 1)
		for _, p := range callPath.FindAllStringSubmatch(m[2], -1) {
			if rel, ok := strings.CutPrefix(p[1]+p[2], dir); ok {
				c += " ." + rel
			}
		}
		out = append(out, tempName.ReplaceAllString(c, "TEMP"))
	}
	return out
}
