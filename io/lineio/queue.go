package lineio

import (
	"sync"
	"time"

	"github.com/millrace-go/millrace/sdk/mtime"
)

// queueBytes is how much text waits in memory before readers do, and with them whoever sends.
const queueBytes = 1 << 20

// queue is the lines that have been received and that the pipeline has not taken yet, in the order in which they came.
// It is safe for concurrent use.
type queue struct {
	mu      sync.Mutex
	room    sync.Cond
	chunks  []chunk
	bytes   int
	last    mtime.Time // no line still to come is earlier
	stopped time.Time  // since when no more is wanted
	ended   bool       // nobody will put more
	err     error      // why
	skipped int64      // lines that were too long, since the last time somebody asked
	quiet   int        // how often there was nothing, since there was something
	readers int        // that may have read something that is not here yet
}

// chunk is lines that came together.
type chunk struct {
	at    mtime.Time
	lines []Line
	bytes int
}

func newQueue() *queue {
	q := &queue{last: mtime.Min}
	q.room.L = &q.mu
	return q
}

// put adds lines, at the time of the call, and waits while there are too many. It reports whether more are wanted.
func (q *queue) put(lines []Line, bytes int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.bytes > 0 && q.bytes+bytes > queueBytes && q.stopped.IsZero() {
		q.room.Wait()
	}
	// The clock is read under the lock, so that no line is earlier than what watermark has said.
	q.chunks = append(q.chunks, chunk{at: q.now(), lines: lines, bytes: bytes})
	q.bytes += bytes
	return q.stopped.IsZero()
}

// now is the wall clock, but does not go back.
func (q *queue) now() mtime.Time {
	q.last = max(q.last, mtime.FromTime(time.Now()))
	return q.last
}

// skip counts a line that was too long.
func (q *queue) skip() {
	q.mu.Lock()
	q.skipped++
	q.mu.Unlock()
}

// end says that nothing more will come: because of err, if it is not nil.
func (q *queue) end(err error) {
	q.mu.Lock()
	if !q.ended {
		q.ended, q.err = true, err
	}
	q.mu.Unlock()
}

// stop says that no more is wanted than what has been read already.
func (q *queue) stop() {
	q.mu.Lock()
	if q.stopped.IsZero() {
		q.stopped = time.Now()
	}
	q.room.Broadcast()
	q.mu.Unlock()
}

// reads counts readers, 1 when one begins and -1 when it has ended.
func (q *queue) reads(n int) {
	q.mu.Lock()
	q.readers += n
	q.mu.Unlock()
}

// lastWords is how long readers are waited for that have been stopped: one may be in a Read that nothing ends.
const lastWords = 100 * time.Millisecond

// first returns the oldest lines; ended says that there are none, and none will come, because of err.
func (q *queue) first() (lines []Line, at mtime.Time, ended bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.chunks) == 0 {
		stopped := !q.stopped.IsZero() && (q.readers == 0 || time.Since(q.stopped) > lastWords)
		return nil, 0, q.ended || stopped, q.err
	}
	q.quiet = 0
	return q.chunks[0].lines, q.chunks[0].at, false, nil
}

// drop removes the n oldest lines, which are in one chunk.
func (q *queue) drop(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	c := &q.chunks[0]
	clear(c.lines[:n])
	if c.lines = c.lines[n:]; len(c.lines) > 0 {
		return
	}
	q.bytes -= c.bytes
	*c = chunk{}
	if q.chunks = q.chunks[1:]; len(q.chunks) == 0 {
		q.chunks = nil // with its array
	}
	q.room.Broadcast()
}

// takeSkipped returns how many lines were skipped since it was last called.
func (q *queue) takeSkipped() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.skipped
	q.skipped = 0
	return n
}

// wait is when to look again, after there was nothing: soon, then less and less.
func (q *queue) wait() time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.quiet++
	return min(time.Duration(q.quiet)*time.Millisecond, 10*time.Millisecond)
}

// raise says that the time before t has been given to the pipeline as past.
func (q *queue) raise(t mtime.Time) {
	q.mu.Lock()
	q.last = max(q.last, t)
	q.mu.Unlock()
}

// watermark is the wall clock, but not past a line that waits.
func (q *queue) watermark() mtime.Time {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.chunks) > 0 {
		return q.chunks[0].at
	}
	return q.now()
}
