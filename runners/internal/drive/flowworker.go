package drive

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/mtime"
)

// flowWorker steps its tasks, on one goroutine.
type flowWorker struct {
	f         *Flow
	id        int
	host      *exec.Host
	tasks     []*flowTask // by stage: upstream first
	turn      int         // the task whose source is read next
	wake      chan struct{}
	idle      atomic.Bool
	busy      atomic.Bool
	reading   atomic.Pointer[reading]
	goroutine string
	rng       *rand.Rand // of a strict run
}

// reading is a splittable DoFn that is running.
type reading struct {
	root  exec.SplitRoot
	since time.Time
}

func newFlowWorker(f *Flow, id int) *flowWorker {
	return &flowWorker{f: f, id: id, host: f.host(id), wake: make(chan struct{}, 1), rng: f.cfg.random(id + 1000)}
}

// notify says that there may be something to do.
func (w *flowWorker) notify() {
	if w.idle.Load() {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// interrupt asks the split that is being read to give way.
func (w *flowWorker) interrupt() {
	if r := w.reading.Load(); r != nil {
		r.root.RequestSplit(0)
	}
}

// goroutine is the number of this one, so that a report about user code that blocks can show its stack.
func goroutine() string {
	var buf [64]byte
	if s := bytes.Fields(buf[:runtime.Stack(buf[:], false)]); len(s) > 1 {
		return string(s[1])
	}
	return ""
}

func (w *flowWorker) loop() {
	w.goroutine = goroutine()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		if w.f.ctx.Err() != nil || w.f.left.Load() == 0 {
			w.f.notifyAll()
			return
		}
		did, err := w.step()
		if err != nil {
			w.f.fail(err)
			w.f.notifyAll()
			return
		}
		if did {
			continue
		}
		// What comes after idle is set wakes us; what came before, this second look finds.
		w.idle.Store(true)
		if did, err = w.step(); err != nil {
			w.f.fail(err)
			w.f.notifyAll()
			return
		}
		if !did && w.f.ctx.Err() == nil && w.f.left.Load() > 0 {
			timer.Reset(w.patience())
			select {
			case <-w.wake:
			case <-timer.C:
			}
		}
		w.idle.Store(false)
	}
}

// patience is how long there is nothing to do, by the clock.
func (w *flowWorker) patience() time.Duration {
	at := mtime.Max
	for _, t := range w.tasks {
		at = min(at, t.wakeAt())
	}
	if at == mtime.Max {
		return time.Minute
	}
	return min(max(at.Sub(w.f.now()), 0)+time.Millisecond, time.Minute)
}

// step does one thing, if there is one to do.
func (w *flowWorker) step() (did bool, err error) {
	w.busy.Store(true)
	defer w.busy.Store(false)
	var at *flowTask
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("stage %s: internal error: %v\n%s", at.s.Name(), p, debug.Stack())
		}
	}()
	now, since := w.f.now(), time.Now()
	n := len(w.tasks)
	for i := range 2 * n {
		// What is between tasks first, from the end. Then the sources, in turn: one that always has something to give
		// must not keep another, for which a view or the watermark of the first may wait, from its own.
		if i < n {
			at = w.tasks[n-1-i]
		} else {
			at = w.tasks[(w.turn+i-n)%n]
		}
		if at.done || (i < n) != (at.task != nil) {
			continue
		}
		if at.blocked() {
			if !at.since.IsZero() {
				at.stuck.Add(int64(since.Sub(at.since)))
			}
			at.since = since
			continue
		}
		at.since = time.Time{}
		if did, err = at.step(now); did || err != nil {
			if err != nil {
				at.fail()
			}
			if at.task == nil {
				w.turn = (at.s.ID + 1) % n
			}
			at.busy.Add(int64(time.Since(since)))
			at.publish()
			return did, err
		}
	}
	return false, nil
}

func (w *flowWorker) close(failed bool) error {
	var errs []error
	for _, t := range w.tasks {
		errs = append(errs, t.close(failed))
	}
	return errors.Join(errs...)
}
