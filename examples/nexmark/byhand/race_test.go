//go:build race

package byhand

// raceEnabled says that the race detector runs: everything takes ten times as long, so there is less of it.
const raceEnabled = true
