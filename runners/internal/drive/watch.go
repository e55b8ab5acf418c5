package drive

import (
	"bytes"
	"runtime"
	"strings"
	"time"

	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/mtime"
)

const (
	splitEvery = 10 * time.Millisecond // how soon an idle worker asks for a part of another's work
	stallEvery = 250 * time.Millisecond
)

// watch splits running work for idle workers and reports user code that does not come back. It runs beside the
// workers until the run has ended.
func (r *Run) watch() {
	split := time.NewTicker(splitEvery)
	defer split.Stop()
	stall := time.NewTicker(stallEvery)
	defer stall.Stop()
	cancelled := r.ctx.Done()
	var since time.Time
	type seen struct {
		beats    uint64
		since    time.Time
		reported bool
	}
	last := make([]seen, len(r.workers))
	for {
		select {
		case <-r.ended:
			return
		case <-cancelled:
			cancelled, since = nil, time.Now()
		case <-split.C:
			r.split()
		case now := <-stall.C:
			for i, w := range r.workers {
				l := &last[i]
				beats := w.host.Pulse.Beats()
				step := w.host.Pulse.Step()
				if !w.busy.Load() || step == nil || beats != l.beats {
					*l = seen{beats: beats, since: now}
					continue
				}
				limit := r.cfg.StallAfter
				from := l.since
				if !since.IsZero() {
					limit = r.cfg.GraceAfterCancel
					from = since
				}
				if l.reported || now.Sub(from) < limit {
					continue
				}
				l.reported = true
				r.cfg.tell(step, w.goroutine, now.Sub(from), !since.IsZero())
			}
		}
	}
}

// tell reports user code that does not come back.
func (c *Config) tell(step *exec.Step, goroutine string, d time.Duration, cancelled bool) {
	key, element := step.Where()
	msg := "user code blocks: the transform has been on one element for long"
	if cancelled {
		msg = "user code ignores the cancelled Context: the job cannot end before it returns"
	}
	args := []any{"job", c.JobID, "transform", step.Path, "at", step.At, "for", d.Round(time.Millisecond)}
	if with := step.With(); len(with) > 0 {
		args = append(args, "or_one_of", strings.Join(with, ", "))
	}
	if key != "" {
		args = append(args, "key", key)
	}
	if element != "" {
		args = append(args, "element", element)
	}
	c.Log.Warn(msg, append(args, "stack", stackOf(goroutine))...)
}

// stackOf returns the stack of a goroutine.
func stackOf(goroutine string) string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	for g := range bytes.SplitSeq(buf, []byte("\n\n")) {
		if strings.HasPrefix(string(g), "goroutine "+goroutine+" [") {
			return string(g)
		}
	}
	return ""
}

// split asks, if a worker has nothing to do, the running work with most left for a part of it.
func (r *Run) split() {
	r.mu.Lock()
	idle := r.idle
	r.mu.Unlock()
	var best exec.Splitter
	most := 0.0
	for _, w := range r.workers {
		inst := w.running.Load()
		if inst == nil {
			continue
		}
		s, ok := inst.root.(exec.Splitter)
		if !ok {
			continue
		}
		_, left := s.Progress()
		switch {
		case idle == 0:
			s.RequestSplit(1) // progress only
		case left > most:
			best, most = s, left
		}
	}
	if best != nil && idle > 0 {
		best.RequestSplit(0.5)
	}
}

// watch ends the bundles of sources that give little, and reports user code that does not come back.
func (f *Flow) watch(done <-chan struct{}) {
	tick := time.NewTicker(splitEvery)
	defer tick.Stop()
	type seen struct {
		beats    uint64
		since    time.Time
		reported bool
	}
	last := make([]seen, len(f.workers))
	var cancelled time.Time
	standing := stillness{since: time.Now()}
	longest := bundleTime
	if f.sleeper != nil {
		longest *= 100 // what comes out must not depend on the wall clock; this is for sources that wait
	}
	for {
		select {
		case <-done:
			return
		case now := <-tick.C:
			standing.look(f, now)
			if cancelled.IsZero() && f.ctx.Err() != nil {
				cancelled = now
			}
			for i, w := range f.workers {
				if r := w.reading.Load(); r != nil && now.Sub(r.since) >= longest {
					r.root.RequestSplit(0)
				}
				l := &last[i]
				beats, step := w.host.Pulse.Beats(), w.host.Pulse.Step()
				if !w.busy.Load() || step == nil || beats != l.beats {
					*l = seen{beats: beats, since: now}
					continue
				}
				limit, from := f.cfg.StallAfter, l.since
				if !cancelled.IsZero() {
					limit, from = f.cfg.GraceAfterCancel, cancelled
				}
				if !l.reported && now.Sub(from) >= limit {
					l.reported = true
					f.cfg.tell(step, w.goroutine, now.Sub(from), !cancelled.IsZero())
				}
			}
		}
	}
}

// stillness finds out that event time does not move, and tells what holds it.
type stillness struct {
	stage string
	mark  mtime.Time
	since time.Time
}

func (s *stillness) look(f *Flow, now time.Time) {
	if now.Sub(s.since) < f.cfg.StallAfter {
		return
	}
	var st sdk.Status
	f.Status(&st)
	var slow *sdk.StageStatus
	for i := range st.Stages {
		if x := &st.Stages[i]; x.State != "done" && (slow == nil || x.Streaming.Watermark < slow.Streaming.Watermark) {
			slow = x
		}
	}
	s.since = now
	if slow == nil {
		return
	}
	if mark := slow.Streaming.Watermark; slow.Name != s.stage || mark != s.mark {
		s.stage, s.mark = slow.Name, mark
		return
	}
	f.cfg.Log.Warn("event time stands still: what waits for the watermark does not come out", "job", f.cfg.JobID,
		"stage", slow.Name, "watermark", s.mark.String(), "held_by", slow.Streaming.Holder, "for_at_least", f.cfg.StallAfter)
}
