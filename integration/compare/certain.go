package compare

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace-go/millrace/integration/model"
)

// Certain returns the case, changed where its result would depend on what Beam leaves open: an engine may take the elements of a
// bundle one after the other, the model takes them all at once. With sessions this makes a difference if one of the elements is
// in a window that has ended, or is closed, unless another one is merged with it first; and if the trigger has parts that follow
// each other, of which a merge makes those forget what they have seen whose turn it is not. Then each step is made one for each
// element of a key.
func Certain(c model.Case) (model.Case, error) {
	var sessions *model.WindowFn
	for _, t := range c.Pipeline {
		if t.Windowing.Fn.Merging() {
			sessions = &t.Windowing.Fn
		}
	}
	if sessions == nil {
		return c, nil
	}
	apart := c
	apart.Steps = single(c)
	closes := false
	for _, x := range []model.Case{c, apart} {
		r, err := model.Run(x.Pipeline, x.Steps, rules)
		if err != nil {
			return c, err
		}
		closes = closes || slices.ContainsFunc(r.Dropped, func(d model.Dropped) bool { return d.Reason == model.Closed })
	}
	follows := strings.Contains(c.Pipeline.String(), model.AfterEach.String())
	if closes || follows || late(c, sessions.Gap) {
		return apart, nil
	}
	return c, nil
}

// single returns the steps of a case with one element of a key in each.
func single(c model.Case) (steps []model.Step) {
	key := keyOf(c.Pipeline)
	for _, s := range c.Steps {
		if s.Kind != model.Elements {
			steps = append(steps, s)
			continue
		}
		for left := s.Elements; len(left) > 0; {
			next := s
			next.Elements = nil
			var rest []model.Element
			for _, e := range left {
				if slices.ContainsFunc(next.Elements, func(x model.Element) bool { return key(x) == key(e) }) {
					rest = append(rest, e)
				} else {
					next.Elements = append(next.Elements, e)
				}
			}
			steps, left = append(steps, next), rest
		}
	}
	return steps
}

// late reports whether an element comes after the end of the session that it would be alone.
func late(c model.Case, gap int64) bool {
	watermark := model.MinTime
	for _, s := range c.Steps {
		if s.Kind == model.AdvanceWatermark {
			watermark = s.Time
		}
		for _, e := range s.Elements {
			if e.Time+gap <= watermark {
				return true
			}
		}
	}
	return false
}

// DependsOnWorkers reports whether the result depends on which rows share a task. An output watermark is that of a task: what
// holds it back for one row lets another row behind the grouping be in time, that was behind the watermark when it came. And
// where the tasks before a grouping hold their watermarks at different times, the grouping may see one of these before it sees
// the last one of a step, and windows that allow lateness do something in between. The model has one task for all. So the result is certain if the model makes the same of each key alone, if no row that is behind the watermark waits for a view, and
// if no second grouping with lateness follows a hold.
func DependsOnWorkers(c model.Case) (bool, error) {
	if held, err := holdsBeforeLateness(c); held || err != nil {
		return true, err
	}
	all, err := model.Run(c.Pipeline, c.Steps, rules)
	if err != nil {
		return false, err
	}
	joins := slices.ContainsFunc(c.Pipeline, func(t model.Transform) bool { return t.Kind == model.SideInput })
	key := keyOf(c.Pipeline)
	keys := map[string]bool{}
	watermark := model.MinTime
	for _, s := range c.Steps {
		if s.Kind == model.AdvanceWatermark {
			watermark = s.Time
		}
		for _, e := range s.Elements {
			keys[key(e)] = true
			if joins && isMain(e) && e.Time < watermark {
				return true, nil
			}
		}
	}
	var parts []model.Output
	for k := range keys {
		steps := slices.Clone(c.Steps)
		for i := range steps {
			steps[i].Elements = slices.DeleteFunc(slices.Clone(steps[i].Elements), func(e model.Element) bool {
				return key(e) != k && (!joins || isMain(e))
			})
		}
		r, err := model.Run(c.Pipeline, steps, rules)
		if err != nil {
			return false, err
		}
		parts = append(parts, r.Outputs...)
	}
	never := func(model.Output) bool { return false }
	for _, t := range c.Pipeline {
		switch {
		case t.Kind == model.Map && t.Map.Name == "onekey":
			return false, nil // what follows is one task
		case t.Kind >= model.GroupByKey && !slices.Equal(lines(all.Outputs, t, never), lines(parts, t, never)):
			return true, nil
		}
	}
	return false, nil
}

// holdsBeforeLateness reports whether something keyed that allows lateness has an input whose watermark is behind the sources' at
// the end of a step.
func holdsBeforeLateness(c model.Case) (bool, error) {
	m, err := model.New(c.Pipeline, rules)
	if err != nil {
		return false, err
	}
	for _, s := range c.Steps {
		if err := m.Step(s); err != nil {
			return false, err
		}
		marks := m.Result().Watermarks
		source := model.MaxTime
		for _, t := range c.Pipeline {
			switch {
			case t.Kind == model.Source:
				source = min(source, marks[t.Name])
			case t.Kind >= model.GroupByKey && WindowingOf(c.Pipeline, t.Name).AllowedLateness > 0 && marks[t.Inputs[0]] < source:
				return true, nil
			}
		}
	}
	return false, nil
}

// isMain reports whether an element goes to the main input of a join of model.Random.
func isMain(e model.Element) bool { return e.Value%2 != 0 }

// keyOf returns what an element of the source is grouped by first.
func keyOf(p model.Pipeline) func(model.Element) string {
	for _, t := range p {
		if t.Kind == model.Map && t.Map.Name == "keymod" {
			return func(e model.Element) string { return fmt.Sprintf("k%d", e.Value%t.Map.Arg) }
		}
	}
	return func(e model.Element) string { return e.Key }
}
