package keyed

import (
	"iter"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/exec/group"
	"github.com/millrace-go/millrace/sdk/exec/keys"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// LiveStore is what a view's contents go to.
type LiveStore[T any] interface {
	// Publish makes vs the contents of a window; they are the store's from then on.
	Publish(w window.Window, vs []T) error
	// Pass says that nothing before t is still to come.
	Pass(t mtime.Time)
}

// view is the exchange by which rows become a view: all of a window's in one place, given on by its trigger.
type view[T any] struct {
	exec.StreamExchange
	store  LiveStore[T]
	behind mtime.Time
}

// NewView returns the exchange of a view.
func NewView[T any](cfg Config, store LiveStore[T]) exec.StreamExchange {
	kc, err := coder.For[bool]()
	if err != nil {
		panic(err) // bool has a coder
	}
	x := &view[T]{StreamExchange: NewGroupByKey(cfg, keys.TypeOf(kc), typeOf[coder.KV[bool, iter.Seq[T]]](),
		group.Input{Row: typeOf[coder.KV[bool, T]](), Value: typeOf[T](), Seq: coder.SequenceOf[T]()}), store: store}
	if s := cfg.Windowing; !s.FiresAtEnd() {
		x.behind = mtime.Time(s.Lateness.Milliseconds())
	}
	return x
}

// NewWriter implements exec.StreamExchange.
func (x *view[T]) NewWriter(b *exec.Build, step *exec.Step, n int, ports []exec.Port) (exec.Sink, error) {
	s, err := x.StreamExchange.NewWriter(b, step, n, ports)
	if err != nil {
		return nil, err
	}
	return exec.Sink(&keying[T]{to: s}), nil
}

// NewTask implements exec.StreamExchange.
func (x *view[T]) NewTask(b *exec.Build, step *exec.Step, _ []exec.Sink) (exec.Task, error) {
	t, err := x.StreamExchange.NewTask(b, step, []exec.Sink{exec.Sink(&publisher[T]{x.store})})
	if err != nil {
		return nil, err
	}
	owner := int(coder.KeyGroup([]byte{0})) * b.Host.Workers / coder.KeyGroups
	return &viewTask[T]{Task: t, store: x.store, owner: b.Host.Worker == owner, behind: x.behind}, nil
}

type viewTask[T any] struct {
	exec.Task
	store LiveStore[T]
	owner bool // the view's rows come here
	// behind is how far the watermark must be past the end of a window for it to be certain that what it holds has been
	// published: with a trigger that need not fire there, that is when the window expires (Beam:
	// Trigger.getWatermarkThatGuaranteesFiring).
	behind mtime.Time
}

// Advance implements exec.Task.
func (t *viewTask[T]) Advance(c exec.Clock) (bool, error) {
	more, err := t.Task.Advance(c)
	if t.owner && !more && err == nil {
		mark := c.Watermark
		if mark < mtime.Max {
			mark = max(mark-t.behind, mtime.Min)
		}
		t.store.Pass(mark)
	}
	return more, err
}

// publisher gives panes to the store.
type publisher[T any] struct{ store LiveStore[T] }

func (p *publisher[T]) Push(batch any) error {
	b := batch.(*exec.Batch[coder.KV[bool, iter.Seq[T]]])
	for i := range b.V {
		var vs []T
		for v := range b.V[i].Value {
			vs = append(vs, v)
		}
		if err := p.store.Publish(b.Meta.Windows(i)[0], vs); err != nil {
			return err
		}
	}
	return nil
}

// NewSignal returns the exchange of a view that has no contents: it tells when its input has ended.
func NewSignal[T any](store LiveStore[T]) exec.StreamExchange {
	return &signal[T]{Shuffle{typeOf[T]()}, store}
}

type signal[T any] struct {
	Shuffle
	store LiveStore[T]
}

// NewWriter implements exec.StreamExchange. All rows end here: only the watermark goes on.
func (*signal[T]) NewWriter(_ *exec.Build, step *exec.Step, _ int, _ []exec.Port) (exec.Sink, error) {
	return exec.Sink(&counting[T]{step}), nil
}

type counting[T any] struct{ step *exec.Step }

func (c *counting[T]) Push(batch any) error {
	b := batch.(*exec.Batch[T])
	c.step.In.Add(int64(len(b.V)))
	return nil
}

// NewTask implements exec.StreamExchange.
func (x *signal[T]) NewTask(b *exec.Build, step *exec.Step, _ []exec.Sink) (exec.Task, error) {
	return &viewTask[T]{Task: &passing{row: x.Row, step: step}, store: x.store, owner: b.Host.Worker == 0}, nil
}
