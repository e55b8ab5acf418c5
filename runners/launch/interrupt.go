package launch

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

// interrupted is why a job was cancelled by a signal. It is a context.Canceled, so that a runner tells a job
// that was cancelled from one that failed.
type interrupted struct{ sig os.Signal }

func (e *interrupted) Error() string { return "interrupted: " + e.sig.String() }

func (e *interrupted) Is(target error) bool { return target == context.Canceled }

// handleSignals cancels at the first interrupt and ends the process at the second, until stop is called. If drain is
// not nil and returns true, the first interrupt has been served with that.
func handleSignals(cancel context.CancelCauseFunc, drain func() bool, log *slog.Logger) (stop func()) {
	c := make(chan os.Signal, 2)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	quit := make(chan struct{})
	go func() {
		for n := 0; ; n++ {
			select {
			case <-quit:
				return
			case sig := <-c:
				if n == 0 && drain() {
					drain = func() bool { return false }
					n--
					log.Warn("interrupted: draining the job; interrupt again to cancel it")
					continue
				}
				if n > 0 {
					log.Warn("interrupted twice: exiting at once; the next start removes what is left")
					os.Exit(ExitInterrupted)
				}
				// Before it ends the program.
				log.Warn("interrupted: cancelling the job; interrupt again to exit at once")
				cancel(&interrupted{sig})
			}
		}
	}()
	return func() {
		signal.Stop(c)
		close(quit)
	}
}
