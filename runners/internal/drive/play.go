package drive

import (
	"context"
	"math/rand/v2"

	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/mtime"
)

// play runs a job whose source is a script: all workers on this goroutine, in an order that the seed decides. The
// script goes on when nothing else can: so what came before has gone all the way through the pipeline.
func (f *Flow) play() error {
	rng := rand.New(rand.NewPCG(f.cfg.Seed, 1)) //nolint:gosec // a test's seed
	p := f.pools[f.scripted]
	over := false
	for {
		if err := f.settle(rng); err != nil {
			return err
		}
		if f.left.Load() == 0 {
			return nil
		}
		if over {
			return errStuck
		}
		e, ok := f.script.Next()
		switch {
		case !ok:
			over = true
			e.Watermark = mtime.Max
		case e.Drain:
			f.Drain()
			e.Watermark = mtime.Max
		}
		if e.Advance > 0 {
			f.clock.Add(e.Advance.Milliseconds())
		}
		p.mu.Lock()
		if e.Rows != nil {
			p.p.Add(scripted{e.Rows, p.watermark()})
		}
		if e.Watermark != mtime.Min {
			p.p.Input(0, e.Watermark)
		}
		p.refresh()
		p.mu.Unlock()
	}
}

// scripted is rows that a script gives: they do not hold the watermark back, as they may be late.
type scripted struct {
	exec.Work
	mark mtime.Time
}

func (s scripted) Watermark() mtime.Time { return s.mark }

// settle steps the workers until none has anything to do.
func (f *Flow) settle(rng *rand.Rand) error {
	idle := 0
	for w := 0; idle < len(f.workers); w = (w + 1) % len(f.workers) {
		if f.ctx.Err() != nil {
			return context.Cause(f.ctx)
		}
		if f.cfg.Strict {
			w = rng.IntN(len(f.workers))
		}
		did, err := f.workers[w].step()
		if err != nil {
			return err
		}
		if did {
			idle = 0
			continue
		}
		if !f.cfg.Strict {
			idle++
			continue
		}
		// The others, in turn, to be sure.
		idle = 0
		for _, v := range f.workers {
			did, err := v.step()
			if err != nil {
				return err
			}
			if did {
				break
			}
			idle++
		}
	}
	return nil
}
