package launch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/millrace-go/millrace/runners/launch/options"
	"github.com/millrace-go/millrace/sdk"
)

// ByteSize is an option in bytes, as "512MB".
type ByteSize = options.ByteSize

// The exit codes of programs; see the package's documentation.
const (
	ExitDone        = 0
	ExitFailed      = 1
	ExitUsage       = 2
	ExitInterrupted = 130
)

// Env is what a program runs in.
type Env struct {
	Args           []string                         // the program's name first
	Stdout, Stderr io.Writer                        // nil: nowhere. Stderr is written by one goroutine at a time.
	Getenv         func(name string) (string, bool) // nil: no environment
	Signals        bool                             // interrupts cancel the job; the second ends the process
}

func process() Env {
	return Env{Args: os.Args, Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.LookupEnv, Signals: true}
}

// Main runs build as a program and exits the process. O is a struct of options, see package options.
//
// build is called twice, see [sdk.Build], each time with the same options.
func Main[O any](build func(*sdk.Pipeline, O) error) {
	os.Exit(Run(context.Background(), build, process()))
}

// Run is [Main] without the exit: it returns the exit code. The job is cancelled when ctx ends.
func Run[O any](ctx context.Context, build func(*sdk.Pipeline, O) error, env Env) int {
	return newProgram(env).run(ctx, Named("", build))
}

// Pipeline is one of the pipelines of a program. [Named] makes it.
type Pipeline struct {
	name string
	// open returns new options and how to build the pipeline with them.
	open func() (o any, build func(*sdk.Pipeline) error)
}

// Named is a pipeline under a name, for [Pipelines].
func Named[O any](name string, build func(*sdk.Pipeline, O) error) Pipeline {
	return Pipeline{name, func() (any, func(*sdk.Pipeline) error) {
		o := new(O)
		if build == nil {
			return o, nil
		}
		return o, func(p *sdk.Pipeline) error { return build(p, *o) }
	}}
}

// Pipelines runs the one of ps that --pipeline names as a program and exits the process.
func Pipelines(ps ...Pipeline) { os.Exit(RunPipelines(context.Background(), process(), ps...)) }

// RunPipelines is [Pipelines] without the exit: it returns the exit code. The job is cancelled when ctx ends.
func RunPipelines(ctx context.Context, env Env, ps ...Pipeline) int {
	prog := newProgram(env)
	chosen, err := prog.choose(ps)
	if err != nil {
		return prog.usage(err)
	}
	return prog.run(ctx, chosen)
}

// program is one run of a program.
type program struct {
	env    Env
	name   string
	screen *screen
	from   options.Source
	names  []string // of the pipelines, if they have names
	set    options.Set

	pipeline choice
	ro       runOptions
	direct   directOptions
}

// choice is the option of a program with several pipelines.
type choice struct {
	Pipeline string `help:"which pipeline to run"`
}

func newProgram(env Env) *program {
	p := &program{env: env, name: "pipeline", from: options.Source{Getenv: env.Getenv, ReadFile: os.ReadFile}}
	if len(env.Args) > 0 {
		p.name, p.from.Args = filepath.Base(env.Args[0]), env.Args[1:]
	}
	if p.env.Stdout == nil {
		p.env.Stdout = io.Discard
	}
	if p.env.Stderr == nil {
		p.env.Stderr = io.Discard
	}
	if p.env.Getenv == nil {
		p.env.Getenv = func(string) (string, bool) { return "", false }
	}
	p.screen = newScreen(p.env.Stderr, p.env.Getenv)
	return p
}

// choose returns the pipeline that the user names. Without a name it is the only one, or, of several, one that
// has nothing but a name, so that --help can say what there is.
func (p *program) choose(ps []Pipeline) (Pipeline, error) {
	seen := map[string]Pipeline{}
	for _, q := range ps {
		if _, twice := seen[q.name]; twice || q.name == "" {
			return q, fmt.Errorf("the program's pipelines need different names; %q is not", q.name)
		}
		seen[q.name] = q
		p.names = append(p.names, q.name)
	}
	if len(ps) == 0 {
		return Pipeline{}, errors.New("the program has no pipelines")
	}
	var set options.Set
	var c choice
	if err := set.Add("", &c); err != nil {
		return Pipeline{}, err
	}
	set.Peek(p.from)
	q, ok := seen[c.Pipeline]
	switch {
	case ok:
		return q, nil
	case c.Pipeline != "":
		return q, fmt.Errorf("--pipeline=%s: there is no such pipeline; this program has %s", c.Pipeline, strings.Join(p.names, ", "))
	case len(ps) == 1:
		return ps[0], nil
	}
	none := Pipeline{"", func() (any, func(*sdk.Pipeline) error) { return &struct{}{}, nil }}
	for _, a := range p.from.Args {
		if a == "-h" || a == "-help" || a == "--help" {
			return none, nil
		}
	}
	return none, fmt.Errorf("--pipeline is required: one of %s", strings.Join(p.names, ", "))
}

// run parses the options, builds the pipeline and runs it.
func (p *program) run(ctx context.Context, chosen Pipeline) int {
	o, build := chosen.open()
	err := p.set.Add("Options of the pipeline", o)
	if p.names != nil {
		err = errors.Join(err, p.set.Add("Pipelines: "+strings.Join(p.names, ", "), &p.pipeline))
	}
	err = errors.Join(err, p.set.Add("Options of the run", &p.ro), p.set.Add("Options of the runner direct", &p.direct))
	if err != nil {
		return p.usage(err)
	}
	switch err := p.set.Parse(p.from); {
	case errors.Is(err, options.ErrHelp):
		p.help(chosen.name)
		return ExitDone
	case err != nil:
		return p.usage(err)
	}
	if err := errors.Join(p.ro.check(), p.direct.check()); err != nil {
		return p.usage(err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	j := &jobRun{program: p, log: p.ro.logger(p.screen), cancel: cancel}
	if p.env.Signals {
		defer handleSignals(cancel, j.drain, j.log)()
	}
	g, err := sdk.Build(build)
	switch {
	case ctx.Err() != nil:
		return ExitInterrupted
	case err != nil:
		j.tell("the pipeline cannot be built", err)
		return ExitUsage
	case p.ro.DryRun:
		_, _ = fmt.Fprint(p.env.Stdout, plan(g))
		return ExitDone
	}
	return j.run(ctx, g)
}

func (p *program) help(pipeline string) {
	w := p.env.Stdout
	usage := p.name
	switch {
	case pipeline != "":
		usage += " --pipeline=" + pipeline
	case p.names != nil:
		usage += " --pipeline=NAME"
	}
	_, _ = fmt.Fprintf(w, "Usage: %s [options]\n", usage)
	p.set.Usage(w)
	_, _ = fmt.Fprint(w, "\nExit codes:\n"+
		"  0    done\n"+
		"  1    the job has failed\n"+
		"  2    wrong options or pipeline; nothing has been run\n"+
		"  130  interrupted\n")
}

// usage tells what is wrong with the command line, or with the program.
func (p *program) usage(err error) int {
	for line := range strings.Lines(err.Error()) {
		_, _ = fmt.Fprintf(p.screen, "%s: %s\n", p.name, strings.TrimSuffix(line, "\n"))
	}
	_, _ = fmt.Fprintf(p.screen, "%s --help lists the options\n", p.name)
	return ExitUsage
}
