package sdk

import (
	"fmt"
	"iter"

	"github.com/millrace-go/millrace/sdk/coder"
)

// BatchLimits says when a batch of [GroupIntoBatches] is full: the first limit that is reached counts. At least
// one is set.
type BatchLimits struct {
	Count int   // values; 0: no limit
	Bytes int64 // of encoded values; 0: no limit. A value larger than this is a batch of its own
}

// GroupIntoBatches collects the values of each key, per window, in batches of limited size, as for calls to a
// service that takes many at once (Beam: GroupIntoBatches). A key's last batch may be smaller.
func GroupIntoBatches[K, V any](in PCollection[KV[K, V]], limits BatchLimits, opts ...Option) PCollection[KV[K, []V]] {
	p := same("GroupIntoBatches", in.p)
	return Scope(p, "GroupIntoBatches", func() PCollection[KV[K, []V]] {
		groups := GroupByKey(in, opts...)
		n := groups.c.From
		if limits.Count < 0 || limits.Bytes < 0 || limits.Count == 0 && limits.Bytes == 0 {
			p.fail(n.At, n.Path, fmt.Errorf("batches of %d values and %d bytes: set at least one limit, to more than 0", limits.Count, limits.Bytes))
		}
		vc, _ := typeOf[V](p).Coder()
		return parDo[KV[K, iter.Seq[V]], KV[K, []V]](groups, &batchFn[K, V]{limits: limits, coder: vc}, "GroupIntoBatches", false, nil)
	})
}

type batchFn[K, V any] struct {
	limits BatchLimits
	coder  coder.Coder[V]
}

func (f *batchFn[K, V]) ProcessElement(_ *Context, g KV[K, iter.Seq[V]], out Emitter[KV[K, []V]]) error {
	var batch []V
	var bytes int64
	var buf []byte
	flush := func() {
		if len(batch) > 0 {
			out.Emit(KV[K, []V]{Key: g.Key, Value: batch})
		}
		batch, bytes = nil, 0
	}
	for v := range g.Value {
		if f.limits.Bytes > 0 {
			var err error
			if buf, err = f.coder.Append(buf[:0], &v); err != nil {
				return err
			}
			if bytes+int64(len(buf)) > f.limits.Bytes {
				flush()
			}
			bytes += int64(len(buf))
		}
		batch = append(batch, v)
		if len(batch) == f.limits.Count {
			flush()
		}
	}
	flush()
	return nil
}
