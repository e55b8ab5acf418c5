package drive

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millrace-go/millrace/runners/internal/engine"
	"github.com/millrace-go/millrace/runners/internal/stage"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/graph"
	"github.com/millrace-go/millrace/sdk/mtime"
)

// Flow is one run of a streaming job. Every worker has an instance of every stage, a task; keyed tasks own the key
// groups of their worker. A worker is one goroutine that steps its tasks, those furthest down first; a task is stepped
// when there is something in its channels, or in its pool of splits, and room in the channels behind it.
type Flow struct {
	ledger

	cfg    Config
	plan   *stage.Plan
	ctx    context.Context
	cancel context.CancelCauseFunc

	exchanges map[*graph.Node]exec.StreamExchange
	readers   map[*graph.Node]*stage.Stage
	live      []exec.LiveView // by view
	inboxes   map[*graph.Node]graph.Inbox
	pools     map[*stage.Stage]*pool
	workers   []*flowWorker
	script    exec.Script
	scripted  *stage.Stage
	clock     atomic.Int64 // the processing time of a script, in ms
	sleeper   Sleeper      // by cfg.Clock, if it is given
	draining  atomic.Bool
	left      atomic.Int64 // tasks that are not done

	over    pressure
	started time.Time
	stopped atomic.Int64 // how long it took, in ns

	errOnce sync.Once
	err     error
	ended   chan struct{}
}

// pool is an engine.Pool that all workers use.
type pool struct {
	mu   sync.Mutex
	p    *engine.Pool
	mark atomic.Int64 // its watermark
}

func (p *pool) watermark() mtime.Time { return mtime.Time(p.mark.Load()) }

// StartFlow begins to run p. Wait for it with [Flow.Wait].
func StartFlow(ctx context.Context, p *stage.Plan, cfg Config) (*Flow, error) {
	f := &Flow{
		cfg: cfg, plan: p, started: time.Now(),
		exchanges: map[*graph.Node]exec.StreamExchange{},
		readers:   map[*graph.Node]*stage.Stage{},
		inboxes:   map[*graph.Node]graph.Inbox{},
		pools:     map[*stage.Stage]*pool{},
		ended:     make(chan struct{}),
	}
	f.ctx, f.cancel = context.WithCancelCause(ctx)
	if err := f.open(); err != nil {
		f.cancel(err)
		for _, w := range f.workers {
			_ = w.close(true)
		}
		return nil, err
	}
	if f.cfg.Clock != nil {
		f.sleeper = f.cfg.Clock.Join()
	}
	go f.run()
	return f, nil
}

// open makes what belongs to the job, and the tasks.
func (f *Flow) open() error {
	for i := range f.cfg.Workers {
		f.workers = append(f.workers, newFlowWorker(f, i))
	}
	whole := f.host(-1)
	for _, v := range f.plan.Graph.Views {
		if v.Live == nil {
			return fmt.Errorf("%s (%s): a %s view does not run in a streaming job yet", v.From.Path, v.From.At, v.Kind)
		}
		l, err := v.Live(whole)
		if err != nil {
			return fmt.Errorf("%s: %w", v.From.Path, err)
		}
		l.Watch(f.notifyAll)
		f.live = append(f.live, l)
	}
	for _, s := range f.plan.Stages {
		n := s.Root
		f.readers[n] = s
		switch n.Kind {
		case graph.Exchange:
			if n.Stream == nil {
				return fmt.Errorf("%s (%s): %s does not run in a streaming job", n.Path, n.At, n.Verb)
			}
			x, err := n.Stream(whole)
			if err != nil {
				return fmt.Errorf("%s: %w", n.Path, err)
			}
			f.exchanges[n] = x
		case graph.ViewOf:
			f.exchanges[n] = f.live[n.Makes.ID]
		case graph.Splittable:
			f.inboxes[n] = n.Inbox(n.ID)
		default:
		}
	}
	for _, w := range f.workers {
		for _, s := range f.plan.Stages {
			w.tasks = append(w.tasks, &flowTask{f: f, w: w, s: s, sent: mtime.Min})
			w.tasks[s.ID].mark.Store(int64(mtime.Min))
		}
	}
	f.left.Store(int64(len(f.plan.Stages) * len(f.workers)))
	if err := f.connect(); err != nil {
		return err
	}
	for _, w := range f.workers {
		for _, t := range w.tasks {
			if err := t.wire(); err != nil {
				return fmt.Errorf("starting stage %s: %w", t.s.Name(), err)
			}
		}
	}
	return f.fill()
}

// connect makes the channels of all edges, and the pools.
func (f *Flow) connect() error {
	feeders := map[*stage.Stage]int{}
	for _, e := range f.plan.Ends {
		r := e.Reader
		for _, from := range e.From {
			for i, in := range e.Node.In {
				if !produces(f.plan, from, in) {
					continue
				}
				for _, w := range f.workers {
					src := w.tasks[from.ID]
					if e.Node.Kind == graph.Splittable {
						src.edges = append(src.edges, &edge{node: e.Node, input: i, number: feeders[r], sent: mtime.Min})
						feeders[r]++
						continue
					}
					var cs []*channel
					for _, v := range f.workers {
						dst := v.tasks[r.ID]
						c := &channel{from: src, to: dst, input: i, number: len(dst.in)}
						dst.in = append(dst.in, c)
						src.out = append(src.out, c)
						cs = append(cs, c)
					}
					src.edges = append(src.edges, &edge{node: e.Node, input: i, channels: cs, sent: mtime.Min})
				}
			}
		}
	}
	for _, s := range f.plan.Stages {
		if k := s.Root.Kind; k == graph.Splittable || k == graph.Source {
			if s.Root.Script != nil {
				if f.script != nil {
					return fmt.Errorf("%s (%s): a pipeline can have one test stream", s.Root.Path, s.Root.At)
				}
				if f.cfg.Clock != nil {
					return fmt.Errorf("%s (%s): the processing time of a test stream is its own, moved by its steps: run the pipeline without another clock", s.Root.Path, s.Root.At)
				}
				f.script, f.scripted = s.Root.Script(), s
				feeders[s]++ // the script
			}
			f.pools[s] = &pool{p: engine.NewPool(feeders[s])}
			f.pools[s].mark.Store(int64(mtime.Min))
		}
	}
	f.align()
	for _, w := range f.workers {
		for _, t := range w.tasks {
			t.marks = engine.NewWatermarks(len(t.in))
			t.pool = f.pools[t.s]
			for _, e := range t.edges {
				if e.channels == nil {
					e.pool = f.pools[f.readers[e.node]]
				}
			}
		}
	}
	return nil
}

// align makes the alignments of the sources.
func (f *Flow) align() {
	all := map[*graph.Alignment]*engine.Alignment{}
	for s, p := range f.pools {
		a := s.Root.Align
		if a == nil {
			continue
		}
		if all[a] == nil {
			all[a] = engine.NewAlignment(mtime.Time(a.MaxDrift.Milliseconds()), len(a.Sources))
		}
		p.p.Align(all[a], slices.Index(a.Sources, s.Root))
	}
}

// produces reports whether a stage pushes rows of c.
func produces(p *stage.Plan, s *stage.Stage, c *graph.Collection) bool {
	return c.From == s.Root || s.Runs(c.From)
}

// fill puts the work of sources that are not splittable into their pools.
func (f *Flow) fill() error {
	for s, p := range f.pools {
		if s.Root.Kind != graph.Source || s.Root.Script != nil {
			p.refresh()
			continue
		}
		ws, err := s.Root.Feed.Work(f.cfg.Workers)
		if err != nil {
			return fmt.Errorf("%s: %w", s.Root.Path, err)
		}
		for _, w := range ws {
			if d, ok := w.(exec.Divisible); ok {
				const rows = 4096 // so that credits are asked for now and then
				for _, part := range d.Divide(int(max(w.Size()/rows, 1))) {
					p.p.Add(part)
				}
				continue
			}
			p.p.Add(w)
		}
		p.refresh()
	}
	return nil
}

// refresh is to be called when something has changed, and reports whether others have to look.
func (p *pool) refresh() (moved bool) {
	t := int64(p.p.Watermark())
	moved = p.p.Realign()
	return p.mark.Swap(t) != t || moved
}

func (f *Flow) host(worker int) *exec.Host {
	return &exec.Host{
		Ctx: f.ctx, Log: f.cfg.Log.With("job", f.cfg.JobID), JobID: f.cfg.JobID,
		Worker: worker, Workers: f.cfg.Workers,
		Budget: f.cfg.Budget, TempDir: f.cfg.TempDir,
		BatchSize: f.cfg.batchSize(worker), Strict: f.cfg.Strict,
		View: func(id int) any { return f.live[id].Data() },
		Live: func(id int) exec.LiveView { return f.live[id] },
		Post: f.post,
		Now:  f.wall, Fired: f.cfg.Fired,
	}
}

// post takes work for the splittable transform of a node.
func (f *Flow) post(node int, w exec.Work) {
	s := f.readers[f.plan.Graph.Nodes[node]]
	p := f.pools[s]
	p.mu.Lock()
	p.p.Add(w)
	p.refresh()
	p.mu.Unlock()
	f.notifyAll()
}

func (f *Flow) notifyAll() {
	for _, w := range f.workers {
		w.notify()
	}
}

// expire lets views forget the windows that no element still to come of any reader can ask for, after stage s has come
// further.
func (f *Flow) expire(s *stage.Stage) {
	for _, v := range f.plan.Graph.Views {
		t, reads := mtime.Max, false
		for _, r := range f.plan.Stages {
			for _, n := range r.Nodes {
				if !slices.Contains(n.Reads, v) {
					continue
				}
				reads = reads || r == s
				for _, w := range f.workers {
					t = min(t, mtime.Time(w.tasks[r.ID].mark.Load()).Add(-n.In[0].Windowing.Lateness))
				}
			}
		}
		if reads && t < mtime.EndOfGlobalWindow {
			f.live[v.ID].Expire(t)
		}
	}
}

// elapsed is how long the job has run.
func (f *Flow) elapsed() time.Duration {
	if d := f.stopped.Load(); d > 0 {
		return time.Duration(d)
	}
	return time.Since(f.started)
}

// now is the processing time.
func (f *Flow) now() mtime.Time {
	if f.script != nil {
		return mtime.Time(f.clock.Load())
	}
	return mtime.FromTime(f.wall())
}

// wall is the processing time, for user code.
func (f *Flow) wall() time.Time {
	switch {
	case f.script != nil:
		return mtime.Time(f.clock.Load()).Time()
	case f.cfg.Clock != nil:
		return f.cfg.Clock.Now()
	default:
		return time.Now()
	}
}

// run drives the workers to their end.
func (f *Flow) run() {
	defer close(f.ended)
	defer func() { f.stopped.Store(int64(time.Since(f.started))) }()
	switch {
	case f.script != nil:
		if err := apart(f.play); err != nil {
			f.fail(err)
		}
	case f.sleeper != nil:
		defer f.sleeper.Leave()
		watching := make(chan struct{})
		go f.watch(watching)
		if err := apart(f.playClock); err != nil {
			f.fail(err)
		}
		close(watching)
	default:
		var wg sync.WaitGroup
		told := make(chan struct{})
		stop := context.AfterFunc(f.ctx, func() {
			defer close(told)
			f.fail(context.Cause(f.ctx))
			f.notifyAll()
		})
		watching := make(chan struct{})
		go f.watch(watching)
		for _, w := range f.workers {
			wg.Go(guarded(w.loop, f.fail))
		}
		wg.Wait()
		if !stop() {
			<-told
		}
		close(watching)
	}
	var errs []error
	for _, w := range f.workers {
		errs = append(errs, apart(func() error { return w.close(f.err != nil) }))
	}
	if err := errors.Join(errs...); err != nil {
		if f.err == nil {
			f.err = err
		} else {
			f.cfg.Log.Warn("closing a failed job", "job", f.cfg.JobID, "error", err)
		}
	}
}

// fail ends the run; the first failure is the one that is told.
func (f *Flow) fail(err error) {
	f.errOnce.Do(func() {
		if cause := context.Cause(f.ctx); cause != nil {
			err = cause // what user code makes of its Context's end is not why the job ends
		}
		f.err = err
	})
	f.cancel(err)
}

// Wait returns when the run has ended: why, or nil.
func (f *Flow) Wait() error {
	<-f.ended
	f.cancel(nil)
	return f.err
}

// Ended is closed when the run has ended.
func (f *Flow) Ended() <-chan struct{} { return f.ended }

// Cancel ends the run early.
func (f *Flow) Cancel(cause error) {
	if cause == nil {
		cause = context.Canceled
	}
	f.fail(cause)
}

// Drain cuts the sources off and lets the rest come to its end: final panes, once.
func (f *Flow) Drain() {
	if f.draining.Swap(true) {
		return
	}
	for _, p := range f.pools {
		p.mu.Lock()
		p.p.Drain()
		p.refresh()
		p.mu.Unlock()
	}
	for _, w := range f.workers {
		w.interrupt()
	}
	f.notifyAll()
}

// errStuck says that a test stream has ended and tasks are left that nothing will ever wake.
var errStuck = errors.New("internal error: the test stream has ended but the pipeline has not")
