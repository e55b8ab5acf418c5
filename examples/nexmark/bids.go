package main

import (
	"strconv"
	"strings"

	"github.com/millrace-go/millrace/examples/nexmark/event"
	"github.com/millrace-go/millrace/sdk"
)

// shortBid is a bid without channel and URL.
type shortBid struct {
	Auction, Bidder, Price, DateTime int64
	Extra                            string
}

func short(b *event.Bid) shortBid {
	return shortBid{b.Auction, b.Bidder, b.Price, b.DateTime, b.Extra}
}

func (b *shortBid) open(dst []byte) []byte {
	dst = event.AppendInt(dst, `{"auction":`, b.Auction)
	dst = event.AppendInt(dst, `,"bidder":`, b.Bidder)
	dst = event.AppendInt(dst, `,"price":`, b.Price)
	dst = event.AppendInt(dst, `,"dateTime":`, b.DateTime)
	return event.AppendText(dst, `,"extra":`, b.Extra)
}

func (b *shortBid) AppendJSON(dst []byte) []byte { return append(b.open(dst), '}') }

// q0 passes the bids through.
func q0(events sdk.PCollection[event.Event]) sdk.PCollection[shortBid] {
	return mapBids(events, short)
}

// euroBid is a bid whose price is still in dollars: it is converted as it is written, since the result is no integer.
type euroBid struct{ shortBid }

func (b *euroBid) AppendJSON(dst []byte) []byte {
	dst = event.AppendInt(dst, `{"auction":`, b.Auction)
	dst = event.AppendInt(dst, `,"bidder":`, b.Bidder)
	dst = decimal(dst, `,"price":"`, b.Price)
	dst = event.AppendInt(dst, `,"dateTime":`, b.DateTime)
	return append(event.AppendText(dst, `,"extra":`, b.Extra), '}')
}

// q1 converts the prices: 0.908 euro to the dollar.
func q1(events sdk.PCollection[event.Event]) sdk.PCollection[euroBid] {
	return mapBids(events, func(b *event.Bid) euroBid { return euroBid{short(b)} })
}

// auctionPrice is a price bid for an auction.
type auctionPrice struct{ Auction, Price int64 }

func (a *auctionPrice) AppendJSON(dst []byte) []byte {
	dst = event.AppendInt(dst, `{"auction":`, a.Auction)
	return append(event.AppendInt(dst, `,"price":`, a.Price), '}')
}

// q2 selects the bids for some auctions.
func q2(events sdk.PCollection[event.Event]) sdk.PCollection[auctionPrice] {
	return chooseBids(events, func(b *event.Bid) (auctionPrice, bool) {
		return auctionPrice{b.Auction, b.Price}, b.Auction%123 == 0
	})
}

// loggedBid is a bid with the partition that it belongs to.
type loggedBid struct{ Bid shortBid }

func (l *loggedBid) AppendJSON(dst []byte) []byte {
	dst = l.Bid.open(dst)
	dst = day(dst, `,"day":`, l.Bid.DateTime/dayMillis)
	return append(minute(dst, `,"minute":`, l.Bid.DateTime/minuteMillis, ':'), '}')
}

// q10 logs the bids by day and minute.
func q10(events sdk.PCollection[event.Event]) sdk.PCollection[loggedBid] {
	return mapBids(events, func(b *event.Bid) loggedBid { return loggedBid{short(b)} })
}

// enrichedBid is a bid with what the side input knows of it.
type enrichedBid struct {
	Auction, Bidder, Price, DateTime int64
	Value                            string
}

func (b *enrichedBid) AppendJSON(dst []byte) []byte {
	dst = event.AppendInt(dst, `{"auction":`, b.Auction)
	dst = event.AppendInt(dst, `,"bidder":`, b.Bidder)
	dst = event.AppendInt(dst, `,"price":`, b.Price)
	dst = event.AppendInt(dst, `,"dateTime":`, b.DateTime)
	return append(event.AppendText(dst, `,"value":`, b.Value), '}')
}

const sideInputSize = 10_000

// q13 joins the bids to a bounded side input.
func q13(events sdk.PCollection[event.Event]) sdk.PCollection[enrichedBid] {
	pairs := make([]sdk.KV[int64, string], sideInputSize)
	for i := range pairs {
		pairs[i] = sdk.MakeKV(int64(i), strconv.Itoa(i))
	}
	side := sdk.AsMap(sdk.Create(events.Pipeline(), pairs, sdk.Name("SideInput")))
	bids := mapBids(events, func(b *event.Bid) enrichedBid {
		return enrichedBid{Auction: b.Auction, Bidder: b.Bidder, Price: b.Price, DateTime: b.DateTime}
	})
	return sdk.ParDo(bids, &enrichFn{Side: side})
}

type enrichFn struct {
	Side sdk.MapView[int64, string]
}

func (f *enrichFn) ProcessElement(c *sdk.Context, b enrichedBid, out sdk.Emitter[enrichedBid]) error {
	if value, ok := f.Side.Get(c, b.Auction%sideInputSize); ok {
		b.Value = value
		out.Emit(b)
	}
	return nil
}

// calculatedBid is a bid whose price is converted as it is written; the rest follows from its fields too.
type calculatedBid struct{ shortBid }

func (b *calculatedBid) AppendJSON(dst []byte) []byte {
	dst = event.AppendInt(dst, `{"auction":`, b.Auction)
	dst = event.AppendInt(dst, `,"bidder":`, b.Bidder)
	dst = decimal(dst, `,"price":"`, b.Price)
	dst = append(append(append(dst, `,"bidTimeType":"`...), bidTimeType(b.DateTime)...), '"')
	dst = event.AppendInt(dst, `,"dateTime":`, b.DateTime)
	dst = event.AppendText(dst, `,"extra":`, b.Extra)
	return append(event.AppendInt(dst, `,"cCounts":`, int64(strings.Count(b.Extra, "c"))), '}')
}

func bidTimeType(at int64) string {
	switch hour := at / hourMillis % 24; {
	case hour >= 8 && hour <= 18:
		return "dayTime"
	case hour <= 6 || hour >= 20:
		return "nightTime"
	default:
		return "otherTime"
	}
}

// q14 calculates: the price in euro if it is in a range, the time of day, the letters c of the padding.
func q14(events sdk.PCollection[event.Event]) sdk.PCollection[calculatedBid] {
	const least, most = 1_000_000 * 1000, 50_000_000 * 1000
	return chooseBids(events, func(b *event.Bid) (calculatedBid, bool) {
		n := thousandths(b.Price)
		return calculatedBid{short(b)}, n > least && n < most
	})
}

// channelBid is a bid with the id of the channel it came by.
type channelBid struct {
	Auction, Bidder, Price int64
	Channel, ChannelID     string
}

func (b *channelBid) AppendJSON(dst []byte) []byte {
	dst = event.AppendInt(dst, `{"auction":`, b.Auction)
	dst = event.AppendInt(dst, `,"bidder":`, b.Bidder)
	dst = event.AppendInt(dst, `,"price":`, b.Price)
	dst = event.AppendText(dst, `,"channel":`, b.Channel)
	return append(event.AppendText(dst, `,"channelId":`, b.ChannelID), '}')
}

// q21 adds the id of the channel, by its name or else from the URL.
func q21(events sdk.PCollection[event.Event]) sdk.PCollection[channelBid] {
	return chooseBids(events, func(b *event.Bid) (channelBid, bool) {
		id, ok := channelID(b.Channel, b.URL)
		return channelBid{b.Auction, b.Bidder, b.Price, b.Channel, id}, ok
	})
}

var knownChannels = [...]struct{ name, id string }{{"apple", "0"}, {"google", "1"}, {"facebook", "2"}, {"baidu", "3"}}

func channelID(name, url string) (id string, ok bool) {
	for _, c := range knownChannels {
		if len(c.name) == len(name) && strings.EqualFold(c.name, name) {
			return c.id, true
		}
	}
	// What `(&|^)channel_id=([^&]*)` finds.
	const parameter = "channel_id="
	for rest := url; ; {
		i := strings.Index(rest, parameter)
		if i < 0 {
			return "", false
		}
		start := len(url) - len(rest) + i
		rest = rest[i+len(parameter):]
		if start == 0 || url[start-1] == '&' {
			id, _, _ = strings.Cut(rest, "&")
			return id, true
		}
	}
}

// directoryBid is a bid with the directories of its URL.
type directoryBid struct {
	Auction, Bidder, Price int64
	Channel                string
	Dirs                   [3]string
}

func (b *directoryBid) AppendJSON(dst []byte) []byte {
	dst = event.AppendInt(dst, `{"auction":`, b.Auction)
	dst = event.AppendInt(dst, `,"bidder":`, b.Bidder)
	dst = event.AppendInt(dst, `,"price":`, b.Price)
	dst = event.AppendText(dst, `,"channel":`, b.Channel)
	dst = event.AppendText(dst, `,"dir1":`, b.Dirs[0])
	dst = event.AppendText(dst, `,"dir2":`, b.Dirs[1])
	return append(event.AppendText(dst, `,"dir3":`, b.Dirs[2]), '}')
}

// q22 splits the URL.
func q22(events sdk.PCollection[event.Event]) sdk.PCollection[directoryBid] {
	return mapBids(events, func(b *event.Bid) directoryBid {
		row := directoryBid{Auction: b.Auction, Bidder: b.Bidder, Price: b.Price, Channel: b.Channel}
		rest := b.URL
		for range 3 {
			_, rest = cutSlash(rest)
		}
		for i := range row.Dirs {
			row.Dirs[i], rest = cutSlash(rest)
		}
		return row
	})
}

// cutSlash returns what is before the first slash and what is after it.
func cutSlash(s string) (before, after string) {
	if i := strings.IndexByte(s, '/'); i >= 0 {
		return s[:i], s[i+1:]
	}
	return s, ""
}
