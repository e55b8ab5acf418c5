package launch_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/millrace-go/millrace/sdk"
)

// child is one of TestMain's programs, running.
type child struct {
	t              *testing.T
	cmd            *exec.Cmd
	stdin          io.WriteCloser
	stdout, stderr *bufio.Scanner
	said           strings.Builder // what has been read of stderr
}

// start runs a program until the test ends.
func start(t *testing.T, name string, args ...string) *child {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &child{t: t, cmd: exec.CommandContext(t.Context(), exe)}
	c.cmd.Args = append([]string{name}, args...)
	c.cmd.Env = append(os.Environ(), "GORACE="+quickExit)
	var pipes [2]io.ReadCloser
	var errs [4]error
	c.stdin, errs[0] = c.cmd.StdinPipe()
	pipes[0], errs[1] = c.cmd.StdoutPipe()
	pipes[1], errs[2] = c.cmd.StderrPipe()
	errs[3] = c.cmd.Start()
	if err := errors.Join(errs[:]...); err != nil {
		t.Fatal(err)
	}
	c.stdout, c.stderr = bufio.NewScanner(pipes[0]), bufio.NewScanner(pipes[1])
	c.stderr.Buffer(nil, 1<<20)
	return c
}

// prints waits for a line of standard output.
func (c *child) prints(want string) {
	c.t.Helper()
	for c.stdout.Scan() {
		if c.stdout.Text() == want {
			return
		}
	}
	c.t.Fatalf("%s never printed %q; its standard error: %s", c.cmd.Args[0], want, c.rest())
}

// says waits for a line of standard error that contains want.
func (c *child) says(want string) string {
	c.t.Helper()
	for c.stderr.Scan() {
		line := c.stderr.Text()
		c.said.WriteString(line + "\n")
		if strings.Contains(line, want) {
			return line
		}
	}
	c.t.Fatalf("%s never said %q, but %s", c.cmd.Args[0], want, c.said.String())
	return ""
}

// rest is all of standard error, when the program has ended.
func (c *child) rest() string {
	for c.stderr.Scan() {
		c.said.WriteString(c.stderr.Text() + "\n")
	}
	return c.said.String()
}

func (c *child) signal(s os.Signal) {
	c.t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		c.t.Fatal(err)
	}
}

// exits waits for the end and checks the exit code. It returns all of standard error.
func (c *child) exits(code int) string {
	c.t.Helper()
	said := c.rest()
	_ = c.cmd.Wait()
	if got := c.cmd.ProcessState.ExitCode(); got != code {
		c.t.Fatalf("%s: exit code %d, want %d; its standard error:\n%s", c.cmd.Args[0], got, code, said)
	}
	return said
}

func noSignals(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("processes cannot be sent signals on windows")
	}
}

func wantEmpty(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("%s holds %v (%v), want nothing", dir, left, err)
	}
}

// TestInterrupt: the first signal cancels the job, whatever its code makes of that, and nothing is left.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	noSignals(t)
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			c := start(t, "waits", "--temp-dir", dir)
			c.prints("waiting")
			c.signal(sig)
			said := c.exits(130)
			for _, want := range []string{"interrupted: cancelling the job; interrupt again to exit at once", "Wait"} {
				if !strings.Contains(said, want) {
					t.Errorf("%q is not in\n%s", want, said)
				}
			}
			if strings.Contains(said, "the job has failed") {
				t.Errorf("an interrupt is no failure:\n%s", said)
			}
			wantEmpty(t, dir)
		})
	}
}

// TestInterruptTwice: the second signal ends a program whose code does not stop, and the next start cleans up.
func TestInterruptTwice(t *testing.T) {
	t.Parallel()
	noSignals(t)
	dir := t.TempDir()
	c := start(t, "stubborn", "--temp-dir", dir)
	c.prints("waiting")
	c.signal(os.Interrupt)
	c.says("user code ignores the cancelled Context")
	c.signal(os.Interrupt)
	if said := c.exits(130); !strings.Contains(said, "interrupted twice: exiting at once") {
		t.Errorf("it did not say so:\n%s", said)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) == 0 {
		t.Fatalf("%s holds %v (%v): the test shows nothing", dir, left, err)
	}
	next := start(t, "count", "--temp-dir", dir)
	next.exits(0)
	wantEmpty(t, dir)
}

// TestInterruptIgnored: the job is cancelled even if its code takes no notice and comes to its end.
func TestInterruptIgnored(t *testing.T) {
	t.Parallel()
	noSignals(t)
	dir := t.TempDir()
	c := start(t, "stubborn", "--temp-dir", dir)
	c.prints("waiting")
	c.signal(os.Interrupt)
	c.says("user code ignores the cancelled Context")
	if err := c.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if said := c.exits(130); !strings.Contains(said, "cancelled in") {
		t.Errorf("the job is not called cancelled:\n%s", said)
	}
	wantEmpty(t, dir)
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	c := start(t, "waits", "--http", "127.0.0.1:0")
	c.prints("waiting")
	_, url, ok := strings.Cut(c.says("msg=\"serving status\""), "url=")
	if !ok {
		t.Fatal("the log has no url")
	}
	tr := &http.Transport{DisableKeepAlives: true}
	get := func(path string) (code int, kind, body string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := tr.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		if err := errors.Join(err, resp.Body.Close()); err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, resp.Header.Get("Content-Type"), string(b)
	}
	for _, tt := range []struct{ path, kind, contains string }{
		{"/", "text/html", `<a href="/metrics">`},
		{"/plan", "text/plain", "stage 0: Create"},
		{"/metrics", "text/plain", `millrace_elements_out_total{job="`},
		{"/metrics", "text/plain", `transform="Create"} 1`},
		{"/metrics", "text/plain", `state="running"} 1`},
		{"/metrics", "text/plain", "millrace_budget_held_peak_bytes{"},
		{"/metrics", "text/plain", "go_goroutines "},
		{"/debug/pprof/", "text/html", "goroutine"},
		{"/debug/pprof/goroutine?debug=2", "text/plain", "waitFn"},
		{"/debug/pprof/cmdline", "text/plain", "--http"},
	} {
		code, kind, body := get(tt.path)
		if code != http.StatusOK || !strings.HasPrefix(kind, tt.kind) || !strings.Contains(body, tt.contains) {
			t.Errorf("%s: %d %s, want %s that contains %q:\n%s", tt.path, code, kind, tt.kind, tt.contains, body)
		}
	}
	var st sdk.Status
	if code, kind, body := get("/status"); code != http.StatusOK || kind != "application/json" || json.Unmarshal([]byte(body), &st) != nil {
		t.Errorf("/status: %d %s %s", code, kind, body)
	}
	if st.State != "running" || len(st.Steps) == 0 || st.Steps[0] != (sdk.StepStatus{Transform: "Create", Out: 1}) || st.JobID == "" {
		t.Errorf("/status: got %+v", st)
	}
	if code, _, _ := get("/nothing"); code != http.StatusNotFound {
		t.Errorf("/nothing: %d", code)
	}

	// An address that is taken is a mistake of the command line, and nothing runs.
	second := start(t, "count", "--http", strings.TrimPrefix(url, "http://"))
	if said := second.exits(2); !strings.Contains(said, "count: --http=127.0.0.1:") {
		t.Errorf("a taken address: %s", said)
	}
	if second.stdout.Scan() {
		t.Errorf("the second has run: %s", second.stdout.Text())
	}

	if err := c.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	c.exits(0)
	req, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, url+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := tr.RoundTrip(req); err == nil {
		_ = resp.Body.Close()
		t.Error("it is served after the end")
	}
}
