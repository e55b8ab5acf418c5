package event

import (
	"cmp"
	"strings"
)

// Later compares bids by time, then price, then bidder, then extra, and says whether b comes after a.
func Later(b, a *Bid) bool {
	if b.DateTime != a.DateTime {
		return b.DateTime > a.DateTime
	}
	return cmp.Or(cmp.Compare(b.Price, a.Price), cmp.Compare(b.Bidder, a.Bidder), strings.Compare(b.Extra, a.Extra)) > 0
}

// Better says whether b is worth more than a: its price is higher, or the same and b is earlier.
func Better(b, a *Bid) bool {
	if b.Price != a.Price {
		return b.Price > a.Price
	}
	return Later(a, b)
}
