//go:build !race

package byhand

const raceEnabled = false
