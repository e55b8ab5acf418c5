package drive

import (
	"fmt"
	"runtime/debug"
)

// User code may end the goroutine that it is called on: runtime.Goexit, which Fatal and FailNow of package testing call.
// Nothing can be recovered then, and what waits for the goroutine would wait for ever, or take its end for success.

// exited is the failure of a job whose user code has ended a goroutine. It is called while that ends, when its stack is
// still there.
func exited() error {
	return fmt.Errorf("user code has ended the goroutine that it was called on, by runtime.Goexit, as Fatal and FailNow of package testing do: return an error, or panic, instead\n%s", debug.Stack())
}

// guarded is f, for a goroutine of its own; fail is told if that is ended within f.
func guarded(f func(), fail func(error)) func() {
	return func() {
		returned := false
		defer func() {
			if !returned {
				fail(exited())
			}
		}()
		f()
		returned = true
	}
}

// apart calls f on a goroutine of its own, and waits.
func apart(f func() error) error {
	ended := make(chan error, 1)
	var err error
	go func() {
		guarded(func() { err = f() }, func(e error) { ended <- e })()
		ended <- err
	}()
	return <-ended
}
