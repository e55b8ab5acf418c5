package main

import (
	"github.com/millrace-go/millrace/examples/nexmark/event"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/state"
)

// The joins have no bound in time, so what each key has is kept for ever.

// localItem is an auction and where its seller lives.
type localItem struct {
	Seller  *seller
	Auction int64
}

func (l *localItem) AppendJSON(dst []byte) []byte {
	dst = event.AppendInt(dst, `{"id":`, l.Auction)
	dst = event.AppendText(dst, `,"name":`, l.Seller.Name)
	dst = event.AppendText(dst, `,"city":`, l.Seller.City)
	return append(event.AppendText(dst, `,"state":`, l.Seller.State), '}')
}

// seller is what query 3 takes of a person. One who lives elsewhere has no name.
type seller struct{ Name, City, State string }

var elsewhere = &seller{}

// sellerEvent is a person, or else an auction.
type sellerEvent struct {
	Person  *seller
	Auction int64
}

// q3 finds the items of category 10 that people from three states sell.
func q3(events sdk.PCollection[event.Event]) sdk.PCollection[localItem] {
	sellers := choose(events, "Sellers", func(e *event.Event) (kv sdk.KV[int64, sellerEvent], ok bool) {
		switch e.Kind {
		case event.KindPerson:
			p, s := e.Person, elsewhere
			if p.State == "OR" || p.State == "ID" || p.State == "CA" {
				s = &seller{p.Name, p.City, p.State}
			}
			return sdk.MakeKV(p.ID, sellerEvent{Person: s}), true
		case event.KindAuction:
			return sdk.MakeKV(e.Auction.Seller, sellerEvent{Auction: e.Auction.ID}), e.Auction.Category == 10
		}
		return kv, false
	})
	return sdk.StatefulParDo(sellers, &localItemsFn{})
}

type localItemsFn struct {
	Person  state.Value[*seller]
	Waiting state.Bag[int64] // auctions that came before their seller
}

func (f *localItemsFn) ProcessElement(_ *sdk.Context, _ int64, in sellerEvent, out sdk.Emitter[localItem]) error {
	if p := in.Person; p != nil {
		f.Person.Write(p)
		for auction := range f.Waiting.All() {
			f.emit(p, auction, out)
		}
		f.Waiting.Clear()
		return nil
	}
	if p := f.Person.Get(); p != nil {
		f.emit(p, in.Auction, out)
	} else {
		f.Waiting.Add(in.Auction)
	}
	return nil
}

func (f *localItemsFn) emit(p *seller, auction int64, out sdk.Emitter[localItem]) {
	if p.Name != "" {
		out.Emit(localItem{p, auction})
	}
}

// auctionBid is a bid with its auction.
type auctionBid struct {
	Bid     event.Bid
	Auction *event.Auction
}

func (r *auctionBid) AppendJSON(dst []byte) []byte {
	b := &r.Bid
	dst = event.AppendBidKeys(dst, b)
	dst = event.AppendText(dst, `,"channel":`, b.Channel)
	dst = event.AppendText(dst, `,"url":`, b.URL)
	dst = event.AppendInt(dst, `,"bidDateTime":`, b.DateTime)
	dst = event.AppendText(dst, `,"bidExtra":`, b.Extra)
	return event.AppendJoinedAuction(dst, r.Auction)
}

// q20 joins the bids to their auctions, if those are of category 10.
func q20(events sdk.PCollection[event.Event]) sdk.PCollection[auctionBid] {
	items := choose(events, "Items", func(e *event.Event) (kv sdk.KV[int64, event.Event], ok bool) {
		switch e.Kind {
		case event.KindAuction:
			return sdk.MakeKV(e.Auction.ID, *e), true
		case event.KindBid:
			return sdk.MakeKV(e.Bid.Auction, *e), true
		}
		return kv, false
	})
	return sdk.StatefulParDo(items, &auctionBidsFn{})
}

type auctionBidsFn struct {
	// Auction is empty, but there, if it is of another category.
	Auction state.Value[*event.Auction]
	Waiting state.Bag[event.Bid] // bids that came before their auction
}

func (f *auctionBidsFn) ProcessElement(_ *sdk.Context, _ int64, in event.Event, out sdk.Emitter[auctionBid]) error {
	if a := in.Auction; a != nil {
		if a.Category != 10 {
			a = nil
		}
		f.Auction.Write(a)
		if a != nil {
			for b := range f.Waiting.All() {
				out.Emit(auctionBid{b, a})
			}
		}
		f.Waiting.Clear()
		return nil
	}
	switch a, known := f.Auction.Read(); {
	case a != nil:
		out.Emit(auctionBid{in.Bid, a})
	case !known:
		f.Waiting.Add(in.Bid)
	}
	return nil
}

// sellerBid is a bid with its bidder and an auction that the bidder has opened.
type sellerBid struct {
	Bid     memberBid
	Person  *event.Person
	Auction *event.Auction
}

// memberBid is what query 23 takes of a bid.
type memberBid struct {
	Bidder, Price       int64
	Channel, URL, Extra string
}

func (r *sellerBid) AppendJSON(dst []byte) []byte {
	b, p := &r.Bid, r.Person
	dst = event.AppendInt(dst, `{"bidder":`, b.Bidder)
	dst = event.AppendInt(dst, `,"price":`, b.Price)
	dst = event.AppendText(dst, `,"channel":`, b.Channel)
	dst = event.AppendText(dst, `,"url":`, b.URL)
	dst = event.AppendText(dst, `,"bidExtra":`, b.Extra)
	dst = event.AppendInt(dst, `,"personId":`, p.ID)
	dst = event.AppendText(dst, `,"name":`, p.Name)
	dst = event.AppendText(dst, `,"emailAddress":`, p.EmailAddress)
	dst = event.AppendText(dst, `,"creditCard":`, p.CreditCard)
	dst = event.AppendText(dst, `,"city":`, p.City)
	dst = event.AppendText(dst, `,"state":`, p.State)
	dst = event.AppendText(dst, `,"personExtra":`, p.Extra)
	return event.AppendJoinedAuction(dst, r.Auction)
}

// q23 joins the bids of sellers to all that they sell.
func q23(events sdk.PCollection[event.Event]) sdk.PCollection[sellerBid] {
	members := choose(events, "Members", func(e *event.Event) (kv sdk.KV[int64, memberEvent], ok bool) {
		switch e.Kind {
		case event.KindPerson:
			return sdk.MakeKV(e.Person.ID, memberEvent{Person: e.Person}), true
		case event.KindAuction:
			return sdk.MakeKV(e.Auction.Seller, memberEvent{Auction: e.Auction}), true
		case event.KindBid:
			b := &e.Bid
			return sdk.MakeKV(b.Bidder, memberEvent{Bid: memberBid{b.Bidder, b.Price, b.Channel, b.URL, b.Extra}}), true
		}
		return kv, false
	})
	return sdk.StatefulParDo(members, &sellerBidsFn{})
}

// memberEvent is a person, an auction of theirs, or else a bid.
type memberEvent struct {
	Person  *event.Person
	Auction *event.Auction
	Bid     memberBid
}

type sellerBidsFn struct {
	Person   state.Value[*event.Person]
	Auctions state.Bag[*event.Auction]
	Bids     state.Bag[memberBid]
}

func (f *sellerBidsFn) ProcessElement(_ *sdk.Context, _ int64, in memberEvent, out sdk.Emitter[sellerBid]) error {
	p := f.Person.Get()
	switch {
	case in.Person != nil:
		f.Person.Write(in.Person)
		for a := range f.Auctions.All() {
			for b := range f.Bids.All() {
				out.Emit(sellerBid{b, in.Person, a})
			}
		}
	case in.Auction != nil:
		f.Auctions.Add(in.Auction)
		if p != nil {
			for b := range f.Bids.All() {
				out.Emit(sellerBid{b, p, in.Auction})
			}
		}
	default:
		f.Bids.Add(in.Bid)
		if p != nil {
			for a := range f.Auctions.All() {
				out.Emit(sellerBid{in.Bid, p, a})
			}
		}
	}
	return nil
}
