package byhand

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/millrace-go/millrace/examples/nexmark/event"
)

// integer appends a field; name is what stands before its value.
func integer(row []byte, name string, v int64) []byte {
	return strconv.AppendInt(append(row, name...), v, 10)
}

// text appends a field; name is what stands before its value.
func text(row []byte, name, s string) []byte {
	return event.AppendString(append(row, name...), s)
}

// plain appends a string field that needs no escapes.
func plain(row []byte, name, s string) []byte {
	row = append(row, name...)
	row = append(row, '"')
	row = append(row, s...)
	return append(row, '"')
}

// decimal appends 0.908 times the price as a string.
func decimal(row []byte, name string, price int64) []byte {
	n := 908 * price
	row = integer(row, name, n/1000)
	f := n % 1000
	return append(row, '.', byte('0'+f/100), byte('0'+f/10%10), byte('0'+f%10), '"')
}

// bidKeys opens a row with the three integers of a bid.
func bidKeys(row []byte, b *event.Bid) []byte {
	row = integer(row, `{"auction":`, b.Auction)
	row = integer(row, `,"bidder":`, b.Bidder)
	return integer(row, `,"price":`, b.Price)
}

// bidRow opens a row with a bid, without channel and URL.
func bidRow(row []byte, b *event.Bid) []byte {
	row = bidKeys(row, b)
	row = integer(row, `,"dateTime":`, b.DateTime)
	return text(row, `,"extra":`, b.Extra)
}

// wholeBid opens a row with all of a bid.
func wholeBid(row []byte, b *event.Bid) []byte {
	row = bidKeys(row, b)
	row = text(row, `,"channel":`, b.Channel)
	row = text(row, `,"url":`, b.URL)
	row = integer(row, `,"dateTime":`, b.DateTime)
	return text(row, `,"extra":`, b.Extra)
}

// windowRow opens a row with the bounds of a window.
func windowRow(row []byte, start, size int64) []byte {
	row = integer(row, `{"windowStart":`, start)
	return integer(row, `,"windowEnd":`, start+size)
}

// joinedAuction closes a row with what a join takes from an auction.
func joinedAuction(row []byte, a *event.Auction) []byte {
	row = text(row, `,"itemName":`, a.ItemName)
	row = text(row, `,"description":`, a.Description)
	row = integer(row, `,"initialBid":`, a.InitialBid)
	row = integer(row, `,"reserve":`, a.Reserve)
	row = integer(row, `,"auctionDateTime":`, a.DateTime)
	row = integer(row, `,"expires":`, a.Expires)
	row = integer(row, `,"seller":`, a.Seller)
	row = integer(row, `,"category":`, a.Category)
	row = text(row, `,"auctionExtra":`, a.Extra)
	return append(row, '}')
}

// later compares bids by time, then price, then bidder, then extra, and says whether b comes after a.
func later(b, a *event.Bid) bool {
	if b.DateTime != a.DateTime {
		return b.DateTime > a.DateTime
	}
	return cmp.Or(cmp.Compare(b.Price, a.Price), cmp.Compare(b.Bidder, a.Bidder), strings.Compare(b.Extra, a.Extra)) > 0
}

// better says whether b is worth more than a: its price is higher, or the same and b is earlier.
func better(b, a *event.Bid) bool {
	if b.Price != a.Price {
		return b.Price > a.Price
	}
	return later(a, b)
}

const (
	second       = 1000
	minuteMillis = 60 * second
	hourMillis   = 60 * minuteMillis
	dayMillis    = 24 * hourMillis
)

// dayName returns the date of a day, counted from the epoch.
func dayName(day int64) string { return time.UnixMilli(day * dayMillis).UTC().Format("2006-01-02") }

// minuteName returns the time of day of a minute, counted from the epoch or from midnight.
func minuteName(minute int64) string {
	return time.UnixMilli(minute * minuteMillis).UTC().Format("15:04")
}
