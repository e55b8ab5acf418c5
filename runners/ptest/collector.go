package ptest

import "sync"

// collector gathers elements from all workers.
type collector[T any] struct {
	mu sync.Mutex
	vs []T
}

func (c *collector[T]) add(v T) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.vs = append(c.vs, v)
	return false
}

// take returns what has been added since it was last called.
func (c *collector[T]) take() []T {
	c.mu.Lock()
	defer c.mu.Unlock()
	vs := c.vs
	c.vs = nil
	return vs
}
