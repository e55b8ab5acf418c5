package ptest

import (
	"context"
	"errors"
	"testing"

	"github.com/millrace-go/millrace/sdk"
)

// Job is a run that a test looks at while it goes on.
type Job struct {
	tb    testing.TB
	c     *config
	job   sdk.Job
	ended chan struct{}
	err   error // of the run, once it has ended
	asked bool  // the test has been told of err
}

// Start builds a pipeline and begins to run it, and fails the test if it cannot. It is for streaming pipelines: with
// [OnClock] the test moves the processing time, looks with [Seen.Take] at what has come out, and calls [Job.Drain].
//
//	clock := ptest.NewClock(time.Now())
//	var seen ptest.Seen[int64]
//	job := ptest.Start(t, func(p *sdk.Pipeline) {
//		seen.Watch(counts(generatorio.Sequence(p, generatorio.Rate(10))))
//	}, ptest.OnClock(clock))
//	clock.Advance(time.Second)
//	got := seen.Take()
//	job.Drain()
//
// A job that has not ended when the test ends is cancelled; if it had failed before, the test fails.
func Start(tb testing.TB, build func(p *sdk.Pipeline), opts ...Option) *Job {
	tb.Helper()
	c := newConfig(tb, opts)
	g, err := sdk.Build(func(p *sdk.Pipeline) error { build(p); return nil })
	if err != nil {
		tb.Fatal(err)
	}
	job, err := c.runner.Start(tb.Context(), g)
	if err != nil {
		c.failed(tb, err)
		tb.Fatal(err)
	}
	j := &Job{tb: tb, c: c, job: job, ended: make(chan struct{})}
	go func() {
		j.err = job.Wait()
		close(j.ended)
	}()
	tb.Cleanup(func() {
		tb.Helper()
		job.Cancel(nil)
		if err := j.wait(); err != nil && !errors.Is(err, context.Canceled) && !j.asked {
			tb.Error(err)
		}
	})
	return j
}

// wait returns when the run has ended: why, or nil.
func (j *Job) wait() error {
	<-j.ended
	if j.err != nil && !errors.Is(j.err, context.Canceled) {
		j.tb.Helper()
		j.c.failed(j.tb, j.err)
	}
	return j.err
}

// Drain cuts the sources off, lets what has been read come to its end, with final panes and OnWindowExpiration, and fails
// the test if the job has failed, now or before. It returns the job's result, for its metrics.
func (j *Job) Drain() *sdk.Result {
	j.tb.Helper()
	j.job.Drain()
	if c := j.c.clock; c != nil {
		c.mu.Lock()
		c.poke()
		c.mu.Unlock()
	}
	return j.Wait()
}

// Wait returns the job's result when all its sources have ended and everything is done. It fails the test if the job has
// failed. On a [Clock] that nobody moves it may wait for ever.
func (j *Job) Wait() *sdk.Result {
	j.tb.Helper()
	res, err := j.WaitErr()
	if err != nil {
		j.tb.Fatal(err)
	}
	return res
}

// WaitErr is [Job.Wait] for a job that may fail: it returns the error.
func (j *Job) WaitErr() (*sdk.Result, error) {
	j.tb.Helper()
	err := j.wait()
	j.asked = true
	return &sdk.Result{Status: j.job.Status()}, err
}

// Status tells how far the job is, now.
func (j *Job) Status() sdk.Status { return j.job.Status() }
