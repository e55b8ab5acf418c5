// Package quakes makes a catalogue of earthquakes as an agency publishes it: in the order in which they become known,
// some minutes after they have happened, and now and then hours.
package quakes

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/millrace-go/millrace/sdk/mtime"
)

// Quake is an earthquake.
type Quake struct {
	Region    string
	Magnitude float64
	Time      mtime.Time // when it happened
	Updated   mtime.Time // when it became known
}

// Every is the time between two quakes that become known.
const Every = 2 * time.Minute

var regions = []string{"Alaska", "Andes", "Anatolia", "Fiji", "Hawaii", "Iceland", "Japan", "Java", "Kamchatka", "Nevada"}

// At returns the n-th quake that becomes known; it depends on n only. Most quakes are of a swarm: some hours in which one
// region is restless. Nine of ten are known within twenty minutes, one of a hundred takes more than an hour.
func At(n int64) Quake {
	r := rand.New(rand.NewPCG(uint64(n), 17))
	updated := mtime.Time(1_700_000_000_000).Add(time.Duration(n) * Every)
	region := regions[r.IntN(len(regions))]
	if r.IntN(3) > 0 {
		swarm := rand.New(rand.NewPCG(uint64(n/150), 18)) // for five hours
		region = regions[swarm.IntN(len(regions))]
	}
	delay := math.Exp(math.Log(4)+1.25*r.NormFloat64()) * float64(time.Minute)
	if r.IntN(100) == 0 {
		delay += float64(2*time.Hour) * r.ExpFloat64()
	}
	return Quake{
		Region:    region,
		Magnitude: math.Round(10*(2+r.ExpFloat64()/math.Ln10)) / 10, // ten times as many of each lower magnitude
		Time:      updated.Add(-min(time.Duration(delay), 24*time.Hour)),
		Updated:   updated,
	}
}
