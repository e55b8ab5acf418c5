package keyed

import (
	"cmp"
	"slices"
	"testing"

	"github.com/millrace-go/millrace/sdk/mtime"
)

// A queue gives dues by time and, of one time, by name; one that is empty says so.
func TestQueueAgainstSort(t *testing.T) {
	r := random(t)
	var q queue
	var model []due
	for i := range 5_000 {
		if r.IntN(5) > 1 && i < 3_000 {
			d := due{mtime.Time(r.IntN(50)), r.Uint32N(40), r.Uint32N(3)}
			if r.IntN(100) == 0 {
				d.at = []mtime.Time{mtime.Min, mtime.Max}[r.IntN(2)]
			}
			q.push(d)
			model = append(model, d)
			slices.SortStableFunc(model, func(a, b due) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.id, b.id)) })
		} else if len(model) > 0 {
			// Those that are equal but for gen may come in any order.
			got := q.pop()
			at := slices.Index(model, got)
			if at < 0 || got.at != model[0].at || got.id != model[0].id {
				t.Fatalf("step %d: popped %v, want %v", i, got, model[0])
			}
			model = slices.Delete(model, at, at+1)
		}
		next := mtime.Max
		if len(model) > 0 {
			next = model[0].at
		}
		if q.len() != len(model) || q.next() != next || q.ready(next) != (len(model) > 0) || len(model) > 0 && next > mtime.Min && q.ready(next-1) {
			t.Fatalf("step %d: %d dues, the next at %v; want %d, %v", i, q.len(), q.next(), len(model), next)
		}
	}
}

// A timer queue gives timers by time and, of one time, in the order in which they were set.
func TestTimerQueueAgainstSort(t *testing.T) {
	r := random(t)
	var q timerQueue
	var model []timerDue
	for i := range 20_000 {
		if r.IntN(5) > 1 && i < 15_000 || len(model) == 0 {
			d := timerDue{at: mtime.Time(r.IntN(50)), serial: uint64(i), key: timerKey{slot: uint32(i)}}
			q.push(d)
			at, _ := slices.BinarySearchFunc(model, d, compareTimers)
			model = slices.Insert(model, at, d)
			continue
		}
		if got := q.pop(); got != model[0] {
			t.Fatalf("step %d: popped %v, want %v", i, got, model[0])
		}
		model = model[1:]
		if len(q.h) != len(model) {
			t.Fatalf("step %d: %d left, want %d", i, len(q.h), len(model))
		}
	}
}
