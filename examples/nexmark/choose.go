package main

import (
	"github.com/millrace-go/millrace/examples/nexmark/event"
	"github.com/millrace-go/millrace/sdk"
)

// The queries begin by choosing the events that they need and what they need of them. The functions are given pointers
// into the batch of events, since an event is large; they keep none but those to persons and auctions, which nobody
// changes.

// choose makes a row of each event for which f says so.
func choose[O any](events sdk.PCollection[event.Event], name string, f func(e *event.Event) (O, bool)) sdk.PCollection[O] {
	return sdk.ParDo(events, chooseFn[O]{F: f}, sdk.Name(name))
}

// mapBids makes a row of each bid.
func mapBids[O any](events sdk.PCollection[event.Event], f func(b *event.Bid) O) sdk.PCollection[O] {
	return sdk.ParDo(events, bidsFn[O]{F: f}, sdk.Name("Bids"))
}

// chooseBids makes a row of each bid for which f says so.
func chooseBids[O any](events sdk.PCollection[event.Event], f func(b *event.Bid) (O, bool)) sdk.PCollection[O] {
	return choose(events, "Bids", func(e *event.Event) (row O, ok bool) {
		if e.Kind == event.KindBid {
			return f(&e.Bid)
		}
		return row, false
	})
}

type chooseFn[O any] struct {
	F func(e *event.Event) (O, bool)
}

func (f chooseFn[O]) ProcessElement(_ *sdk.Context, e event.Event, out sdk.Emitter[O]) error {
	if row, ok := f.F(&e); ok {
		out.Emit(row)
	}
	return nil
}

// ProcessBatch is the vectorised form.
func (f chooseFn[O]) ProcessBatch(_ *sdk.Context, in []event.Event, out *sdk.BatchEmitter[O]) error {
	for i := range in {
		if row, ok := f.F(&in[i]); ok {
			out.Emit(i, row)
		}
	}
	return nil
}

type bidsFn[O any] struct{ F func(b *event.Bid) O }

func (f bidsFn[O]) ProcessElement(_ *sdk.Context, e event.Event, out sdk.Emitter[O]) error {
	if e.Kind == event.KindBid {
		out.Emit(f.F(&e.Bid))
	}
	return nil
}

// ProcessBatch is the vectorised form.
func (f bidsFn[O]) ProcessBatch(_ *sdk.Context, in []event.Event, out *sdk.BatchEmitter[O]) error {
	for i := range in {
		if in[i].Kind == event.KindBid {
			out.Emit(i, f.F(&in[i].Bid))
		}
	}
	return nil
}
