package oracle

import (
	"cmp"
	"slices"
)

// categoryPrices is query 4.
func categoryPrices(l log) []row {
	prices := map[int64][]int64{}
	for _, s := range l.sales() {
		prices[s.auction.Category] = append(prices[s.auction.Category], s.bid.Price)
	}
	var rows []row
	for category, p := range prices {
		rows = append(rows, row{"category": category, "avgPrice": average(p)})
	}
	return rows
}

// sellerPrices is query 6.
func sellerPrices(l log) []row {
	bySeller := map[int64][]sale{}
	for _, s := range l.sales() {
		bySeller[s.auction.Seller] = append(bySeller[s.auction.Seller], s)
	}
	var rows []row
	for seller, sales := range bySeller {
		slices.SortFunc(sales, func(a, b sale) int {
			return -cmp.Or(cmp.Compare(a.bid.DateTime, b.bid.DateTime), cmp.Compare(a.bid.Price, b.bid.Price),
				cmp.Compare(a.auction.ID, b.auction.ID))
		})
		var last []int64
		for _, s := range sales[:min(len(sales), 10)] {
			last = append(last, s.bid.Price)
		}
		rows = append(rows, row{"seller": seller, "avgPrice": average(last)})
	}
	return rows
}

// winningBids is query 9.
func winningBids(l log) []row {
	var rows []row
	for _, s := range l.sales() {
		a, b := s.auction, s.bid
		rows = append(rows, row{
			"id": a.ID, "itemName": a.ItemName, "description": a.Description, "initialBid": a.InitialBid,
			"reserve": a.Reserve, "dateTime": a.DateTime, "expires": a.Expires, "seller": a.Seller,
			"category": a.Category, "extra": a.Extra,
			"auction": b.Auction, "bidder": b.Bidder, "price": b.Price, "bidDateTime": b.DateTime, "bidExtra": b.Extra,
		})
	}
	return rows
}
