package drive

import (
	"fmt"
	"runtime/debug"
	"sync/atomic"

	"github.com/millrace-go/millrace/runners/internal/engine"
	"github.com/millrace-go/millrace/runners/internal/stage"
	"github.com/millrace-go/millrace/sdk/exec"
)

// worker runs work on one goroutine, on instances of stages that it alone uses.
type worker struct {
	r         *Run
	host      *exec.Host
	plans     map[*stage.Stage]*instance // guarded by r.mu where other goroutines look
	stage     *stage.Stage               // guarded by r.mu
	busy      atomic.Bool
	goroutine string
	running   atomic.Pointer[instance]
}

// instance is a worker's copy of a stage.
type instance struct {
	plan *exec.Plan
	root exec.Root
}

func (w *worker) loop() {
	w.goroutine = goroutine()
	for {
		a, ok := w.r.next(w)
		if !ok {
			return
		}
		w.busy.Store(true)
		err := w.do(a)
		w.busy.Store(false)
		if err != nil {
			w.r.fail(err)
			return
		}
	}
}

func (w *worker) do(a engine.Action) (err error) {
	defer func() {
		if p := recover(); p != nil { // ours: user code's panics are caught where they happen
			err = fmt.Errorf("stage %s: internal error: %v\n%s", a.Stage.Name(), p, debug.Stack())
		}
	}()
	switch a.Kind {
	case engine.Open:
		return w.open(a.Stage)
	case engine.Close:
		return w.close(a.Stage)
	default:
		return w.run(a)
	}
}

func (w *worker) open(s *stage.Stage) error {
	var ws []exec.Work
	var err error
	if x := w.r.exchanges[s]; x != nil {
		ws, err = x.Work(w.r.cfg.Workers)
	} else if s.Root.Feed != nil {
		ws, err = s.Root.Feed.Work(w.r.cfg.Workers)
	}
	if err != nil {
		return fmt.Errorf("stage %s: %w", s.Name(), err)
	}
	if w.host.Strict {
		ws = divide(ws)
	}
	w.r.mu.Lock()
	w.r.job.Opened(s, ws)
	w.r.mu.Unlock()
	w.r.wake.Broadcast()
	return nil
}

// divide cuts work into many small pieces.
func divide(ws []exec.Work) []exec.Work {
	const pieces = 16
	var small []exec.Work
	for _, w := range ws {
		if d, ok := w.(exec.Divisible); ok {
			small = append(small, d.Divide(pieces)...)
			continue
		}
		small = append(small, w)
	}
	return small
}

func (w *worker) run(a engine.Action) error {
	inst := w.plans[a.Stage]
	if inst == nil {
		plan, root, err := w.r.wire(a.Stage, w.host)
		if err != nil {
			return err
		}
		inst = &instance{plan: plan, root: root}
		w.r.mu.Lock()
		w.plans[a.Stage] = inst
		w.r.mu.Unlock()
	}
	w.running.Store(inst)
	err := inst.plan.Run(a.Work)
	w.running.Store(nil)
	if err != nil {
		return err
	}
	if w.host.Strict { // an instance may be torn down between any two bundles
		w.r.mu.Lock()
		delete(w.plans, a.Stage)
		w.r.mu.Unlock()
		if err := inst.plan.Close(false); err != nil {
			return err
		}
	}
	w.r.mu.Lock()
	w.r.job.Finished(a.Stage)
	w.r.mu.Unlock()
	w.r.wake.Signal()
	return nil
}

// close ends all instances of s, seals what is now complete and frees what s has read. No work of s is running.
func (w *worker) close(s *stage.Stage) error {
	r := w.r
	r.mu.Lock()
	var insts []*instance
	for _, v := range r.workers {
		if inst := v.plans[s]; inst != nil {
			insts = append(insts, inst)
		}
	}
	r.mu.Unlock()
	if len(insts) == 0 && len(s.Ends) > 0 {
		// Nothing came: the ends are empty, but whoever starts and finishes a bundle has to see one.
		plan, root, err := r.wire(s, w.host)
		if err != nil {
			return err
		}
		insts = append(insts, &instance{plan: plan, root: root})
	}
	for _, inst := range insts {
		if err := inst.plan.Close(false); err != nil {
			return err
		}
	}
	r.mu.Lock()
	ends := r.job.InstancesClosed(s)
	r.mu.Unlock()
	for _, e := range ends {
		var err error
		switch {
		case e.Reader != nil && r.exchanges[e.Reader] != nil:
			err = r.exchanges[e.Reader].Seal()
		case e.Node != nil && e.Node.Makes != nil:
			err = r.views[e.Node.Makes.ID].Seal()
		}
		if err != nil {
			return err
		}
	}
	if x := r.exchanges[s]; x != nil {
		if err := x.Close(); err != nil {
			return err
		}
	}
	r.mu.Lock()
	r.job.Sealed(s)
	r.mu.Unlock()
	r.wake.Broadcast()
	return nil
}
