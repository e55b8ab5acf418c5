package main

import (
	"time"

	"github.com/millrace-go/millrace/examples/nexmark/event"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/state"
	"github.com/millrace-go/millrace/sdk/timer"
	"github.com/millrace-go/millrace/sdk/window"
	"github.com/millrace-go/millrace/transforms/stats"
)

const (
	windowSize = 10 * time.Second
	slide      = 2 * time.Second
)

// span is the bounds of a window.
type span struct{ Start, End int64 }

func spanOf(w window.Window) span { return span{int64(w.Start), int64(w.End)} }

func (s span) open(dst []byte) []byte {
	dst = event.AppendInt(dst, `{"windowStart":`, s.Start)
	return event.AppendInt(dst, `,"windowEnd":`, s.End)
}

// hotItem is an auction with the most bids of a window.
type hotItem struct {
	Window         span
	Auction, Count int64
}

func (h *hotItem) AppendJSON(dst []byte) []byte {
	dst = h.Window.open(dst)
	dst = event.AppendInt(dst, `,"auction":`, h.Auction)
	return append(event.AppendInt(dst, `,"count":`, h.Count), '}')
}

// q5 finds the auctions with the most bids of the last 10 s, every 2 s.
func q5(events sdk.PCollection[event.Event]) sdk.PCollection[hotItem] {
	bids := mapBids(events, func(b *event.Bid) int64 { return b.Auction })
	counts := stats.Count(sdk.WindowInto(bids, window.Sliding(windowSize, slide)))
	hottest := sdk.CombineGlobally(counts, mostFn{})
	return sdk.ParDo(hottest, hotItemsFn{})
}

// most is the auctions that share the greatest count.
type most struct {
	Count    int64
	Auctions []int64
}

type mostFn struct{}

func (mostFn) CreateAccumulator() most { return most{} }

func (mostFn) AddInput(m most, in sdk.KV[int64, int64]) most {
	if in.Value > m.Count {
		m.Count, m.Auctions = in.Value, m.Auctions[:0]
	}
	if in.Value == m.Count {
		m.Auctions = append(m.Auctions, in.Key)
	}
	return m
}

func (mostFn) MergeAccumulators(a, b most) most {
	if b.Count > a.Count {
		a.Count, a.Auctions = b.Count, a.Auctions[:0]
	}
	if b.Count == a.Count {
		a.Auctions = append(a.Auctions, b.Auctions...)
	}
	return a
}

func (mostFn) ExtractOutput(m most) most { return m }

type hotItemsFn struct{ Window sdk.ObservedWindow }

func (f hotItemsFn) ProcessElement(c *sdk.Context, m most, out sdk.Emitter[hotItem]) error {
	w := spanOf(f.Window.Get(c))
	for _, auction := range m.Auctions {
		out.Emit(hotItem{w, auction, m.Count})
	}
	return nil
}

// highBid is a bid with the highest price of a window.
type highBid struct {
	Window span
	Bid    shortBid
}

func (h *highBid) AppendJSON(dst []byte) []byte {
	dst = h.Window.open(dst)
	dst = event.AppendInt(dst, `,"auction":`, h.Bid.Auction)
	dst = event.AppendInt(dst, `,"bidder":`, h.Bid.Bidder)
	dst = event.AppendInt(dst, `,"price":`, h.Bid.Price)
	dst = event.AppendInt(dst, `,"dateTime":`, h.Bid.DateTime)
	return append(event.AppendText(dst, `,"extra":`, h.Bid.Extra), '}')
}

// q7 finds the bids with the highest price of each 10 s.
func q7(events sdk.PCollection[event.Event]) sdk.PCollection[highBid] {
	bids := sdk.WindowInto(mapBids(events, short), window.Fixed(windowSize))
	highest := sdk.CombineGlobally(bids, highestFn{})
	return sdk.ParDo(highest, highBidsFn{})
}

// highestFn keeps the bids that share the highest price.
type highestFn struct{}

func (highestFn) CreateAccumulator() []shortBid { return nil }

func (highestFn) AddInput(high []shortBid, b shortBid) []shortBid {
	if len(high) > 0 {
		switch {
		case b.Price < high[0].Price:
			return high
		case b.Price > high[0].Price:
			high = high[:0]
		}
	}
	return append(high, b)
}

func (f highestFn) MergeAccumulators(a, b []shortBid) []shortBid {
	for i := range b {
		a = f.AddInput(a, b[i])
	}
	return a
}

func (highestFn) ExtractOutput(high []shortBid) []shortBid { return high }

type highBidsFn struct{ Window sdk.ObservedWindow }

func (f highBidsFn) ProcessElement(c *sdk.Context, high []shortBid, out sdk.Emitter[highBid]) error {
	w := spanOf(f.Window.Get(c))
	for _, b := range high {
		out.Emit(highBid{w, b})
	}
	return nil
}

// newSeller is a person who opens an auction in the window in which they register.
type newSeller struct {
	Window span
	ID     int64
	Name   string
}

func (s *newSeller) AppendJSON(dst []byte) []byte {
	dst = s.Window.open(dst)
	dst = event.AppendInt(dst, `,"id":`, s.ID)
	return append(event.AppendText(dst, `,"name":`, s.Name), '}')
}

// q8 finds those who register and sell within the same 10 s.
func q8(events sdk.PCollection[event.Event]) sdk.PCollection[newSeller] {
	persons := choose(events, "Persons", func(e *event.Event) (p sdk.KV[int64, string], ok bool) {
		if e.Kind == event.KindPerson {
			return sdk.MakeKV(e.Person.ID, e.Person.Name), true
		}
		return p, false
	})
	sellers := choose(events, "Sellers", func(e *event.Event) (s sdk.KV[int64, bool], ok bool) {
		if e.Kind == event.KindAuction {
			return sdk.MakeKV(e.Auction.Seller, true), true
		}
		return s, false
	})
	both := sdk.CoGroupByKey2(
		sdk.WindowInto(persons, window.Fixed(windowSize), sdk.Name("PersonWindows")),
		sdk.WindowInto(sellers, window.Fixed(windowSize), sdk.Name("SellerWindows")))
	return sdk.ParDo(both, newSellersFn{})
}

type newSellersFn struct{ Window sdk.ObservedWindow }

func (f newSellersFn) ProcessElement(c *sdk.Context, in sdk.KV[int64, sdk.CoGroup2[string, bool]], out sdk.Emitter[newSeller]) error {
	for range in.Value.B { // one auction will do
		for name := range in.Value.A {
			out.Emit(newSeller{spanOf(f.Window.Get(c)), in.Key, name})
		}
		break
	}
	return nil
}

// bidderCount is how many bids somebody has made in a window or session.
type bidderCount struct {
	Bidder, Count int64
	Window        span
}

func (b *bidderCount) AppendJSON(dst []byte) []byte {
	dst = event.AppendInt(dst, `{"bidder":`, b.Bidder)
	dst = event.AppendInt(dst, `,"count":`, b.Count)
	dst = event.AppendInt(dst, `,"windowStart":`, b.Window.Start)
	return append(event.AppendInt(dst, `,"windowEnd":`, b.Window.End), '}')
}

// q11 counts the bids of each user's sessions.
func q11(events sdk.PCollection[event.Event]) sdk.PCollection[bidderCount] {
	bidders := mapBids(events, func(b *event.Bid) int64 { return b.Bidder })
	counts := stats.Count(sdk.WindowInto(bidders, window.Sessions(windowSize)))
	return sdk.ParDo(counts, sessionsFn{})
}

type sessionsFn struct{ Window sdk.ObservedWindow }

func (f sessionsFn) ProcessElement(c *sdk.Context, in sdk.KV[int64, int64], out sdk.Emitter[bidderCount]) error {
	out.Emit(bidderCount{in.Key, in.Value, spanOf(f.Window.Get(c))})
	return nil
}

// q12 counts each user's bids in windows of processing time.
func q12(events sdk.PCollection[event.Event]) sdk.PCollection[bidderCount] {
	bidders := mapBids(events, func(b *event.Bid) sdk.KV[int64, bool] { return sdk.MakeKV(b.Bidder, true) })
	return sdk.StatefulParDo(bidders, &liveCountFn{})
}

// liveCountFn counts what comes for a key between two full ten seconds of the wall clock.
type liveCountFn struct {
	Count state.Value[liveCount]
	// Close ends a window by the clock; AtEnd ends those that are open when there are no more events.
	Close timer.ProcessingTime
	AtEnd timer.EventTime

	start int64 // of the window that it is now
}

// liveCount is a window that is open.
type liveCount struct{ Start, Count int64 }

// StartBundle reads the clock: a bundle is short, and one time for all of it is as good as any.
func (f *liveCountFn) StartBundle(*sdk.Context) error {
	f.reached(time.Now().UnixMilli())
	return nil
}

// reached notes what time it is. The clock is never taken to go back, or a window could have two rows.
func (f *liveCountFn) reached(now int64) {
	const size = int64(windowSize / time.Millisecond)
	f.start = max(f.start, now-now%size)
}

func (f *liveCountFn) ProcessElement(_ *sdk.Context, bidder int64, _ bool, out sdk.Emitter[bidderCount]) error {
	w, counting := f.Count.Read()
	if counting && w.Start != f.start {
		f.emit(bidder, w, out)
		counting = false
	}
	if !counting {
		w = liveCount{Start: f.start}
		f.Close.Set(sdk.Time(w.Start).Add(windowSize))
		f.AtEnd.Set(mtime.EndOfGlobalWindow)
	}
	w.Count++
	f.Count.Write(w)
	return nil
}

func (f *liveCountFn) OnTimer(_ *sdk.Context, bidder int64, t sdk.Fired, out sdk.Emitter[bidderCount]) error {
	if t.Family == "Close" {
		f.reached(int64(t.At))
	}
	if w, ok := f.Count.Read(); ok {
		f.emit(bidder, w, out)
		f.Count.Clear()
	}
	f.Close.Clear()
	f.AtEnd.Clear()
	return nil
}

func (f *liveCountFn) emit(bidder int64, w liveCount, out sdk.Emitter[bidderCount]) {
	start := sdk.Time(w.Start)
	out.Emit(bidderCount{bidder, w.Count, span{w.Start, int64(start.Add(windowSize))}})
}
