package model

import (
	"errors"
	"fmt"
	"strings"
)

// Kind is a kind of transform.
type Kind int

// The transforms. Each makes one collection, which bears the transform's name.
const (
	Source        Kind = iota // the elements of a script
	Map                       // Transform.Map on every element
	WindowInto                // Transform.Windowing
	Flatten                   // of any number of inputs
	GroupByKey                // Grouped elements
	CombinePerKey             // Transform.Combine over the values of a pane
	CoGroupByKey              // of two inputs
	Stateful                  // Transform.Program, keyed
	SideInput                 // Transform.Join of the first input with a view of the second
)

var kindVerbs = [...]string{"source", "map", "window", "flatten", "group", "combine", "cogroup", "stateful", "join"}

// String returns the verb of Parse's language.
func (k Kind) String() string { return kindVerbs[k] }

// Transform is one transform of a pipeline, plain data but for the fields that are documented as functions.
type Transform struct {
	Name      string
	Kind      Kind
	Inputs    []string  // names of transforms that come earlier in the pipeline
	Bounded   bool      // Source: allows a grouping in the global window with the default trigger after it
	Map       MapFn     // Map
	Windowing Windowing // WindowInto
	Combine   string    // CombinePerKey: sum, count, max or mean; of nothing each is 0. mean is rounded towards 0
	Program   Program   // Stateful
	Join      string    // SideInput: total (adds all values of the view), lookup (adds those of the element's key) or size

	// Func replaces Program, for a DoFn that is not in the named set. Random never sets it.
	Func DoFn
}

// MapFn is a function on elements by name, with a number. On plain elements: add, mul (change the value), keymod (the key
// becomes "k" and the value modulo the number), onekey (the key becomes "all"), keep (only elements whose value is odd, for
// 1, or even, for 0). On grouped ones: sum, count, max (a plain element again; 0 of nothing).
type MapFn struct {
	Name string
	Arg  int64
}

// String returns the function in the language of Parse.
func (f MapFn) String() string { return fmt.Sprintf("%s(%d)", f.Name, f.Arg) }

func (f MapFn) onGrouped() bool { return f.Name == "sum" || f.Name == "count" || f.Name == "max" }

func (f MapFn) apply(e Element) []Element {
	switch f.Name {
	case "add":
		e.Value += f.Arg
	case "mul":
		e.Value *= f.Arg
	case "keymod":
		e.Key = fmt.Sprintf("k%d", modulo(e.Value, f.Arg))
	case "onekey":
		e.Key = "all"
	case "keep":
		if modulo(e.Value, 2) != f.Arg {
			return nil
		}
	case "sum", "count", "max":
		e.Value = combine(f.Name, append(append([]int64{}, e.Values...), e.Others...))
		e.Grouped, e.Values, e.Others = false, nil, nil
	default:
		panic("model: no such function: " + f.Name)
	}
	return []Element{e}
}

func modulo(v, n int64) int64 { return ((v % n) + n) % n }

// combine aggregates from scratch.
func combine(how string, values []int64) int64 {
	var sum, largest int64
	for i, v := range values {
		sum += v
		if i == 0 || v > largest {
			largest = v
		}
	}
	switch how {
	case "sum":
		return sum
	case "count":
		return int64(len(values))
	case "max":
		return largest
	case "mean":
		if len(values) == 0 {
			return 0
		}
		return sum / int64(len(values))
	}
	panic("model: no such combine: " + how)
}

// Pipeline is a pipeline: transforms, each after its inputs.
type Pipeline []Transform

// String returns the pipeline in the language of Parse, one transform a line.
func (p Pipeline) String() string {
	var b strings.Builder
	for _, t := range p {
		fmt.Fprintf(&b, "%s\n", t)
	}
	return b.String()
}

// String returns the transform in the language of Parse.
func (t Transform) String() string {
	parts := append([]string{t.Name, "=", t.Kind.String()}, t.Inputs...)
	switch t.Kind {
	case Source:
		if t.Bounded {
			parts = append(parts, "bounded")
		}
	case Map:
		parts = append(parts, t.Map.String())
	case WindowInto:
		parts = append(parts, t.Windowing.String())
	case CombinePerKey:
		parts = append(parts, t.Combine)
	case Stateful:
		parts = append(parts, t.Program.String())
	case SideInput:
		parts = append(parts, t.Join)
	}
	return strings.Join(parts, " ")
}

// collection is what is known of a transform's output while a pipeline is checked.
type collection struct {
	windowing Windowing
	grouped   bool
	bounded   bool
}

// Check returns the construction errors of the pipeline (Beam's static rules, I11 in the design), joined, or nil.
func (p Pipeline) Check() error {
	_, err := p.collections()
	return err
}

func (p Pipeline) collections() (map[string]collection, error) {
	made := map[string]collection{}
	var errs []error
	for _, t := range p {
		var in []collection
		for _, name := range t.Inputs {
			c, ok := made[name]
			if !ok {
				errs = append(errs, fmt.Errorf("%s: no transform %q comes before it", t.Name, name))
				return made, errors.Join(errs...)
			}
			in = append(in, c)
		}
		if _, twice := made[t.Name]; twice {
			errs = append(errs, fmt.Errorf("%s: there are two transforms of this name", t.Name))
		}
		c, err := t.output(in)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", t.Name, err))
			return made, errors.Join(errs...)
		}
		made[t.Name] = c
	}
	return made, errors.Join(errs...)
}

// inputs says how many inputs a transform has; -1 is any number but none.
var inputCounts = [...]int{Source: 0, Map: 1, WindowInto: 1, Flatten: -1, GroupByKey: 1, CombinePerKey: 1, CoGroupByKey: 2, Stateful: 1, SideInput: 2}

func (t Transform) output(in []collection) (collection, error) {
	if n := inputCounts[t.Kind]; n != len(in) && (n >= 0 || len(in) == 0) {
		return collection{}, fmt.Errorf("%d inputs", len(in))
	}
	if t.Kind == Source {
		return collection{bounded: t.Bounded}, nil
	}
	out := in[0]
	for _, c := range in[1:] {
		out.bounded = out.bounded && c.bounded
	}
	if t.Kind != Map && t.Kind != WindowInto && t.Kind != Flatten {
		for _, c := range in {
			if c.grouped {
				return out, errors.New("the input is grouped: a map (sum, count, max) must make plain elements of it first")
			}
		}
	}
	switch t.Kind {
	case Map:
		if t.Map.onGrouped() != out.grouped {
			return out, fmt.Errorf("%s does not fit the input", t.Map)
		}
		out.grouped = false
	case WindowInto:
		if err := t.Windowing.Trigger.check(); err != nil {
			return out, err
		}
		out.windowing = t.Windowing
		out.windowing.AlreadyMerged = false
	case Flatten:
		return out, compatible(in)
	case CoGroupByKey:
		if err := compatible(in); err != nil {
			return out, err
		}
		fallthrough
	case GroupByKey, CombinePerKey:
		if err := groupable(out); err != nil {
			return out, err
		}
		out.windowing = out.windowing.AfterGrouping()
		out.grouped = t.Kind != CombinePerKey
	case Stateful:
		if out.windowing.Fn.Merging() {
			return out, errors.New("state on merging windows")
		}
		if t.Func == nil && t.Program.dofn() == nil {
			return out, fmt.Errorf("no program %q", t.Program)
		}
	case SideInput:
		main, side := in[0].windowing.Fn, in[1].windowing.Fn
		if side.Merging() || main.Kind == GlobalWindows && side.Kind != GlobalWindows {
			return out, fmt.Errorf("a main input in %s cannot read a view in %s", main, side)
		}
		return out, groupable(in[1])
	}
	return out, nil
}

// groupable refuses an unbounded grouping that would never fire (Java GroupByKey.applicableTo).
func groupable(c collection) error {
	if !c.bounded && c.windowing.Fn.Kind == GlobalWindows && c.windowing.Trigger.Kind == Default {
		return errors.New("a grouping of an unbounded collection in the global window needs a trigger")
	}
	return nil
}

// compatible refuses to bring together collections of different windowings (Java Flatten and CoGroupByKey).
func compatible(in []collection) error {
	for _, c := range in[1:] {
		a, b := in[0].windowing, c.windowing
		if !a.Fn.equal(b.Fn) || a.Trigger.String() != b.Trigger.String() {
			return fmt.Errorf("incompatible windowings: %s; %s", a, b)
		}
		if c.grouped != in[0].grouped {
			return errors.New("grouped and plain elements in one collection")
		}
	}
	return nil
}
