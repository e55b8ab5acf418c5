package teststream

import "github.com/millrace-go/millrace/sdk/exec"

// Parts returns what a stream is made of: its rows, and what makes the script that gives them. It is for tests of runners,
// which put something of their own between the steps.
func Parts[T any](s *Stream[T]) (*exec.Rows[T], func() exec.Script) {
	return &s.rows, func() exec.Script { return &run{steps: s.steps} }
}
