package model

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ParseTransform reads one line of a pipeline, in the language that Transform.String writes: a name, "=", a verb, the names of
// the inputs, and what the verb needs.
//
//	in = source
//	w = window in fixed(10) trigger=AfterWatermark(early=AfterCount(2),late=Always) accumulating lateness=20 closing=always ontime=nonempty at=earliest
//	g = group w
//	s = map g sum
//	t = stateful w loop(10,3)
//
// Where a windowing says neither accumulating nor discarding it discards. Custom window functions cannot be written.
func ParseTransform(line string) (Transform, error) {
	words := strings.Fields(line)
	if len(words) < 3 || words[1] != "=" {
		return Transform{}, fmt.Errorf("model: %q is not a transform: want name = verb inputs", line)
	}
	kind := slices.Index(kindVerbs[:], words[2])
	if kind < 0 {
		return Transform{}, fmt.Errorf("model: %q: no verb %q", line, words[2])
	}
	t := Transform{Name: words[0], Kind: Kind(kind)}
	rest := words[3:]
	inputs := inputCounts[kind]
	if inputs < 0 {
		inputs = len(rest)
	}
	if len(rest) < inputs {
		return Transform{}, fmt.Errorf("model: %q: %d inputs, want %d", line, len(rest), inputs)
	}
	t.Inputs, rest = rest[:inputs:inputs], rest[inputs:]
	var err error
	switch {
	case t.Kind == WindowInto:
		t.Windowing, err = parseWindowing(rest)
	case t.Kind == Source && slices.Equal(rest, []string{"bounded"}):
		t.Bounded = true
	case t.Kind == Map || t.Kind == CombinePerKey || t.Kind == Stateful || t.Kind == SideInput:
		if len(rest) != 1 {
			return Transform{}, fmt.Errorf("model: %q: want one word after the inputs", line)
		}
		name, args, aerr := call(rest[0])
		err = aerr
		switch t.Kind {
		case Map:
			t.Map = MapFn{Name: name, Arg: number(args, 0)}
		case Stateful:
			t.Program = Program{Name: name, Arg: number(args, 0), Num: number(args, 1)}
		case SideInput:
			t.Join = name
		default:
			t.Combine = name
		}
	case len(rest) > 0:
		err = fmt.Errorf("too many words")
	}
	if err != nil {
		return Transform{}, fmt.Errorf("model: %q: %w", line, err)
	}
	return t, nil
}

// ParseStep reads one step, in the language that Step.String writes.
//
//	elements in a=1@5 b=2@7
//	watermark in 10
//	processing 5
//	end in
//	drain
func ParseStep(line string) (Step, error) {
	words := strings.Fields(line)
	bad := func() (Step, error) { return Step{}, fmt.Errorf("model: %q is not a step", line) }
	if len(words) == 0 {
		return bad()
	}
	switch verb, args := words[0], words[1:]; {
	case verb == "drain" && len(args) == 0:
		return Step{Kind: Drain}, nil
	case verb == "end" && len(args) == 1:
		return Step{Kind: End, Source: args[0]}, nil
	case verb == "watermark" && len(args) == 2:
		t, err := strconv.ParseInt(args[1], 10, 64)
		return Step{Kind: AdvanceWatermark, Source: args[0], Time: t}, err
	case verb == "processing" && len(args) == 1:
		t, err := strconv.ParseInt(args[0], 10, 64)
		return Step{Kind: AdvanceProcessingTime, Time: t}, err
	case verb == "elements" && len(args) > 1:
		s := Step{Kind: Elements, Source: args[0]}
		for _, w := range args[1:] {
			key, rest, ok1 := strings.Cut(w, "=")
			value, at, ok2 := strings.Cut(rest, "@")
			v, err1 := strconv.ParseInt(value, 10, 64)
			t, err2 := strconv.ParseInt(at, 10, 64)
			if !ok1 || !ok2 || err1 != nil || err2 != nil {
				return Step{}, fmt.Errorf("model: %q: %q is not key=value@time", line, w)
			}
			s.Elements = append(s.Elements, Element{Key: key, Value: v, Time: t})
		}
		return s, nil
	}
	return bad()
}

func parseWindowing(words []string) (w Windowing, err error) {
	for i, word := range words {
		if i == 0 {
			if w.Fn, err = parseWindowFn(word); err != nil {
				return w, err
			}
			continue
		}
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "trigger":
			w.Trigger, err = ParseTrigger(value)
		case "accumulating", "discarding":
			w.Accumulating = name == "accumulating"
		case "lateness":
			w.AllowedLateness, err = strconv.ParseInt(value, 10, 64)
		case "closing":
			w.ClosingAlways = value == "always"
		case "ontime":
			w.OnTimeIfAny = value == "nonempty"
		case "at":
			c := slices.Index(combinerNames[:], value)
			if c < 0 {
				err = fmt.Errorf("no timestamp combiner %q", value)
			}
			w.Combiner = TimestampCombiner(c)
		default:
			err = fmt.Errorf("%q is nothing a windowing has", word)
		}
		if err != nil {
			return w, err
		}
	}
	return w, nil
}

func parseWindowFn(s string) (WindowFn, error) {
	name, args, err := call(s)
	if err != nil {
		return WindowFn{}, err
	}
	switch n := len(args); {
	case name == "global" && n == 0:
		return WindowFn{}, nil
	case name == "fixed" && n >= 1 && number(args, 0) > 0:
		return Fixed(number(args, 0), number(args, 1)), nil
	case name == "sliding" && n >= 2 && number(args, 0) > 0 && number(args, 1) > 0:
		return Sliding(number(args, 0), number(args, 1), number(args, 2)), nil
	case name == "sessions" && n == 1 && number(args, 0) > 0:
		return Sessions(number(args, 0)), nil
	}
	return WindowFn{}, fmt.Errorf("%q is no window function", s)
}

// ParseTrigger reads a trigger, in the language that Trigger.String writes.
func ParseTrigger(s string) (Trigger, error) {
	name, args, err := call(s)
	if err != nil {
		return Trigger{}, err
	}
	kind := slices.Index(triggerNames[:], name)
	if kind < 0 {
		return Trigger{}, fmt.Errorf("no trigger %q", name)
	}
	t := Trigger{Kind: TriggerKind(kind)}
	switch t.Kind {
	case AfterCount:
		t.Count = number(args, 0)
	case AfterProcessingTime:
		t.Delay, t.AlignPeriod, t.AlignOffset = number(args, 0), number(args, 1), number(args, 2)
	default:
		for _, a := range args {
			part, of, named := strings.Cut(a, "=")
			named = named && (part == "early" || part == "late")
			if !named {
				of = a
			}
			sub, err := ParseTrigger(of)
			switch {
			case err != nil:
				return t, err
			case !named:
				t.Subs = append(t.Subs, sub)
			case part == "early":
				t.Early = &sub
			default:
				t.Late = &sub
			}
		}
	}
	return t, t.check()
}

// call splits "name(a,b(c,d))" into its name and its arguments.
func call(s string) (name string, args []string, err error) {
	name, rest, any := strings.Cut(s, "(")
	if !any {
		return s, nil, nil
	}
	depth, start := 1, 0
	for i, c := range rest {
		switch c {
		case '(':
			depth++
		case ')':
			depth--
			if depth == 0 {
				if i != len(rest)-1 {
					return "", nil, fmt.Errorf("%q goes on after its last bracket", s)
				}
				return name, append(args, rest[start:i]), nil
			}
		case ',':
			if depth == 1 {
				args = append(args, rest[start:i])
				start = i + 1
			}
		}
	}
	return "", nil, fmt.Errorf("%q has no closing bracket", s)
}

// number returns an argument as a number, 0 if it is not there.
func number(args []string, i int) int64 {
	if i >= len(args) {
		return 0
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(args[i]), 10, 64)
	return n
}
