//go:build race

package exec

import "sync/atomic"

// rowCell is the form of the cell that the race detector understands.
type rowCell struct{ i atomic.Int64 }

func (r *rowCell) set(i int) { r.i.Store(int64(i)) }
func (r *rowCell) get() int  { return int(r.i.Load()) }
