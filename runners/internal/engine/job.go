// Package engine decides what a job does next. It is a state machine that others drive: it starts no goroutine,
// reads no clock, opens no file or socket and runs no user code. Whoever drives it holds a lock around its calls.
package engine

import (
	"slices"

	"github.com/millrace-go/millrace/runners/internal/stage"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/graph"
)

// State is where a stage stands.
type State uint8

// The states of a stage, in their order.
const (
	Waiting State = iota // for the stages before it
	Opening              // its work is being listed
	Running
	Closing // its instances are being closed
	Sealing // what it wrote is being sealed
	Done
)

func (s State) String() string {
	return [...]string{"waiting", "opening", "running", "closing", "sealing", "done"}[s]
}

// ActionKind says what a driver is to do.
type ActionKind uint8

// The kinds of actions.
const (
	Nothing ActionKind = iota // wait until something has changed
	Open                      // list the stage's work, then call Opened
	Run                       // run Work on an instance of the stage, then call Finished
	Close                     // close all instances of the stage, then call InstancesClosed
	End                       // the job is done
)

// Action is one thing to do.
type Action struct {
	Kind  ActionKind
	Stage *stage.Stage
	Work  exec.Work
}

type stageState struct {
	state   State
	pending []exec.Work
	running int
	done    int
}

// Job is the state of one run.
type Job struct {
	plan    *stage.Plan
	stages  []stageState
	writers map[*stage.End]int // stages that still write
	left    int                // stages that are not done
}

// New returns a job at its start.
func New(p *stage.Plan) *Job {
	j := &Job{plan: p, stages: make([]stageState, len(p.Stages)), writers: map[*stage.End]int{}, left: len(p.Stages)}
	for _, e := range p.Ends {
		j.writers[e] = len(e.From)
	}
	return j
}

// Next returns what a free worker is to do. Stages further down come first, so that what is waiting between
// stages shrinks before it grows.
func (j *Job) Next() Action {
	if j.left == 0 {
		return Action{Kind: End}
	}
	for i := len(j.stages) - 1; i >= 0; i-- {
		s, st := j.plan.Stages[i], &j.stages[i]
		switch st.state {
		case Waiting:
			if !j.allDone(s.After) {
				continue
			}
			st.state = Opening
			return Action{Kind: Open, Stage: s}
		case Running:
			if n := len(st.pending); n > 0 {
				w := st.pending[0]
				st.pending = st.pending[1:]
				st.running++
				return Action{Kind: Run, Stage: s, Work: w}
			}
			if st.running == 0 && j.fed(s) {
				st.state = Closing
				return Action{Kind: Close, Stage: s}
			}
		default:
		}
	}
	return Action{Kind: Nothing}
}

func (j *Job) allDone(ss []*stage.Stage) bool {
	return !slices.ContainsFunc(ss, func(s *stage.Stage) bool { return j.stages[s.ID].state != Done })
}

// fed reports whether no more work will be posted to s from outside.
func (j *Job) fed(s *stage.Stage) bool { return j.allDone(s.Feeds) }

// Opened says what work a stage has.
func (j *Job) Opened(s *stage.Stage, ws []exec.Work) {
	st := &j.stages[s.ID]
	st.pending = append(st.pending, ws...)
	// The largest first: what starts last should be small, so that all workers end together.
	slices.SortStableFunc(st.pending, func(a, b exec.Work) int {
		switch x, y := a.Size(), b.Size(); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	st.state = Running
}

// Post adds work that was found while the job runs, to the stage rooted at the splittable node.
func (j *Job) Post(node int, w exec.Work) {
	for _, s := range j.plan.Stages {
		if s.Root != nil && s.Root.ID == node && s.Root.Kind == graph.Splittable {
			j.stages[s.ID].pending = append(j.stages[s.ID].pending, w)
			return
		}
	}
}

// Finished says that a piece of work has been run.
func (j *Job) Finished(s *stage.Stage) {
	st := &j.stages[s.ID]
	st.running--
	st.done++
}

// InstancesClosed says that the instances of s are closed, and returns what is now complete and to be sealed.
func (j *Job) InstancesClosed(s *stage.Stage) []*stage.End {
	j.stages[s.ID].state = Sealing
	var sealed []*stage.End
	for _, e := range s.Ends {
		if j.writers[e]--; j.writers[e] == 0 {
			sealed = append(sealed, e)
		}
	}
	return sealed
}

// Sealed says that what s completed is sealed: the stage is done.
func (j *Job) Sealed(s *stage.Stage) {
	j.stages[s.ID].state = Done
	j.left--
}

// Waiting returns how much work of s nobody has begun, by its own estimate.
func (j *Job) Waiting(s *stage.Stage) (size int64) {
	for _, w := range j.stages[s.ID].pending {
		size += w.Size()
	}
	return size
}

// Progress tells where a stage stands: its state and the pieces of work that are done, running and waiting.
func (j *Job) Progress(s *stage.Stage) (state State, done, running, waiting int) {
	st := &j.stages[s.ID]
	return st.state, st.done, st.running, len(st.pending)
}
