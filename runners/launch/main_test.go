package launch_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/millrace-go/millrace/runners/launch"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/metrics"
)

// TestMain makes programs of some pipelines: the test binary under another name is that program.
func TestMain(m *testing.M) {
	testscript.Main(m, programs)
}

var programs = map[string]func(){
	"count":    func() { launch.Main(count) },
	"fails":    func() { launch.Main(fails) },
	"broken":   func() { launch.Main(broken) },
	"mistaken": func() { launch.Main(mistaken) },
	"waits":    func() { launch.Main(waits) },
	"stubborn": func() { launch.Main(stubborn) },
	"slow": func() {
		// The scripts' terminal is the controlling one, not standard error.
		if tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0); err == nil {
			os.Stderr = tty
		}
		launch.Main(slow)
	},
	"several": func() {
		launch.Pipelines(launch.Named("count", count), launch.Named("fails", fails))
	},
	"endless": func() { launch.Main(endless) },
}

type countOptions struct {
	Words []string   `help:"what to count" default:"a,b"`
	Times int        `help:"how often" default:"1"`
	Token sdk.Secret `help:"a secret"`
	Out   struct {
		Prefix string `help:"what lines begin with" default:"-"`
	}
}

type printFn struct {
	Prefix string
	Lines  metrics.Counter
	Length metrics.Distribution
}

func (f *printFn) ProcessElement(c *sdk.Context, s string, _ sdk.Emitter[string]) error {
	c.Log().Debug("printing", "length", len(s))
	f.Lines.Inc(1)
	f.Length.Update(int64(len(s)))
	_, err := fmt.Println(f.Prefix, s)
	return err
}

func count(p *sdk.Pipeline, o countOptions) error {
	words := sdk.Create(p, o.Words)
	many := sdk.Map(words, func(w string) string { return strings.Repeat(w, o.Times) })
	sdk.ParDo(many, &printFn{Prefix: o.Out.Prefix}, sdk.Name("Print"))
	return nil
}

func fails(p *sdk.Pipeline, _ struct{}) error {
	sdk.TryMap(sdk.Of(p, "x"), func(string) (string, error) { return "", errors.New("the oven is cold") }, sdk.Name("Bake"))
	return nil
}

func broken(p *sdk.Pipeline, _ struct{}) error {
	sdk.Of(p, 1)
	return errors.New("there is no recipe")
}

func mistaken(_ *sdk.Pipeline, _ struct{ Workers int }) error { return nil }

// waitFn says that it waits and does so until standard input ends or, unless it is stubborn, the job does.
type waitFn struct{ Stubborn bool }

func (f *waitFn) ProcessElement(c *sdk.Context, s string, out sdk.Emitter[string]) error {
	released := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(released)
	}()
	fmt.Println("waiting")
	cancelled := c.Done()
	if f.Stubborn {
		cancelled = nil
	}
	select {
	case <-cancelled:
		return errors.New("gave up waiting")
	case <-released:
		out.Emit(s)
		return nil
	}
}

func waits(p *sdk.Pipeline, _ struct{}) error {
	sdk.ParDo(sdk.Of(p, "x"), &waitFn{}, sdk.Name("Wait"))
	return nil
}

func stubborn(p *sdk.Pipeline, _ struct{}) error {
	sdk.ParDo(sdk.Of(p, "x"), &waitFn{Stubborn: true}, sdk.Name("Wait"))
	return nil
}

// slow takes a few redraws of the progress line.
func slow(p *sdk.Pipeline, _ struct{}) error {
	sdk.Map(sdk.Of(p, "x"), func(s string) string {
		<-time.After(700 * time.Millisecond)
		return s
	})
	return nil
}

// quickExit keeps the race detector from waiting a second at the end of each program.
const quickExit = "atexit_sleep_ms=0"

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("GORACE", quickExit)
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			// exits CODE program args...: runs the program and checks its exit code.
			"exits": func(ts *testscript.TestScript, neg bool, args []string) {
				if neg || len(args) < 2 {
					ts.Fatalf("usage: exits CODE program args...")
				}
				want, err := strconv.Atoi(args[0])
				ts.Check(err)
				got := 0
				if err := ts.Exec(args[1], args[2:]...); err != nil {
					exit, ok := errors.AsType[*exec.ExitError](err)
					if !ok {
						ts.Fatalf("%v", err)
					}
					got = exit.ExitCode()
				}
				if got != want {
					ts.Fatalf("%s exited with %d, want %d", args[1], got, want)
				}
			},
		},
	})
}
