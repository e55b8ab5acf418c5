package launch

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/graph"
	"github.com/millrace-go/millrace/sdk/mtime"
)

const (
	redrawEvery = 250 * time.Millisecond
	logEvery    = 10 * time.Second
	rateOver    = 5 * time.Second // what rates are averaged over, at least
)

// sources are the transforms whose output counts as read: splittable ones, and the sources that feed none of
// them.
type sources map[string]bool

func newSources(g *graph.Graph) sources {
	src := sources{}
	// feeds says whether a node's rows become a splittable's work before they are regrouped. Readers come behind
	// what they read, so one pass from the end sees them first.
	feeds := map[*graph.Node]bool{}
	readers := map[*graph.Collection][]*graph.Node{}
	for i := len(g.Nodes) - 1; i >= 0; i-- {
		n := g.Nodes[i]
		for _, c := range n.Out {
			for _, r := range readers[c] {
				feeds[n] = feeds[n] || r.Kind == graph.Splittable || r.Kind != graph.Exchange && feeds[r]
			}
		}
		for _, c := range n.In {
			readers[c] = append(readers[c], n)
		}
		if n.Kind == graph.Splittable || n.Kind == graph.Source && !feeds[n] {
			src[n.Path] = true
		}
	}
	return src
}

// figures are how far a job is.
type figures struct {
	elapsed       time.Duration
	stage, stages int   // stage counts from 1
	elements      int64 // read
	bytes         int64 // read, by the sources that say
	left          int64 // bytes to read, by their estimate; 0: unknown, or none
	spilled       int64
	streaming     bool
	mark          sdk.Time // the least watermark of a stage that is not done; mtime.Max if all are
	lag           time.Duration
	holder        string // what keeps it there
	state         int64  // bytes
	dropped       int64
}

func newFigures(st sdk.Status, src sources) figures {
	f := figures{elapsed: st.Elapsed, stages: len(st.Stages), spilled: st.Spilled}
	inBytes := map[string]bool{}
	var most int64
	n := 0
	for _, s := range st.Steps {
		if src[s.Transform] {
			f.elements += s.Out
			n++
		}
		most = max(most, s.Out)
		f.bytes += s.Bytes
		inBytes[s.Transform] = s.Bytes > 0
	}
	if f.elements <= int64(n) {
		// The sources are impulses: what makes something of them tells more.
		f.elements = most
	}
	for _, s := range st.Stages {
		if s.State == "done" {
			f.stage++
		}
		if inBytes[s.Name] {
			f.left += int64(s.LeftBytes)
		}
	}
	f.stage = min(f.stage+1, f.stages)
	mark := mtime.Max
	for _, s := range st.Stages {
		x := s.Streaming
		if x == nil {
			continue
		}
		f.state += x.StateBytes
		f.dropped += x.Droppable
		if s.State != "done" && x.Watermark < mark {
			mark, f.lag, f.holder = x.Watermark, x.Lag, x.Holder
		}
		f.streaming = true
	}
	if f.streaming {
		f.mark = mark
	}
	return f
}

// meter makes rates of figures.
type meter struct{ seen []figures }

// add returns f and how fast elements and bytes have been read of late, per second.
func (m *meter) add(f figures) (elements, bytes float64) {
	m.seen = append(m.seen, f)
	// The first is the youngest that is old enough.
	for len(m.seen) > 2 && f.elapsed-m.seen[1].elapsed >= rateOver {
		m.seen = m.seen[1:]
	}
	from := m.seen[0]
	if len(m.seen) == 1 {
		from = figures{}
	}
	secs := (f.elapsed - from.elapsed).Seconds()
	if secs <= 0 {
		return 0, 0
	}
	return float64(f.elements-from.elements) / secs, float64(f.bytes-from.bytes) / secs
}

// startProgress shows how far job is until the returned function is called: in a line of s, or in the log, where
// the last word is at the end.
func startProgress(job sdk.Job, src sources, s *screen, inPlace bool, log *slog.Logger) (stop func()) {
	every := logEvery
	if inPlace {
		every = redrawEvery
	}
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		t := time.NewTicker(every)
		defer t.Stop()
		var m meter
		for {
			select {
			case <-quit:
				if inPlace {
					s.show("")
					return
				}
				f := newFigures(job.Status(), src)
				whole := meter{}
				elements, bytes := whole.add(f)
				log.Info("progress", f.attrs(elements, bytes)...)
				return
			case <-t.C:
				f := newFigures(job.Status(), src)
				elements, bytes := m.add(f)
				if inPlace {
					s.show(f.line(elements, bytes))
				} else {
					log.Info("progress", f.attrs(elements, bytes)...)
				}
			}
		}
	}()
	return func() {
		close(quit)
		<-ended
	}
}

// toRead is how much of its input the job has read, and how long the rest will take at the rate of late.
func (f figures) toRead(bytesPerSec float64) (percent float64, eta time.Duration, known bool) {
	if f.left <= 0 || bytesPerSec <= 0 {
		return 0, 0, false
	}
	percent = 100 * float64(f.bytes) / float64(f.bytes+f.left)
	secs := float64(f.left) / bytesPerSec
	return percent, time.Duration(min(secs, 1e9) * float64(time.Second)).Round(time.Second), true
}

// line is f on one line of a terminal, in less than 80 columns in most cases.
func (f figures) line(elements, bytes float64) string {
	var b strings.Builder
	if f.streaming {
		fmt.Fprintf(&b, "%s  %s read, %s/s  at %v", f.elapsed.Round(time.Second), short(float64(f.elements)), short(elements), f.mark)
		if f.lag > 0 && f.lag < 1000*time.Hour {
			fmt.Fprintf(&b, ", %v behind", f.lag.Round(time.Second))
		}
		fmt.Fprintf(&b, "  state %s", ByteSize(f.state).Short())
		if f.dropped > 0 {
			fmt.Fprintf(&b, "  %s too late", short(float64(f.dropped)))
		}
		return b.String()
	}
	fmt.Fprintf(&b, "%s  stage %d/%d  %s read, %s/s", f.elapsed.Round(time.Second), f.stage, f.stages, short(float64(f.elements)), short(elements))
	if f.bytes > 0 {
		fmt.Fprintf(&b, "  %s, %s/s", ByteSize(f.bytes).Short(), ByteSize(bytes).Short())
	}
	if percent, eta, ok := f.toRead(bytes); ok {
		fmt.Fprintf(&b, "  %.0f%%, %s left", percent, eta)
	}
	if f.spilled > 0 {
		fmt.Fprintf(&b, "  spilled %s", ByteSize(f.spilled).Short())
	}
	return b.String()
}

// attrs is f in a log record. Sizes are in bytes, times in seconds.
func (f figures) attrs(elements, bytes float64) []any {
	a := []any{"elapsed", int64(f.elapsed.Seconds()), "stage", f.stage, "stages", f.stages, "read", f.elements, "read_per_sec", int64(elements)}
	if f.bytes > 0 {
		a = append(a, "bytes", f.bytes, "bytes_per_sec", int64(bytes))
	}
	if percent, eta, ok := f.toRead(bytes); ok {
		a = append(a, "percent", int64(percent), "eta", int64(eta.Seconds()))
	}
	if f.spilled > 0 {
		a = append(a, "spilled", f.spilled)
	}
	if f.streaming {
		a = append(a, "watermark", f.mark.String(), "state_bytes", f.state, "too_late", f.dropped)
		if f.lag > 0 {
			a = append(a, "lag", f.lag.Seconds())
		}
		if f.holder != "" {
			a = append(a, "held_by", f.holder)
		}
	}
	return a
}

// short is a number for people: "1.2M".
func short(v float64) string {
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
