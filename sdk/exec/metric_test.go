package exec

import (
	"strconv"
	"sync"
	"testing"
)

// TestCellsWhileWired: a job's status may be asked for while a step is still being made. Without a lock the
// runtime ends the process: "concurrent map iteration and map write".
func TestCellsWhileWired(t *testing.T) {
	var s Step
	begun := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 1000 {
			s.Cell(strconv.Itoa(i), CounterCell).Add(1)
			if i == 0 {
				close(begun)
			}
		}
	})
	<-begun
	for range 100 {
		s.Cells(func(string, Value) {})
	}
	wg.Wait()
	var n int
	var sum int64
	s.Cells(func(_ string, v Value) { n++; sum += v.Count })
	if n != 1000 || sum != 1000 {
		t.Errorf("%d cells that sum to %d, want 1000 of each", n, sum)
	}
}
