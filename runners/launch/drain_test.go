package launch_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/millrace-go/millrace/io/generatorio"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/trigger"
	"github.com/millrace-go/millrace/sdk/window"
	"github.com/millrace-go/millrace/transforms/stats"
)

// endless counts what a source without end gives and says so when it is drained. With Hang the drain does not end by
// itself.
func endless(p *sdk.Pipeline, o struct{ Hang bool }) error {
	in := generatorio.Sequence(p, generatorio.Rate(1000))
	said := sdk.Map(in, func(n int64) bool {
		if n == 5 {
			fmt.Println("running")
		}
		return true
	})
	all := sdk.WindowInto(said, window.GlobalWindows(), sdk.Trigger(trigger.AfterWatermark()))
	sdk.ParDo(sdk.Reify(stats.CountAll(all)), &sayFn{Hang: o.Hang}, sdk.Name("Say"))
	return nil
}

type sayFn struct{ Hang bool }

func (f *sayFn) ProcessElement(c *sdk.Context, e sdk.Element[int64], _ sdk.Emitter[bool]) error {
	fmt.Println("counted, last:", e.Value > 5, e.Pane.Last)
	if f.Hang {
		<-c.Done()
		return c.Err()
	}
	return nil
}

// With --drain-on-interrupt the first signal cuts the source off: the job comes to its end, with its last panes, once.
func TestInterruptDrains(t *testing.T) {
	t.Parallel()
	noSignals(t)
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			c := start(t, "endless", "--drain-on-interrupt", "--workers", "2")
			c.prints("running")
			c.signal(sig)
			c.prints("counted, last: true true")
			for c.stdout.Scan() {
				t.Errorf("and then it has printed %q", c.stdout.Text())
			}
			if said := c.exits(0); !strings.Contains(said, "interrupted: draining the job; interrupt again to cancel it") {
				t.Errorf("it did not say so:\n%s", said)
			}
		})
	}
}

// The second signal cancels a job whose drain does not end.
func TestInterruptedDrain(t *testing.T) {
	t.Parallel()
	noSignals(t)
	c := start(t, "endless", "--drain-on-interrupt", "--hang")
	c.prints("running")
	c.signal(os.Interrupt)
	c.prints("counted, last: true true")
	c.signal(os.Interrupt)
	if said := c.exits(130); !strings.Contains(said, "interrupted: cancelling the job; interrupt again to exit at once") {
		t.Errorf("it did not say so:\n%s", said)
	}
}

// Without the flag an interrupt cancels a streaming job: there are no last panes.
func TestInterruptCancelsAStream(t *testing.T) {
	t.Parallel()
	noSignals(t)
	c := start(t, "endless")
	c.prints("running")
	c.signal(os.Interrupt)
	for c.stdout.Scan() {
		t.Errorf("it has printed %q", c.stdout.Text())
	}
	c.exits(130)
}

// A streaming job is drained over HTTP, and tells how far it is: the split, the watermark, what is held.
func TestHTTPDrain(t *testing.T) {
	t.Parallel()
	c := start(t, "endless", "--http", "127.0.0.1:0")
	_, url, ok := strings.Cut(c.says("msg=\"serving status\""), "url=")
	if !ok {
		t.Fatal("the log has no url")
	}
	c.prints("running")
	tr := &http.Transport{DisableKeepAlives: true}
	do := func(method, path string) (code int, body string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := tr.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b)
	}
	deadline := time.Now().Add(10 * time.Second)
	for _, want := range []string{
		`millrace_stage_watermark_seconds{`, `millrace_stage_watermark_lag_seconds{`, `millrace_stage_busy_ratio{`, `millrace_stage_blocked_ratio{`,
		`millrace_stage_state_bytes{`, `millrace_stage_droppable_total{`, `millrace_split_elements_total{`, `split="0"`, `millrace_split_lag_seconds{`,
	} {
		for {
			code, body := do(http.MethodGet, "/metrics")
			if code == http.StatusOK && strings.Contains(body, want) {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("/metrics has no %s:\n%s", want, body)
			}
		}
	}
	if code, _ := do(http.MethodGet, "/drain"); code != http.StatusMethodNotAllowed {
		t.Errorf("a drain that is only looked at: %d", code)
	}
	if code, body := do(http.MethodPost, "/drain"); code != http.StatusOK || !strings.Contains(body, "being drained") {
		t.Errorf("/drain: %d %s", code, body)
	}
	c.prints("counted, last: true true")
	c.exits(0)
}
