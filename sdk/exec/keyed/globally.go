package keyed

import (
	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/exec/group"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// globally is the exchange of a combine of everything, per window: a combine of one key.
type globally[I, A, O any] struct {
	combine[bool, I, A, O]
	defaults bool
}

// NewCombineGlobally returns the exchange of a combine of everything, per window. With defaults, an empty input in the
// global window gives the output of a fresh accumulator when it ends.
func NewCombineGlobally[I, A, O any](cfg Config, fn group.CombineFn[I, A, O], droppable, defaults bool) exec.StreamExchange {
	kc, err := coder.For[bool]()
	if err != nil {
		panic(err) // bool has a coder
	}
	x := NewCombinePerKey[bool, I, A, O](cfg, kc, fn, droppable).(*combine[bool, I, A, O])
	return &globally[I, A, O]{combine: *x, defaults: defaults}
}

// NewWriter implements exec.StreamExchange.
func (x *globally[I, A, O]) NewWriter(b *exec.Build, step *exec.Step, n int, ports []exec.Port) (exec.Sink, error) {
	if !x.lifted {
		s, err := x.combine.NewWriter(b, step, n, ports)
		if err != nil {
			return nil, err
		}
		return exec.Sink(&keying[I]{to: s}), nil
	}
	r := newRouter(b, &exec.Step{Path: step.Path, Host: step.Host}, x.key, typeOf[coder.KV[bool, lifted[A]]](), ports)
	l := &liftAll[I, A]{step: step, to: r, fn: x.fn}
	b.Add(l)
	return exec.Sink(l), nil
}

// NewTask implements exec.StreamExchange.
func (x *globally[I, A, O]) NewTask(b *exec.Build, step *exec.Step, sinks []exec.Sink) (exec.Task, error) {
	outs := []exec.Sink{exec.Sink(&unkeying[O]{to: sinks[0]})}
	if len(sinks) > 1 {
		outs = append(outs, exec.Sink(&unkeying[I]{to: sinks[1]}))
	}
	t, err := x.combine.NewTask(b, step, outs)
	if err != nil {
		return nil, err
	}
	owner := int(coder.KeyGroup([]byte{0})) * b.Host.Workers / coder.KeyGroups
	return &globalTask[I, A, O]{combineTask: t.(*combineTask[bool, I, A, O]), defaults: x.defaults && b.Host.Worker == owner}, nil
}

type globalTask[I, A, O any] struct {
	*combineTask[bool, I, A, O]
	defaults bool
	said     bool
}

// Take implements exec.Task.
func (t *globalTask[I, A, O]) Take(n int, batch any) error {
	t.said = true
	return t.combineTask.Take(n, batch)
}

// Advance implements exec.Task.
func (t *globalTask[I, A, O]) Advance(c exec.Clock) (bool, error) {
	if t.defaults && !t.said && c.Watermark == mtime.Max {
		t.said = true
		t.out.begin()
		t.out.add(coder.KV[bool, O]{Value: t.x.fn.ExtractOutput(t.x.fn.CreateAccumulator())},
			&firing{ts: window.Global.MaxTimestamp(), w: window.Global, pane: window.OnlyFiring})
		if err := t.out.end(); err != nil {
			return false, err
		}
	}
	return t.combineTask.Advance(c)
}

// keying gives rows the one key.
type keying[I any] struct {
	to exec.Sink
	b  exec.Batch[coder.KV[bool, I]]
}

func (k *keying[I]) Push(batch any) error {
	b := batch.(*exec.Batch[I])
	k.b.V = k.b.V[:0]
	for _, v := range b.V {
		k.b.V = append(k.b.V, coder.KV[bool, I]{Value: v})
	}
	k.b.Meta = b.Meta
	return k.to.Push(&k.b)
}

// unkeying takes the key away.
type unkeying[O any] struct {
	to exec.Sink
	b  exec.Batch[O]
}

func (u *unkeying[O]) Push(batch any) error {
	b := batch.(*exec.Batch[coder.KV[bool, O]])
	u.b.V = u.b.V[:0]
	for i := range b.V {
		u.b.V = append(u.b.V, b.V[i].Value)
	}
	u.b.Meta = b.Meta
	return u.to.Push(&u.b)
}

// liftAll aggregates what a bundle brings, by set of windows, before it is sent.
type liftAll[I, A any] struct {
	step *exec.Step
	to   *Router
	fn   lifter[I, A]
	sets setNumbers
	accs []lifted[A] // by set
	out  exec.Batch[coder.KV[bool, lifted[A]]]
	outS []uint32
}

// Push implements exec.Sink.
func (l *liftAll[I, A]) Push(batch any) (err error) {
	b := batch.(*exec.Batch[I])
	if len(b.V) == 0 {
		return nil
	}
	l.step.In.Add(int64(len(b.V)))
	defer func() {
		if p := recover(); p != nil {
			err = exec.UserPanic(l.step, p)
		}
	}()
	l.sets.learn(&b.Meta)
	for l.sets.n() > len(l.accs) {
		l.accs = append(l.accs, lifted[A]{acc: l.fn.CreateAccumulator()})
	}
	fn := l.fn
	for i := 0; i < len(b.V); {
		set := l.sets.known[0]
		j := len(b.V)
		if b.Meta.S != nil {
			s := b.Meta.S[i]
			set = l.sets.known[s]
			for j = i + 1; j < len(b.V) && b.Meta.S[j] == s; j++ {
			}
		}
		a := &l.accs[set]
		acc := a.acc
		for k := i; k < j; k++ {
			acc = fn.AddInput(acc, b.V[k])
		}
		a.acc, a.n = acc, a.n+int64(j-i)
		i = j
	}
	return nil
}

// FinishBundle implements exec.Op.
func (l *liftAll[I, A]) FinishBundle() error {
	if len(l.accs) == 0 {
		return nil
	}
	l.out.V, l.outS = l.out.V[:0], l.outS[:0]
	for s, a := range l.accs {
		if a.n > 0 {
			l.out.V = append(l.out.V, coder.KV[bool, lifted[A]]{Value: a})
			l.outS = append(l.outS, uint32(s))
		}
	}
	l.out.Meta = exec.Meta{Sets: &l.sets.sets, S: l.outS, P0: window.NoFiring} // times are asked no more
	err := l.to.Push(&l.out)
	clear(l.accs)
	clear(l.out.V)
	l.accs = l.accs[:0]
	l.sets.reset()
	return err
}

// StartBundle implements exec.Op.
func (l *liftAll[I, A]) StartBundle() error { return nil }

// Close implements exec.Op.
func (l *liftAll[I, A]) Close(bool) error { return nil }

// setNumbers gives the window sets of a bundle's batches numbers.
type setNumbers struct {
	sets  exec.WindowSets
	known []uint32 // for each set of the batch, its number
}

func (s *setNumbers) n() int { return s.sets.Len() }

func (s *setNumbers) reset() { s.sets.Reset() }

// learn finds the numbers of the sets of a batch.
func (s *setNumbers) learn(m *exec.Meta) {
	n := 1
	if m.S != nil {
		n = m.Sets.Len()
	}
	s.known = s.known[:0]
	for k := range n {
		ws := global
		if m.Sets != nil {
			ws = m.Sets.Set(uint32(k))
		}
		s.known = append(s.known, s.number(ws))
	}
}

var global = []window.Window{window.Global}

func (s *setNumbers) number(ws []window.Window) uint32 {
	for k := s.sets.Len() - 1; k >= 0; k-- { // the newest first: time goes on
		have := s.sets.Set(uint32(k))
		if len(have) == len(ws) && have[0] == ws[0] && same(have, ws) {
			return uint32(k)
		}
	}
	return s.sets.Add(ws...)
}

func same(a, b []window.Window) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
