package byhand

import "github.com/millrace-go/millrace/examples/nexmark/event"

// rank returns the price range of a bid: 1, 2 or 3.
func rank(price int64) int {
	switch {
	case price < 10_000:
		return 1
	case price < 1_000_000:
		return 2
	}
	return 3
}

// ranked are four counts: of all, then of each rank.
type ranked [4]int64

// distinct counts a key if it is new, and new in its rank. The map has a bit for each rank that a key was seen in.
func distinct[K comparable](counts *ranked, seen map[K]uint8, key K, rank int) {
	ranks, bit := seen[key], uint8(1)<<rank
	if ranks&bit != 0 {
		return
	}
	if ranks == 0 {
		counts[0]++
	}
	counts[rank]++
	seen[key] = ranks | bit
}

// statistics are the twelve numbers of queries 15 and 16.
type statistics struct{ bids, bidders, auctions ranked }

func (s *statistics) append(row []byte) []byte {
	row = s.bids.append(row, "Bids")
	row = s.bidders.append(row, "Bidders")
	return s.auctions.append(row, "Auctions")
}

func (r *ranked) append(row []byte, name string) []byte {
	for i, prefix := range [...]string{`,"total`, `,"rank1`, `,"rank2`, `,"rank3`} {
		row = append(row, prefix...)
		row = append(row, name...)
		row = event.AppendInt(row, `":`, r[i])
	}
	return row
}

// dayStatistics is query 15.
func dayStatistics(in *input, out *output) {
	type state struct {
		statistics
		seenBidders, seenAuctions map[int64]uint8
	}
	days := newWindows[state](dayMillis)
	in.bids(func(b *event.Bid) {
		s := days.at(b.DateTime)
		if s.seenBidders == nil {
			s.seenBidders, s.seenAuctions = make(map[int64]uint8), make(map[int64]uint8)
		}
		r := rank(b.Price)
		s.bids[0]++
		s.bids[r]++
		distinct(&s.bidders, s.seenBidders, b.Bidder, r)
		distinct(&s.auctions, s.seenAuctions, b.Auction, r)
	})
	for day, s := range days.open {
		row := plain(out.row(), `{"day":`, dayName(day))
		out.write(append(s.append(row), '}'))
	}
}

// channelStatistics is query 16.
func channelStatistics(in *input, out *output) {
	type channel struct {
		statistics
		number int64
		minute int64 // the greatest since the epoch, which is the greatest of the day too
	}
	type key struct{ channel, id int64 }
	type state struct {
		channels                  map[string]*channel
		seenBidders, seenAuctions map[key]uint8
	}
	days := newWindows[state](dayMillis)
	in.bids(func(b *event.Bid) {
		s := days.at(b.DateTime)
		if s.channels == nil {
			s.channels = make(map[string]*channel)
			s.seenBidders, s.seenAuctions = make(map[key]uint8), make(map[key]uint8)
		}
		c := s.channels[b.Channel]
		if c == nil {
			c = &channel{number: int64(len(s.channels))}
			s.channels[b.Channel] = c
		}
		c.minute = max(c.minute, b.DateTime/minuteMillis)
		r := rank(b.Price)
		c.bids[0]++
		c.bids[r]++
		distinct(&c.bidders, s.seenBidders, key{c.number, b.Bidder}, r)
		distinct(&c.auctions, s.seenAuctions, key{c.number, b.Auction}, r)
	})
	for day, s := range days.open {
		name := dayName(day)
		for channel, c := range s.channels {
			row := event.AppendText(out.row(), `{"channel":`, channel)
			row = plain(row, `,"day":`, name)
			row = plain(row, `,"minute":`, minuteName(c.minute))
			out.write(append(c.append(row), '}'))
		}
	}
}

// auctionStatistics is query 17.
func auctionStatistics(in *input, out *output) {
	type prices struct {
		bids        ranked
		least, most int64
		sum         int64
	}
	type state struct{ auctions map[int64]*prices }
	days := newWindows[state](dayMillis)
	in.bids(func(b *event.Bid) {
		s := days.at(b.DateTime)
		if s.auctions == nil {
			s.auctions = make(map[int64]*prices)
		}
		p := s.auctions[b.Auction]
		if p == nil {
			p = &prices{least: b.Price, most: b.Price}
			s.auctions[b.Auction] = p
		}
		p.bids[0]++
		p.bids[rank(b.Price)]++
		p.least, p.most, p.sum = min(p.least, b.Price), max(p.most, b.Price), p.sum+b.Price
	})
	for day, s := range days.open {
		name := dayName(day)
		for auction, p := range s.auctions {
			row := event.AppendInt(out.row(), `{"auction":`, auction)
			row = plain(row, `,"day":`, name)
			row = p.bids.append(row, "Bids")
			row = event.AppendInt(row, `,"minPrice":`, p.least)
			row = event.AppendInt(row, `,"maxPrice":`, p.most)
			row = event.AppendInt(row, `,"avgPrice":`, p.sum/p.bids[0])
			row = event.AppendInt(row, `,"sumPrice":`, p.sum)
			out.write(append(row, '}'))
		}
	}
}
