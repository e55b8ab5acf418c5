package keyed

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/timer"
)

// plainTimers is timers as a list.
type plainTimers struct {
	set map[timerKey]setting
}

func (p *plainTimers) next(d timer.Domain, domain []timer.Domain) (k timerKey, s setting, ok bool) {
	for key, x := range p.set {
		if domain[key.family] == d && (!ok || cmp.Or(cmp.Compare(x.At, s.At), cmp.Compare(x.serial, s.serial)) < 0) {
			k, s, ok = key, x, true
		}
	}
	return k, s, ok
}

func (p *plainTimers) hold(domain []timer.Domain) mtime.Time {
	h := mtime.Max
	for k, s := range p.set {
		if domain[k.family] == timer.Processing || s.Output != s.At {
			h = min(h, s.Output)
		}
	}
	return h
}

// Timers are as a list of them would be, whatever is set, moved, cleared, fired, taken back and forgotten.
func TestTimersAgainstList(t *testing.T) {
	r := random(t)
	const slots = 12
	tm := newTimers(nil, 3)
	tm.domain = []timer.Domain{timer.Event, timer.Processing, timer.Event}
	tm.grow(slots - 1)
	model := &plainTimers{set: map[timerKey]setting{}}
	tags := []string{"", "a", "b"}
	act := func() {
		k := timerKey{r.Uint32N(slots), r.IntN(3), tags[r.IntN(3)]}
		switch r.IntN(8) {
		case 0:
			tm.clear(k.slot, k.family, k.tag)
			delete(model.set, k)
		case 1:
			tm.forget(k.slot)
			maps.DeleteFunc(model.set, func(o timerKey, _ setting) bool { return o.slot == k.slot })
		default:
			s := timer.Setting{At: mtime.Time(r.IntN(1000))}
			s.Output = s.At - mtime.Time(r.IntN(2)*r.IntN(50))
			tm.set(k.slot, k.family, k.tag, s)
			if old, ok := model.set[k]; !ok || old.Setting != s { // set alike, it keeps its place
				model.set[k] = setting{s, tm.serial}
			}
		}
	}
	for i := range 8_000 {
		switch r.IntN(6) {
		case 0:
			d := timer.Domain(r.IntN(2))
			k, want, ok := model.next(d, tm.domain)
			if !tm.ready(d, mtime.Max) {
				if ok {
					t.Fatalf("step %d: no timer of domain %d is ready, but %v at %v", i, d, k, want.At)
				}
				continue
			}
			slot, family, tag, got, live := tm.pop(d)
			if !live || !ok || (timerKey{slot, family, tag}) != k || got != want.Setting {
				t.Fatalf("step %d: popped %d %d %q %v (%v), want %v %v", i, slot, family, tag, got, live, k, want)
			}
			delete(model.set, k)
		case 1: // a call that is taken back: of one slot, but the others' are looked at too
			slot := r.Uint32N(slots)
			restore := tm.save(slot)
			before := maps.Clone(model.set)
			for range r.IntN(5) {
				k := timerKey{slot, r.IntN(3), tags[r.IntN(3)]}
				if r.IntN(3) == 0 {
					tm.clear(slot, k.family, k.tag)
				} else {
					tm.set(slot, k.family, k.tag, timer.Setting{At: mtime.Time(r.IntN(1000)), Output: 5})
				}
			}
			restore()
			model.set = before
		default:
			act()
		}
		for slot := range uint32(slots) {
			n := 0
			for k := range model.set {
				if k.slot == slot {
					n++
				}
			}
			if tm.any(slot) != (n > 0) || int(tm.count[slot]) != n {
				t.Fatalf("step %d: slot %d has %d timers, want %d", i, slot, tm.count[slot], n)
			}
		}
		for _, d := range []timer.Domain{timer.Event, timer.Processing} {
			_, s, ok := model.next(d, tm.domain)
			if !ok {
				s.At = mtime.Max
			}
			if got := tm.next(d); got != s.At {
				t.Fatalf("step %d: the next timer of domain %d is at %v, want %v", i, d, got, s.At)
			}
			if ok && (!tm.ready(d, s.At) || tm.ready(d, s.At-1)) {
				t.Fatalf("step %d: the timer at %v is not due at its time and no earlier", i, s.At)
			}
		}
		if got, want := tm.hold(), model.hold(tm.domain); got != want {
			t.Fatalf("step %d: hold at %v, want %v", i, got, want)
		}
	}
	if len(tm.tagged) != 0 {
		n := 0
		for _, m := range tm.bySlot {
			n += len(m)
		}
		if n != len(tm.tagged) {
			t.Errorf("%d tagged timers, but slots know of %d", len(tm.tagged), n)
		}
	}
}

// A timer that moves with every element, as that of a session does, and calls that are taken back leave nothing behind.
func TestMovedTimersTakeNoMemory(t *testing.T) {
	for _, how := range []string{"moved", "taken back", "set and cleared"} {
		tm := newTimers(nil, 2)
		tm.domain = []timer.Domain{timer.Event, timer.Processing}
		const slots = 100
		tm.grow(slots - 1)
		for i := range 50_000 {
			slot, at := uint32(i%slots), mtime.Time(1_000_000+i)
			switch how {
			case "moved":
				tm.set(slot, 0, "", timer.Setting{At: at, Output: at - 1})
				tm.set(slot, 1, "tag", timer.Setting{At: at})
			case "taken back":
				if i < slots {
					tm.set(slot, 0, "", timer.Setting{At: at, Output: at - 1})
				}
				tm.save(slot)()
			case "set and cleared":
				tm.set(slot, 0, fmt.Sprint(i%7), timer.Setting{At: at})
				tm.clear(slot, 0, fmt.Sprint(i%7))
			}
		}
		for i, q := range []*timerQueue{&tm.queues[0], &tm.queues[1], &tm.holds} {
			if len(q.h) > 4*slots {
				t.Errorf("%s: queue %d has %d entries for %d timers", how, i, len(q.h), slots)
			}
		}
	}
}

// Timers of one time fire in the order in which they were set; setting one to the time that it has does not move it.
func TestTimersOfOneTime(t *testing.T) {
	tm := newTimers(nil, 1)
	tm.domain = []timer.Domain{timer.Event}
	tm.grow(0)
	for _, tag := range []string{"c", "a", "b", "a"} {
		tm.set(0, 0, tag, timer.Setting{At: 5, Output: 5})
	}
	var got []string
	for tm.ready(timer.Event, 5) {
		_, _, tag, _, _ := tm.pop(timer.Event)
		got = append(got, tag)
	}
	if want := []string{"c", "a", "b"}; !slices.Equal(got, want) {
		t.Errorf("fired %v, want %v", got, want)
	}
}
