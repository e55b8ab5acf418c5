package main

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/millrace-go/millrace/examples/sessions/quakes"
	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/window"
)

// Where no quake is too late the last pane of a swarm is what a loop over all quakes, in the order in which they
// happened, says; what was told before is a part of it. Where some are, every quake is in a swarm or told to be too late.
func TestSwarms(t *testing.T) {
	for _, late := range []time.Duration{100 * time.Hour, 0} {
		o := options{Quakes: 3000, Rate: 10_000, Gap: 30 * time.Minute, Wait: 20 * time.Minute, Late: late}
		var mu sync.Mutex
		var got []swarm
		var tooLate int64
		_, err := sdk.Run(t.Context(), &direct.Runner{Workers: 2}, func(p *sdk.Pipeline) error {
			var dropped sdk.Output[sdk.KV[string, quakes.Quake]]
			sdk.Filter(swarms(source(p, o), o, &dropped), func(s swarm) bool {
				mu.Lock()
				defer mu.Unlock()
				got = append(got, s)
				return true
			})
			sdk.Filter(dropped.PCollection(), func(sdk.KV[string, quakes.Quake]) bool {
				mu.Lock()
				defer mu.Unlock()
				tooLate++
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if late == 0 {
			sum := tooLate
			for _, s := range got {
				sum += s.Value.Value
			}
			if tooLate == 0 || sum != o.Quakes {
				t.Errorf("%d quakes are too late, and with those of swarms there are %d of %d", tooLate, sum, o.Quakes)
			}
			continue
		}

		most := map[string]int64{} // of a region's window
		for _, s := range got {
			at := fmt.Sprint(s.Value.Key, s.Windows[0])
			most[at] = max(most[at], s.Value.Value)
		}
		want := loop(o)
		for _, s := range want {
			at := fmt.Sprint(s.Value.Key, s.Windows[0])
			if most[at] != s.Value.Value {
				t.Errorf("%s: %d quakes, want %d", at, most[at], s.Value.Value)
			}
		}
		for _, s := range got {
			if !slices.ContainsFunc(want, func(w swarm) bool {
				return w.Value.Key == s.Value.Key && w.Windows[0].Start <= s.Windows[0].Start && s.Windows[0].End <= w.Windows[0].End && s.Value.Value <= w.Value.Value
			}) {
				t.Errorf("%v is part of no swarm", s)
			}
		}
		if tooLate != 0 || len(want) < 50 {
			t.Errorf("%d quakes are too late; %d swarms", tooLate, len(want))
		}
	}
}

// loop finds the swarms of all quakes at once.
func loop(o options) (all []swarm) {
	qs := make([]quakes.Quake, o.Quakes)
	for n := range qs {
		qs[n] = quakes.At(int64(n))
	}
	slices.SortFunc(qs, func(a, b quakes.Quake) int {
		return cmp.Or(cmp.Compare(a.Region, b.Region), cmp.Compare(a.Time, b.Time))
	})
	for _, q := range qs {
		end := q.Time.Add(o.Gap)
		if n := len(all) - 1; n >= 0 && all[n].Value.Key == q.Region && q.Time < all[n].Windows[0].End {
			all[n].Windows[0].End = end
			all[n].Value.Value++
			continue
		}
		all = append(all, swarm{Value: sdk.MakeKV(q.Region, int64(1)), Windows: []window.Window{{Start: q.Time, End: end}}})
	}
	return all
}

// What the comment of quakes.At says of delays.
func TestDelays(t *testing.T) {
	const n = 20_000
	var delays []time.Duration
	for i := range int64(n) {
		q := quakes.At(i)
		if q != quakes.At(i) || q.Time > q.Updated {
			t.Fatalf("quake %d: %v", i, q)
		}
		delays = append(delays, q.Updated.Sub(q.Time))
	}
	slices.Sort(delays)
	if nine, last := delays[n*9/10], delays[n*99/100]; nine < 18*time.Minute || nine > 22*time.Minute || last < time.Hour || last > 2*time.Hour {
		t.Errorf("9 of 10 are known after %v, 99 of 100 after %v", nine, last)
	}
}
