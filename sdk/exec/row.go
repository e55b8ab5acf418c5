//go:build !race

package exec

// rowCell holds the row that user code is at. It is written for every element, so it is a plain word: the
// watcher that reads it from another goroutine only does so when nothing has moved for a second, and may
// be wrong by a row. (A sequentially consistent store would cost more than the rest of the loop.)
type rowCell struct{ i int }

func (r *rowCell) set(i int) { r.i = i }
func (r *rowCell) get() int  { return r.i }
