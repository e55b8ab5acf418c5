//go:build race

package compare_test

// raceEnabled says that the race detector runs: everything takes ten times as long, so there is less of it.
const raceEnabled = true
