package keyed

import (
	"slices"

	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// maxRun is how many slots a run has at most: what is moved to insert one is 4 KB, and 8 bytes for each run.
const maxRun = 1024

// ordered is slots in the order of their windows, in runs that are not empty: a tree of two levels, in which a million
// are found by 20 comparisons.
type ordered struct{ runs [][]uint32 }

// seek returns the place of the first window that is not before w: one behind the end of the last run if there is none.
func (o *ordered) seek(span []window.Window, w window.Window) (run, at int) {
	run, _ = slices.BinarySearchFunc(o.runs, w, func(r []uint32, w window.Window) int { return span[r[len(r)-1]].Compare(w) })
	if run == len(o.runs) {
		return run - 1, len(o.runs[run-1])
	}
	at, _ = slices.BinarySearchFunc(o.runs[run], w, func(slot uint32, w window.Window) int { return span[slot].Compare(w) })
	return run, at
}

func (o *ordered) add(span []window.Window, slot uint32) {
	if len(o.runs) == 0 {
		o.runs = append(o.runs, []uint32{slot})
		return
	}
	run, at := o.seek(span, span[slot])
	r := slices.Insert(o.runs[run], at, slot)
	if o.runs[run] = r; len(r) > maxRun {
		o.runs[run] = slices.Clone(r[:maxRun/2])
		o.runs = slices.Insert(o.runs, run+1, slices.Clone(r[maxRun/2:]))
	}
}

// remove takes out a slot, which is there.
func (o *ordered) remove(span []window.Window, slot uint32) {
	for run, at := o.seek(span, span[slot]); ; run, at = run+1, 0 {
		i := slices.Index(o.runs[run][at:], slot)
		if i < 0 {
			continue // behind others with this window
		}
		if o.runs[run] = slices.Delete(o.runs[run], at+i, at+i+1); len(o.runs[run]) == 0 {
			o.runs = slices.Delete(o.runs, run, run+1)
		}
		return
	}
}

func (o *ordered) appendEqual(dst []uint32, span []window.Window, w window.Window) []uint32 {
	if len(o.runs) == 0 {
		return dst
	}
	for run, at := o.seek(span, w); run < len(o.runs); run, at = run+1, 0 {
		for _, slot := range o.runs[run][at:] {
			if span[slot] != w {
				return dst
			}
			dst = append(dst, slot)
		}
	}
	return dst
}

// appendOverlapping appends the slots whose windows share an instant with w, if no two of these windows do with each other.
func (o *ordered) appendOverlapping(dst []uint32, span []window.Window, w window.Window) []uint32 {
	if len(o.runs) == 0 {
		return dst
	}
	run, at := o.seek(span, window.Window{Start: w.End, End: mtime.Min})
	for ; run >= 0; run-- {
		for i := at - 1; i >= 0; i-- {
			slot := o.runs[run][i]
			if !w.Intersects(span[slot]) {
				return dst // those before it end before it begins
			}
			dst = append(dst, slot)
		}
		if run > 0 {
			at = len(o.runs[run-1])
		}
	}
	return dst
}
