package direct_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	childEnv    = "MILLRACE_DIRECT_CHILD"     // which function of children the process is to run
	childDirEnv = "MILLRACE_DIRECT_CHILD_DIR" // a directory of its own
)

// children are functions that tests run in a process of their own: to measure it, or to kill it.
var children = map[string]func(dir string) error{}

// TestMain makes the test's binary run a child's function where a test asks for it.
func TestMain(m *testing.M) {
	name := os.Getenv(childEnv)
	if name == "" {
		os.Exit(m.Run())
	}
	f := children[name]
	if f == nil {
		fmt.Fprintf(os.Stderr, "there is no child %q\n", name)
		os.Exit(3)
	}
	if err := f(os.Getenv(childDirEnv)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if peak, err := peakRSS(); err == nil {
		fmt.Printf("peak-rss %d\n", peak)
	}
	os.Exit(0)
}

// child returns a command that runs a function of children in dir. It has no memory limit but the one that the
// runner sets.
func child(t *testing.T, name, dir string) *exec.Cmd {
	t.Helper()
	if children[name] == nil {
		t.Fatalf("there is no child %q", name)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "GOMEMLIMIT=") && !strings.HasPrefix(kv, "GOGC=") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	cmd.Env = append(cmd.Env, childEnv+"="+name, childDirEnv+"="+dir)
	return cmd
}

// measured runs a child to its end and returns the most memory it has had, in bytes.
func measured(t *testing.T, name, dir string) (peak int64, wall time.Duration) {
	t.Helper()
	begin := time.Now()
	out, err := child(t, name, dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %.4000s", err, out)
	}
	_, s, ok := bytes.Cut(out, []byte("peak-rss "))
	if !ok {
		t.Fatalf("the child does not say what it needed: %.4000s", out)
	}
	if peak, err = strconv.ParseInt(string(bytes.TrimSpace(s)), 10, 64); err != nil {
		t.Fatal(err)
	}
	return peak, time.Since(begin)
}

var errNoPeak = errors.New("the peak of a process's memory is read from Linux's /proc/self/status")

// peakRSS is the most memory that this process has had resident, in bytes.
func peakRSS() (int64, error) {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, errNoPeak
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb << 10, err
		}
	}
	return 0, errNoPeak
}
