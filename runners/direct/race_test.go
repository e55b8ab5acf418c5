//go:build race

package direct_test

// raceEnabled says that the race detector is on. It multiplies what a process holds and what a step costs, so that
// limits in bytes and in milliseconds say nothing.
const raceEnabled = true
