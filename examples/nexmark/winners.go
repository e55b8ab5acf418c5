package main

import (
	"cmp"
	"slices"

	"github.com/millrace-go/millrace/examples/nexmark/event"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/state"
	"github.com/millrace-go/millrace/sdk/timer"
)

// sale is an auction and the bid that has won it.
type sale struct {
	Auction *event.Auction
	Bid     offer
}

// offer is what is kept of a bid until its auction closes.
type offer struct {
	Price, DateTime, Bidder int64
	Extra                   string
}

// beats says whether o is worth more than p: its price is higher, or the same and it is earlier.
func (o *offer) beats(p *offer) bool {
	return cmp.Or(cmp.Compare(o.Price, p.Price), cmp.Compare(p.DateTime, o.DateTime), cmp.Compare(p.Bidder, o.Bidder),
		cmp.Compare(p.Extra, o.Extra)) > 0
}

// lotEvent is an auction or a bid for it.
type lotEvent struct {
	Auction *event.Auction // or nil
	Bid     offer
}

// sales finds the winning bids, each when its auction has closed. Queries 4 and 6 need no more of a bid than price and
// time, so they leave the rest out.
func sales(events sdk.PCollection[event.Event], whole bool) sdk.PCollection[sale] {
	lots := choose(events, "Lots", func(e *event.Event) (kv sdk.KV[int64, lotEvent], ok bool) {
		switch e.Kind {
		case event.KindAuction:
			return sdk.MakeKV(e.Auction.ID, lotEvent{Auction: e.Auction}), true
		case event.KindBid:
			b := &e.Bid
			o := offer{Price: b.Price, DateTime: b.DateTime}
			if whole {
				o.Bidder, o.Extra = b.Bidder, b.Extra
			}
			return sdk.MakeKV(b.Auction, lotEvent{Bid: o}), true
		}
		return kv, false
	})
	return sdk.StatefulParDo(lots, &saleFn{}, sdk.Name("Sales"))
}

// saleFn keeps the best bid of an open auction.
//
// A bid that finds no auction waits: the auction may be on its way, if it opened no later than the bid was made. So it
// waits only until the watermark has passed the bid, and a bid for an auction that is closed, or never opens, is not
// kept for ever.
type saleFn struct {
	Auction state.Value[*event.Auction]
	Best    state.Value[offer]
	Waiting state.Bag[offer]
	// Done is when the auction has closed, or the first of the waiting bids has waited long enough.
	Done timer.EventTime
}

func (f *saleFn) ProcessElement(_ *sdk.Context, _ int64, in lotEvent, _ sdk.Emitter[sale]) error {
	if a := in.Auction; a != nil {
		f.Auction.Write(a)
		for o := range f.Waiting.All() {
			f.bid(a, o)
		}
		f.Waiting.Clear()
		f.Done.Set(sdk.Time(a.Expires + 1))
		return nil
	}
	if a := f.Auction.Get(); a != nil {
		f.bid(a, in.Bid)
		return nil
	}
	if f.Waiting.Len() == 0 {
		f.Done.Set(sdk.Time(in.Bid.DateTime + 1))
	}
	f.Waiting.Add(in.Bid)
	return nil
}

func (f *saleFn) bid(a *event.Auction, o offer) {
	if o.DateTime < a.DateTime || o.DateTime > a.Expires {
		return
	}
	if best, ok := f.Best.Read(); !ok || o.beats(&best) {
		f.Best.Write(o)
	}
}

func (f *saleFn) OnTimer(_ *sdk.Context, _ int64, t sdk.Fired, out sdk.Emitter[sale]) error {
	if a := f.Auction.Get(); a != nil {
		if best, ok := f.Best.Read(); ok {
			out.Emit(sale{a, best})
		}
		f.Auction.Clear()
		f.Best.Clear()
		return nil
	}
	var still []offer
	for o := range f.Waiting.All() {
		if sdk.Time(o.DateTime) >= t.At {
			still = append(still, o)
		}
	}
	f.Waiting.Clear()
	for i, o := range still {
		if i == 0 {
			f.Done.Set(sdk.Time(o.DateTime + 1))
		}
		f.Waiting.Add(o)
	}
	return nil
}

// categoryPrice is the average price of a category.
type categoryPrice struct{ Category, AvgPrice int64 }

func (p *categoryPrice) AppendJSON(dst []byte) []byte {
	dst = event.AppendInt(dst, `{"category":`, p.Category)
	return append(event.AppendInt(dst, `,"avgPrice":`, p.AvgPrice), '}')
}

// q4 averages the winning prices of each category, over all auctions that have closed so far.
func q4(events sdk.PCollection[event.Event]) sdk.PCollection[categoryPrice] {
	prices := sdk.Map(sales(events, false), func(s sale) sdk.KV[int64, int64] {
		return sdk.MakeKV(s.Auction.Category, s.Bid.Price)
	})
	means := sdk.CombinePerKey(everChanging(prices), meanFn{})
	return sdk.Map(means, func(m sdk.KV[int64, int64]) categoryPrice { return categoryPrice{m.Key, m.Value} })
}

// mean is the sum and number of prices.
type mean struct{ Sum, Count int64 }

// meanFn averages integers, rounding down.
type meanFn struct{}

func (meanFn) CreateAccumulator() mean           { return mean{} }
func (meanFn) AddInput(m mean, price int64) mean { return mean{m.Sum + price, m.Count + 1} }
func (meanFn) MergeAccumulators(a, b mean) mean  { return mean{a.Sum + b.Sum, a.Count + b.Count} }

func (meanFn) ExtractOutput(m mean) int64 {
	if m.Count == 0 {
		return 0
	}
	return m.Sum / m.Count
}

// sellerPrice is the average price of a seller's last sales.
type sellerPrice struct{ Seller, AvgPrice int64 }

func (p *sellerPrice) AppendJSON(dst []byte) []byte {
	dst = event.AppendInt(dst, `{"seller":`, p.Seller)
	return append(event.AppendInt(dst, `,"avgPrice":`, p.AvgPrice), '}')
}

// q6 averages the last ten winning prices of each seller.
func q6(events sdk.PCollection[event.Event]) sdk.PCollection[sellerPrice] {
	sold := sdk.Map(sales(events, false), func(s sale) sdk.KV[int64, pricedSale] {
		return sdk.MakeKV(s.Auction.Seller, pricedSale{s.Bid.DateTime, s.Bid.Price, s.Auction.ID})
	})
	last := sdk.CombinePerKey(everChanging(sold), lastSalesFn{})
	return sdk.Map(last, func(m sdk.KV[int64, int64]) sellerPrice { return sellerPrice{m.Key, m.Value} })
}

// pricedSale is a sale, by what orders the sales of a seller.
type pricedSale struct{ DateTime, Price, Auction int64 }

func (s pricedSale) compare(t pricedSale) int {
	return cmp.Or(cmp.Compare(s.DateTime, t.DateTime), cmp.Compare(s.Price, t.Price), cmp.Compare(s.Auction, t.Auction))
}

// lastSalesFn averages the last ten sales, which it keeps in order.
type lastSalesFn struct{}

const lastSales = 10

func (lastSalesFn) CreateAccumulator() []pricedSale { return nil }

func (lastSalesFn) AddInput(kept []pricedSale, s pricedSale) []pricedSale {
	at, _ := slices.BinarySearchFunc(kept, s, pricedSale.compare)
	if len(kept) < lastSales {
		return slices.Insert(kept, at, s)
	}
	if at > 0 {
		copy(kept, kept[1:at])
		kept[at-1] = s
	}
	return kept
}

func (f lastSalesFn) MergeAccumulators(a, b []pricedSale) []pricedSale {
	for _, s := range b {
		a = f.AddInput(a, s)
	}
	return a
}

func (lastSalesFn) ExtractOutput(kept []pricedSale) int64 {
	var m mean
	for _, s := range kept {
		m = meanFn{}.AddInput(m, s.Price)
	}
	return meanFn{}.ExtractOutput(m)
}

// wonAuction is an auction with its winning bid.
type wonAuction struct {
	Auction *event.Auction
	Bid     offer
}

func (w *wonAuction) AppendJSON(dst []byte) []byte {
	a, b := w.Auction, &w.Bid
	dst = event.AppendInt(dst, `{"auction":`, a.ID)
	dst = event.AppendInt(dst, `,"bidder":`, b.Bidder)
	dst = event.AppendInt(dst, `,"price":`, b.Price)
	dst = event.AppendInt(dst, `,"bidDateTime":`, b.DateTime)
	dst = event.AppendText(dst, `,"bidExtra":`, b.Extra)
	dst = event.AppendInt(dst, `,"id":`, a.ID)
	dst = event.AppendText(dst, `,"itemName":`, a.ItemName)
	dst = event.AppendText(dst, `,"description":`, a.Description)
	dst = event.AppendInt(dst, `,"initialBid":`, a.InitialBid)
	dst = event.AppendInt(dst, `,"reserve":`, a.Reserve)
	dst = event.AppendInt(dst, `,"dateTime":`, a.DateTime)
	dst = event.AppendInt(dst, `,"expires":`, a.Expires)
	dst = event.AppendInt(dst, `,"seller":`, a.Seller)
	dst = event.AppendInt(dst, `,"category":`, a.Category)
	return append(event.AppendText(dst, `,"extra":`, a.Extra), '}')
}

// q9 finds the winning bid of each auction.
func q9(events sdk.PCollection[event.Event]) sdk.PCollection[wonAuction] {
	return sdk.Map(sales(events, true), func(s sale) wonAuction { return wonAuction(s) })
}
