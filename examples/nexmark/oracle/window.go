package oracle

import (
	"slices"

	"github.com/millrace-go/millrace/examples/nexmark/event"
)

// hotItems is query 5.
func hotItems(l log) []row {
	counts := map[int64]map[int64]int64{} // by window start, then auction
	for _, b := range l.bids {
		for start := aligned(b.DateTime, slide); start > b.DateTime-windowSize; start -= slide {
			if counts[start] == nil {
				counts[start] = map[int64]int64{}
			}
			counts[start][b.Auction]++
		}
	}
	var rows []row
	for start, byAuction := range counts {
		var most int64
		for _, n := range byAuction {
			most = max(most, n)
		}
		for auction, n := range byAuction {
			if n == most {
				rows = append(rows, row{"windowStart": start, "windowEnd": start + windowSize, "auction": auction, "count": n})
			}
		}
	}
	return rows
}

// highestBids is query 7.
func highestBids(l log) []row {
	highest := map[int64]int64{} // by window start
	for _, b := range l.bids {
		start := aligned(b.DateTime, windowSize)
		highest[start] = max(highest[start], b.Price)
	}
	return each(l.bids, func(b *event.Bid) row {
		start := aligned(b.DateTime, windowSize)
		if b.Price < highest[start] {
			return nil
		}
		return row{
			"windowStart": start, "windowEnd": start + windowSize,
			"auction": b.Auction, "bidder": b.Bidder, "price": b.Price, "dateTime": b.DateTime, "extra": b.Extra,
		}
	})
}

// sessions is query 11.
func sessions(l log) []row {
	times := map[int64][]int64{}
	for _, b := range l.bids {
		times[b.Bidder] = append(times[b.Bidder], b.DateTime)
	}
	var rows []row
	for bidder, ts := range times {
		slices.Sort(ts)
		first := 0
		for i, t := range ts {
			if i+1 < len(ts) && ts[i+1] < t+windowSize {
				continue // the next bid is in the same session
			}
			rows = append(rows, row{
				"bidder": bidder, "count": int64(i + 1 - first), "windowStart": ts[first], "windowEnd": t + windowSize,
			})
			first = i + 1
		}
	}
	return rows
}
