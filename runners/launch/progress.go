package launch

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/millrace-go/millrace/sdk"
)

// progress shows how far job is until the returned function is called: in one line of a terminal, or in the
// log.
func progress(job sdk.Job, w io.Writer, log *slog.Logger) (stop func()) {
	terminal := isTerminal(w)
	every := 10 * time.Second
	if terminal {
		every = 250 * time.Millisecond
	}
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		t := time.NewTicker(every)
		defer t.Stop()
		for {
			select {
			case <-quit:
				if terminal {
					_, _ = fmt.Fprint(w, "\r\x1b[K")
				}
				return
			case <-t.C:
				line := describe(job.Status())
				if terminal {
					_, _ = fmt.Fprintf(w, "\r\x1b[K%s", line)
				} else {
					log.Info(line)
				}
			}
		}
	}()
	return func() {
		close(quit)
		<-ended
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}

// describe is the progress line: stages, elements, bytes, rate, and the time left where it can be told.
func describe(st sdk.Status) string {
	done := 0
	var doneBytes, left float64
	for _, s := range st.Stages {
		if s.State == "done" {
			done++
		}
		doneBytes += s.DoneBytes
		left += s.LeftBytes
	}
	var most, bytes int64
	for _, s := range st.Steps {
		most = max(most, s.Out)
		bytes += s.Bytes
	}
	secs := st.Elapsed.Seconds()
	var b strings.Builder
	fmt.Fprintf(&b, "%s  stage %d of %d  %s elements", st.Elapsed.Round(time.Second), min(done+1, len(st.Stages)), len(st.Stages), si(float64(most)))
	if bytes > 0 {
		fmt.Fprintf(&b, "  %sB  %sB/s", si(float64(bytes)), si(float64(bytes)/secs))
		if left > 0 {
			total := float64(bytes) + left
			eta := time.Duration(left / (float64(bytes) / secs) * float64(time.Second))
			fmt.Fprintf(&b, "  %.0f%%  %s left", 100*float64(bytes)/total, eta.Round(time.Second))
		}
	} else {
		fmt.Fprintf(&b, "  %s/s", si(float64(most)/secs))
	}
	if st.Spilled > 0 {
		fmt.Fprintf(&b, "  spilled %sB", si(float64(st.Spilled)))
	}
	return b.String()
}

func si(v float64) string {
	for _, u := range []struct {
		name string
		size float64
	}{{"G", 1e9}, {"M", 1e6}, {"k", 1e3}} {
		if v >= u.size {
			return fmt.Sprintf("%.1f%s", v/u.size, u.name)
		}
	}
	return fmt.Sprintf("%.0f", v)
}

// table shows what each transform has done, when the job has ended.
func table(w io.Writer, st sdk.Status) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintf(tw, "transform\tin\tout\tbytes\n")
	for _, s := range st.Steps {
		_, _ = fmt.Fprintf(tw, "%s\t%d\t%d\t%d\n", s.Transform, s.In, s.Out, s.Bytes)
	}
	for _, m := range st.Metrics {
		switch m.Kind {
		case "distribution":
			_, _ = fmt.Fprintf(tw, "%s.%s\tcount %d\tsum %d\tmin %d max %d\n", m.Transform, m.Name, m.Value.Count, m.Value.Sum, m.Value.Min, m.Value.Max)
		default:
			_, _ = fmt.Fprintf(tw, "%s.%s\t%d\t\t\n", m.Transform, m.Name, m.Value.Count)
		}
	}
	_ = tw.Flush()
	_, _ = fmt.Fprintf(w, "job %s %s in %v, at most %sB of a budget of %sB held, %sB spilled\n",
		st.JobID, st.State, st.Elapsed.Round(time.Millisecond), si(float64(st.PeakHeld)), si(float64(st.Budget)), si(float64(st.Spilled)))
}
