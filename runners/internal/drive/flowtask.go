package drive

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/millrace-go/millrace/runners/internal/engine"
	"github.com/millrace-go/millrace/runners/internal/stage"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/exec/budget"
	"github.com/millrace-go/millrace/sdk/graph"
	"github.com/millrace-go/millrace/sdk/mtime"
)

// bundleRows is how many rows a bundle takes in, about; a bundle of a source that gives few ends after bundleTime.
const (
	bundleRows = 10_000
	bundleTime = 20 * time.Millisecond
)

// flowTask is one stage on one worker.
type flowTask struct {
	f *Flow
	w *flowWorker
	s *stage.Stage

	plan   *exec.Plan    // nil: it is made anew for the next bundle, as is behind
	behind *exec.Plan    // in a strict run: what is behind the task
	relays []*exec.Relay // to it

	task exec.Task      // of an exchange
	root exec.Root      // of a source
	read exec.SplitRoot // root, if it is splittable
	from *exec.Step     // of the root
	pool *pool
	wait []exec.Waiter

	in    []*channel
	marks *engine.Watermarks
	out   []*channel
	edges []*edge

	clock    exec.Clock
	sent     mtime.Time // the watermark that the tasks behind have been told
	more     bool       // the task has more to do at this clock
	done     bool
	account  *budget.Account // of the task's state
	told     atomic.Pointer[report]
	mark     atomic.Int64 // sent, for others
	busy     atomic.Int64 // nanoseconds in steps that did something
	stuck    atomic.Int64 // nanoseconds without room
	since    time.Time    // when it was last seen to have none
	messages []message
	next     int // channel to be read next
}

// edge is the channels to the tasks of a transform's input, or the pool of a splittable one.
type edge struct {
	node     *graph.Node
	input    int
	channels []*channel
	pool     *pool
	number   int           // among the pool's inputs
	wait     []exec.Waiter // what may hold rows back before the edge
	sent     mtime.Time    // the watermark that has been told
}

// wire makes the operators, before the first bundle.
func (t *flowTask) wire() error {
	t.clock = exec.Clock{Watermark: mtime.Min, Output: mtime.Min, Processing: t.f.now()}
	n := t.s.Root
	if n.Kind == graph.Source || n.Kind == graph.Splittable {
		return t.wireRoot()
	}
	b := &exec.Build{Host: t.w.host}
	sinks, err := t.wireBehind(b)
	if err != nil {
		return err
	}
	if t.task, err = t.f.exchanges[n].NewTask(b, t.f.step(n, t.w.host, true), sinks); err != nil {
		return err
	}
	t.account = t.f.cfg.Budget.Open(n.Path, nil)
	t.plan = b.Plan(nil)
	return nil
}

// wireRoot makes an instance of a stage that begins with a source.
func (t *flowTask) wireRoot() error {
	n := t.s.Root
	w := newWirer(t, t.f.plan, &t.f.ledger, t.s, t.w.host)
	sinks, err := w.outputs(n)
	if err != nil {
		return err
	}
	t.bundle(w.b, sinks)
	t.from = t.f.step(n, t.w.host, true)
	if n.Kind == graph.Source {
		t.root, err = n.Feed.NewRoot(w.b, t.from, sinks[0])
	} else if t.root, err = t.f.inboxes[n].NewRoot(w.b, t.from, sinks); err == nil {
		t.read = t.root.(exec.SplitRoot)
	}
	if err != nil {
		return err
	}
	t.waits(w)
	t.plan = w.b.Plan(t.root)
	return nil
}

// wireBehind makes what is behind a task: in b, or in a strict run as an instance of its own, which can be torn down
// while the task, which has the state, goes on.
func (t *flowTask) wireBehind(b *exec.Build) ([]exec.Sink, error) {
	n := t.s.Root
	w := newWirer(t, t.f.plan, &t.f.ledger, t.s, t.w.host)
	strict := t.w.host.Strict
	if !strict {
		w.b = b
	}
	sinks, err := w.outputs(n)
	if err != nil {
		return nil, err
	}
	t.waits(w)
	if !strict || len(sinks) == 0 {
		return sinks, nil
	}
	t.bundle(w.b, sinks)
	t.behind = w.b.Plan(nil)
	if t.relays == nil {
		for range n.Out {
			t.relays = append(t.relays, &exec.Relay{})
		}
	}
	ins := make([]exec.Sink, len(sinks))
	for i, r := range t.relays {
		r.To(sinks[i])
		ins[i] = r
	}
	return ins, nil
}

// waits finds out what may make rows wait before each edge.
func (t *flowTask) waits(w *wirer) {
	t.wait = w.b.Waiters()
	for _, e := range t.edges {
		e.wait = w.waitsBefore(e.node.In[e.input])
	}
}

// end implements edges.
func (t *flowTask) end(b *exec.Build, n *graph.Node, input int) (exec.Sink, error) {
	if n.Kind == graph.Splittable {
		return t.f.inboxes[n].NewWriter(b, t.f.step(n, b.Host, false))
	}
	for _, e := range t.edges {
		if e.node == n && e.input == input {
			ports := make([]exec.Port, len(e.channels))
			for i, c := range e.channels {
				ports[i] = c
			}
			return t.f.exchanges[n].NewWriter(b, t.f.step(n, b.Host, true), input, ports)
		}
	}
	return nil, errors.New("internal error: an edge without channels")
}

// spool implements edges.
func (t *flowTask) spool(*exec.Build, *stage.End) (exec.Sink, error) {
	return nil, errors.New("internal error: a spool in a streaming job")
}

// blocked reports whether what the task would emit has no room.
func (t *flowTask) blocked() bool {
	for _, c := range t.out {
		if c.full() {
			return true
		}
	}
	return false
}

// wakeAt is the processing time at which there is something to do.
func (t *flowTask) wakeAt() mtime.Time {
	switch {
	case t.done:
		return mtime.Max
	case t.task != nil:
		return t.task.Wake()
	default:
		t.pool.mu.Lock()
		defer t.pool.mu.Unlock()
		at := t.pool.p.Wake()
		if t.f.over.since.Load() != 0 {
			at = max(at, t.f.now().Add(100*time.Millisecond))
		}
		return at
	}
}

// step does one thing, if there is one to do.
func (t *flowTask) step(now mtime.Time) (did bool, err error) {
	t.clock.Processing, t.clock.Draining = max(t.clock.Processing, now), t.f.draining.Load()
	if t.task != nil {
		if t.more {
			return true, t.advance()
		}
		if did, err = t.receive(); did || err != nil {
			return did, err
		}
		if t.task.Wake() <= now {
			return true, t.advance()
		}
	} else {
		if mark := t.pool.watermark(); mark > t.clock.Watermark {
			t.clock.Watermark = mark
			return true, t.pass(mark)
		}
		if did, err = t.readSplit(now); did || err != nil {
			return did, err
		}
	}
	return t.release()
}

// receive processes what has come in, for a bundle.
func (t *flowTask) receive() (did bool, err error) {
	rows := 0
	open := false
	for range t.in {
		c := t.in[t.next]
		t.next = (t.next + 1) % len(t.in)
		t.messages = c.take(t.messages[:0])
		for _, m := range t.messages {
			did = true
			if m.batch == nil {
				t.marks.Set(c.number, m.mark)
				continue
			}
			if !open {
				if err := t.start(); err != nil {
					return true, err
				}
				t.task.BeginBundle(t.clock)
				open = true
			}
			if err := t.task.Take(c.input, m.batch); err != nil {
				return true, err
			}
			rows += m.rows
			c.read(m.batch)
		}
		if rows >= t.f.bundleRows(t.w) {
			break
		}
	}
	if open {
		if err := t.task.EndBundle(t.clock); err != nil {
			return true, err
		}
		if err := t.finish(); err != nil {
			return true, err
		}
	}
	if !did {
		return false, nil
	}
	if t.marks.Min() > t.clock.Watermark {
		t.clock.Watermark = t.marks.Min()
		return true, t.advance()
	}
	return true, t.pass(t.clock.Watermark)
}

// advance does what the clock makes due, and tells the tasks behind.
func (t *flowTask) advance() (err error) {
	if err := t.start(); err != nil {
		return err
	}
	if t.more, err = t.task.Advance(t.clock); err != nil {
		return err
	}
	if err := t.finish(); err != nil {
		return err
	}
	if t.more {
		return nil
	}
	return t.pass(t.clock.Watermark)
}

// pass tells the tasks behind how far event time has come.
func (t *flowTask) pass(mark mtime.Time) error {
	if t.task != nil && mark < mtime.Max {
		mark = min(mark, t.task.Hold())
	}
	t.clock.Output = max(t.clock.Output, mark)
	moved := false
	for _, e := range t.edges {
		m := mark
		for _, w := range e.wait {
			m = min(m, w.Hold())
		}
		if m <= e.sent {
			continue
		}
		e.sent = m
		for _, c := range e.channels {
			c.put(message{mark: m})
		}
		if p := e.pool; p != nil {
			p.mu.Lock()
			p.p.Input(e.number, m)
			moved = p.refresh() || moved
			p.mu.Unlock()
		}
	}
	if moved {
		t.f.notifyAll()
	}
	for _, w := range t.wait {
		mark = min(mark, w.Hold())
	}
	if mark <= t.sent {
		return nil
	}
	t.sent = mark
	if t.mark.Store(int64(mark)); len(t.wait) > 0 {
		t.f.expire(t.s)
	}
	if mark == mtime.Max {
		t.done = true
		if t.f.left.Add(-1) == 0 {
			t.f.notifyAll()
		}
	}
	return nil
}

// readSplit runs a split for a bundle.
func (t *flowTask) readSplit(now mtime.Time) (did bool, err error) {
	if t.f.script == nil {
		if rest, err := t.f.rest(); rest || err != nil {
			return false, err
		}
	}
	p := t.pool
	p.mu.Lock()
	s := p.p.Take(now)
	moved := s != nil && p.refresh() // it is not idle any more
	p.mu.Unlock()
	if moved {
		t.f.notifyAll()
	}
	if s == nil {
		return false, nil
	}
	if err := t.start(); err != nil {
		return true, err
	}
	res := exec.Residual{Watermark: mtime.Max}
	rows := 0
	began, bytes := time.Now(), t.from.Bytes.Load()
	if t.read != nil {
		t.w.reading.Store(&reading{root: t.read, since: began})
		most := t.f.bundleRows(t.w)
		res, err = t.read.RunSplit(s.Work, func(n int) bool {
			rows += n
			return rows >= most || t.blocked() || t.f.draining.Load()
		})
		t.w.reading.Store(nil)
	} else {
		work := s.Work
		if x, ok := work.(scripted); ok {
			work = x.Work
			res.Watermark = x.mark
		}
		err = t.root.Run(work)
	}
	if err != nil {
		return true, err
	}
	bytes = t.from.Bytes.Load() - bytes // before finish, as that may end the instance
	if err := t.finish(); err != nil {
		return true, err
	}
	p.mu.Lock()
	s.Rows += int64(rows)
	s.Bytes += bytes
	s.Busy += int64(time.Since(began))
	p.p.Give(s, res, max(t.clock.Processing, t.f.now()).Add(res.After))
	moved = p.refresh()
	p.mu.Unlock()
	if moved {
		t.f.notifyAll()
	}
	return true, nil
}

// release lets rows go on that wait for a view.
func (t *flowTask) release() (did bool, err error) {
	for _, w := range t.wait {
		if !w.Ready() {
			continue
		}
		if err := t.start(); err != nil {
			return true, err
		}
		if err := w.Release(); err != nil {
			return true, err
		}
		if err := t.finish(); err != nil {
			return true, err
		}
		did = true
	}
	if did {
		return true, t.pass(t.clock.Watermark)
	}
	return false, nil
}
