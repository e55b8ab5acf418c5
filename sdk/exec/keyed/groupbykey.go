package keyed

import (
	"fmt"
	"unsafe"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/exec/group"
	"github.com/millrace-go/millrace/sdk/exec/keys"
	"github.com/millrace-go/millrace/sdk/mtime"
)

// grouping is the exchange of a GroupByKey or CoGroupByKey: the rows KV[K, V] of each input to KV[K, iter.Seq[V]], or to a
// struct of sequences for each key.
type grouping struct {
	cfg Config
	key *keys.Type
	out *exec.ElementType
	ins []group.Input
}

// NewGroupByKey returns the exchange of a GroupByKey or CoGroupByKey; see [group.NewGroupByKey].
func NewGroupByKey(cfg Config, k *keys.Type, out *exec.ElementType, ins ...group.Input) exec.StreamExchange {
	return &grouping{cfg: cfg, key: k, out: out, ins: ins}
}

// NewWriter implements exec.StreamExchange.
func (x *grouping) NewWriter(b *exec.Build, step *exec.Step, n int, ports []exec.Port) (exec.Sink, error) {
	return newRouter(b, step, x.key, x.ins[n].Row, ports), nil
}

// NewTask implements exec.StreamExchange. Behind the main output come those of the inputs' droppable rows, if any.
func (x *grouping) NewTask(_ *exec.Build, step *exec.Step, sinks []exec.Sink) (exec.Task, error) {
	t := &groupTask{step: step, key: x.key, keys: keys.NewValues(x.key), out: newGroups(x.out, step, sinks[0])}
	for i, in := range x.ins {
		v := &values{in: in, offset: in.Row.Type().Field(1).Offset}
		v.vals.T = in.Value
		if 1+i < len(sinks) {
			v.late = newLate(in.Row, sinks[1+i])
		}
		t.ins = append(t.ins, v)
	}
	t.core = newCore(x.cfg, x.key.Kind, t)
	t.of = step
	return t, nil
}

// values is one input of a grouping: its values, by slot.
type values struct {
	bags
	in     group.Input
	offset uintptr // of the value in a row
	late   *late
	slots  []*coder.Values // of the rows of a batch of panes
}

type groupTask struct {
	*core
	step *exec.Step
	key  *keys.Type
	col  keys.Column
	keys keys.Values // by key number, of keys that are known by their encodings
	ins  []*values
	out  *groups
}

// Take implements exec.Task.
func (t *groupTask) Take(n int, b any) (err error) {
	defer func() { // of a window function that merges
		if p := recover(); p != nil {
			err = exec.UserPanic(t.step, p)
		}
	}()
	in := t.ins[n]
	row := in.in.Row
	size, rows, m := row.RowSize(), row.Rows(b), row.Meta(b)
	if err := t.key.Load(&t.col, rows, size, row.LenOf(b)); err != nil {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	if err := t.locate(&t.col, m); err != nil {
		return err
	}
	if t.kind == keys.Encoded {
		for _, f := range t.fresh {
			k := t.keyOf(f.slot)
			t.keys.Grow(int(k) + 1)
			if err := t.key.Keep(t.keys.Place(int(k)), nil, t.kept(k)); err != nil {
				return err
			}
		}
	}
	in.add(t.slots, unsafe.Add(rows, in.offset), size, t.rows)
	if t.panes != nil {
		for j, slot := range t.slots {
			t.panes.add(slot, 1, m.T[t.rows[j]])
		}
	}
	if late := t.late; len(late) > 0 && t.lose(int64(len(late))) && in.late == nil {
		t.tell(m, late[0], row.Row(b, int(late[0].row)))
	}
	if in.late != nil {
		return in.late.push(b, t.late)
	}
	return nil
}

// setKey makes the key at p that of a slot.
func (t *groupTask) setKey(p unsafe.Pointer, slot uint32) {
	switch k := t.keyOf(slot); t.kind {
	case keys.Words:
		t.key.SetWord(p, t.word[k])
	case keys.Texts:
		*(*string)(p) = t.text[k]
	default:
		t.key.Copy(p, t.keys.Place(int(k)))
	}
}

// EndBundle implements exec.Task.
func (t *groupTask) EndBundle(c exec.Clock) error { return t.endBundle(c) }

// Advance implements exec.Task.
func (t *groupTask) Advance(c exec.Clock) (bool, error) { return t.advance(c) }

// Hold implements exec.Task.
func (t *groupTask) Hold() mtime.Time { return t.hold() }

// Wake implements exec.Task.
func (t *groupTask) Wake() mtime.Time { return t.wake() }

// Stats implements exec.Task.
func (t *groupTask) Stats() exec.TaskStats {
	s := t.stats(8, 0)
	for _, in := range t.ins {
		s.Bytes += in.size()
	}
	return s
}

func (t *groupTask) emit(fs []firing) error { return t.out.push(t, fs) }

func (t *groupTask) clear(slot uint32) {
	for _, in := range t.ins {
		in.clear(slot)
	}
}

func (t *groupTask) free(slot uint32) {
	t.clear(slot)
	if t.merged == nil {
		t.keys.Forget(int(slot), int(slot)+1)
	}
}

func (t *groupTask) merge(into, from uint32) {
	for _, in := range t.ins {
		in.move(into, from)
	}
}

// groups makes batches of panes. The sequences that its rows hold are made once for each row: what they give is set before
// each time.
type groups struct {
	t      *exec.ElementType
	step   *exec.Step
	to     exec.Sink
	b      any
	cap    int
	rows   unsafe.Pointer
	offset uintptr // of the value in a row
	m      paneMeta
}

func newGroups(t *exec.ElementType, step *exec.Step, to exec.Sink) *groups {
	return &groups{t: t, step: step, to: to, offset: t.Type().Field(1).Offset}
}

// grow makes a batch of n rows.
func (g *groups) grow(n int, ins []*values) {
	g.b, g.cap = g.t.New(n, exec.Meta{}), n
	g.rows = g.t.Rows(g.b)
	for i, in := range ins {
		in.slots = in.slots[:0]
		for row := range n {
			v := &coder.Values{}
			in.slots = append(in.slots, v)
			in.in.Seq.Set(unsafe.Add(g.rows, uintptr(row)*g.t.RowSize()+g.offset+uintptr(i)*unsafe.Sizeof(g.rows)), v)
		}
	}
}

func (g *groups) push(t *groupTask, fs []firing) error {
	if len(fs) == 0 {
		return nil
	}
	if len(fs) > g.cap {
		g.grow(max(len(fs), 2*g.cap, 16), t.ins)
	}
	g.m.reset()
	for i := range fs {
		f := &fs[i]
		t.setKey(unsafe.Add(g.rows, uintptr(i)*g.t.RowSize()), f.slot)
		for _, in := range t.ins {
			in.list(in.slots[i], f.slot)
		}
		g.m.add(f)
	}
	g.t.Resize(g.b, len(fs))
	*g.t.Meta(g.b) = g.m.meta()
	g.step.Out.Add(int64(len(fs)))
	err := g.to.Push(g.b)
	for i := range fs {
		for _, in := range t.ins {
			*in.slots[i] = coder.Values{}
		}
		t.keys.Forgotten(unsafe.Add(g.rows, uintptr(i)*g.t.RowSize()))
	}
	return err
}
