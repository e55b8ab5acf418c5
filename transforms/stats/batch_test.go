package stats

import "testing"

// TestAddBatch compares adding a batch with adding its elements.
func TestAddBatch(t *testing.T) {
	vs := []int32{5, -7, 1 << 30, 1 << 30, 1 << 30, 3}
	var s sum[int32]
	var c count[int32]
	var m mean[int32]
	sumOne, countOne, meanOne := int32(4), int64(2), MeanAccumulator{Sum: 8, Count: 2}
	sumAll, countAll, meanAll := s.AddBatch(sumOne, vs), c.AddBatch(countOne, vs), m.AddBatch(meanOne, vs)
	for _, v := range vs {
		sumOne, countOne, meanOne = s.AddInput(sumOne, v), c.AddInput(countOne, v), m.AddInput(meanOne, v)
	}
	if sumAll != sumOne || countAll != countOne || meanAll != meanOne {
		t.Errorf("together %d, %d, %v; one by one %d, %d, %v", sumAll, countAll, meanAll, sumOne, countOne, meanOne)
	}
	if s.AddBatch(9, nil) != 9 || c.AddBatch(9, nil) != 9 || m.AddBatch(meanOne, nil) != meanOne {
		t.Error("an empty batch adds something")
	}
}
