package exec

import "unsafe"

// Column is values of a type side by side, for operators that do not know the type. It is zero but for T at first.
type Column struct {
	T   *ElementType
	At  unsafe.Pointer // the first
	N   int
	Cap int // how many there is room for
	to  [1]unsafe.Pointer
}

// Place is where value i is. There has to be one: a pointer behind the last is to something else.
func (c *Column) Place(i int) unsafe.Pointer { return unsafe.Add(c.At, uintptr(i)*c.T.RowSize()) }

// Grow makes room for n values in all.
func (c *Column) Grow(n int) {
	if n <= c.Cap {
		return
	}
	if more := 2 * c.Cap; c.Bytes() <= 4<<20 { // what is little is doubled, as in roomy
		n = max(n, more, 16)
	} else {
		n = max(n, c.Cap+c.Cap/4)
	}
	at := c.T.Make(n)
	if c.N > 0 {
		c.T.Copy(at, c.At, c.N)
	}
	c.At, c.Cap = at, n
}

// Add appends a zero value and returns where it is.
func (c *Column) Add() unsafe.Pointer {
	if c.N == c.Cap {
		c.Grow(c.N + 1)
	}
	c.N++
	p := c.Place(c.N - 1)
	c.Set(p, c.T.Zero())
	return p
}

// Set copies a value.
func (c *Column) Set(dst, src unsafe.Pointer) {
	c.to[0] = dst
	c.T.Place(c.to[:], src, 0, nil)
}

// Reset forgets the values.
func (c *Column) Reset() {
	if c.N > 0 {
		c.T.Clear(c.At, c.N)
	}
	c.N = 0
}

// Clear sets all values to zero, also those behind the last.
func (c *Column) Clear() {
	if c.Cap > 0 {
		c.T.Clear(c.At, c.Cap)
	}
}

// Bytes is the memory of the values themselves.
func (c *Column) Bytes() int { return c.Cap * int(c.T.RowSize()) }
