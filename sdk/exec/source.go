package exec

import "github.com/millrace-go/millrace/sdk/mtime"

// Feed hands out a stage's input as pieces of work and makes the roots that run them.
type Feed interface {
	// Work returns what there is, cut for a number of workers. It is called once.
	Work(workers int) ([]Work, error)
	// NewRoot returns what reads the work into sink, which is a Sink of the feed's element type.
	NewRoot(b *Build, step *Step, sink Sink) (Root, error)
}

// Rows is a source of values that are known when the pipeline is built.
type Rows[T any] struct {
	V []T
	T []mtime.Time // one per row; nil: all at mtime.Min
}

type rowRange struct{ lo, hi int }

func (r rowRange) Size() int64 { return int64(r.hi - r.lo) }

// Divide implements [Divisible].
func (r rowRange) Divide(n int) []Work {
	var ws []Work
	for i := range n {
		if lo, hi := r.lo+i*(r.hi-r.lo)/n, r.lo+(i+1)*(r.hi-r.lo)/n; lo < hi {
			ws = append(ws, rowRange{lo: lo, hi: hi})
		}
	}
	return ws
}

// Range returns the rows from lo to hi as work.
func (r *Rows[T]) Range(lo, hi int) Work { return rowRange{lo: lo, hi: hi} }

// Divisible is work that can be cut before it runs.
type Divisible interface {
	// Divide cuts the work into at most n pieces, none of them empty.
	Divide(n int) []Work
}

// Work implements [Feed].
func (r *Rows[T]) Work(workers int) ([]Work, error) {
	const least = 16 << 10 // below it the second worker costs more than it brings
	n := len(r.V)
	pieces := max(1, min(4*workers, n/least))
	var ws []Work
	for i := range pieces {
		ws = append(ws, rowRange{lo: i * n / pieces, hi: (i + 1) * n / pieces})
	}
	return ws, nil
}

// NewRoot implements [Feed].
func (r *Rows[T]) NewRoot(b *Build, step *Step, sink Sink) (Root, error) {
	return &rowsRoot[T]{rows: r, step: step, host: b.Host, to: sink}, nil
}

type rowsRoot[T any] struct {
	rows *Rows[T]
	step *Step
	host *Host
	to   Sink
}

func (r *rowsRoot[T]) Run(w Work) error {
	rg := w.(rowRange)
	size := r.host.Rows()
	for lo := rg.lo; lo < rg.hi; lo += size {
		if err := r.host.Cancelled(); err != nil {
			return err
		}
		hi := min(lo+size, rg.hi)
		b := Batch[T]{V: r.rows.V[lo:hi:hi], Meta: GlobalMeta(mtime.Min)}
		if r.rows.T != nil {
			b.Meta.T = r.rows.T[lo:hi:hi]
		}
		r.step.Out.Add(int64(hi - lo))
		if err := r.to.Push(&b); err != nil {
			return err
		}
	}
	return nil
}
