// Package event defines the three records of the Nexmark benchmark, Person, Auction and Bid, and their JSON form.
//
// Times are milliseconds since the Unix epoch, prices are whole cents, and sizes are bytes.
// The fields and their names are those of github.com/nexmark/nexmark (org.apache.flink.nexmark's model package).
package event

// Kind says which record an Event holds.
type Kind uint8

// The kinds of events.
const (
	// KindPerson is an Event whose Person is set.
	KindPerson Kind = iota + 1
	// KindAuction is an Event whose Auction is set.
	KindAuction
	// KindBid is an Event whose Bid is set.
	KindBid
)

// String returns the name of the kind, which is also the name of its JSON member.
func (k Kind) String() string {
	switch k {
	case KindPerson:
		return "person"
	case KindAuction:
		return "auction"
	case KindBid:
		return "bid"
	}
	return "none"
}

// Person is someone who registers with the auction house, to sell and to bid.
type Person struct {
	// ID is unique among persons.
	ID int64 `json:"id"`
	// Name is the first and last name.
	Name string `json:"name"`
	// EmailAddress is the person's address.
	EmailAddress string `json:"emailAddress"`
	// CreditCard is four groups of four digits.
	CreditCard string `json:"creditCard"`
	// City is where the person lives.
	City string `json:"city"`
	// State is two capital letters; it need not be the state of City.
	State string `json:"state"`
	// DateTime is when the person registered, in milliseconds since the epoch.
	DateTime int64 `json:"dateTime"`
	// Extra pads the record to its size.
	Extra string `json:"extra"`
}

// Auction is an item offered by a person.
type Auction struct {
	// ID is unique among auctions.
	ID int64 `json:"id"`
	// ItemName is a short text.
	ItemName string `json:"itemName"`
	// Description is a longer text.
	Description string `json:"description"`
	// InitialBid is the least bid, in cents. Nothing enforces it.
	InitialBid int64 `json:"initialBid"`
	// Reserve is the price below which the seller does not sell, in cents. Nothing enforces it.
	Reserve int64 `json:"reserve"`
	// DateTime is when the auction opened, in milliseconds since the epoch.
	DateTime int64 `json:"dateTime"`
	// Expires is the last instant of the auction, in milliseconds since the epoch.
	Expires int64 `json:"expires"`
	// Seller is the ID of a Person, whose event may come later or never.
	Seller int64 `json:"seller"`
	// Category is the item's class, from 10 to 14.
	Category int64 `json:"category"`
	// Extra pads the record to its size.
	Extra string `json:"extra"`
}

// Bid is an offer for the item of an auction.
type Bid struct {
	// Auction is the ID of an Auction, whose event may come later or never.
	Auction int64 `json:"auction"`
	// Bidder is the ID of a Person, whose event may come later or never.
	Bidder int64 `json:"bidder"`
	// Price is in cents.
	Price int64 `json:"price"`
	// Channel is the name of the site the bidder came from.
	Channel string `json:"channel"`
	// URL is the page of that site.
	URL string `json:"url"`
	// DateTime is when the bid was made, in milliseconds since the epoch.
	DateTime int64 `json:"dateTime"`
	// Extra pads the record to its size.
	Extra string `json:"extra"`
}

// Event is one person, auction or bid: exactly the one that Kind names is set.
//
// The bid is held inline, because 46 of 50 events are bids. The records are shared by whoever copies the Event; nobody
// changes them.
type Event struct {
	// Kind names the record that is set.
	Kind Kind
	// Bid is the zero Bid unless Kind is KindBid.
	Bid Bid
	// Person is nil unless Kind is KindPerson.
	Person *Person
	// Auction is nil unless Kind is KindAuction.
	Auction *Auction
}

// Time returns the event time in milliseconds since the epoch: the DateTime of the record. It is 0 for the zero Event.
func (e *Event) Time() int64 {
	switch e.Kind {
	case KindPerson:
		return e.Person.DateTime
	case KindAuction:
		return e.Auction.DateTime
	case KindBid:
		return e.Bid.DateTime
	}
	return 0
}
