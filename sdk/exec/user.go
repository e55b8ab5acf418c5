package exec

import "github.com/millrace-go/millrace/sdk/window"

// user is what the operators that call a plain function share. It does not know the type of the elements.
type user struct {
	step *Step
	in   any // the *Batch that is being processed, or nil: of one type all the time, for the watcher reads it at any time
}

// enter says that the step's code runs for the rows of b, a *Batch.
func (u *user) enter(b any, rows int) (outer *Step) {
	u.in = b
	u.step.In.Add(int64(rows))
	return u.step.Host.Pulse.enter(u.step)
}

// describes makes the rows of the batch what the step's failures tell of.
func (u *user) describes() { u.step.describe, u.step.blind = u.describe, true }

func (u *user) describe(row int) (key, element string, w window.Window) {
	b := u.in
	if b == nil {
		return
	}
	h := headOf(b)
	if row >= h.len {
		return
	}
	return "", showRow(b, row), h.Windows(row)[0]
}
