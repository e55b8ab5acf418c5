package group

import "unsafe"

// CombineFn is an aggregation in four steps; see sdk.CombineFn for who owns what.
type CombineFn[I, A, O any] interface {
	CreateAccumulator() A
	AddInput(acc A, in I) A
	MergeAccumulators(a, b A) A
	ExtractOutput(acc A) O
}

// Combiner is a CombineFn without its types: its loops over accumulators that lie side by side.
type Combiner struct {
	// create makes n accumulators.
	create func(accs unsafe.Pointer, n int)
	// add adds inputs: to accs[of[i]] the one that lies rows[i]*stride bytes behind in, or i*stride if rows is nil.
	add func(accs unsafe.Pointer, of []uint32, in unsafe.Pointer, stride uintptr, rows []uint32)
	// many returns an add of all rows to some of n accumulators, of one goroutine, for a CombineFn that wants them in one call; or
	// it is nil.
	many func() func(accs unsafe.Pointer, n int, of []uint32, in unsafe.Pointer, stride uintptr)
	// merge merges accumulators, which lie stride bytes apart: into accs[of[i]] the i-th; or makes it that one, if there is none
	// yet, which has says.
	merge func(accs unsafe.Pointer, has []bool, of []uint32, from unsafe.Pointer, stride uintptr)
	// extract sets out to the output of acc.
	extract func(out, acc unsafe.Pointer)
}

// batchLifter is a CombineFn that adds many inputs in one call: in[i] to accs[of[i]], in this order.
type batchLifter[I, A any] interface {
	AddInputs(accs []A, of []uint32, in []I)
}

// CombinerOf returns fn without its types.
func CombinerOf[I, A, O any](fn CombineFn[I, A, O]) Combiner {
	c := Combiner{
		create: func(accs unsafe.Pointer, n int) {
			a := unsafe.Slice((*A)(accs), n)
			for i := range a {
				a[i] = fn.CreateAccumulator()
			}
		},
		add: func(accs unsafe.Pointer, of []uint32, in unsafe.Pointer, stride uintptr, rows []uint32) {
			fn := fn
			for i, id := range of {
				a := (*A)(unsafe.Add(accs, uintptr(id)*unsafe.Sizeof(*new(A))))
				if rows != nil {
					i = int(rows[i])
				}
				*a = fn.AddInput(*a, *(*I)(unsafe.Add(in, uintptr(i)*stride)))
			}
		},
		merge: func(accs unsafe.Pointer, has []bool, of []uint32, from unsafe.Pointer, stride uintptr) {
			for i, id := range of {
				a, b := (*A)(unsafe.Add(accs, uintptr(id)*unsafe.Sizeof(*new(A)))), (*A)(unsafe.Add(from, uintptr(i)*stride))
				if has[id] {
					*a = fn.MergeAccumulators(*a, *b)
				} else {
					*a, has[id] = *b, true
				}
			}
		},
		extract: func(out, acc unsafe.Pointer) { *(*O)(out) = fn.ExtractOutput(*(*A)(acc)) },
	}
	if all, ok := fn.(batchLifter[I, A]); ok && !embeds[batchLifter[I, A]](fn) {
		c.many = func() func(unsafe.Pointer, int, []uint32, unsafe.Pointer, uintptr) {
			var ins []I
			return func(accs unsafe.Pointer, n int, of []uint32, in unsafe.Pointer, stride uintptr) {
				ins = sized(ins, len(of))
				for i := range ins {
					ins[i] = *(*I)(unsafe.Add(in, uintptr(i)*stride))
				}
				all.AddInputs(unsafe.Slice((*A)(accs), n), of, ins)
			}
		}
	}
	return c
}
