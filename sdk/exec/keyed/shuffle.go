package keyed

import (
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/mtime"
)

// Shuffle is an edge that deals rows out to tasks in turn, whatever they are: a Reshuffle.
type Shuffle struct{ Row *exec.ElementType }

type dealer struct {
	row    *exec.ElementType
	step   *exec.Step
	out    []outbox
	next   int
	size   int
	rows   []uint32
	places exec.Places
}

// NewWriter implements exec.StreamExchange.
func (x Shuffle) NewWriter(b *exec.Build, step *exec.Step, _ int, ports []exec.Port) (exec.Sink, error) {
	d := &dealer{row: x.Row, step: step, size: max(b.Host.Rows(), 1), next: max(b.Host.Worker, 0)}
	for _, p := range ports {
		d.out = append(d.out, outbox{port: p})
	}
	b.Add(d)
	return d, nil
}

// Push implements exec.Sink.
func (d *dealer) Push(b any) error {
	n := d.row.LenOf(b)
	d.step.In.Add(int64(n))
	for i := range d.out {
		d.out[i].from = nil
	}
	for i := len(d.rows); i < n; i++ {
		d.rows = append(d.rows, uint32(i))
	}
	for rows := d.rows[:n]; len(rows) > 0; {
		o := &d.out[d.next%len(d.out)]
		k := d.size
		if o.b != nil {
			k -= d.row.Len(o.b)
		}
		k = min(k, len(rows))
		o.add(d.row, b, rows[:k], d.size, &d.places)
		if o.b == nil {
			d.next++
		}
		rows = rows[k:]
	}
	return nil
}

// StartBundle implements exec.Op.
func (d *dealer) StartBundle() error { return nil }

// FinishBundle implements exec.Op.
func (d *dealer) FinishBundle() error {
	for i := range d.out {
		d.out[i].flush(d.row)
	}
	d.next++
	return nil
}

// Close implements exec.Op.
func (d *dealer) Close(bool) error { return nil }

type passing struct {
	row  *exec.ElementType
	step *exec.Step
	to   exec.Sink
}

// NewTask implements exec.StreamExchange.
func (x Shuffle) NewTask(_ *exec.Build, step *exec.Step, sinks []exec.Sink) (exec.Task, error) {
	return &passing{row: x.Row, step: step, to: sinks[0]}, nil
}

func (p *passing) Take(_ int, b any) error {
	p.step.Out.Add(int64(p.row.LenOf(b)))
	return p.to.Push(b)
}

func (p *passing) BeginBundle(exec.Clock)           {}
func (p *passing) EndBundle(exec.Clock) error       { return nil }
func (p *passing) Advance(exec.Clock) (bool, error) { return false, nil }
func (p *passing) Hold() mtime.Time                 { return mtime.Max }
func (p *passing) Wake() mtime.Time                 { return mtime.Max }
func (p *passing) Stats() exec.TaskStats            { return exec.TaskStats{} }
