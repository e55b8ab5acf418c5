package launch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/runners/launch/options"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/graph"
)

// ByteSize is an option in bytes, as "512MB".
type ByteSize = options.ByteSize

// The exit codes of [Run].
const (
	ExitDone        = 0
	ExitFailed      = 1
	ExitUsage       = 2
	ExitInterrupted = 130
)

// runnerOptions are the options that every program has.
type runnerOptions struct {
	Runner     string        `help:"what runs the pipeline: direct" default:"direct"`
	Workers    int           `help:"goroutines that run it; 0: one for each core"`
	Budget     ByteSize      `help:"memory for groups, joins and views before they go to disk; 0: half of what there is"`
	TempDir    string        `help:"where spill files go; empty: the system's temporary directory"`
	StallAfter time.Duration `help:"how long user code may stay on one element before it is reported" default:"1m"`
	DryRun     bool          `help:"print the plan and exit"`
	HTTP       string        `name:"http" help:"serve pprof, /metrics, /status and /plan at this address, as localhost:8080"`
	LogFormat  string        `help:"text or json" default:"text"`
	LogLevel   slog.Level    `help:"debug, info, warn or error" default:"info"`
	Quiet      bool          `help:"no progress and no table at the end"`
}

// Main runs build as a program and exits. O is a struct of options, see package options. It does not return.
func Main[O any](build func(*sdk.Pipeline, O) error) {
	os.Exit(Run(context.Background(), build, Env{Args: os.Args, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.LookupEnv, Signals: true}))
}

// Env is what a program runs in.
type Env struct {
	Args           []string // the program's name first
	Stdout, Stderr io.Writer
	Getenv         func(string) (string, bool)
	Signals        bool // handle interrupts
}

// Run is [Main] without the exit: it returns the exit code.
func Run[O any](ctx context.Context, build func(*sdk.Pipeline, O) error, env Env) int {
	var o O
	return run(ctx, &o, func(p *sdk.Pipeline) error { return build(p, o) }, env)
}

func run(ctx context.Context, o any, build func(*sdk.Pipeline) error, env Env) int {
	name := "pipeline"
	args := env.Args
	if len(args) > 0 {
		name, args = filepath.Base(args[0]), args[1:]
	}
	var ro runnerOptions
	var set options.Set
	if err := errors.Join(set.Add("Options of the pipeline", o), set.Add("Options of the runner", &ro)); err != nil {
		_, _ = fmt.Fprintf(env.Stderr, "%s: %v\n", name, err)
		return ExitUsage
	}
	switch err := set.Parse(options.Source{Args: args, Getenv: env.Getenv, ReadFile: os.ReadFile}); {
	case errors.Is(err, options.ErrHelp):
		_, _ = fmt.Fprintf(env.Stdout, "Usage: %s [options]\n", name)
		set.Usage(env.Stdout)
		_, _ = fmt.Fprint(env.Stdout, "\nExit codes: 0 done, 1 the job failed, 2 wrong usage or pipeline, 130 interrupted\n")
		return ExitDone
	case err != nil:
		_, _ = fmt.Fprintf(env.Stderr, "%s: %v\n%s --help lists the options\n", name, err, name)
		return ExitUsage
	}
	log, err := logger(ro, env.Stderr)
	if err == nil && ro.Runner != "direct" {
		err = fmt.Errorf("--runner=%s: this version has only direct", ro.Runner)
	}
	if err != nil {
		_, _ = fmt.Fprintf(env.Stderr, "%s: %v\n", name, err)
		return ExitUsage
	}
	g, err := sdk.Build(build)
	if err != nil {
		_, _ = fmt.Fprintf(env.Stderr, "%s: the pipeline cannot be built:\n%s\n", name, indent(err.Error()))
		return ExitUsage
	}
	if ro.DryRun {
		_, _ = fmt.Fprint(env.Stdout, direct.Plan(g))
		return ExitDone
	}
	log.Debug("options", "values", &set)
	return start(ctx, name, g, ro, log, env)
}

func logger(ro runnerOptions, w io.Writer) (*slog.Logger, error) {
	opts := &slog.HandlerOptions{Level: ro.LogLevel}
	switch ro.LogFormat {
	case "text":
		return slog.New(slog.NewTextHandler(w, opts)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, opts)), nil
	}
	return nil, fmt.Errorf("--log-format=%s: want text or json", ro.LogFormat)
}

var errInterrupted = errors.New("interrupted")

func start(ctx context.Context, name string, g *graph.Graph, ro runnerOptions, log *slog.Logger, env Env) int {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := &direct.Runner{Workers: ro.Workers, Budget: int64(ro.Budget), TempDir: ro.TempDir, Log: log, StallAfter: ro.StallAfter}
	job, err := r.Start(ctx, g)
	if err != nil {
		_, _ = fmt.Fprintf(env.Stderr, "%s: %v\n", name, err)
		return ExitFailed
	}
	if env.Signals {
		defer handleSignals(cancel, log)()
	}
	if ro.HTTP != "" {
		stop, err := serve(ro.HTTP, job, log)
		if err != nil {
			job.Cancel(err)
			_ = job.Wait()
			_, _ = fmt.Fprintf(env.Stderr, "%s: --http: %v\n", name, err)
			return ExitUsage
		}
		defer stop()
	}
	shown := func() {}
	if !ro.Quiet {
		shown = progress(job, env.Stderr, log)
	}
	err = job.Wait()
	shown()
	st := job.Status()
	if !ro.Quiet {
		table(env.Stderr, st)
	}
	switch {
	case err == nil:
		return ExitDone
	case errors.Is(err, errInterrupted):
		log.Warn("interrupted", "job", st.JobID)
		return ExitInterrupted
	}
	_, _ = fmt.Fprintf(env.Stderr, "%s: the job has failed:\n%s\n", name, indent(err.Error()))
	return ExitFailed
}

// handleSignals cancels at the first interrupt and exits at the second. It returns how to stop that.
func handleSignals(cancel context.CancelCauseFunc, log *slog.Logger) (stop func()) {
	c := make(chan os.Signal, 2)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		for n := 0; ; n++ {
			select {
			case <-done:
				return
			case <-c:
				if n > 0 {
					log.Warn("interrupted twice: exiting at once; the next start removes what is left")
					os.Exit(ExitInterrupted)
				}
				log.Warn("interrupted: cancelling the job; interrupt again to exit at once")
				cancel(errInterrupted)
			}
		}
	}()
	return func() {
		signal.Stop(c)
		close(done)
	}
}

func indent(s string) string { return "  " + strings.ReplaceAll(s, "\n", "\n  ") }
