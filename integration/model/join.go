package model

import "slices"

// joinRun joins a main input with a view of another collection. The view is, for each of its windows, the pane that fired last
// in a grouping of the whole collection by nothing, with the collection's windowing and trigger: a later pane replaces an
// earlier one, in accumulating mode too (I9; ViewTest.testTriggeredLatestSingleton, testDiscardingNonSingletonSideInput).
type joinRun struct {
	how     string
	side    Windowing
	view    *grouping
	views   map[Window][]*buffered
	waiting []Element
}

const sideInput = 1 // the index of the side input

func (j *joinRun) bundle(c clock, input int, elements []Element) (out []Element, dropped []Dropped) {
	if input != sideInput {
		j.waiting = append(j.waiting, elements...)
		return j.flush(c), nil
	}
	panes, dropped := j.view.bundle(c.of(sideInput), sideInput, elements)
	j.open(panes)
	return j.flush(c), dropped
}

// open makes panes the new views of their windows.
func (j *joinRun) open(panes []pane) {
	for _, p := range panes {
		j.views[p.window] = p.of
	}
}

// ready reports whether the view of a window can be read: it has had a pane, or the watermark of the side input has passed
// the point where it would have had one if there were anything.
func (j *joinRun) ready(c clock, w Window) bool {
	if _, ok := j.views[w]; ok {
		return true
	}
	return c.of(sideInput).input > min(j.side.Trigger.guarantee(w), j.side.Expiry(w))
}

// flush joins the waiting elements whose view is ready, in the order they came.
func (j *joinRun) flush(c clock) (out []Element) {
	j.waiting = slices.DeleteFunc(j.waiting, func(e Element) bool {
		w := j.side.Fn.side(e.Window)
		if !j.ready(c, w) {
			return false
		}
		out = append(out, j.join(e, j.views[w]))
		return true
	})
	return out
}

func (j *joinRun) join(e Element, view []*buffered) Element {
	switch j.how {
	case "size":
		e.Value = int64(len(view))
	case "total", "lookup":
		for _, b := range view {
			if j.how == "total" || b.Key == e.Key {
				e.Value += b.Value
			}
		}
	default:
		panic("model: no such join: " + j.how)
	}
	return e
}

func (j *joinRun) settled(clock) []Element { return nil }

func (j *joinRun) clock(before, c clock) []Element { return j.advance(before, c) }

func (j *joinRun) advance(before, c clock) []Element {
	j.open(j.view.advance(before.of(sideInput), c.of(sideInput)))
	return j.flush(c)
}

// holds returns the earliest timestamp that waits for a view. The side input's watermark does not hold the output's.
func (j *joinRun) holds() int64 {
	h := MaxTime
	for _, e := range j.waiting {
		h = min(h, e.Time)
	}
	return h
}
