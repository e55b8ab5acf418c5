package ptest

import (
	"slices"

	"github.com/millrace-go/millrace/sdk"
)

// Seen gathers the elements of a collection while the job runs. The zero value is ready to use. Its methods are safe for
// concurrent use, but one Seen is for one collection of one run.
type Seen[T any] struct{ all collector[sdk.Element[T]] }

// Watch gathers the elements of c. It is called when the pipeline is built.
func (s *Seen[T]) Watch(c sdk.PCollection[T]) {
	sdk.ParDo(c, &seeFn[T]{all: &s.all})
}

// Take returns what has come since the last Take, in the order of arrival: that of one key, behind a grouping, is certain,
// that of different keys is not.
func (s *Seen[T]) Take() []T { return values(s.all.take()) }

// TakeElements is [Seen.Take] with timestamps, windows and panes.
func (s *Seen[T]) TakeElements() []sdk.Element[T] { return s.all.take() }

func values[T any](es []sdk.Element[T]) (vs []T) {
	for _, e := range es {
		vs = append(vs, e.Value)
	}
	return vs
}

// seeFn puts elements into a collector.
type seeFn[T any] struct{ all *collector[sdk.Element[T]] }

func (f *seeFn[T]) ProcessElement(c *sdk.Context, v T, _ sdk.Emitter[struct{}]) error {
	f.all.add(sdk.Element[T]{Value: v, Time: c.EventTime(), Windows: slices.Clone(c.Windows()), Pane: c.Pane()})
	return nil
}
