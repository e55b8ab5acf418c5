package keyed

import "github.com/millrace-go/millrace/sdk/mtime"

// due is something to be done for a slot, or a window, at a time. It is out of date when gen is no longer that of what
// it names; whoever takes it from the queue checks.
type due struct {
	at  mtime.Time
	id  uint32
	gen uint32
}

// queue is a heap of dues, the earliest first.
type queue struct{ h []due }

func (q *queue) len() int { return len(q.h) }

// next is the time of the earliest, or Max.
func (q *queue) next() mtime.Time {
	if len(q.h) == 0 {
		return mtime.Max
	}
	return q.h[0].at
}

// ready reports whether the earliest is due.
func (q *queue) ready(now mtime.Time) bool { return len(q.h) > 0 && q.h[0].at <= now }

func (q *queue) push(d due) {
	q.h = append(q.h, d)
	i := len(q.h) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !before(d, q.h[up]) {
			break
		}
		q.h[i] = q.h[up]
		i = up
	}
	q.h[i] = d
}

func (q *queue) pop() due {
	top := q.h[0]
	last := len(q.h) - 1
	d := q.h[last]
	q.h = q.h[:last]
	i := 0
	for {
		kid := 2*i + 1
		if kid >= last {
			break
		}
		if kid+1 < last && before(q.h[kid+1], q.h[kid]) {
			kid++
		}
		if !before(q.h[kid], d) {
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

// before orders dues by time, and within it by name, so that a run can be repeated.
func before(a, b due) bool {
	if a.at != b.at {
		return a.at < b.at
	}
	return a.id < b.id
}
