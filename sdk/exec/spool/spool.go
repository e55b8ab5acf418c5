// Package spool keeps a collection's batches between two stages: where a side input must be complete before
// its reader runs, and where a pipeline asks for a reshuffle. What is beyond the job's budget is on disk.
package spool

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"unsafe"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/exec/budget"
	"github.com/millrace-go/millrace/sdk/exec/spill"
)

// perSegment is how many batches are spilled together: they are read together too.
const perSegment = 64

// Spool is an exec.Exchange that gives back the rows it was given, with their times, windows and panes.
type Spool[T any] struct {
	name    string
	host    *exec.Host
	account *budget.Account
	coder   coder.Coder[T]
	sizer   coder.Sizer[T]
	lent    bool

	mu     sync.Mutex
	items  []item[T]
	inMem  int // items before it are on disk
	file   *spill.File
	sealed bool
	closed bool
}

// item is a batch in memory, or some on disk.
type item[T any] struct {
	b    *exec.Batch[T]
	size int64
	seg  spill.Segment
}

// New returns an empty spool.
func New[T any](h *exec.Host, name string, c coder.Coder[T]) *Spool[T] {
	s := &Spool[T]{name: name, host: h, coder: c, sizer: coder.SizerFor[T](), lent: exec.Lent[T]()}
	s.account = h.Budget.Open(name, s.spill)
	return s
}

type writer[T any] struct {
	s    *Spool[T]
	step *exec.Step
}

// NewWriter implements exec.Exchange.
func (s *Spool[T]) NewWriter(b *exec.Build, step *exec.Step, _ int) (any, error) {
	w := &writer[T]{s: s, step: step}
	b.Add(w)
	return exec.Sink[T](w), nil
}

// Push implements exec.Sink.
func (w *writer[T]) Push(b *exec.Batch[T]) error {
	w.step.In.Add(int64(len(b.V)))
	s := w.s
	c := &exec.Batch[T]{V: slices.Clone(b.V), Meta: b.Clone()}
	if s.lent { // the rows lead to what is valid during the call only
		var buf []byte
		for i := range c.V {
			var err error
			if buf, err = s.coder.Append(buf[:0], &b.V[i]); err == nil {
				_, err = s.coder.Decode(buf, &c.V[i])
			}
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	size := int64(len(c.V))*int64(unsafe.Sizeof(*new(T))) + s.sizer.SizeAll(c.V) + int64(len(c.T)*8+len(c.S)*4+len(c.P)*24) + 128
	s.mu.Lock()
	if s.sealed {
		s.mu.Unlock()
		return fmt.Errorf("%s: internal error: %d rows came after the spool was complete", s.name, len(b.V))
	}
	s.items = append(s.items, item[T]{b: c, size: size})
	s.mu.Unlock()
	if s.account.Charge(size) {
		return s.account.Relieve()
	}
	return nil
}

// spill writes the batches in memory to disk. It is called by whoever needs the memory.
func (s *Spool[T]) spill() (freed int64, err error) {
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
		rows := 0
		for _, it := range mem[:n] {
			rec = exec.AppendMeta(rec[:0], &it.b.Meta, len(it.b.V))
			for i := range it.b.V {
				if rec, err = s.coder.Append(rec, &it.b.V[i]); err != nil {
					return freed, fmt.Errorf("%s: encoding a row for disk: %w", s.name, err)
				}
			}
			if err := w.Append(rec); err != nil {
				return freed, err
			}
			rows += len(it.b.V)
			freed += it.size
		}
		seg, err := w.Close(int64(rows))
		if err != nil {
			return freed, err
		}
		kept = append(kept, item[T]{seg: seg}) // never overtakes mem: n is 1 at least
		mem = mem[n:]
	}
	clear(s.items[len(kept):])
	s.items = kept
	s.inMem = len(kept)
	s.account.Charge(-freed)
	return freed, nil
}

func (w *writer[T]) StartBundle() error  { return nil }
func (w *writer[T]) FinishBundle() error { return nil }
func (w *writer[T]) Close(bool) error    { return nil }

// Seal implements exec.Exchange.
func (s *Spool[T]) Seal() error {
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
func (s *Spool[T]) Work(workers int) ([]exec.Work, error) {
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
func (s *Spool[T]) NewRoot(_ *exec.Build, step *exec.Step, sink any) (exec.Root, error) {
	return &root[T]{s: s, step: step, to: sink.(exec.Sink[T])}, nil
}

type root[T any] struct {
	s    *Spool[T]
	step *exec.Step
	to   exec.Sink[T]
}

// Run implements exec.Root.
func (r *root[T]) Run(w exec.Work) error {
	p := w.(piece)
	for i := p.lo; i < p.hi; i++ {
		it := r.s.items[i]
		r.s.items[i] = item[T]{}
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

func (r *root[T]) push(b *exec.Batch[T]) error {
	if err := r.step.Host.Cancelled(); err != nil {
		return err
	}
	r.step.Out.Add(int64(len(b.V)))
	return r.to.Push(b)
}

func (r *root[T]) read(seg spill.Segment) error {
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
			b := exec.Batch[T]{V: make([]T, n), Meta: m}
			for i := range b.V {
				if rest, err = r.s.coder.Decode(rest, &b.V[i]); err != nil {
					return fmt.Errorf("%s: %w", r.s.name, err)
				}
			}
			block = rest
			if err := r.push(&b); err != nil {
				return err
			}
		}
	}
}

// Close implements exec.Exchange.
func (s *Spool[T]) Close() error {
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
