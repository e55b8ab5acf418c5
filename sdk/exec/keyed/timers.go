package keyed

import (
	"maps"
	"slices"

	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/timer"
)

// timers is the timers of a stateful task. Those without a tag are in columns by slot; the others in a map.
type timers struct {
	c      *core
	domain []timer.Domain // by family
	plain  [][]setting    // by family and slot
	tagged map[timerKey]setting
	bySlot map[uint32]map[timerKey]bool // tagged ones
	queues [2]timerQueue                // by domain
	holds  timerQueue
	count  []uint32 // timers of a slot
	serial uint64
	floor  mtime.Time // the earliest time at which a processing-time timer that is set now fires
	lost   int64      // timers that will not fire: set again and again while draining, or their window has expired
}

type setting struct {
	timer.Setting
	serial uint64 // 0: not set
}

type timerKey struct {
	slot   uint32
	family int
	tag    string
}

// timerDue is an entry of a queue: out of date unless its timer has the serial.
type timerDue struct {
	at     mtime.Time
	serial uint64
	key    timerKey
}

func newTimers(c *core, families int) *timers {
	return &timers{c: c, plain: make([][]setting, families), tagged: map[timerKey]setting{}, bySlot: map[uint32]map[timerKey]bool{}, floor: mtime.Min}
}

func (t *timers) grow(slot uint32) {
	for int(slot) >= len(t.count) {
		t.count = append(t.count, 0)
		for f := range t.plain {
			t.plain[f] = append(t.plain[f], setting{})
		}
	}
}

func (t *timers) get(k timerKey) setting {
	if k.tag == "" {
		return t.plain[k.family][k.slot]
	}
	return t.tagged[k]
}

func (t *timers) put(k timerKey, s setting) {
	was, is := t.get(k).serial != 0, s.serial != 0
	if k.tag == "" {
		t.plain[k.family][k.slot] = s
	} else if is {
		t.tagged[k] = s
		if t.bySlot[k.slot] == nil {
			t.bySlot[k.slot] = map[timerKey]bool{}
		}
		t.bySlot[k.slot][k] = true
	} else {
		delete(t.tagged, k)
		if delete(t.bySlot[k.slot], k); len(t.bySlot[k.slot]) == 0 {
			delete(t.bySlot, k.slot)
		}
	}
	if is && !was {
		t.count[k.slot]++
	} else if was && !is {
		t.count[k.slot]--
	}
}

func (t *timers) set(slot uint32, family int, tag string, s timer.Setting) {
	k := timerKey{slot, family, tag}
	if old := t.get(k); old.serial != 0 && old.Setting == s {
		return
	}
	t.serial++
	t.put(k, setting{s, t.serial})
	t.enqueue(k, setting{s, t.serial})
}

func (t *timers) enqueue(k timerKey, s setting) {
	d, at := t.domain[k.family], s.At
	if d == timer.Processing {
		at = max(at, t.floor)
	}
	t.push(&t.queues[d], timerDue{at, s.serial, k})
	if d == timer.Processing || s.Output != s.At {
		t.push(&t.holds, timerDue{s.Output, s.serial, k})
	}
}

// push adds to a queue. One of which too much is out of date is swept: a timer that moves with each element, as the end
// of a session does, would otherwise leave an entry for each.
func (t *timers) push(q *timerQueue, d timerDue) {
	if len(q.h) >= max(q.full, leastQueue) {
		q.h = slices.DeleteFunc(q.h, func(d timerDue) bool { return t.get(d.key).serial != d.serial })
		slices.SortFunc(q.h, compareTimers) // a sorted list is a heap
		q.h = slices.CompactFunc(q.h, func(a, b timerDue) bool { return a.serial == b.serial })
		q.full = 2 * len(q.h)
	}
	q.push(d)
}

func (t *timers) clear(slot uint32, family int, tag string) {
	t.put(timerKey{slot, family, tag}, setting{})
}

func (t *timers) any(slot uint32) bool { return t.count[slot] > 0 }

// next is the time of the next timer of a domain.
func (t *timers) next(d timer.Domain) mtime.Time {
	q := &t.queues[d]
	for len(q.h) > 0 && t.get(q.h[0].key).serial != q.h[0].serial {
		q.pop()
	}
	if len(q.h) == 0 {
		return mtime.Max
	}
	return q.h[0].at
}

// ready reports whether the next timer of a domain is due.
func (t *timers) ready(d timer.Domain, now mtime.Time) bool {
	return t.next(d) <= now && len(t.queues[d].h) > 0
}

// due reports whether a processing-time timer is, of those that were set before one of a serial number.
func (t *timers) due(now mtime.Time, before uint64) bool {
	return t.ready(timer.Processing, now) && t.queues[timer.Processing].h[0].serial <= before
}

// pop takes the next timer of a domain.
func (t *timers) pop(d timer.Domain) (slot uint32, family int, tag string, s timer.Setting, ok bool) {
	q := &t.queues[d]
	if len(q.h) == 0 {
		return 0, 0, "", s, false
	}
	e := q.pop()
	x := t.get(e.key)
	if x.serial != e.serial {
		return 0, 0, "", s, false
	}
	t.put(e.key, setting{})
	return e.key.slot, e.key.family, e.key.tag, x.Setting, true
}

// hold is the least time at which a timer will emit, where that is not when it fires.
func (t *timers) hold() mtime.Time {
	q := &t.holds
	for len(q.h) > 0 && t.get(q.h[0].key).serial != q.h[0].serial {
		q.pop()
	}
	if len(q.h) == 0 {
		return mtime.Max
	}
	return q.h[0].at
}

// forget removes the timers of a slot.
func (t *timers) forget(slot uint32) {
	if t.count[slot] == 0 {
		return
	}
	for f := range t.plain {
		t.plain[f][slot] = setting{}
	}
	for k := range t.bySlot[slot] {
		delete(t.tagged, k)
	}
	delete(t.bySlot, slot)
	t.count[slot] = 0
}

// lose removes the timers of a slot whose window has expired. Of processing time there may be some.
func (t *timers) lose(slot uint32) {
	if t.count[slot] > 0 {
		t.lost += int64(t.count[slot])
		t.forget(slot)
	}
}

// save returns what puts the timers of a slot back to what they are now.
func (t *timers) save(slot uint32) func() {
	var plain []setting
	for f := range t.plain {
		plain = append(plain, t.plain[f][slot])
	}
	tagged := map[timerKey]setting{}
	for k := range maps.Keys(t.bySlot[slot]) {
		tagged[k] = t.tagged[k]
	}
	return func() {
		t.forget(slot)
		for f, s := range plain {
			if s.serial != 0 {
				t.put(timerKey{slot, f, ""}, s)
				t.enqueue(timerKey{slot, f, ""}, s)
			}
		}
		for k, s := range tagged {
			t.put(k, s)
			t.enqueue(k, s)
		}
	}
}

func (t *timers) size() int64 {
	return int64(len(t.count))*int64(4+40*len(t.plain)) + int64(len(t.tagged))*160 +
		int64(len(t.queues[0].h)+len(t.queues[1].h)+len(t.holds.h))*56
}

// timerQueue is a heap, the earliest first; of one time, in the order in which they were set.
type timerQueue struct {
	h    []timerDue
	full int // so many entries are too many, unless none is out of date
}

// leastQueue is how many entries of a queue are not too many in any case.
const leastQueue = 64

func (a *timerDue) before(b *timerDue) bool {
	return a.at < b.at || a.at == b.at && a.serial < b.serial
}

func compareTimers(a, b timerDue) int {
	if a.before(&b) {
		return -1
	}
	if b.before(&a) {
		return 1
	}
	return 0
}

func (q *timerQueue) push(d timerDue) {
	q.h = append(q.h, d)
	i := len(q.h) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !d.before(&q.h[up]) {
			break
		}
		q.h[i] = q.h[up]
		i = up
	}
	q.h[i] = d
}

func (q *timerQueue) pop() timerDue {
	top := q.h[0]
	last := len(q.h) - 1
	d := q.h[last]
	q.h[last] = timerDue{}
	q.h = q.h[:last]
	i := 0
	for {
		kid := 2*i + 1
		if kid >= last {
			break
		}
		if kid+1 < last && q.h[kid+1].before(&q.h[kid]) {
			kid++
		}
		if !q.h[kid].before(&d) {
			break
		}
		q.h[i] = q.h[kid]
		i = kid
	}
	if last > 0 {
		q.h[i] = d
	}
	return top
}
