package drive

import (
	"sync"
	"sync/atomic"

	"github.com/millrace-go/millrace/sdk/mtime"
)

// channel carries batches and watermarks from one task to another, in order. It is the sender's Port.
type channel struct {
	from, to *flowTask
	input    int // of the receiver's transform
	number   int // among the receiver's channels

	queued atomic.Int32 // batches that have not been read

	mu    sync.Mutex
	q     []message
	spare []any
}

// message is a batch, or a watermark.
type message struct {
	batch any
	rows  int
	mark  mtime.Time
}

// credits is how many batches may wait in a channel before its sender is to pause. What a sender has begun it may end.
const credits = 32

// Send implements exec.Port.
func (c *channel) Send(batch any, rows int) {
	c.queued.Add(1)
	c.put(message{batch: batch, rows: rows})
}

func (c *channel) put(m message) {
	c.mu.Lock()
	c.q = append(c.q, m)
	c.mu.Unlock()
	c.to.w.notify()
}

// Spare implements exec.Port.
func (c *channel) Spare() any {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.spare)
	if n == 0 {
		return nil
	}
	b := c.spare[n-1]
	c.spare = c.spare[:n-1]
	return b
}

// full reports whether the sender is to pause.
func (c *channel) full() bool { return c.queued.Load() >= credits }

// take moves what is waiting to dst.
func (c *channel) take(dst []message) []message {
	c.mu.Lock()
	defer c.mu.Unlock()
	dst = append(dst, c.q...)
	clear(c.q)
	c.q = c.q[:0]
	return dst
}

// read gives back a batch that has been read.
func (c *channel) read(batch any) {
	c.mu.Lock()
	if len(c.spare) < credits {
		c.spare = append(c.spare, batch)
	}
	c.mu.Unlock()
	if c.queued.Add(-1) == credits-1 {
		c.from.w.notify()
	}
}
