package launch

import (
	"bytes"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/millrace-go/millrace/sdk"
)

// mostRows is how many transforms and metrics the table has; a program may have thousands.
const mostRows = 100

// writeTable shows what each transform has done, and the user's metrics, when the job has ended.
func writeTable(w io.Writer, st sdk.Status) {
	var b bytes.Buffer // one write, so that nothing comes between
	tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprint(tw, "transform\tin\tout\tread\n")
	for _, s := range st.Steps[:min(len(st.Steps), mostRows)] {
		read := ""
		if s.Bytes > 0 {
			read = ByteSize(s.Bytes).Short()
		}
		_, _ = fmt.Fprintf(tw, "%s\t%d\t%d\t%s\n", s.Transform, s.In, s.Out, read)
	}
	_ = tw.Flush()
	more(&b, len(st.Steps), "transforms")
	if len(st.Metrics) > 0 {
		_, _ = fmt.Fprint(tw, "metric\tkind\tvalue\n")
		for _, m := range st.Metrics[:min(len(st.Metrics), mostRows)] {
			_, _ = fmt.Fprintf(tw, "%s.%s\t%s\t%s\n", m.Transform, m.Name, m.Kind, metricValue(m))
		}
		_ = tw.Flush()
		more(&b, len(st.Metrics), "metrics")
	}
	budget := "no budget"
	if st.Budget > 0 {
		budget = "a budget of " + ByteSize(st.Budget).Short()
	}
	_, _ = fmt.Fprintf(&b, "job %s %s in %v; held at most %s of %s, spilled %s\n", st.JobID, st.State, st.Elapsed.Round(time.Millisecond),
		ByteSize(st.PeakHeld).Short(), budget, ByteSize(st.Spilled).Short())
	_, _ = w.Write(b.Bytes())
}

func more(w io.Writer, n int, what string) {
	if n > mostRows {
		_, _ = fmt.Fprintf(w, "... and %d more %s\n", n-mostRows, what)
	}
}

func metricValue(m sdk.Metric) string {
	if m.Kind != "distribution" {
		return fmt.Sprint(m.Value.Count)
	}
	if m.Value.Count == 0 {
		return "count 0"
	}
	return fmt.Sprintf("count %d, sum %d, min %d, max %d", m.Value.Count, m.Value.Sum, m.Value.Min, m.Value.Max)
}
