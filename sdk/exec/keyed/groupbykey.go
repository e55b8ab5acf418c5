package keyed

import (
	"fmt"
	"iter"
	"unsafe"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/exec/group"
	"github.com/millrace-go/millrace/sdk/exec/keys"
	"github.com/millrace-go/millrace/sdk/mtime"
)

// side is one input of a grouping, of a type that only its functions know.
type side[K any] struct {
	writer func(b *exec.Build, step *exec.Step, key *keys.Type[K], ports []exec.Port) any
	// new returns the input's place in a task.
	new func(late any) sideTask[K]
}

// sideTask keeps the values of one input, by slot.
type sideTask[K any] interface {
	take(t *groupCore[K], batch any) error
	clear(slot uint32)
	move(into, from uint32)
	size() int64
}

func input[K, V any]() side[K] {
	return side[K]{
		writer: func(b *exec.Build, step *exec.Step, key *keys.Type[K], ports []exec.Port) any {
			return exec.Sink[coder.KV[K, V]](newRouter[K, V](b, step, key, ports))
		},
		new: func(lateSink any) sideTask[K] {
			s := &values[K, V]{sizer: coder.SizerFor[V]()}
			if lateSink != nil {
				s.late = newLate[coder.KV[K, V]](lateSink)
			}
			return s
		},
	}
}

// values is a sideTask.
type values[K, V any] struct {
	bags[V]
	late  *late[coder.KV[K, V]]
	sizer coder.Sizer[V]
}

func (s *values[K, V]) take(t *groupCore[K], batch any) error {
	b := batch.(*exec.Batch[coder.KV[K, V]])
	if err := t.key.Load(&t.col, unsafe.Pointer(&b.V[0].Key), unsafe.Sizeof(b.V[0]), len(b.V)); err != nil {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	if err := t.locate(&t.col, &b.Meta); err != nil {
		return err
	}
	for _, f := range t.fresh {
		if err := t.open(f.slot, b.V[f.row].Key); err != nil {
			return err
		}
	}
	for j, slot := range t.slots {
		s.grow(slot)
		s.add(slot, b.V[t.rows[j]].Value)
	}
	if t.panes != nil {
		for j, slot := range t.slots {
			t.panes.add(slot, 1, b.T[t.rows[j]])
		}
	}
	if late := t.late; len(late) > 0 && t.lose(int64(len(late))) && s.late == nil {
		t.tell(&b.Meta, late[0], b.V[late[0].row])
	}
	if s.late != nil {
		return s.late.push(b, t.late)
	}
	return nil
}

func (s *values[K, V]) clear(slot uint32) {
	if int(slot) < len(s.head) {
		s.bags.clear(slot)
	}
}

func (s *values[K, V]) move(into, from uint32) {
	s.grow(max(into, from))
	s.bags.move(into, from)
}

func (s *values[K, V]) size() int64 {
	return int64(s.n)*int64(unsafe.Sizeof(*new(V))+4) + heldBy(s.sizer, s.vals, s.n)
}

// seq is the sequence that a row of a batch holds: there are as many as rows, made once.
type seq[V any] struct {
	all  *bags[V]
	slot uint32
	f    iter.Seq[V]
}

// seqs hands out the sequences of one input, one for each row of a batch.
type seqs[V any] struct {
	all *bags[V]
	s   []*seq[V]
}

func (q *seqs[V]) at(i int, slot uint32) iter.Seq[V] {
	for i >= len(q.s) {
		s := &seq[V]{all: q.all}
		s.f = func(yield func(V) bool) {
			if int(s.slot) < len(s.all.head) {
				s.all.each(s.slot, yield)
			}
		}
		q.s = append(q.s, s)
	}
	q.s[i].slot = slot
	return q.s[i].f
}

// grouping is the exchange of a GroupByKey or CoGroupByKey: one KV[K, V] for each input to rows of a type that only out
// knows, so that types with a key of one type share it.
type grouping[K any] struct {
	cfg   Config
	key   *keys.Type[K]
	sides []side[K]
	// out returns what pushes the panes of a task with the given inputs to sink.
	out func(step *exec.Step, sink any, ins []sideTask[K]) func(t *groupTask[K], fs []firing) error
}

// NewWriter implements exec.StreamExchange.
func (x *grouping[K]) NewWriter(b *exec.Build, step *exec.Step, n int, ports []exec.Port) (any, error) {
	return x.sides[n].writer(b, step, x.key, ports), nil
}

// NewTask implements exec.StreamExchange. Behind the main output come those of the inputs' droppable rows, if any.
func (x *grouping[K]) NewTask(_ *exec.Build, step *exec.Step, sinks []any) (exec.Task, error) {
	t := &groupTask[K]{step: step}
	t.key = x.key
	for i, s := range x.sides {
		var lateSink any
		if 1+i < len(sinks) {
			lateSink = sinks[1+i]
		}
		t.ins = append(t.ins, s.new(lateSink))
	}
	t.out = x.out(step, sinks[0], t.ins)
	t.core = newCore(x.cfg, x.key.Kind, t)
	t.of = step
	return t, nil
}

// paneRows returns the out of a grouping whose i-th row of a batch is made by what row returns.
func paneRows[K, O any](row func(ins []sideTask[K]) func(i int, key K, slot uint32) O) func(*exec.Step, any, []sideTask[K]) func(*groupTask[K], []firing) error {
	return func(step *exec.Step, sink any, ins []sideTask[K]) func(*groupTask[K], []firing) error {
		e, of := newEmitter[O](step, sink), row(ins)
		return func(t *groupTask[K], fs []firing) error {
			e.begin()
			for i := range fs {
				f := &fs[i]
				e.add(of(i, t.keys[t.keyOf(f.slot)], f.slot), f)
			}
			return e.end()
		}
	}
}

// groupCore is the side of a groupTask that its inputs see.
type groupCore[K any] struct {
	*core
	key  *keys.Type[K]
	col  keys.Column
	keys []K // by key number
}

func (t *groupCore[K]) open(slot uint32, key K) error {
	k := t.keyOf(slot)
	for int(k) >= len(t.keys) {
		t.keys = append(t.keys, *new(K))
	}
	var err error
	t.keys[k], err = t.key.Keep(key, t.kept(k))
	return err
}

type groupTask[K any] struct {
	groupCore[K]
	step *exec.Step
	ins  []sideTask[K]
	out  func(t *groupTask[K], fs []firing) error
}

// Take implements exec.Task.
func (t *groupTask[K]) Take(in int, batch any) (err error) {
	defer func() { // of a window function that merges
		if p := recover(); p != nil {
			err = exec.UserPanic(t.step, p)
		}
	}()
	return t.ins[in].take(&t.groupCore, batch)
}

// EndBundle implements exec.Task.
func (t *groupTask[K]) EndBundle(c exec.Clock) error { return t.endBundle(c) }

// Advance implements exec.Task.
func (t *groupTask[K]) Advance(c exec.Clock) (bool, error) { return t.advance(c) }

// Hold implements exec.Task.
func (t *groupTask[K]) Hold() mtime.Time { return t.hold() }

// Wake implements exec.Task.
func (t *groupTask[K]) Wake() mtime.Time { return t.wake() }

// Stats implements exec.Task.
func (t *groupTask[K]) Stats() exec.TaskStats {
	s := t.stats(8, 0)
	for _, in := range t.ins {
		s.Bytes += in.size()
	}
	return s
}

func (t *groupTask[K]) emit(fs []firing) error { return t.out(t, fs) }

func (t *groupTask[K]) clear(slot uint32) {
	for _, in := range t.ins {
		in.clear(slot)
	}
}

func (t *groupTask[K]) free(slot uint32) {
	t.clear(slot)
	if t.merged == nil && int(slot) < len(t.keys) {
		clear(t.keys[slot : slot+1])
	}
}

func (t *groupTask[K]) merge(into, from uint32) {
	for _, in := range t.ins {
		in.move(into, from)
	}
}

// NewGroupByKey returns the exchange of a GroupByKey.
func NewGroupByKey[K, V any](cfg Config, kc coder.Coder[K]) exec.StreamExchange {
	return &grouping[K]{
		cfg: cfg, key: keys.NewType(kc), sides: []side[K]{input[K, V]()},
		out: paneRows(func(ins []sideTask[K]) func(int, K, uint32) coder.KV[K, iter.Seq[V]] {
			q := seqsOf[K, V](ins[0])
			return func(i int, key K, slot uint32) coder.KV[K, iter.Seq[V]] {
				return coder.KV[K, iter.Seq[V]]{Key: key, Value: q.at(i, slot)}
			}
		}),
	}
}

func seqsOf[K, V any](t sideTask[K]) *seqs[V] { return &seqs[V]{all: &t.(*values[K, V]).bags} }

// NewCoGroup2 returns the exchange of a CoGroupByKey of two collections.
func NewCoGroup2[K, A, B any](cfg Config, kc coder.Coder[K]) exec.StreamExchange {
	return &grouping[K]{
		cfg: cfg, key: keys.NewType(kc), sides: []side[K]{input[K, A](), input[K, B]()},
		out: paneRows(func(ins []sideTask[K]) func(int, K, uint32) coder.KV[K, group.CoGroup2[A, B]] {
			a, b := seqsOf[K, A](ins[0]), seqsOf[K, B](ins[1])
			return func(i int, key K, s uint32) coder.KV[K, group.CoGroup2[A, B]] {
				return coder.KV[K, group.CoGroup2[A, B]]{Key: key, Value: group.CoGroup2[A, B]{A: a.at(i, s), B: b.at(i, s)}}
			}
		}),
	}
}

// NewCoGroup3 returns the exchange of a CoGroupByKey of three collections.
func NewCoGroup3[K, A, B, C any](cfg Config, kc coder.Coder[K]) exec.StreamExchange {
	return &grouping[K]{
		cfg: cfg, key: keys.NewType(kc), sides: []side[K]{input[K, A](), input[K, B](), input[K, C]()},
		out: paneRows(func(ins []sideTask[K]) func(int, K, uint32) coder.KV[K, group.CoGroup3[A, B, C]] {
			a, b, c := seqsOf[K, A](ins[0]), seqsOf[K, B](ins[1]), seqsOf[K, C](ins[2])
			return func(i int, key K, s uint32) coder.KV[K, group.CoGroup3[A, B, C]] {
				return coder.KV[K, group.CoGroup3[A, B, C]]{Key: key, Value: group.CoGroup3[A, B, C]{A: a.at(i, s), B: b.at(i, s), C: c.at(i, s)}}
			}
		}),
	}
}

// NewCoGroup4 returns the exchange of a CoGroupByKey of four collections.
func NewCoGroup4[K, A, B, C, D any](cfg Config, kc coder.Coder[K]) exec.StreamExchange {
	return &grouping[K]{
		cfg: cfg, key: keys.NewType(kc), sides: []side[K]{input[K, A](), input[K, B](), input[K, C](), input[K, D]()},
		out: paneRows(func(ins []sideTask[K]) func(int, K, uint32) coder.KV[K, group.CoGroup4[A, B, C, D]] {
			a, b, c, d := seqsOf[K, A](ins[0]), seqsOf[K, B](ins[1]), seqsOf[K, C](ins[2]), seqsOf[K, D](ins[3])
			return func(i int, key K, s uint32) coder.KV[K, group.CoGroup4[A, B, C, D]] {
				return coder.KV[K, group.CoGroup4[A, B, C, D]]{Key: key, Value: group.CoGroup4[A, B, C, D]{A: a.at(i, s), B: b.at(i, s), C: c.at(i, s), D: d.at(i, s)}}
			}
		}),
	}
}
