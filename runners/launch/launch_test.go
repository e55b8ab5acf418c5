package launch_test

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"

	"github.com/millrace-go/millrace/runners/launch"
	"github.com/millrace-go/millrace/sdk"
)

func one(p *sdk.Pipeline, _ struct{}) error {
	sdk.Map(sdk.Of(p, 1), func(i int) int { return i })
	return nil
}

func TestRun(t *testing.T) {
	if got := launch.Run(t.Context(), one, launch.Env{}); got != launch.ExitDone {
		t.Errorf("in an empty environment: exit code %d", got)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if got := launch.Run(ended, one, launch.Env{}); got != launch.ExitInterrupted {
		t.Errorf("with a context that has ended: exit code %d", got)
	}
}

// TestCancel: a job is cancelled with its context.
func TestCancel(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	dir := t.TempDir()
	var stderr bytes.Buffer
	got := launch.Run(ctx, func(p *sdk.Pipeline, _ struct{}) error {
		sdk.ParDo(sdk.Of(p, 1), &cancelFn{Cancel: cancel})
		return nil
	}, launch.Env{Args: []string{"x", "--temp-dir", dir}, Stderr: &stderr})
	if got != launch.ExitInterrupted || !strings.Contains(stderr.String(), "cancelled in") {
		t.Errorf("exit code %d, standard error:\n%s", got, stderr.String())
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left are %v (%v)", left, err)
	}
}

type cancelFn struct{ Cancel func() }

func (f *cancelFn) ProcessElement(c *sdk.Context, _ int, _ sdk.Emitter[int]) error {
	f.Cancel()
	<-c.Done()
	return c.Err()
}

func TestProgramMistakes(t *testing.T) {
	for _, tt := range []struct {
		name string
		run  func(launch.Env) int
		want string
	}{
		{"no pipelines", func(e launch.Env) int { return launch.RunPipelines(t.Context(), e) }, "the program has no pipelines"},
		{"one name twice", func(e launch.Env) int {
			return launch.RunPipelines(t.Context(), e, launch.Named("a", one), launch.Named("a", one))
		}, `the program's pipelines need different names; "a" is not`},
		{"no name", func(e launch.Env) int { return launch.RunPipelines(t.Context(), e, launch.Named("", one)) }, `need different names; "" is not`},
		{"no build function", func(e launch.Env) int { return launch.Run[struct{}](t.Context(), nil, e) }, "the build function is nil"},
		{"options that are no struct", func(e launch.Env) int {
			return launch.Run(t.Context(), func(*sdk.Pipeline, int) error { return nil }, e)
		}, "*int is not a pointer to a struct"},
		{"no transforms", func(e launch.Env) int {
			return launch.Run(t.Context(), func(*sdk.Pipeline, struct{}) error { return nil }, e)
		}, "the pipeline has no transforms"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var stderr bytes.Buffer
			if got := tt.run(launch.Env{Stderr: &stderr}); got != launch.ExitUsage || !strings.Contains(stderr.String(), tt.want) {
				t.Errorf("exit code %d, standard error:\n%s\nwant %d and %q", got, stderr.String(), launch.ExitUsage, tt.want)
			}
		})
	}
}

// TestOnly: the only pipeline of a program need not be named.
func TestOnly(t *testing.T) {
	for _, args := range [][]string{{"x"}, {"x", "--pipeline", "a"}} {
		if got := launch.RunPipelines(t.Context(), launch.Env{Args: args}, launch.Named("a", one)); got != launch.ExitDone {
			t.Errorf("%q: exit code %d", args, got)
		}
	}
}
