package direct_test

import (
	"context"
	"testing"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/sdf"
)

// heldFn stops in front of its first claim until it is released.
type heldFn struct{ Began, Release chan struct{} }

func (f *heldFn) InitialRestriction(n int64) sdf.OffsetRange { return sdf.OffsetRange{Hi: n} }

func (f *heldFn) NewTracker(r sdf.OffsetRange) *sdf.OffsetTracker { return sdf.NewOffsetTracker(r) }

func (f *heldFn) ProcessElement(_ *sdk.Context, n int64, t *sdf.OffsetTracker, out sdk.Emitter[int64]) (sdf.Continuation, error) {
	f.Began <- struct{}{}
	<-f.Release
	for i := range n {
		if !t.TryClaim(i) {
			break
		}
		out.Emit(i)
	}
	return sdf.Continuation{}, nil
}

// TestStatusOfWork: what is left of a source is what runs and what nobody has begun.
func TestStatusOfWork(t *testing.T) {
	fn := &heldFn{Began: make(chan struct{}), Release: make(chan struct{})}
	g, err := sdk.Build(func(p *sdk.Pipeline) error {
		sdk.ParDoSplittable(sdk.Of(p, int64(10), int64(20), int64(30)), &heldFn{fn.Began, fn.Release}, sdk.Name("Read"))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	job, err := (&direct.Runner{Workers: 1}).Start(context.Background(), g)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []float64{60, 50, 30} {
		<-fn.Began
		found := false
		for _, s := range job.Status().Stages {
			if s.Name == "Read" {
				found = true
				if s.LeftBytes != want {
					t.Errorf("%v left, want %v", s.LeftBytes, want)
				}
			}
		}
		if !found {
			t.Error("there is no stage Read")
		}
		fn.Release <- struct{}{}
	}
	if err := job.Wait(); err != nil {
		t.Error(err)
	}
}
