package group

import (
	"iter"

	"github.com/millrace-go/millrace/sdk/exec/keys"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/exec"
)

// CoGroup2 is the values of one key in two collections. The sequences may be iterated any number of times
// until the function that was given them returns.
type CoGroup2[A, B any] struct {
	A iter.Seq[A]
	B iter.Seq[B]
}

// CoGroup3 is the values of one key in three collections.
type CoGroup3[A, B, C any] struct {
	A iter.Seq[A]
	B iter.Seq[B]
	C iter.Seq[C]
}

// CoGroup4 is the values of one key in four collections.
type CoGroup4[A, B, C, D any] struct {
	A iter.Seq[A]
	B iter.Seq[B]
	C iter.Seq[C]
	D iter.Seq[D]
}

// NewCoGroup2 returns the exchange of a CoGroupByKey of two collections.
func NewCoGroup2[K, A, B any](h *exec.Host, cfg Config, kc coder.Coder[K], ac coder.Coder[A], bc coder.Coder[B]) (exec.Exchange, error) {
	if err := check(cfg, kc); err != nil {
		return nil, err
	}
	k := keys.NewType(kc)
	a, b := newStore(h, cfg, k, kc, ac), newStore(h, cfg, k, kc, bc)
	return &exchange[K, coder.KV[K, CoGroup2[A, B]]]{
		cfg: cfg, key: k, inputs: []input{a, b},
		sides: func() ([]side[K], func(K, int, int) coder.KV[K, CoGroup2[A, B]]) {
			va, vb := side1(a, 0), side1(b, 1)
			return []side[K]{va, vb}, func(key K, i, _ int) coder.KV[K, CoGroup2[A, B]] {
				return coder.KV[K, CoGroup2[A, B]]{Key: key, Value: CoGroup2[A, B]{va.slots[i].seq, vb.slots[i].seq}}
			}
		},
	}, nil
}

// NewCoGroup3 returns the exchange of a CoGroupByKey of three collections.
func NewCoGroup3[K, A, B, C any](h *exec.Host, cfg Config, kc coder.Coder[K], ac coder.Coder[A], bc coder.Coder[B], cc coder.Coder[C]) (exec.Exchange, error) {
	if err := check(cfg, kc); err != nil {
		return nil, err
	}
	k := keys.NewType(kc)
	a, b, c := newStore(h, cfg, k, kc, ac), newStore(h, cfg, k, kc, bc), newStore(h, cfg, k, kc, cc)
	return &exchange[K, coder.KV[K, CoGroup3[A, B, C]]]{
		cfg: cfg, key: k, inputs: []input{a, b, c},
		sides: func() ([]side[K], func(K, int, int) coder.KV[K, CoGroup3[A, B, C]]) {
			va, vb, vc := side1(a, 0), side1(b, 1), side1(c, 2)
			return []side[K]{va, vb, vc}, func(key K, i, _ int) coder.KV[K, CoGroup3[A, B, C]] {
				return coder.KV[K, CoGroup3[A, B, C]]{Key: key, Value: CoGroup3[A, B, C]{va.slots[i].seq, vb.slots[i].seq, vc.slots[i].seq}}
			}
		},
	}, nil
}

// NewCoGroup4 returns the exchange of a CoGroupByKey of four collections.
func NewCoGroup4[K, A, B, C, D any](h *exec.Host, cfg Config, kc coder.Coder[K], ac coder.Coder[A], bc coder.Coder[B], cc coder.Coder[C], dc coder.Coder[D]) (exec.Exchange, error) {
	if err := check(cfg, kc); err != nil {
		return nil, err
	}
	k := keys.NewType(kc)
	a, b, c, d := newStore(h, cfg, k, kc, ac), newStore(h, cfg, k, kc, bc), newStore(h, cfg, k, kc, cc), newStore(h, cfg, k, kc, dc)
	return &exchange[K, coder.KV[K, CoGroup4[A, B, C, D]]]{
		cfg: cfg, key: k, inputs: []input{a, b, c, d},
		sides: func() ([]side[K], func(K, int, int) coder.KV[K, CoGroup4[A, B, C, D]]) {
			va, vb, vc, vd := side1(a, 0), side1(b, 1), side1(c, 2), side1(d, 3)
			return []side[K]{va, vb, vc, vd}, func(key K, i, _ int) coder.KV[K, CoGroup4[A, B, C, D]] {
				return coder.KV[K, CoGroup4[A, B, C, D]]{Key: key, Value: CoGroup4[A, B, C, D]{va.slots[i].seq, vb.slots[i].seq, vc.slots[i].seq, vd.slots[i].seq}}
			}
		},
	}, nil
}
