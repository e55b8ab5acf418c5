// Package spool keeps a collection's batches between two stages: where a side input must be complete before
// its reader runs, and where a pipeline asks for a reshuffle. What is beyond the job's budget is on disk.
package spool

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/exec/budget"
	"github.com/millrace-go/millrace/sdk/exec/spill"
)

// perSegment is how many batches are spilled together: they are read together too.
const perSegment = 64

// Spool is an exec.Exchange that gives back the rows it was given, with their times, windows and panes.
type Spool struct {
	name    string
	host    *exec.Host
	account *budget.Account
	t       *exec.ElementType

	mu     sync.Mutex
	items  []item
	inMem  int // items before it are on disk
	file   *spill.File
	sealed bool
	closed bool
}

// item is a batch in memory, or some on disk.
type item struct {
	b    any // *exec.Batch of the type
	size int64
	seg  spill.Segment
}

// New returns an empty spool of rows of a type, which must have an encoding.
func New(h *exec.Host, name string, t *exec.ElementType) *Spool {
	s := &Spool{name: name, host: h, t: t}
	s.account = h.Budget.Open(name, s.spill)
	return s
}

type writer struct {
	s    *Spool
	step *exec.Step
}

// NewWriter implements exec.Exchange.
func (s *Spool) NewWriter(b *exec.Build, step *exec.Step, _ int) (exec.Sink, error) {
	w := &writer{s: s, step: step}
	b.Add(w)
	return w, nil
}

// Push implements exec.Sink.
func (w *writer) Push(b any) error {
	s := w.s
	n := s.t.Len(b)
	w.step.In.Add(int64(n))
	c := s.t.Clone(b)
	if s.t.Lent() { // the rows lead to what is valid during the call only
		var buf []byte
		for i := range n {
			var err error
			if buf, err = s.t.Encode(buf[:0], b, i); err == nil {
				_, err = s.t.Decode(buf, c, i)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	m := s.t.Meta(c)
	size := s.t.Size(c) + int64(len(m.T)*8+len(m.S)*4+len(m.P)*24) + 128
	s.mu.Lock()
	if s.sealed {
		s.mu.Unlock()
		return fmt.Errorf("%s: internal error: %d rows came after the spool was complete", s.name, n)
	}
	s.items = append(s.items, item{b: c, size: size})
	s.mu.Unlock()
	if s.account.Charge(size) {
		return s.account.Relieve()
	}
	return nil
}

// spill writes the batches in memory to disk. It is called by whoever needs the memory.
func (s *Spool) spill() (freed int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.inMem == len(s.items) {
		return 0, nil
	}
	if s.file == nil {
		if s.file, err = spill.Create(s.host.TempDir, s.host.Budget.Disk()); err != nil {
			return 0, err
		}
	}
	mem := s.items[s.inMem:]
	kept := s.items[:s.inMem]
	var rec []byte
	for len(mem) > 0 {
		n := min(perSegment, len(mem))
		w := s.file.Writer()
		all := 0
		for _, it := range mem[:n] {
			rows := s.t.Len(it.b)
			rec = exec.AppendMeta(rec[:0], s.t.Meta(it.b), rows)
			for i := range rows {
				if rec, err = s.t.Encode(rec, it.b, i); err != nil {
					return freed, fmt.Errorf("%s: encoding a row for disk: %w", s.name, err)
				}
			}
			if err := w.Append(rec); err != nil {
				return freed, err
			}
			all += rows
			freed += it.size
		}
		seg, err := w.Close(int64(all))
		if err != nil {
			return freed, err
		}
		kept = append(kept, item{seg: seg}) // never overtakes mem: n is 1 at least
		mem = mem[n:]
	}
	clear(s.items[len(kept):])
	s.items = kept
	s.inMem = len(kept)
	s.account.Charge(-freed)
	return freed, nil
}

func (w *writer) StartBundle() error  { return nil }
func (w *writer) FinishBundle() error { return nil }
func (w *writer) Close(bool) error    { return nil }

// Seal implements exec.Exchange.
func (s *Spool) Seal() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sealed = true
	return nil
}

type piece struct {
	lo, hi int
	bytes  int64
}

func (p piece) Size() int64 { return p.bytes }

// Work implements exec.Feed. From here on nothing is spilled: what is read is what there is.
func (s *Spool) Work(workers int) ([]exec.Work, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inMem = len(s.items)
	n := len(s.items)
	pieces := min(8*workers, n)
	var ws []exec.Work
	for i := range pieces {
		p := piece{lo: i * n / pieces, hi: (i + 1) * n / pieces}
		for _, it := range s.items[p.lo:p.hi] {
			p.bytes += it.size + it.seg.Raw
		}
		ws = append(ws, p)
	}
	return ws, nil
}

// NewRoot implements exec.Feed.
func (s *Spool) NewRoot(_ *exec.Build, step *exec.Step, sink exec.Sink) (exec.Root, error) {
	return &root{s: s, step: step, to: sink}, nil
}

type root struct {
	s    *Spool
	step *exec.Step
	to   exec.Sink
}

// Run implements exec.Root.
func (r *root) Run(w exec.Work) error {
	p := w.(piece)
	for i := p.lo; i < p.hi; i++ {
		it := r.s.items[i]
		r.s.items[i] = item{}
		if it.b == nil {
			if err := r.read(it.seg); err != nil {
				return err
			}
			continue
		}
		if err := r.push(it.b); err != nil {
			return err
		}
		r.s.account.Charge(-it.size)
	}
	return nil
}

func (r *root) push(b any) error {
	if err := r.step.Host.Cancelled(); err != nil {
		return err
	}
	r.step.Out.Add(int64(r.s.t.Len(b)))
	return r.to.Push(b)
}

func (r *root) read(seg spill.Segment) error {
	in := seg.Open()
	for {
		block, err := in.Block()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", r.s.name, err)
		}
		for len(block) > 0 {
			m, n, rest, err := exec.DecodeMeta(block)
			if err != nil {
				return fmt.Errorf("%s: %w", r.s.name, err)
			}
			b := r.s.t.New(n, m)
			for i := range n {
				if rest, err = r.s.t.Decode(rest, b, i); err != nil {
					return fmt.Errorf("%s: %w", r.s.name, err)
				}
			}
			block = rest
			if err := r.push(b); err != nil {
				return err
			}
		}
	}
}

// Close implements exec.Exchange.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.items = nil
	s.account.Close()
	if s.file != nil {
		return s.file.Close()
	}
	return nil
}
