package oracle

import (
	"slices"

	"github.com/millrace-go/millrace/examples/nexmark/event"
)

// lastBids is query 18.
func lastBids(l log) []row {
	type key struct{ bidder, auction int64 }
	bids := map[key][]*event.Bid{}
	for _, b := range l.bids {
		k := key{b.Bidder, b.Auction}
		bids[k] = append(bids[k], b)
	}
	var rows []row
	for _, bs := range bids {
		rows = append(rows, wholeBid(slices.MaxFunc(bs, bidOrder)))
	}
	return rows
}

// topBids is query 19.
func topBids(l log) []row {
	var rows []row
	for _, bids := range l.bidsByAuction() {
		slices.SortFunc(bids, ranking)
		for i, b := range bids[:min(len(bids), 10)] {
			r := wholeBid(b)
			r["rank"] = int64(i + 1)
			rows = append(rows, r)
		}
	}
	return rows
}

// wholeBid returns a row of all the fields of b.
func wholeBid(b *event.Bid) row {
	return row{
		"auction": b.Auction, "bidder": b.Bidder, "price": b.Price, "channel": b.Channel, "url": b.URL,
		"dateTime": b.DateTime, "extra": b.Extra,
	}
}
