package keyed

import (
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/mtime"
)

// Shuffle is an edge that deals rows out to tasks in turn, whatever they are: a Reshuffle.
type Shuffle[T any] struct{}

type dealer[T any] struct {
	step *exec.Step
	out  []outbox[T]
	next int
	size int
}

// NewWriter implements exec.StreamExchange.
func (Shuffle[T]) NewWriter(b *exec.Build, step *exec.Step, _ int, ports []exec.Port) (any, error) {
	d := &dealer[T]{step: step, size: max(b.Host.Rows(), 1), next: max(b.Host.Worker, 0)}
	for _, p := range ports {
		d.out = append(d.out, outbox[T]{port: p})
	}
	b.Add(d)
	return exec.Sink[T](d), nil
}

// Push implements exec.Sink.
func (d *dealer[T]) Push(b *exec.Batch[T]) error {
	d.step.In.Add(int64(len(b.V)))
	for i := range d.out {
		d.out[i].from = nil
	}
	for i := range b.V {
		o := &d.out[d.next%len(d.out)]
		o.add(b, i, d.size)
		if o.b == nil {
			d.next++
		}
	}
	return nil
}

// StartBundle implements exec.Op.
func (d *dealer[T]) StartBundle() error { return nil }

// FinishBundle implements exec.Op.
func (d *dealer[T]) FinishBundle() error {
	for i := range d.out {
		d.out[i].flush()
	}
	d.next++
	return nil
}

// Close implements exec.Op.
func (d *dealer[T]) Close(bool) error { return nil }

type passing[T any] struct {
	step *exec.Step
	to   exec.Sink[T]
}

// NewTask implements exec.StreamExchange.
func (Shuffle[T]) NewTask(_ *exec.Build, step *exec.Step, sinks []any) (exec.Task, error) {
	return &passing[T]{step: step, to: sinks[0].(exec.Sink[T])}, nil
}

func (p *passing[T]) Take(_ int, batch any) error {
	b := batch.(*exec.Batch[T])
	p.step.Out.Add(int64(len(b.V)))
	return p.to.Push(b)
}

func (p *passing[T]) BeginBundle(exec.Clock)           {}
func (p *passing[T]) EndBundle(exec.Clock) error       { return nil }
func (p *passing[T]) Advance(exec.Clock) (bool, error) { return false, nil }
func (p *passing[T]) Hold() mtime.Time                 { return mtime.Max }
func (p *passing[T]) Wake() mtime.Time                 { return mtime.Max }
func (p *passing[T]) Stats() exec.TaskStats            { return exec.TaskStats{} }
