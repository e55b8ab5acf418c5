package sdk

import (
	"context"
	"time"

	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/graph"
)

// Runner runs pipelines: direct, in this process; cluster; Flink, Spark, prism and Dataflow through Beam's
// protocols. A Runner is a value and may be used for several jobs, one after the other or at once.
type Runner interface {
	// Start begins to run g. The job is cancelled when ctx ends.
	Start(ctx context.Context, g *graph.Graph) (Job, error)
}

// Job is a pipeline that runs or has run. Its methods are safe for concurrent use.
type Job interface {
	// Wait returns when the job has ended: nil if it has done all its work, else why not. Nothing of the job runs
	// any more by then, and what a failed one has left in part has been removed.
	Wait() error
	// Cancel ends the job early; Wait then returns cause, or context.Canceled if it is nil.
	Cancel(cause error)
	// Drain cuts the sources of a streaming job off and lets it come to its end: all windows close, with their last
	// panes, and Wait returns. A batch job, whose sources have an end, goes on as it does.
	Drain()
	// Status tells how far the job is, now.
	Status() Status
}

// Status is how far a job is.
type Status struct {
	JobID     string
	State     string // "running", "done", "failed" or "cancelled"
	Started   time.Time
	Elapsed   time.Duration
	Steps     []StepStatus // in the order of the plan
	Stages    []StageStatus
	Metrics   []Metric
	Budget    int64 // bytes; 0: none
	Held      int64 // bytes charged to the budget now
	PeakHeld  int64 // the most that was charged
	Spilled   int64 // bytes written to spill files
	Unspilled int64 // bytes read back from them
	Plan      string
}

// StepStatus is what one transform has done.
type StepStatus struct {
	Transform string
	In, Out   int64 // elements
	Bytes     int64 // read, for sources that say
}

// StageStatus is how far one stage is.
type StageStatus struct {
	Name                 string
	State                string  // "waiting", "running", "done"
	Done, Remaining      int64   // pieces of work
	DoneBytes, LeftBytes float64 // by the sources' own estimate; 0 if they have none
	Streaming            *StreamStatus
}

// StreamStatus is how far one stage of a streaming job is, over all of its tasks.
type StreamStatus struct {
	Watermark  Time          // of the output: the least of the tasks
	Lag        time.Duration // of the watermark behind the processing time; 0 if it has none yet, or has ended
	Busy       float64       // the share of the time since the start in which the tasks worked, 0 to 1
	Blocked    float64       // the share in which they could not, since what is behind them had no room
	Slots      int64         // pairs of key and window that have state
	StateBytes int64         // an estimate of the memory they take
	Droppable  int64         // elements that were dropped because they came too late
	Late       int64         // elements in panes that were late, and those that a stateful DoFn took after the end of their window
	// Unfired is timers that did not fire and never will: those that were pending when their window expired, as at the end of the
	// job (which are of processing time, or set by OnWindowExpiration), and those that set themselves again in a drain.
	Unfired int64
	Holder  string        // what keeps the watermark where it is: an input, a split, a hold
	Splits  []SplitStatus // of a source: at most 64, those furthest behind first
}

// SplitStatus is how far one split of a source of a streaming job is.
type SplitStatus struct {
	Number    int64         // in the order in which the splits were made
	Watermark Time          // nothing still to come of it is earlier
	Lag       time.Duration // of the watermark behind the processing time; 0 if it has none yet
	Elements  int64         // that it has given
	Bytes     int64         // that have been read for them, as far as the source tells: see [exec.Context.AddBytes]
	Busy      time.Duration // for which it has been read, with what is fused with the source
	State     SplitState
}

// SplitState is what a split of a source is doing.
type SplitState string

// The states of a split.
const (
	SplitRunning SplitState = "running" // a worker reads it
	SplitReady   SplitState = "ready"   // it waits for a worker
	SplitWaiting SplitState = "waiting" // it has nothing to read just now, and holds the watermark
	SplitIdle    SplitState = "idle"    // it has nothing to read, and does not hold the watermark
	SplitPaused  SplitState = "paused"  // it is too far ahead of others; see [AlignWatermarks]
)

// Metric is a metric of user code.
type Metric struct {
	Transform string
	Name      string
	Kind      string // "counter", "distribution" or "gauge"
	Value     exec.Value
}

// Result is what [Run] returns of a job that has ended.
type Result struct{ Status Status }

// Counter returns the value of the counter of that name in the transforms whose path is, or ends in, transform;
// 0 if there is none.
func (r *Result) Counter(transform, name string) int64 {
	var n int64
	for _, m := range r.Status.Metrics {
		if m.Name == name && m.Kind == "counter" && (m.Transform == transform || hasPathSuffix(m.Transform, transform)) {
			n += m.Value.Count
		}
	}
	return n
}

func hasPathSuffix(path, suffix string) bool {
	n := len(path) - len(suffix)
	return n > 0 && path[n:] == suffix && path[n-1] == '/'
}

// Run builds a pipeline and runs it to its end. The error is the construction error of [Build], the runner's
// refusal, or why the job failed; the Result is there whenever the job has started.
//
// build is called twice, see [Build]. It may be a closure on runners that work in this process; remote runners
// find it by name and need launch.Main.
func Run(ctx context.Context, r Runner, build func(*Pipeline) error) (*Result, error) {
	g, err := Build(build)
	if err != nil {
		return nil, err
	}
	job, err := r.Start(ctx, g)
	if err != nil {
		return nil, err
	}
	err = job.Wait()
	return &Result{Status: job.Status()}, err
}
