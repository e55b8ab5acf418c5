// Sessions finds swarms of earthquakes: per region, quakes that follow each other within half an hour.
//
//	go run ./examples/sessions --quakes 20000
//
// Quakes become known late, some very late. A swarm is printed when the watermark, which waits for most, has passed its
// end, and again when a late quake changes it. How late quakes are is measured, week by week.
package main

import (
	"fmt"
	"time"

	"github.com/millrace-go/millrace/examples/sessions/quakes"
	"github.com/millrace-go/millrace/io/generatorio"
	"github.com/millrace-go/millrace/runners/launch"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/window"
	"github.com/millrace-go/millrace/transforms/stats"
)

type options struct {
	Quakes  int64         `help:"how many quakes" default:"5000"`
	Rate    float64       `help:"how many of them become known per second" default:"2500"`
	Gap     time.Duration `help:"quiet that ends a swarm" default:"30m"`
	Wait    time.Duration `help:"how long the watermark waits for quakes that are late" default:"20m"`
	Late    time.Duration `help:"how late a quake may still change a swarm" default:"3h"`
	AtLeast int64         `help:"quakes that make a swarm worth a line" default:"40"`
}

type swarm = sdk.Element[sdk.KV[string, int64]]

// swarms counts the quakes of each session and region. dropped takes those that come too late.
func swarms(in sdk.PCollection[quakes.Quake], o options, dropped *sdk.Output[sdk.KV[string, quakes.Quake]]) sdk.PCollection[swarm] {
	sessions := sdk.WindowInto(in, window.Sessions(o.Gap), sdk.AllowedLateness(o.Late), sdk.Accumulating())
	byRegion := sdk.WithKeys(sessions, func(q quakes.Quake) string { return q.Region })
	return sdk.Reify(stats.CountPerKey(byRegion, sdk.Droppable(dropped)))
}

// source is the quakes in the order in which they become known, at the time when they happened.
func source(p *sdk.Pipeline, o options) sdk.PCollection[quakes.Quake] {
	return generatorio.Generate(p, quakes.At, generatorio.To(o.Quakes), generatorio.Rate(o.Rate), generatorio.OutOfOrder(o.Wait),
		generatorio.EventTime(func(n int64) sdk.Time { return quakes.At(n).Time }))
}

func build(p *sdk.Pipeline, o options) error {
	in := source(p, o)
	var dropped sdk.Output[sdk.KV[string, quakes.Quake]]
	sdk.Map(swarms(in, o, &dropped), func(s swarm) bool {
		if w := s.Windows[0]; s.Value.Value >= o.AtLeast {
			fmt.Printf("swarm    %-9s %s to %s: %d quakes (%v)\n", s.Value.Key, w.Start.Time().Format(time.DateTime), w.End.Time().Format(time.TimeOnly), s.Value.Value, s.Pane.Timing)
		}
		return true
	})
	sdk.Map(dropped.PCollection(), func(q sdk.KV[string, quakes.Quake]) bool {
		fmt.Printf("too late %-9s %s, known after %v\n", q.Key, q.Value.Time.Time().Format(time.DateTime), q.Value.Updated.Sub(q.Value.Time).Round(time.Minute))
		return true
	})

	// The delays, by the week in which the quakes became known.
	known := sdk.WithTimestamps(in, func(q quakes.Quake) sdk.Time { return q.Updated })
	minutes := sdk.Map(sdk.WindowInto(known, window.Weeks(time.Monday, nil)), func(q quakes.Quake) float64 { return q.Updated.Sub(q.Time).Minutes() })
	sdk.Map(sdk.Reify(stats.Quantiles(minutes, []float64{0.5, 0.9, 0.99})), func(e sdk.Element[[]float64]) bool {
		fmt.Printf("week of %s: known after %.0f minutes (median), %.0f (9 of 10), %.0f (99 of 100)\n", e.Windows[0].Start.Time().Format(time.DateOnly), e.Value[0], e.Value[1], e.Value[2])
		return true
	})
	return nil
}

func main() { launch.Main(build) }
