package oracle

import (
	"strconv"

	"github.com/millrace-go/millrace/examples/nexmark/event"
)

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

// statistics are the twelve numbers of queries 15 and 16. Index 0 is all bids, the others are the ranks.
type statistics struct {
	bids              [4]int64
	bidders, auctions [4]map[int64]bool
}

// statisticsOf returns the numbers of some bids.
func statisticsOf(bids []*event.Bid) *statistics {
	var s statistics
	for i := range s.bids {
		s.bidders[i], s.auctions[i] = map[int64]bool{}, map[int64]bool{}
	}
	for _, b := range bids {
		for _, i := range []int{0, rank(b.Price)} {
			s.bids[i]++
			s.bidders[i][b.Bidder] = true
			s.auctions[i][b.Auction] = true
		}
	}
	return &s
}

// addTo sets the twelve fields of r.
func (s *statistics) addTo(r row) row {
	for i, name := range []string{"total", "rank1", "rank2", "rank3"} {
		r[name+"Bids"] = s.bids[i]
		r[name+"Bidders"] = int64(len(s.bidders[i]))
		r[name+"Auctions"] = int64(len(s.auctions[i]))
	}
	return r
}

// dayStatistics is query 15.
func dayStatistics(l log) []row {
	bids := map[string][]*event.Bid{}
	for _, b := range l.bids {
		bids[day(b.DateTime)] = append(bids[day(b.DateTime)], b)
	}
	var rows []row
	for day, bs := range bids {
		rows = append(rows, statisticsOf(bs).addTo(row{"day": day}))
	}
	return rows
}

// channelStatistics is query 16.
func channelStatistics(l log) []row {
	type key struct{ channel, day string }
	bids := map[key][]*event.Bid{}
	for _, b := range l.bids {
		k := key{b.Channel, day(b.DateTime)}
		bids[k] = append(bids[k], b)
	}
	var rows []row
	for k, bs := range bids {
		var last string
		for _, b := range bs {
			last = max(last, minute(b.DateTime))
		}
		rows = append(rows, statisticsOf(bs).addTo(row{"channel": k.channel, "day": k.day, "minute": last}))
	}
	return rows
}

// auctionStatistics is query 17.
func auctionStatistics(l log) []row {
	type key struct {
		auction int64
		day     string
	}
	bids := map[key][]*event.Bid{}
	for _, b := range l.bids {
		k := key{b.Auction, day(b.DateTime)}
		bids[k] = append(bids[k], b)
	}
	var rows []row
	for k, bs := range bids {
		r := row{"auction": k.auction, "day": k.day, "totalBids": int64(len(bs))}
		var ranks [4]int64
		least, most, sum := bs[0].Price, bs[0].Price, int64(0)
		for _, b := range bs {
			ranks[rank(b.Price)]++
			least, most, sum = min(least, b.Price), max(most, b.Price), sum+b.Price
		}
		for i := 1; i <= 3; i++ {
			r["rank"+strconv.Itoa(i)+"Bids"] = ranks[i]
		}
		r["minPrice"], r["maxPrice"], r["sumPrice"], r["avgPrice"] = least, most, sum, sum/int64(len(bs))
		rows = append(rows, r)
	}
	return rows
}
