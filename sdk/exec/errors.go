package exec

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/millrace-go/millrace/sdk/window"
)

// ElementError is the failure of user code on one element. Every error that stops a job because of an element
// holds one; find it with errors.As.
type ElementError struct {
	Transform string // path of the transform
	At        string // the user's file:line, where the transform was applied
	Window    window.Window
	Key       string // the element's key, where it has one
	Element   string // the element, shortened
	Attempts  int    // how often it was tried
	Err       error  // what the user code returned, or a *PanicError
}

func (e *ElementError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s", e.Transform)
	if e.At != "" {
		fmt.Fprintf(&b, " (%s)", e.At)
	}
	b.WriteString(": element")
	if e.Element != "" {
		fmt.Fprintf(&b, " %s", e.Element)
	}
	if e.Key != "" {
		fmt.Fprintf(&b, " with key %s", e.Key)
	}
	if !e.Window.IsGlobal() && e.Window != (window.Window{}) {
		fmt.Fprintf(&b, " in window %v", e.Window)
	}
	if e.Attempts > 1 {
		fmt.Fprintf(&b, " (%d attempts)", e.Attempts)
	}
	fmt.Fprintf(&b, ": %v", e.Err)
	return b.String()
}

// Unwrap returns what the user code returned.
func (e *ElementError) Unwrap() error { return e.Err }

// PanicError is a panic of user code, as an error.
type PanicError struct {
	Value any
	Stack string // of the goroutine, as debug.Stack prints it
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v\n%s", e.Value, e.Stack) }

// Unwrap returns the value that was panicked with, if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

func recovered(r any) error {
	return &PanicError{Value: r, Stack: trimStack(string(debug.Stack()))}
}

// trimStack drops the frames between the panic and the recovering function.
func trimStack(s string) string {
	if i := strings.Index(s, "panic("); i >= 0 {
		if j := strings.Index(s[i:], "\n"); j >= 0 {
			rest := s[i+j+1:]
			if k := strings.Index(rest, "\n"); k >= 0 {
				return rest[k+1:]
			}
		}
	}
	return s
}

// failure wraps err as the failure of the step on the row it is at. Errors of steps further down, which pass
// through, keep their own story.
func (s *Step) failure(err error, attempts int) error {
	if isForeign(err) {
		return err
	}
	e := &ElementError{Transform: s.Path, At: s.At, Attempts: attempts, Err: err}
	if s.describe != nil {
		func() {
			defer func() { _ = recover() }() // a value that cannot be printed must not hide the failure
			e.Key, e.Element, e.Window = s.describe(s.row.get())
		}()
	}
	return e
}

// downstream marks an error that came back from Push: it is not the caller's own.
type downstream struct{ error }

func (d downstream) Unwrap() error { return d.error }

func isForeign(err error) bool {
	var d downstream
	var e *ElementError
	return errors.As(err, &d) || errors.As(err, &e)
}

func passOn(err error) error {
	if err == nil {
		return nil
	}
	var d downstream
	if errors.As(err, &d) {
		return err
	}
	return downstream{err}
}

const shown = 200

// show prints v, shortened to what a message can hold.
func show(v any) string {
	var s string
	switch v := v.(type) {
	case string:
		if len(v) > shown {
			return fmt.Sprintf("%q... (%d bytes)", v[:shown], len(v))
		}
		return fmt.Sprintf("%q", v)
	case []byte:
		if len(v) > shown {
			return fmt.Sprintf("%q... (%d bytes)", v[:shown], len(v))
		}
		return fmt.Sprintf("%q", v)
	default:
		s = fmt.Sprintf("%+v", v)
	}
	if len(s) > shown {
		return s[:shown] + "..."
	}
	return s
}

// UserPanic returns the panic of user code, recovered in an operator of another package, as the step's failure.
func UserPanic(s *Step, value any) error { return s.failure(recovered(value), 1) }

// UserError returns an error of the program's code that is about no call of a DoFn, such as a failing coder's, with the
// step that met it.
func UserError(s *Step, err error) error { return fmt.Errorf("%s (%s): %w", s.Path, s.At, err) }
