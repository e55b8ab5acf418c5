package main

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/millrace-go/millrace/examples/nexmark/event"
)

// Rows write themselves as JSON objects. name is what stands before a field's value: a brace or comma, the quoted name
// and a colon.

func integer(dst []byte, name string, v int64) []byte {
	return strconv.AppendInt(append(dst, name...), v, 10)
}

func text(dst []byte, name, s string) []byte {
	return event.AppendString(append(dst, name...), s)
}

// decimal appends 0.908 times the price, exactly, with three digits after the point; name ends with the quote.
func decimal(dst []byte, name string, price int64) []byte {
	n := thousandths(price)
	dst = append(integer(dst, name, n/1000), '.')
	n %= 1000
	return append(dst, byte('0'+n/100), byte('0'+n/10%10), byte('0'+n%10), '"')
}

// thousandths returns 0.908 times the price in thousandths.
func thousandths(price int64) int64 { return 908 * price }

const (
	minuteMillis = 60_000
	hourMillis   = 60 * minuteMillis
	dayMillis    = 24 * hourMillis
)

// day appends the date of a day, counted from the epoch. The conversion is that of proleptic Gregorian years which begin
// in March, so that the leap day is their last.
func day(dst []byte, name string, days int64) []byte {
	days += 719_468 // from 1 March of year 0
	era := days / 146_097
	ofEra := days - era*146_097
	year := (ofEra - ofEra/1460 + ofEra/36_524 - ofEra/146_096) / 365
	ofYear := ofEra - (365*year + year/4 - year/100)
	m := (5*ofYear + 2) / 153 // months since March
	year += 400 * era
	if m >= 10 {
		year++
	}
	dst = append(append(dst, name...), '"')
	dst = twoDigits(twoDigits(dst, year/100), year%100)
	dst = twoDigits(append(dst, '-'), (m+2)%12+1)
	dst = twoDigits(append(dst, '-'), ofYear-(153*m+2)/5+1)
	return append(dst, '"')
}

// minute appends the time of day, between as many minutes since the epoch or midnight.
func minute(dst []byte, name string, minutes int64, colon byte) []byte {
	dst = append(append(dst, name...), '"')
	dst = append(twoDigits(dst, minutes/60%24), colon)
	return append(twoDigits(dst, minutes%60), '"')
}

func twoDigits(dst []byte, v int64) []byte { return append(dst, byte('0'+v/10), byte('0'+v%10)) }

// bidKeys opens a row with the three integers that most begin with.
func bidKeys(dst []byte, b *event.Bid) []byte {
	dst = integer(dst, `{"auction":`, b.Auction)
	dst = integer(dst, `,"bidder":`, b.Bidder)
	return integer(dst, `,"price":`, b.Price)
}

// wholeBid opens a row with all of a bid.
func wholeBid(dst []byte, b *event.Bid) []byte {
	dst = bidKeys(dst, b)
	dst = text(dst, `,"channel":`, b.Channel)
	dst = text(dst, `,"url":`, b.URL)
	dst = integer(dst, `,"dateTime":`, b.DateTime)
	return text(dst, `,"extra":`, b.Extra)
}

// joinedAuction closes a row with what a join takes from an auction.
func joinedAuction(dst []byte, a *event.Auction) []byte {
	dst = text(dst, `,"itemName":`, a.ItemName)
	dst = text(dst, `,"description":`, a.Description)
	dst = integer(dst, `,"initialBid":`, a.InitialBid)
	dst = integer(dst, `,"reserve":`, a.Reserve)
	dst = integer(dst, `,"auctionDateTime":`, a.DateTime)
	dst = integer(dst, `,"expires":`, a.Expires)
	dst = integer(dst, `,"seller":`, a.Seller)
	dst = integer(dst, `,"category":`, a.Category)
	dst = text(dst, `,"auctionExtra":`, a.Extra)
	return append(dst, '}')
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
