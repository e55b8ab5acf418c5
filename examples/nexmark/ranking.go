package main

import (
	"slices"

	"github.com/millrace-go/millrace/examples/nexmark/event"
	"github.com/millrace-go/millrace/sdk"
)

// bidRow is a bid with all of its fields.
type bidRow struct{ Bid event.Bid }

func (r *bidRow) AppendJSON(dst []byte) []byte { return append(event.AppendWholeBid(dst, &r.Bid), '}') }

// bidderAuction is the key of query 18.
type bidderAuction struct{ Bidder, Auction int64 }

// q18 finds the last bid of each bidder for each auction.
func q18(events sdk.PCollection[event.Event]) sdk.PCollection[bidRow] {
	bids := mapBids(events, func(b *event.Bid) sdk.KV[bidderAuction, event.Bid] {
		return sdk.MakeKV(bidderAuction{b.Bidder, b.Auction}, *b)
	})
	last := sdk.CombinePerKey(everChanging(bids), lastFn{})
	return sdk.Map(last, func(kv sdk.KV[bidderAuction, event.Bid]) bidRow { return bidRow{kv.Value} })
}

// lastFn keeps the latest bid. The zero Bid is none.
type lastFn struct{}

func (lastFn) CreateAccumulator() event.Bid { return event.Bid{} }

func (lastFn) AddInput(last, b event.Bid) event.Bid {
	if last.DateTime == 0 || event.Later(&b, &last) {
		return b
	}
	return last
}

func (f lastFn) MergeAccumulators(a, b event.Bid) event.Bid {
	if b.DateTime == 0 {
		return a
	}
	return f.AddInput(a, b)
}

func (lastFn) ExtractOutput(last event.Bid) event.Bid { return last }

// rankedBid is one of the ten highest bids for an auction.
type rankedBid struct {
	Bid  event.Bid
	Rank int64
}

func (r *rankedBid) AppendJSON(dst []byte) []byte {
	return append(event.AppendInt(event.AppendWholeBid(dst, &r.Bid), `,"rank":`, r.Rank), '}')
}

// q19 finds the ten highest bids for each auction.
func q19(events sdk.PCollection[event.Event]) sdk.PCollection[rankedBid] {
	bids := mapBids(events, func(b *event.Bid) sdk.KV[int64, event.Bid] { return sdk.MakeKV(b.Auction, *b) })
	top := sdk.CombinePerKey(everChanging(bids), topFn{})
	return sdk.ParDo(top, rankFn{})
}

// topFn keeps the ten highest bids, in order.
type topFn struct{}

const topBids = 10

func (topFn) CreateAccumulator() []event.Bid { return nil }

func (topFn) AddInput(top []event.Bid, b event.Bid) []event.Bid { return addTop(top, &b) }

func addTop(top []event.Bid, b *event.Bid) []event.Bid {
	at := len(top)
	for at > 0 && event.Better(b, &top[at-1]) {
		at--
	}
	switch {
	case len(top) < topBids:
		return slices.Insert(top, at, *b)
	case at < topBids:
		copy(top[at+1:], top[at:])
		top[at] = *b
	}
	return top
}

func (topFn) MergeAccumulators(a, b []event.Bid) []event.Bid {
	for i := range b {
		a = addTop(a, &b[i])
	}
	return a
}

// ExtractOutput returns a copy: the accumulator goes on to change.
func (topFn) ExtractOutput(top []event.Bid) []event.Bid { return slices.Clone(top) }

type rankFn struct{}

func (rankFn) ProcessElement(_ *sdk.Context, in sdk.KV[int64, []event.Bid], out sdk.Emitter[rankedBid]) error {
	for i := range in.Value {
		out.Emit(rankedBid{in.Value[i], int64(i + 1)})
	}
	return nil
}
