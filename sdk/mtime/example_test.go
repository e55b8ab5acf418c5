package mtime_test

import (
	"fmt"
	"time"

	"github.com/millrace-go/millrace/sdk/mtime"
)

func Example() {
	t := mtime.FromTime(time.Date(2026, 1, 2, 3, 4, 5, 678_900_000, time.UTC))
	fmt.Println(t, int64(t)) // rounded down to the millisecond
	fmt.Println(t.Add(time.Hour).Sub(t))
	fmt.Println(mtime.Max.Add(time.Hour), mtime.Min) // there is nothing beyond
	// Output:
	// 2026-01-02T03:04:05.678Z 1767323045678
	// 1h0m0s
	// +inf -inf
}
