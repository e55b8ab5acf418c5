package options

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// ErrUsage is wrapped by the errors of [Set.Parse].
var ErrUsage = errors.New("wrong usage")

// ErrHelp is returned by [Set.Parse] when help was asked for.
var ErrHelp = errors.New("help")

// Source is where options come from.
type Source struct {
	Args     []string                          // the command line, without the program's name
	Getenv   func(name string) (string, bool)  // nil: no environment
	ReadFile func(path string) ([]byte, error) // the file that --config names
}

const commandLine = "the command line"

// UsageError is everything that is wrong with what the user gave; errors.Is finds [ErrUsage].
type UsageError struct{ Mistakes []error }

func (e *UsageError) Error() string { return errors.Join(e.Mistakes...).Error() }

// Unwrap implements the interface of errors.Is.
func (e *UsageError) Unwrap() []error { return append([]error{ErrUsage}, e.Mistakes...) }

// Parse fills the options from src. It returns [ErrHelp] if -h or --help is among the arguments, or a
// *[UsageError]; what the options are then is undefined. A flag that is given twice has its last value, unless
// it is a list.
func (s *Set) Parse(src Source) error {
	p := parser{set: s, src: src}
	if p.run(); p.help {
		return ErrHelp
	}
	for _, o := range s.opts {
		if o.Required && o.from == "" {
			p.fail("--%s (or %s) is required: %s", o.Flag, o.Env, o.about())
		}
	}
	if len(p.errs) > 0 {
		return &UsageError{p.errs}
	}
	return nil
}

// Peek fills the options from src as far as it can, passing over everything that is not for them: for what has
// to be known before all options are.
func (s *Set) Peek(src Source) {
	p := parser{set: s, src: src}
	p.run()
}

// about is what an option is for, in a message.
func (o *Option) about() string {
	if o.Help == "" {
		return "a " + o.Type
	}
	return o.Help
}

type parser struct {
	set    *Set
	src    Source
	errs   []error
	help   bool
	config string
}

func (p *parser) fail(format string, args ...any) {
	p.errs = append(p.errs, fmt.Errorf(format, args...))
}

func (p *parser) run() {
	if p.src.Getenv == nil {
		p.src.Getenv = func(string) (string, bool) { return "", false }
	}
	p.config, _ = p.src.Getenv("MILLRACE_CONFIG")
	p.flags()
	for _, o := range p.set.opts {
		if v, ok := p.src.Getenv(o.Env); ok && v != "" && o.from == "" {
			p.give(o, []string{v}, true, o.Env)
		}
	}
	if p.config != "" && !p.help {
		p.file(p.config)
	}
}

// give sets an option to a value from somewhere.
func (p *parser) give(o *Option, values []string, split bool, from string) {
	err := o.set(values, split, o.from == from)
	o.from = from
	switch {
	case err == nil:
	case o.secret:
		p.fail("--%s, from %s: %w", o.Flag, from, err)
	default:
		p.fail("--%s, from %s: %q: %w", o.Flag, from, strings.Join(values, ","), err)
	}
}

func (p *parser) flags() {
	args := p.src.Args
	for i := 0; i < len(args); i++ {
		flag, dashed := strings.CutPrefix(args[i], "-")
		if !dashed || flag == "" {
			p.fail("%q is no option: options begin with --; quote a pattern so that the shell does not expand it, and write --NAME=false to switch one off", args[i])
			continue
		}
		flag, value, given := strings.Cut(strings.TrimPrefix(flag, "-"), "=")
		if flag == "help" || flag == "h" {
			p.help = true
			continue
		}
		o := p.set.byFlag[flag]
		isBool := o != nil && o.v.Kind() == reflect.Bool && !isText(o.v.Type())
		if !given && isBool {
			value, given = "true", true
		}
		if !given && i+1 < len(args) && isValue(args[i+1]) {
			i++
			value, given = args[i], true
		}
		switch {
		case o == nil && flag != "config":
			p.fail("--%s: there is no such option%s", flag, p.set.nearest(flag, "--"))
		case !given:
			p.fail("--%s: its value is missing; one that begins with a dash is written --%s=VALUE", flag, flag)
		case o == nil:
			p.config = value
		default:
			p.give(o, []string{value}, true, commandLine)
		}
	}
}

// isValue reports whether an argument behind a flag is its value and not another flag. Negative numbers are
// values, as is the lone dash that stands for standard input.
func isValue(arg string) bool {
	return len(arg) < 2 || arg[0] != '-' || arg[1] >= '0' && arg[1] <= '9' || arg[1] == '.'
}
