package group

import (
	"fmt"

	"github.com/millrace-go/millrace/sdk/exec/keys"

	"github.com/millrace-go/millrace/sdk/exec"
)

// exchange is an exec.Exchange of one or more stores of one key type.
type exchange struct {
	cfg    Config
	key    *keys.Type
	out    *exec.ElementType
	inputs []input
	sides  func() []side // makes those of a reader
	// The values that rows are given last as long as a reader: they are sequences.
	lasting bool
}

// input is what a store or what is in front of it does for an exchange.
type input interface {
	newSink(b *exec.Build, step *exec.Step) exec.Sink
	size(p int) (rows int, bytes int64)
	close() error
}

// NewWriter implements exec.Exchange.
func (x *exchange) NewWriter(b *exec.Build, step *exec.Step, n int) (exec.Sink, error) {
	if n < 0 || n >= len(x.inputs) {
		return nil, fmt.Errorf("%s: there is no input %d", x.cfg.Name, n)
	}
	return x.inputs[n].newSink(b, step), nil
}

// Seal implements exec.Exchange.
func (x *exchange) Seal() error { return nil }

// Work implements exec.Feed.
func (x *exchange) Work(workers int) ([]exec.Work, error) {
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
func (x *exchange) NewRoot(b *exec.Build, step *exec.Step, sink exec.Sink) (exec.Root, error) {
	return &reader{
		name: x.cfg.Name, mode: x.cfg.mode(), key: x.key, step: step, host: b.Host, to: sink,
		out: x.out, offset: x.out.Type().Field(1).Offset, sides: x.sides(), lasting: x.lasting,
	}, nil
}

// Close implements exec.Exchange.
func (x *exchange) Close() error {
	var err error
	for _, in := range x.inputs {
		if e := in.close(); err == nil {
			err = e
		}
	}
	return err
}

// sink is the operator in front of a writer.
type sink struct {
	w    *writer
	step *exec.Step
}

func (s *store) newSink(b *exec.Build, step *exec.Step) exec.Sink {
	k := &sink{w: s.newWriter(step), step: step}
	b.Add(k)
	return k
}

// Push implements exec.Sink.
func (s *sink) Push(b any) error {
	row := s.w.s.row
	n := row.LenOf(b)
	s.step.In.Add(int64(n))
	return s.w.add(row.Rows(b), n, row.Meta(b))
}

func (s *sink) StartBundle() error  { return nil }
func (s *sink) FinishBundle() error { return nil }
func (s *sink) Close(bool) error    { return nil }

func check(cfg Config, k *keys.Type) error {
	if err := k.Deterministic(); err != nil {
		return fmt.Errorf("%s: the key type cannot be grouped by: equal keys may have different encodings: %w", cfg.Name, err)
	}
	return nil
}

// NewGroupByKey returns the exchange of a GroupByKey or CoGroupByKey: it takes the rows KV[K, V] of its inputs, and gives
// KV[K, iter.Seq[V]]; or with several inputs KV[K, S], where S is a struct with a sequence for each of them.
func NewGroupByKey(h *exec.Host, cfg Config, k *keys.Type, out *exec.ElementType, ins ...Input) (exec.Exchange, error) {
	if err := check(cfg, k); err != nil {
		return nil, err
	}
	x := &exchange{cfg: cfg, key: k, out: out, lasting: true}
	var stores []*store
	for _, in := range ins {
		s := newStore(h, cfg, k, in)
		stores, x.inputs = append(stores, s), append(x.inputs, s)
	}
	x.sides = func() []side {
		sides := make([]side, len(ins))
		for i, in := range ins {
			sides[i] = newSequences(stores[i], i, in)
		}
		return sides
	}
	return x, nil
}
