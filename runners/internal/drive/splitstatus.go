package drive

import (
	"cmp"
	"slices"
	"time"

	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/graph"
	"github.com/millrace-go/millrace/sdk/mtime"
)

// maxSplits is how many splits of a source are reported.
const maxSplits = 64

// splits returns the splits that are furthest behind; idle ones come last. The pool is locked.
func (p *pool) splits(now mtime.Time) []sdk.SplitStatus {
	var all []sdk.SplitStatus
	limit := p.p.Limit()
	for _, s := range p.p.Splits() {
		x := sdk.SplitStatus{Number: s.Number, Watermark: s.Watermark, Elements: s.Rows, Bytes: s.Bytes, Busy: time.Duration(s.Busy), State: sdk.SplitReady}
		switch {
		case s.Idle:
			x.State = sdk.SplitIdle
		case s.Running:
			x.State = sdk.SplitRunning
		case s.Resume > now:
			x.State = sdk.SplitWaiting
		case s.Watermark > limit:
			x.State = sdk.SplitPaused
		}
		if s.Watermark > mtime.Min {
			x.Lag = now.Sub(s.Watermark)
		}
		all = append(all, x)
	}
	idle := func(x sdk.SplitStatus) int {
		if x.State == sdk.SplitIdle {
			return 1
		}
		return 0
	}
	slices.SortFunc(all, func(a, b sdk.SplitStatus) int {
		return cmp.Or(idle(a)-idle(b), cmp.Compare(a.Watermark, b.Watermark), cmp.Compare(a.Number, b.Number))
	})
	return all[:min(len(all), maxSplits)]
}

// furthestBehind names the source that the others of its alignment wait for.
func (f *Flow) furthestBehind(a *graph.Alignment) (path string) {
	least := mtime.Max
	for _, n := range a.Sources {
		p := f.pools[f.readers[n]]
		p.mu.Lock()
		if t := p.p.Least(); t < least {
			least, path = t, n.Path
		}
		p.mu.Unlock()
	}
	return path
}
