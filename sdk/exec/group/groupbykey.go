package group

import (
	"fmt"
	"iter"

	"github.com/millrace-go/millrace/sdk/exec/keys"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
)

// exchange is an exec.Exchange of one or more stores of one key type.
type exchange[K, O any] struct {
	cfg    Config
	key    *keys.Type[K]
	inputs []input
	// sides makes the typed part of a reader, and what builds its rows.
	sides func() ([]side[K], func(key K, slot, group int) O)
}

// input is a store without its value type.
type input interface {
	newSink(b *exec.Build, step *exec.Step) any
	size(p int) (rows int, bytes int64)
	close() error
}

// NewWriter implements exec.Exchange.
func (x *exchange[K, O]) NewWriter(b *exec.Build, step *exec.Step, n int) (any, error) {
	if n < 0 || n >= len(x.inputs) {
		return nil, fmt.Errorf("%s: there is no input %d", x.cfg.Name, n)
	}
	return x.inputs[n].newSink(b, step), nil
}

// Seal implements exec.Exchange.
func (x *exchange[K, O]) Seal() error { return nil }

// Work implements exec.Feed.
func (x *exchange[K, O]) Work(workers int) ([]exec.Work, error) {
	return spans(workers, func(p int) int64 {
		var sum int64
		for _, in := range x.inputs {
			rows, bytes := in.size(p)
			sum += bytes + int64(rows)
		}
		return sum
	}), nil
}

// NewRoot implements exec.Feed.
func (x *exchange[K, O]) NewRoot(b *exec.Build, step *exec.Step, sink any) (exec.Root, error) {
	r := &reader[K, O]{
		name: x.cfg.Name, mode: x.cfg.mode(), key: x.key, step: step, host: b.Host, to: sink.(exec.Sink[O]),
	}
	r.sides, r.row = x.sides()
	return r, nil
}

// Close implements exec.Exchange.
func (x *exchange[K, O]) Close() error {
	var err error
	for _, in := range x.inputs {
		if e := in.close(); err == nil {
			err = e
		}
	}
	return err
}

// sink is the operator in front of a writer.
type sink[K, V any] struct {
	w    *writer[K, V]
	step *exec.Step
}

func (s *store[K, V]) newSink(b *exec.Build, step *exec.Step) any {
	k := &sink[K, V]{w: s.newWriter(step), step: step}
	b.Add(k)
	return exec.Sink[coder.KV[K, V]](k)
}

// Push implements exec.Sink.
func (s *sink[K, V]) Push(b *exec.Batch[coder.KV[K, V]]) error {
	s.step.In.Add(int64(len(b.V)))
	return s.w.add(b.V, &b.Meta)
}

func (s *sink[K, V]) StartBundle() error  { return nil }
func (s *sink[K, V]) FinishBundle() error { return nil }
func (s *sink[K, V]) Close(bool) error    { return nil }

func side1[K, V any](s *store[K, V], index int) *values[K, V] {
	return &values[K, V]{loaded: loaded[K, V]{s: s, index: index}}
}

func check[K any](cfg Config, c coder.Coder[K]) error {
	if err := c.Deterministic(); err != nil {
		return fmt.Errorf("%s: the key type cannot be grouped by: equal keys may have different encodings: %w", cfg.Name, err)
	}
	return nil
}

// NewGroupByKey returns the exchange of a GroupByKey: it takes KV[K, V] and gives KV[K, iter.Seq[V]].
func NewGroupByKey[K, V any](h *exec.Host, cfg Config, kc coder.Coder[K], vc coder.Coder[V]) (exec.Exchange, error) {
	if err := check(cfg, kc); err != nil {
		return nil, err
	}
	k := keys.NewType(kc)
	s := newStore(h, cfg, k, kc, vc)
	return &exchange[K, coder.KV[K, iter.Seq[V]]]{
		cfg: cfg, key: k, inputs: []input{s},
		sides: func() ([]side[K], func(key K, slot, group int) coder.KV[K, iter.Seq[V]]) {
			v := side1(s, 0)
			return []side[K]{v}, func(key K, slot, _ int) coder.KV[K, iter.Seq[V]] {
				return coder.KV[K, iter.Seq[V]]{Key: key, Value: v.slots[slot].seq}
			}
		},
	}, nil
}
