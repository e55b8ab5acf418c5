package sdk

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/graph"
)

// Pipeline is a graph of transforms under construction. It is given to a build function by [Run] or
// launch.Main, and is complete when that function returns. Not safe for concurrent use.
type Pipeline struct {
	g      *graph.Graph
	scope  string
	names  map[string]*graph.Node // by path
	counts map[string]int         // how many unnamed transforms a path prefix has
	fns    map[any]string         // DoFns that may be applied once, with where that was
	types  map[reflect.Type]*exec.ElementType
	coders map[reflect.Type]coder.Untyped // of types that package coder does not know
	once   *onceValues
	errs   []error
	sealed bool
}

func newPipeline(once *onceValues) *Pipeline {
	return &Pipeline{
		g:      &graph.Graph{},
		names:  map[string]*graph.Node{},
		counts: map[string]int{},
		fns:    map[any]string{},
		types:  map[reflect.Type]*exec.ElementType{},
		coders: map[reflect.Type]coder.Untyped{},
		once:   once,
	}
}

// Build constructs a pipeline: it calls build, twice, and returns the graph of the second call, or one error
// that joins everything that is wrong with it, each with the transform's path and the program's file and line.
//
// A program is built again on every worker, so it must come out the same each time: a difference between the
// two calls (the order of a map, the time of day) is refused, with what differs. What must be decided once goes
// through [Once].
func Build(build func(*Pipeline) error) (*graph.Graph, error) {
	once := &onceValues{}
	first, err := buildOnce(build, once)
	if err != nil {
		return nil, err
	}
	second, err := buildOnce(build, once)
	if err != nil {
		return nil, err
	}
	if d := first.Fingerprint().Diff(second.Fingerprint()); d != "" {
		return nil, fmt.Errorf("%w:\n%sbuild it from its options only, in a fixed order, and put what must be decided once (the time, a listing) into sdk.Once", ErrNotDeterministic, d)
	}
	return second, nil
}

// ErrNotDeterministic is returned when building a pipeline twice gave two different ones.
var ErrNotDeterministic = errors.New("sdk: two calls of the build function gave different pipelines")

func buildOnce(build func(*Pipeline) error, once *onceValues) (g *graph.Graph, err error) {
	if build == nil {
		return nil, errors.New("sdk: the build function is nil")
	}
	p := newPipeline(once)
	once.rewind()
	defer func() {
		p.sealed = true
		if r := recover(); r != nil {
			e, ok := r.(*constructionPanic)
			if !ok {
				panic(r) // the program's own: its stack says more than we could
			}
			g, err = nil, errors.Join(append(p.errs, e.err)...)
		}
	}()
	if err := build(p); err != nil {
		p.errs = append(p.errs, err)
	}
	if err := errors.Join(p.errs...); err != nil {
		return nil, err
	}
	if len(p.g.Nodes) == 0 {
		return nil, errors.New("sdk: the pipeline has no transforms")
	}
	return p.g, nil
}

// constructionPanic carries a mistake that no pipeline can be told of, because the handle it was made with
// belongs to none, up to [Build], which returns it.
type constructionPanic struct{ err error }

func (c *constructionPanic) Error() string { return c.err.Error() }

// Scope gives the transforms that f makes a common name: a composite of any shape. Scopes nest.
func Scope[R any](p *Pipeline, name string, f func() R) R {
	p = same("Scope", p)
	outer := p.scope
	p.scope = join(outer, name)
	if name == "" || strings.Contains(name, "/") {
		at, _ := callSite()
		p.fail(at, p.scope, fmt.Errorf("a scope's name must not be empty nor contain a slash: %q", name))
	}
	defer func() { p.scope = outer }()
	return f()
}

// Cleanup registers f to be called by the runner when the job ends, after everything else, with failed saying
// that the job failed or was cancelled. It is for sinks: what a failed job has written under temporary names
// is removed here.
func Cleanup(p *Pipeline, f func(jobID string, failed bool) error) {
	p.g.Cleanups = append(p.g.Cleanups, f)
}

func join(scope, name string) string {
	if scope == "" {
		return name
	}
	return scope + "/" + name
}

// fail records a construction error.
func (p *Pipeline) fail(at, path string, err error) {
	p.errs = append(p.errs, fmt.Errorf("%s (%s): %w", path, at, err))
}

// add makes a node: its path, its place in the program, and what its options say.
func (p *Pipeline) add(verb string, kind graph.Kind, o *options) *graph.Node {
	if o.verb != "" {
		verb = o.verb
	}
	o.suits(verb)
	o.suitsStable(verb, kind)
	at, chain := callSite()
	n := &graph.Node{Verb: verb, Kind: kind, At: at, Chain: chain, Display: o.display, Stable: o.stable}
	if p.sealed {
		panic(&constructionPanic{fmt.Errorf("%s (%s): the pipeline has been built already; its collections can only be used inside the build function", join(p.scope, verb), at)})
	}
	path := join(p.scope, verb)
	if o.name != "" {
		n.Named = true
		path = join(p.scope, o.name)
		if strings.Contains(o.name, "/") {
			p.fail(at, path, fmt.Errorf("a transform's name must not contain a slash: %q; use sdk.Scope", o.name))
		}
	} else {
		p.counts[path]++
		if c := p.counts[path]; c > 1 {
			path += "#" + strconv.Itoa(c)
		}
	}
	n.Path = path
	if first := p.names[path]; first != nil {
		p.fail(at, path, fmt.Errorf("another transform has this name (%s): give one of them another sdk.Name", first.At))
	}
	p.names[path] = n
	for _, err := range o.errs {
		p.fail(at, path, err)
	}
	p.g.AddNode(n)
	return n
}

// same returns the pipeline that all of ps are part of.
func same(verb string, ps ...*Pipeline) *Pipeline {
	at, _ := callSite()
	var p *Pipeline
	for _, q := range ps {
		switch {
		case q == nil:
			err := fmt.Errorf("%s (%s): an input is a zero PCollection: use the value that a verb or a source has returned", verb, at)
			if p == nil {
				panic(&constructionPanic{err})
			}
			panic(&constructionPanic{err})
		case p == nil:
			p = q
		case p != q:
			panic(&constructionPanic{fmt.Errorf("%s (%s): an input belongs to another Pipeline", verb, at)})
		}
	}
	return p
}

const module = "github.com/millrace-go/millrace/"

// callSite returns the file and line of the program that called a verb, through whatever of ours lies between,
// and the chain of calls that led there.
func callSite() (at, chain string) {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	var b strings.Builder
	for {
		f, more := frames.Next()
		if f.Function != "" && !isOurs(f) {
			pos := f.File[strings.LastIndexByte(f.File, '/')+1:] + ":" + strconv.Itoa(f.Line)
			if at == "" {
				at = pos
			}
			b.WriteString(pos)
			b.WriteByte(' ')
		}
		if !more || strings.HasPrefix(f.Function, "runtime.") {
			break
		}
	}
	return at, b.String()
}

var ours = []string{"sdk.", "sdk/", "io/", "transforms/", "runners/"}

func isOurs(f runtime.Frame) bool {
	rest, ok := strings.CutPrefix(f.Function, module)
	if !ok || strings.HasSuffix(f.File, "_test.go") {
		return false
	}
	return slices.ContainsFunc(ours, func(s string) bool { return strings.HasPrefix(rest, s) })
}

// funcName returns the name of a function value, for display.
func funcName(f any) string {
	v := reflect.ValueOf(f)
	if v.Kind() != reflect.Func || v.IsNil() {
		return ""
	}
	name := runtime.FuncForPC(v.Pointer()).Name()
	return name[strings.LastIndexByte(name, '/')+1:]
}
