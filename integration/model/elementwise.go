package model

// elementwise runs the transforms that keep nothing: Map, WindowInto, Flatten.
type elementwise struct{ transform Transform }

func (r *elementwise) bundle(_ clock, _ int, elements []Element) (out []Element, dropped []Dropped) {
	for _, e := range elements {
		switch r.transform.Kind {
		case Map:
			out = append(out, r.transform.Map.apply(e)...)
		case WindowInto:
			for _, w := range r.transform.Windowing.Fn.assign(e.Time) {
				e.Window = w
				out = append(out, e)
			}
		default:
			out = append(out, e)
		}
	}
	return out, nil
}

func (*elementwise) settled(clock) []Element      { return nil }
func (*elementwise) clock(_, _ clock) []Element   { return nil }
func (*elementwise) advance(_, _ clock) []Element { return nil }
func (*elementwise) holds() int64                 { return MaxTime }
