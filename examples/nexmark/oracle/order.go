package oracle

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/millrace-go/millrace/examples/nexmark/event"
)

// bidOrder puts earlier bids first: by time, then price, then bidder, then the bytes of extra.
func bidOrder(a, b *event.Bid) int {
	return cmp.Or(cmp.Compare(a.DateTime, b.DateTime), cmp.Compare(a.Price, b.Price), cmp.Compare(a.Bidder, b.Bidder),
		cmp.Compare(a.Extra, b.Extra))
}

// ranking puts the bid first that is worth more: the higher price, and of equal prices the earlier bid.
func ranking(a, b *event.Bid) int {
	return cmp.Or(cmp.Compare(b.Price, a.Price), bidOrder(a, b))
}

// bidsByAuction returns the bids for each auction.
func (l log) bidsByAuction() map[int64][]*event.Bid {
	bids := map[int64][]*event.Bid{}
	for _, b := range l.bids {
		bids[b.Auction] = append(bids[b.Auction], b)
	}
	return bids
}

// auctionsBySeller returns the auctions of each seller.
func (l log) auctionsBySeller() map[int64][]*event.Auction {
	auctions := map[int64][]*event.Auction{}
	for _, a := range l.auctions {
		auctions[a.Seller] = append(auctions[a.Seller], a)
	}
	return auctions
}

// sale is an auction with the bid that won it.
type sale struct {
	auction *event.Auction
	bid     *event.Bid
}

// sales returns the auctions that have a winning bid, with it.
func (l log) sales() []sale {
	bids := l.bidsByAuction()
	var won []sale
	for _, a := range l.auctions {
		valid := slices.DeleteFunc(slices.Clone(bids[a.ID]), func(b *event.Bid) bool {
			return b.DateTime < a.DateTime || b.DateTime > a.Expires
		})
		if len(valid) > 0 {
			won = append(won, sale{a, slices.MinFunc(valid, ranking)})
		}
	}
	return won
}

// average returns ⌊sum / count⌋ of prices.
func average(prices []int64) int64 {
	var sum int64
	for _, p := range prices {
		sum += p
	}
	return sum / int64(len(prices))
}

// aligned returns the start of the window of the given size, in ms, that t is in.
func aligned(t, size int64) int64 {
	start := t / size * size
	if start > t {
		start -= size
	}
	return start
}

// windowSize is 10 s: of the tumbling and the sliding windows, and the gap of sessions.
const windowSize = 10_000

// slide is how far sliding windows are apart.
const slide = 2000

func day(t int64) string { return time.UnixMilli(t).UTC().Format("2006-01-02") }

func minute(t int64) string { return time.UnixMilli(t).UTC().Format("15:04") }

func hour(t int64) int { return time.UnixMilli(t).UTC().Hour() }

// thousandths returns 0.908 times the price in thousandths of a cent.
func thousandths(price int64) int64 { return 908 * price }

// decimal returns a number of thousandths, not negative, with three digits after the point.
func decimal(n int64) string { return fmt.Sprintf("%d.%03d", n/1000, n%1000) }
