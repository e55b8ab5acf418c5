package main

import (
	"time"

	"github.com/millrace-go/millrace/examples/nexmark/event"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/trigger"
	"github.com/millrace-go/millrace/sdk/window"
)

// everChanging makes aggregations over all of time give the keys that have changed, again and again.
func everChanging[T any](in sdk.PCollection[T]) sdk.PCollection[T] {
	return sdk.WindowInto(in, window.GlobalWindows(), sdk.Trigger(trigger.Always()), sdk.Accumulating())
}

// daily makes aggregations by day give the keys that have changed, again and again until the day is over.
func daily[T any](in sdk.PCollection[T]) sdk.PCollection[T] {
	return sdk.WindowInto(in, window.Fixed(24*time.Hour), sdk.Trigger(trigger.Always()), sdk.Accumulating())
}

// ranked are four counts: of all, then of those in each range of prices.
type ranked [4]int64

// rank returns the range of a price: 1, 2 or 3.
func rank(price int64) int {
	switch {
	case price < 10_000:
		return 1
	case price < 1_000_000:
		return 2
	default:
		return 3
	}
}

func (r *ranked) count(rank int) {
	r[0]++
	r[rank]++
}

func (r *ranked) add(other *ranked) {
	for i := range r {
		r[i] += other[i]
	}
}

func (r *ranked) append(dst []byte, name string) []byte {
	for i, prefix := range [...]string{`,"total`, `,"rank1`, `,"rank2`, `,"rank3`} {
		dst = append(append(dst, prefix...), name...)
		dst = event.AppendInt(dst, `":`, r[i])
	}
	return dst
}

// distinct counts ids: each once, and once in each range in which it occurs.
type distinct struct {
	Seen   idSet
	Counts ranked
}

// see notes that an id occurs in the ranges of a set of bits, the bit 1<<(rank-1) of each.
func (d *distinct) see(id int64, ranks uint64) {
	had := d.Seen.add(id, ranks)
	if had == 0 {
		d.Counts[0]++
	}
	for fresh, i := ranks&^had, 1; fresh != 0; fresh, i = fresh>>1, i+1 {
		d.Counts[i] += int64(fresh & 1)
	}
}

func (d *distinct) merge(other *distinct) {
	for _, v := range other.Seen.Slots {
		if v != 0 {
			d.see(int64(v>>idBits), v&(1<<idBits-1))
		}
	}
}

// statBid is what the statistics take of a bid.
type statBid struct{ Auction, Bidder, Price, Minute int64 }

func stat(b *event.Bid) statBid {
	return statBid{b.Auction, b.Bidder, b.Price, b.DateTime / minuteMillis}
}

// statistics are what queries 15 and 16 find out about some bids.
type statistics struct {
	Bids              ranked
	Bidders, Auctions distinct
	Minute            int64 // the latest, since the epoch
}

// totals is a snapshot of statistics.
type totals struct {
	Bids, Bidders, Auctions ranked
	Minute                  int64
}

func (t *totals) append(dst []byte) []byte {
	dst = t.Bids.append(dst, "Bids")
	dst = t.Bidders.append(dst, "Bidders")
	return t.Auctions.append(dst, "Auctions")
}

type statisticsFn struct{}

func (statisticsFn) CreateAccumulator() *statistics { return &statistics{} }

func (statisticsFn) AddInput(s *statistics, b statBid) *statistics {
	r := rank(b.Price)
	s.Bids.count(r)
	s.Bidders.see(b.Bidder, 1<<(r-1))
	s.Auctions.see(b.Auction, 1<<(r-1))
	s.Minute = max(s.Minute, b.Minute)
	return s
}

func (statisticsFn) MergeAccumulators(a, b *statistics) *statistics {
	a.Bids.add(&b.Bids)
	a.Bidders.merge(&b.Bidders)
	a.Auctions.merge(&b.Auctions)
	a.Minute = max(a.Minute, b.Minute)
	return a
}

func (statisticsFn) ExtractOutput(s *statistics) totals {
	return totals{s.Bids, s.Bidders.Counts, s.Auctions.Counts, s.Minute}
}

// dayStatistics are the numbers of a day.
type dayStatistics struct {
	Day    int64 // since the epoch
	Totals totals
}

func (s *dayStatistics) AppendJSON(dst []byte) []byte {
	return append(s.Totals.append(day(dst, `{"day":`, s.Day)), '}')
}

// q15 counts each day's bids, bidders and auctions.
func q15(events sdk.PCollection[event.Event]) sdk.PCollection[dayStatistics] {
	days := sdk.CombineGlobally(daily(mapBids(events, stat)), statisticsFn{})
	return sdk.ParDo(days, dayStatisticsFn{})
}

type dayStatisticsFn struct{ Window sdk.ObservedWindow }

func (f dayStatisticsFn) ProcessElement(c *sdk.Context, t totals, out sdk.Emitter[dayStatistics]) error {
	out.Emit(dayStatistics{dayOf(f.Window.Get(c)), t})
	return nil
}

func dayOf(w window.Window) int64 { return int64(w.Start) / dayMillis }

// channelStatistics are the numbers of a channel on a day.
type channelStatistics struct {
	Channel string
	Day     int64 // since the epoch
	Totals  totals
}

func (s *channelStatistics) AppendJSON(dst []byte) []byte {
	dst = event.AppendText(dst, `{"channel":`, s.Channel)
	dst = day(dst, `,"day":`, s.Day)
	dst = minute(dst, `,"minute":`, s.Totals.Minute, ':')
	return append(s.Totals.append(dst), '}')
}

// q16 counts each channel's bids, bidders and auctions by day.
func q16(events sdk.PCollection[event.Event]) sdk.PCollection[channelStatistics] {
	bids := mapBids(events, func(b *event.Bid) sdk.KV[string, statBid] { return sdk.MakeKV(b.Channel, stat(b)) })
	channels := sdk.CombinePerKey(daily(bids), statisticsFn{})
	return sdk.ParDo(channels, channelStatisticsFn{})
}

type channelStatisticsFn struct{ Window sdk.ObservedWindow }

func (f channelStatisticsFn) ProcessElement(c *sdk.Context, in sdk.KV[string, totals], out sdk.Emitter[channelStatistics]) error {
	out.Emit(channelStatistics{in.Key, dayOf(f.Window.Get(c)), in.Value})
	return nil
}

// prices are what query 17 finds out about an auction's bids.
type prices struct {
	Bids             ranked
	Least, Most, Sum int64
}

type pricesFn struct{}

func (pricesFn) CreateAccumulator() prices { return prices{} }

func (pricesFn) AddInput(p prices, price int64) prices {
	if p.Bids[0] == 0 {
		p.Least, p.Most = price, price
	}
	p.Bids.count(rank(price))
	p.Least, p.Most, p.Sum = min(p.Least, price), max(p.Most, price), p.Sum+price
	return p
}

func (pricesFn) MergeAccumulators(a, b prices) prices {
	switch {
	case a.Bids[0] == 0:
		return b
	case b.Bids[0] == 0:
		return a
	}
	a.Bids.add(&b.Bids)
	a.Least, a.Most, a.Sum = min(a.Least, b.Least), max(a.Most, b.Most), a.Sum+b.Sum
	return a
}

func (pricesFn) ExtractOutput(p prices) prices { return p }

// auctionStatistics are the numbers of an auction on a day.
type auctionStatistics struct {
	Auction, Day int64
	Prices       prices
}

func (s *auctionStatistics) AppendJSON(dst []byte) []byte {
	p := &s.Prices
	dst = event.AppendInt(dst, `{"auction":`, s.Auction)
	dst = day(dst, `,"day":`, s.Day)
	dst = p.Bids.append(dst, "Bids")
	dst = event.AppendInt(dst, `,"minPrice":`, p.Least)
	dst = event.AppendInt(dst, `,"maxPrice":`, p.Most)
	dst = event.AppendInt(dst, `,"avgPrice":`, p.Sum/p.Bids[0])
	return append(event.AppendInt(dst, `,"sumPrice":`, p.Sum), '}')
}

// q17 sums up each auction's prices by day.
func q17(events sdk.PCollection[event.Event]) sdk.PCollection[auctionStatistics] {
	bids := mapBids(events, func(b *event.Bid) sdk.KV[int64, int64] { return sdk.MakeKV(b.Auction, b.Price) })
	auctions := sdk.CombinePerKey(daily(bids), pricesFn{})
	return sdk.ParDo(auctions, auctionStatisticsFn{})
}

type auctionStatisticsFn struct{ Window sdk.ObservedWindow }

func (f auctionStatisticsFn) ProcessElement(c *sdk.Context, in sdk.KV[int64, prices], out sdk.Emitter[auctionStatistics]) error {
	out.Emit(auctionStatistics{in.Key, dayOf(f.Window.Get(c)), in.Value})
	return nil
}
