package group

import (
	"unsafe"

	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/mtime"
)

// accumulators is a side that merges the values of a group into one.
type accumulators struct {
	loaded
	c    Combiner
	accs exec.Column
	has  []bool

	got      exec.Column // from runs, by group before merging
	gotHas   []bool
	gotTimed []bool
	gotT     []mtime.Time
	one      exec.Column
	oneT     []mtime.Time
	of       []uint32
}

func newAccumulators(s *store, c Combiner) *accumulators {
	v := &accumulators{loaded: loaded{s: s}, c: c}
	v.accs.T, v.got.T, v.one.T = s.value, s.value, s.value
	return v
}

func (v *accumulators) reset(groups int) {
	v.accs.N = 0
	v.accs.Grow(groups)
	v.accs.N = groups
	v.has = sized(v.has, groups)
	clear(v.has)
}

// dress implements side.
func (v *accumulators) dress(unsafe.Pointer) {}

// scatter implements side.
func (v *accumulators) scatter(groups int, remap []uint32, ts *times) {
	v.reset(groups)
	ids := v.ids
	for i := range v.cs {
		c := &v.cs[i]
		of := ids[:c.n]
		if remap != nil {
			for j, g := range of {
				of[j] = remap[g]
			}
		}
		v.c.merge(v.accs.At, v.has, of, unsafe.Add(c.rows, v.s.offset), v.s.stride)
		for j := range c.ts {
			ts.add(of[j], c.ts[j])
		}
		ids = ids[c.n:]
	}
}

// begin implements side.
func (v *accumulators) begin() {
	v.got.N, v.gotHas, v.gotTimed, v.gotT = 0, v.gotHas[:0], v.gotTimed[:0], v.gotT[:0]
}

// bind implements side.
func (v *accumulators) bind(_, g int, value unsafe.Pointer) { v.c.extract(value, v.accs.Place(g)) }

// bindBig implements side.
func (v *accumulators) bindBig(int, *bigRange) {}

// collect merges as it reads, so that a group of accumulators is never large.
func (v *accumulators) collect(c *cursor, g uint32) (int, error) {
	var err error
	v.one.N = 0
	if v.oneT, err = decode(c, v.s.mode.timed, &v.one, v.oneT[:0]); err != nil {
		return 0, err
	}
	for int(g) >= v.got.N {
		v.got.Add()
		v.gotHas, v.gotTimed, v.gotT = append(v.gotHas, false), append(v.gotTimed, false), append(v.gotT, 0)
	}
	v.of = sized(v.of, v.one.N)
	for i := range v.of {
		v.of[i] = g
	}
	v.c.merge(v.got.At, v.gotHas, v.of, v.one.At, v.one.T.RowSize())
	for _, t := range v.oneT {
		if v.gotTimed[g] {
			t = v.s.mode.combiner.Combine(v.gotT[g], t)
		}
		v.gotT[g], v.gotTimed[g] = t, true
	}
	return 0, nil
}

// settle implements side.
func (v *accumulators) settle(groups int, remap []uint32, ts *times) {
	v.reset(groups)
	v.of = sized(v.of, 1)
	for i := range v.got.N {
		if !v.gotHas[i] {
			continue
		}
		g := uint32(i)
		if remap != nil {
			g = remap[g]
		}
		v.of[0] = g
		v.c.merge(v.accs.At, v.has, v.of[:1], v.got.Place(i), 0)
		if v.gotTimed[i] {
			ts.add(g, v.gotT[i])
		}
	}
}

// done implements side.
func (v *accumulators) done() {
	v.unload()
	v.accs.Reset()
	v.got.Clear()
	v.one.Clear()
}
