package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/millrace-go/millrace/sdk"
)

// eventsOf is how many events a job has read so far.
func eventsOf(st sdk.Status) int64 {
	for _, s := range st.Steps {
		if s.Transform == "Events" {
			return s.Out
		}
	}
	return 0
}

// showProgress writes a line each second until the returned function is called: events read and rows written so far,
// and the latencies of a live run, from an event time (a window's end) until its row is handed to the sink.
func showProgress(job sdk.Job, out *results, w io.Writer) (stop func()) {
	done := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		last, at := int64(0), time.Now()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			st := job.Status()
			events, now := eventsOf(st), time.Now()
			line := fmt.Sprintf("%6.0fs  %d events  %.0f/s  %d rows", st.Elapsed.Seconds(), events,
				float64(events-last)/now.Sub(at).Seconds(), out.rows.Load())
			last, at = events, now
			if h := out.latency(); h.count() > 0 {
				line += fmt.Sprintf("  latency p50 %v p99 %v", h.quantile(0.5), h.quantile(0.99))
			}
			_, _ = fmt.Fprintln(w, line)
		}
	})
	return func() {
		close(done)
		ended.Wait()
	}
}
