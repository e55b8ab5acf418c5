package drive

import (
	"errors"
	"math/rand/v2"

	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/mtime"
)

// In a strict run bundles are small, and instances of stages are torn down and made anew between them, all but the tasks
// themselves, which have the state. Behind a test stream the bundles of tasks stay what the script says, as triggers are
// asked once behind each.

const strictRows = 7 // of a batch, and of a bundle, at most

// batchSize is the number of rows of a worker's batches.
func (c *Config) batchSize(worker int) int {
	if c.Strict && worker >= 0 {
		return 1 + c.random(worker).IntN(strictRows)
	}
	return c.BatchSize
}

func (c *Config) random(worker int) *rand.Rand {
	return rand.New(rand.NewPCG(c.Seed, uint64(worker))) //nolint:gosec // a test's seed
}

// bundleRows is how many rows the next bundle takes in, about.
func (f *Flow) bundleRows(w *flowWorker) int {
	if f.cfg.Strict && f.script == nil {
		return 1 + w.rng.IntN(strictRows)
	}
	return bundleRows
}

// bundle makes, in a strict run, a bundle of each batch for what takes the rows of the stage's root.
func (t *flowTask) bundle(b *exec.Build, sinks []exec.Sink) {
	if !t.w.host.Strict {
		return
	}
	for i, c := range t.s.Root.Out {
		sinks[i] = exec.NewBundler(b, c.Elem, sinks[i])
	}
}

// start begins a bundle.
func (t *flowTask) start() error {
	if t.task == nil && t.plan == nil {
		if err := t.wireRoot(); err != nil {
			return err
		}
	}
	if t.relays != nil { // there is something behind the task
		if t.behind == nil {
			if _, err := t.wireBehind(nil); err != nil {
				return err
			}
		}
		if err := t.behind.Start(); err != nil {
			return err
		}
	}
	return t.plan.Start()
}

// finish ends the bundle, and in a strict run every other time the instance.
func (t *flowTask) finish() error {
	if err := t.plan.Finish(); err != nil {
		return err
	}
	if t.behind != nil {
		if err := t.behind.Finish(); err != nil {
			return err
		}
	}
	if !t.w.host.Strict || t.task != nil && t.behind == nil || t.w.rng.IntN(2) == 0 {
		return nil
	}
	for _, w := range t.wait {
		if w.Hold() < mtime.Max {
			return nil // it has rows that wait
		}
	}
	p := &t.plan
	if t.task != nil {
		p = &t.behind
	}
	old := *p
	*p = nil
	return old.Close(false)
}

// fail says that a bundle has failed.
func (t *flowTask) fail() {
	for _, p := range []*exec.Plan{t.plan, t.behind} {
		if p != nil {
			p.Fail()
		}
	}
}

// close ends the instance.
func (t *flowTask) close(failed bool) error {
	var errs []error
	for _, p := range []*exec.Plan{t.plan, t.behind} {
		if p != nil {
			errs = append(errs, p.Close(failed))
		}
	}
	return errors.Join(errs...)
}
