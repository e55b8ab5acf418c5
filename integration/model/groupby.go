package model

// groupRun runs the groupings.
type groupRun struct {
	transform Transform
	*grouping
}

func (r *groupRun) bundle(c clock, input int, elements []Element) ([]Element, []Dropped) {
	panes, dropped := r.grouping.bundle(c, input, elements)
	return r.elements(panes), dropped
}

func (r *groupRun) settled(clock) []Element { return nil }

func (r *groupRun) clock(before, c clock) []Element {
	return r.elements(r.grouping.advance(before, c))
}

func (r *groupRun) advance(before, c clock) []Element {
	return r.elements(r.grouping.advance(before, c))
}

// elements makes of each pane what the transform makes of it.
func (r *groupRun) elements(panes []pane) (out []Element) {
	for _, p := range panes {
		e := Element{Key: p.key, Time: p.time, Window: p.window, Pane: p.pane}
		values := make([][]int64, 2)
		for _, b := range p.of {
			values[b.input] = append(values[b.input], b.Value)
		}
		switch r.transform.Kind {
		case CombinePerKey:
			e.Value = combine(r.transform.Combine, values[0])
		case CoGroupByKey:
			e.Grouped, e.Values, e.Others = true, ascending(values[0]), ascending(append([]int64{}, values[1]...))
		default:
			e.Grouped, e.Values = true, ascending(values[0])
		}
		out = append(out, e)
	}
	return out
}
