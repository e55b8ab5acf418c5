package sdk

import (
	"fmt"
	"reflect"
	"time"

	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/graph"
)

// Option is what every verb takes at its end. An option that a verb has no use for is a construction error.
type Option func(*options)

type options struct {
	name      string
	display   string
	verb      string
	policy    exec.Policy
	dead      deadLetters
	skew      time.Duration
	errs      []error
	hints     map[string]string
	window    []WindowOption
	unordered bool
	mayLose   bool
	droppable []lateField
	sorted    bool
	stable    bool
}

func parse(opts []Option) *options {
	o := &options{}
	for _, f := range opts {
		if f == nil {
			o.errs = append(o.errs, fmt.Errorf("an option is nil"))
			continue
		}
		f(o)
	}
	return o
}

// only records an error for options that the verb ignores.
func (o *options) only(verb string, policy bool) *options {
	if !policy && (o.policy.Kind != exec.Fail || o.dead != nil) {
		o.errs = append(o.errs, fmt.Errorf("sdk.OnError does not apply to %s: its function cannot fail, or what fails is not one element", verb))
	}
	return o
}

// suits records an error for options of streaming that the verb ignores.
func (o *options) suits(verb string) {
	switch verb {
	case "WindowInto", "WindowIntoFunc":
	default:
		if len(o.window) > 0 || o.mayLose {
			o.errs = append(o.errs, fmt.Errorf("triggers, panes and timestamp combiners are said where windows are: give the option to WindowInto, not to %s", verb))
		}
	}
	switch verb {
	case "GroupByKey", "CombinePerKey", "CombineGlobally", "CoGroupByKey2", "CoGroupByKey3", "CoGroupByKey4", "StatefulParDo":
	default:
		if len(o.droppable) > 0 {
			o.errs = append(o.errs, fmt.Errorf("sdk.Droppable does not apply to %s: groupings and stateful ParDos drop elements that come too late", verb))
		}
	}
	if o.sorted && verb != "StatefulParDo" {
		o.errs = append(o.errs, fmt.Errorf("sdk.SortedByTime does not apply to %s", verb))
	}
}

// suitsStable records an error for a verb that has no use for stable input.
func (o *options) suitsStable(verb string, kind graph.Kind) {
	if o.stable && kind != graph.ParDo && verb != "StatefulParDo" {
		o.errs = append(o.errs, fmt.Errorf("sdk.StableInput does not apply to %s: it is for ParDos that act on the world", verb))
	}
}

// Name names a transform. With a name it keeps its identity when the program around it changes, which is what
// state and checkpoints are found by; it must be the only one of that name in its scope.
func Name(name string) Option {
	return func(o *options) {
		if name == "" {
			o.errs = append(o.errs, fmt.Errorf("sdk.Name: the name is empty"))
		}
		o.name = name
	}
}

// Resource tells runners what the transform needs, by Beam's resource hint names ("min_ram_bytes",
// "accelerator", "cpu_count"). Runners ignore what they cannot use.
func Resource(hint, value string) Option {
	return func(o *options) {
		if o.hints == nil {
			o.hints = map[string]string{}
		}
		o.hints[hint] = value
	}
}

// AllowedSkew lets a transform emit at times up to d before its input's. What is emitted so far behind may
// come out late.
func AllowedSkew(d time.Duration) Option {
	return func(o *options) {
		if d < 0 {
			o.errs = append(o.errs, fmt.Errorf("sdk.AllowedSkew: %v is negative", d))
		}
		o.skew = d
	}
}

// ErrorPolicy says what happens to an element whose function returns an error or panics: [Retry] or
// [DeadLetter]. Without one the job fails.
//
// Until the function has succeeded, what it emitted, to whatever output, and the metrics it counted are
// provisional: a failed attempt leaves no trace.
type ErrorPolicy func(*options)

// OnError sets the policy for failing elements. A DoFn that keeps elements across calls (StartBundle,
// FinishBundle) or has only a vectorised form cannot have one.
func OnError(p ErrorPolicy) Option {
	return func(o *options) {
		if p == nil {
			o.errs = append(o.errs, fmt.Errorf("sdk.OnError: the policy is nil"))
			return
		}
		p(o)
	}
}

// Retry tries an element attempts times in all, then fails the job. The first retry comes after backoff, each
// further one after twice the wait before it, at most a minute, with jitter; 0 retries at once.
func Retry(attempts int, backoff time.Duration) ErrorPolicy {
	return func(o *options) {
		if attempts < 1 {
			o.errs = append(o.errs, fmt.Errorf("sdk.Retry: %d attempts: at least 1 is needed", attempts))
		}
		if o.policy.Kind == exec.Fail {
			o.policy.Kind = exec.Retry
		}
		o.policy.Attempts, o.policy.Backoff = attempts, backoff
	}
}

// Failed is an element that could not be processed, in a dead-letter output.
type Failed[T any] = exec.Failed[T]

type deadLetters interface {
	declare(p *Pipeline, n *graph.Node) bool
	matches(t reflect.Type) bool
}

// DeadLetter puts elements that fail into out, an output of [Failed] elements of the transform's input type,
// and goes on:
//
//	var failed sdk.Output[sdk.Failed[string]]
//	parsed := sdk.TryMap(lines, parse, sdk.OnError(sdk.DeadLetter(&failed)))
//	report(failed.PCollection())
//
// Combined with [Retry] (in a second OnError, in either order) an element is retried first.
func DeadLetter[T any](out *Output[Failed[T]]) ErrorPolicy {
	return func(o *options) {
		if out == nil {
			o.errs = append(o.errs, fmt.Errorf("sdk.DeadLetter: the output is nil"))
			return
		}
		o.policy.Kind = exec.DeadLetter
		o.dead = out
	}
}

// lateField is an output of droppable elements.
type lateField interface {
	outputField
	matches(t reflect.Type) bool
}

// Droppable puts the elements that a grouping or a stateful ParDo drops into out, an output of its input's type: those
// that come after their window has expired, or after its trigger has finished. They are counted in any case. Of
// CoGroupByKey, give one for each input, in their order.
//
//	var late sdk.Output[sdk.KV[string, int64]]
//	sums := stats.SumPerKey(scores, sdk.Droppable(&late))
//	report(late.PCollection())
func Droppable[T any](out *Output[T]) Option {
	return func(o *options) {
		if out == nil {
			o.errs = append(o.errs, fmt.Errorf("sdk.Droppable: the output is nil"))
			return
		}
		o.droppable = append(o.droppable, out)
	}
}

// SortedByTime makes a stateful ParDo process the elements of a key in the order of their timestamps, those of one
// time in the order in which they came: each when the watermark has passed it (Beam: RequiresTimeSortedInput).
func SortedByTime() Option { return func(o *options) { o.sorted = true } }

// StableInput says that the transform acts on the world outside, and therefore must be given the same elements again if it is
// run again for them: a retry, or a job that goes on after a failure, must not bring others because a transform before it
// is random, or looks at a clock (Beam: RequiresStableInput; beam_runner_api.proto, ParDoPayload.requires_stable_input).
//
// The direct runner keeps this for every transform: an element that is tried again ([Retry]) is the one that failed, and nothing
// before it runs again; and a job that fails does not go on. Runners that replay store what comes to such a transform first.
func StableInput() Option { return func(o *options) { o.stable = true } }

// verbName gives a transform that is made of another verb its own.
func verbName(v string) Option { return func(o *options) { o.verb = v } }
