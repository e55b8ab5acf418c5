package compare

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/millrace-go/millrace/integration/model"
)

// rules are what the engine has chosen.
var rules = model.Rules{OwnOutput: true}

// Expect returns what the model makes of a case.
func Expect(c model.Case) (Outcome, error) {
	m, err := model.New(c.Pipeline, rules)
	if err != nil {
		return Outcome{}, err
	}
	views := map[string]bool{}
	for _, t := range c.Pipeline {
		views[t.Name] = t.Kind == model.SideInput
	}
	var o Outcome
	dropped := 0
	for i, s := range c.Steps {
		if err := m.Step(s); err != nil {
			return o, fmt.Errorf("step %d, %s: %w", i, s, err)
		}
		r := m.Result()
		for _, d := range r.Dropped[dropped:] {
			if !views[d.Transform] { // what a view drops sdk counts only
				o.Dropped = append(o.Dropped, Drop{Transform: d.Transform, Step: i, Element: d.Element})
			}
		}
		dropped = len(r.Dropped)
	}
	o.Outputs = m.Result().Outputs
	for i := range o.Outputs {
		clamp(&o.Outputs[i].Element)
	}
	for i := range o.Dropped {
		clamp(&o.Dropped[i].Element)
	}
	return o, nil
}

// clamp ends a window at the end of the global one, as Beam Java and the engine do and the model does not
// (FixedWindows.assignWindow).
func clamp(e *model.Element) {
	e.Window.End, e.Time = min(e.Window.End, model.Global.End), min(e.Time, model.GlobalMax)
}

// Diff says in readable lines where got, of the engine, is not want, of the model; "" if nowhere. Dropped elements are compared
// if withDropped says so.
func Diff(c model.Case, want, got Outcome, withDropped bool) string {
	expired := expiredJoins(c)
	var b strings.Builder
	for _, t := range c.Pipeline {
		diffLines(&b, t.Name, lines(want.Outputs, t, expired), lines(got.Outputs, t, expired))
		if withDropped {
			diffLines(&b, "dropped by "+t.Name, dropLines(c, want.Dropped, t), dropLines(c, got.Dropped, t))
		}
	}
	return b.String()
}

// lines returns the elements that a transform made by key and window, one a line. The elements of one key and window are in their
// order if the transform is keyed; behind another, and in one step, they may come from different keys of a transform before it,
// between which there is no order.
func lines(outputs []model.Output, t model.Transform, hide func(model.Output) bool) []string {
	var of []model.Output
	for _, o := range outputs {
		if o.Collection != t.Name {
			continue
		}
		if hide(o) {
			o.Value = 0
		}
		of = append(of, o)
	}
	keyed := t.Kind == model.GroupByKey || t.Kind == model.CombinePerKey || t.Kind == model.CoGroupByKey || t.Kind == model.Stateful
	slices.SortStableFunc(of, func(a, b model.Output) int {
		c := cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Window.Start, b.Window.Start), cmp.Compare(a.Window.End, b.Window.End))
		if c == 0 && !keyed {
			c = cmp.Or(cmp.Compare(a.Step, b.Step), cmp.Compare(a.Element.String(), b.Element.String()))
		}
		return c
	})
	var ls []string
	for _, o := range of {
		ls = append(ls, fmt.Sprintf("step %d: %s", o.Step, o.Element))
	}
	return ls
}

func dropLines(c model.Case, dropped []Drop, t model.Transform) []string {
	afterJoin := slices.ContainsFunc(c.Pipeline, func(x model.Transform) bool {
		return x.Kind == model.SideInput && slices.Contains(t.Inputs, x.Name)
	})
	var ls []string
	for _, d := range dropped {
		if d.Transform != t.Name {
			continue
		}
		if afterJoin {
			d.Value = 0
		}
		ls = append(ls, fmt.Sprintf("step %d: %s", d.Step, d.Element))
	}
	slices.Sort(ls)
	return ls
}

// expiredJoins returns which outputs are those of a join whose window had expired when the element came: what the view says then
// nobody promises.
func expiredJoins(c model.Case) func(model.Output) bool {
	joins := map[string]func(step int, w model.Window) bool{}
	for _, t := range c.Pipeline {
		if t.Kind != model.SideInput {
			continue
		}
		m, err := model.New(c.Pipeline, rules)
		if err != nil {
			continue
		}
		var before []int64 // the main input's watermark before each step
		for _, s := range c.Steps {
			before = append(before, m.Result().Watermarks[t.Inputs[0]])
			if m.Step(s) != nil {
				break
			}
		}
		windowing := WindowingOf(c.Pipeline, t.Inputs[0])
		joins[t.Name] = func(step int, w model.Window) bool { return windowing.Expiry(w) < before[step] }
	}
	return func(o model.Output) bool {
		f := joins[o.Collection]
		return f != nil && f(o.Step, o.Window)
	}
}

// WindowingOf returns the windowing that a collection was given by the last WindowInto before it.
func WindowingOf(p model.Pipeline, name string) model.Windowing {
	for _, t := range p {
		switch {
		case t.Name != name:
		case t.Kind == model.WindowInto:
			return t.Windowing
		case len(t.Inputs) > 0:
			return WindowingOf(p, t.Inputs[0])
		}
	}
	return model.Windowing{}
}

// diffLines writes the lines of want and got that are not in both, around the first of them.
func diffLines(b *strings.Builder, what string, want, got []string) {
	if slices.Equal(want, got) {
		return
	}
	i := 0
	for i < min(len(want), len(got)) && want[i] == got[i] {
		i++
	}
	fmt.Fprintf(b, "%s: %d elements, want %d; they differ from number %d on\n", what, len(got), len(want), i)
	const most = 6
	for _, l := range head(want[i:], most) {
		fmt.Fprintf(b, "  want %s\n", l)
	}
	for _, l := range head(got[i:], most) {
		fmt.Fprintf(b, "  got  %s\n", l)
	}
}

func head(ls []string, n int) []string { return ls[:min(n, len(ls))] }
