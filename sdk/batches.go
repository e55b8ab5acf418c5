package sdk

import (
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/millrace-go/millrace/sdk/coder"
	"github.com/millrace-go/millrace/sdk/state"
	"github.com/millrace-go/millrace/sdk/timer"
)

// BatchLimits says when a batch of [GroupIntoBatches] is full: the first limit that is reached counts. At least
// one is set.
type BatchLimits struct {
	Count int   // values; 0: no limit
	Bytes int64 // of encoded values; 0: no limit. A value larger than this is a batch of its own
	// Wait is how long, by the wall clock, the first value of a batch may wait for the others; 0: until its window ends.
	// With it, and no other limit, a batch is what comes in that time. Batches are kept in state.
	Wait time.Duration
}

// GroupIntoBatches collects the values of each key, per window, in batches of limited size, as for calls to a
// service that takes many at once (Beam: GroupIntoBatches). A key's last batch may be smaller.
func GroupIntoBatches[K, V any](in PCollection[KV[K, V]], limits BatchLimits, opts ...Option) PCollection[KV[K, []V]] {
	p := same("GroupIntoBatches", in.p)
	if limits.Wait > 0 {
		vc, _ := coderOf[V](p)
		return Scope(p, "GroupIntoBatches", func() PCollection[KV[K, []V]] {
			out := StatefulParDo(in, &waitingBatchFn[K, V]{limits: limits, coder: vc}, opts...)
			if n := out.c.From; limits.Count < 0 || limits.Bytes < 0 {
				p.fail(n.At, n.Path, fmt.Errorf("batches of %d values and %d bytes: a limit must not be negative", limits.Count, limits.Bytes))
			}
			return out
		})
	}
	return Scope(p, "GroupIntoBatches", func() PCollection[KV[K, []V]] {
		groups := GroupByKey(in, opts...)
		n := groups.c.From
		if limits.Count < 0 || limits.Bytes < 0 || limits.Wait < 0 || limits.Count == 0 && limits.Bytes == 0 {
			p.fail(n.At, n.Path, fmt.Errorf("batches of %d values, %d bytes and %v: set at least one limit, to more than 0", limits.Count, limits.Bytes, limits.Wait))
		}
		vc, _ := coderOf[V](p)
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

// waitingBatchFn keeps a batch in state until it is full or has waited.
type waitingBatchFn[K, V any] struct {
	Values state.Bag[V]
	Bytes  state.Value[int64]
	Waited timer.ProcessingTime

	limits BatchLimits
	coder  coder.Coder[V]
	buf    []byte
}

func (f *waitingBatchFn[K, V]) ProcessElement(_ *Context, k K, v V, out Emitter[KV[K, []V]]) error {
	if f.limits.Bytes > 0 {
		var err error
		if f.buf, err = f.coder.Append(f.buf[:0], &v); err != nil {
			return err
		}
		n := int64(len(f.buf))
		if f.Bytes.Get()+n > f.limits.Bytes {
			f.flush(k, out)
		}
		f.Bytes.Write(f.Bytes.Get() + n)
	}
	if f.Values.Len() == 0 {
		f.Waited.SetAfter(f.limits.Wait)
	}
	if f.Values.Add(v); f.Values.Len() == f.limits.Count {
		f.flush(k, out)
	}
	return nil
}

func (f *waitingBatchFn[K, V]) flush(k K, out Emitter[KV[K, []V]]) {
	if f.Values.Len() > 0 {
		out.Emit(KV[K, []V]{Key: k, Value: slices.Collect(f.Values.All())})
	}
	f.Values.Clear()
	f.Bytes.Clear()
	f.Waited.Clear()
}

func (f *waitingBatchFn[K, V]) OnTimer(_ *Context, k K, _ timer.Fired, out Emitter[KV[K, []V]]) error {
	f.flush(k, out)
	return nil
}

func (f *waitingBatchFn[K, V]) OnWindowExpiration(_ *Context, k K, out Emitter[KV[K, []V]]) error {
	f.flush(k, out)
	return nil
}
