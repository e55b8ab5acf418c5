package oracle

import (
	"slices"

	"github.com/millrace-go/millrace/examples/nexmark/event"
)

// localItems is query 3.
func localItems(l log) []row {
	auctions := l.auctionsBySeller()
	var rows []row
	for _, p := range l.persons {
		if !slices.Contains([]string{"OR", "ID", "CA"}, p.State) {
			continue
		}
		for _, a := range auctions[p.ID] {
			if a.Category == 10 {
				rows = append(rows, row{"name": p.Name, "city": p.City, "state": p.State, "id": a.ID})
			}
		}
	}
	return rows
}

// newSellers is query 8.
func newSellers(l log) []row {
	auctions := l.auctionsBySeller()
	var rows []row
	for _, p := range l.persons {
		start := aligned(p.DateTime, windowSize)
		for _, a := range auctions[p.ID] {
			if aligned(a.DateTime, windowSize) == start {
				rows = append(rows, row{"windowStart": start, "windowEnd": start + windowSize, "id": p.ID, "name": p.Name})
				break
			}
		}
	}
	return rows
}

// bidsWithAuction is query 20.
func bidsWithAuction(l log) []row {
	bids := l.bidsByAuction()
	var rows []row
	for _, a := range l.auctions {
		if a.Category != 10 {
			continue
		}
		for _, b := range bids[a.ID] {
			rows = append(rows, row{
				"auction": b.Auction, "bidder": b.Bidder, "price": b.Price, "channel": b.Channel, "url": b.URL,
				"bidDateTime": b.DateTime, "bidExtra": b.Extra,
				"itemName": a.ItemName, "description": a.Description, "initialBid": a.InitialBid, "reserve": a.Reserve,
				"auctionDateTime": a.DateTime, "expires": a.Expires, "seller": a.Seller, "category": a.Category,
				"auctionExtra": a.Extra,
			})
		}
	}
	return rows
}

// bidsOfSellers is query 23.
func bidsOfSellers(l log) []row {
	persons := map[int64]*event.Person{}
	for _, p := range l.persons {
		persons[p.ID] = p
	}
	auctions := l.auctionsBySeller()
	var rows []row
	for _, b := range l.bids {
		if p, ok := persons[b.Bidder]; ok {
			for _, a := range auctions[b.Bidder] {
				rows = append(rows, row{
					"bidder": b.Bidder, "price": b.Price, "channel": b.Channel, "url": b.URL, "bidExtra": b.Extra,
					"personId": p.ID, "name": p.Name, "emailAddress": p.EmailAddress, "creditCard": p.CreditCard,
					"city": p.City, "state": p.State, "personExtra": p.Extra,
					"itemName": a.ItemName, "description": a.Description, "initialBid": a.InitialBid,
					"reserve": a.Reserve, "auctionDateTime": a.DateTime, "expires": a.Expires, "seller": a.Seller,
					"category": a.Category, "auctionExtra": a.Extra,
				})
			}
		}
	}
	return rows
}
