package generator

import "github.com/millrace-go/millrace/examples/nexmark/event"

// The sizes in bytes to which records are padded on average, and the sizes they have before, strings not counted. The
// channel and URL of a bid count for nothing, as in Nexmark.
const (
	personTarget  = 200
	personSize    = 8
	auctionTarget = 500
	auctionSize   = 48
	bidTarget     = 100
	bidSize       = 32
)

// person returns the person with the given number, counting from 0.
func (g *Generator) person(number, at int64, rnd source) *event.Person {
	p := &event.Person{
		ID:           firstPersonID + number,
		Name:         g.tables.names[rnd.below(int64(len(g.tables.names)))],
		EmailAddress: g.emailAddress(&rnd),
		CreditCard:   g.creditCard(&rnd),
		City:         cities[rnd.below(int64(len(cities)))],
		State:        states[rnd.below(int64(len(states)))],
		DateTime:     at,
	}
	size := personSize + len(p.Name) + len(p.EmailAddress) + len(p.CreditCard) + len(p.City) + len(p.State)
	draw := rnd.next()
	p.Extra = g.extra(size, personTarget, draw>>32, uint32(draw))
	return p
}

func (g *Generator) emailAddress(rnd *source) string {
	var user, host [7]byte
	text := make([]byte, 0, 16)
	text = append(text, trim(words(rnd, user[:]))...)
	text = append(text, '@')
	text = append(text, trim(words(rnd, host[:5]))...)
	text = append(text, ".com"...)
	return g.slab.copy(text)
}

func (g *Generator) creditCard(rnd *source) string {
	text := []byte("0000 0000 0000 0000")
	draw := rnd.below(1e16)
	for i := range text {
		if text[i] != ' ' {
			text[i] += byte(draw % 10)
			draw /= 10
		}
	}
	return g.slab.copy(text)
}

// auction returns the auction that opens with the event of the given id, at the given time.
func (g *Generator) auction(id, at int64, rnd source) *event.Auction {
	a := &event.Auction{
		ID:          firstAuctionID + lastAuction(id),
		ItemName:    g.slab.text(&rnd, 20),
		Description: g.slab.text(&rnd, 100),
		DateTime:    at,
		Expires:     at + 1 + rnd.below(max(2*g.auctionTime(id), 1)),
		Category:    firstCategoryID + rnd.below(categories),
	}
	prices := rnd.next()
	a.InitialBid = g.tables.prices.price(uint32(prices))
	a.Reserve = a.InitialBid + g.tables.prices.price(uint32(prices>>32))

	seller := rnd.next()
	if last := id / cycleLen; seller&3 != 0 {
		a.Seller = firstPersonID + last/hotEvery*hotEvery
	} else {
		a.Seller = randomPerson(last, uint32(seller>>32))
	}
	draw := rnd.next()
	a.Extra = g.extra(auctionSize+len(a.ItemName)+len(a.Description), auctionTarget, draw>>32, uint32(draw))
	return a
}

// auctionTime returns how many milliseconds of event time the auctions that may be in flight take to open.
func (g *Generator) auctionTime(id int64) int64 {
	const events = inFlightAuctions * cycleLen / auctions
	return g.timeOf(id+events) - g.timeOf(id)
}

// bid writes the bid of the given cycle and time to b.
func (g *Generator) bid(b *event.Bid, cycle, at int64, rnd source) {
	choices, keys, rest := rnd.next(), rnd.next(), rnd.next()
	// Both the hot and the random choice are made, since picking one of two numbers is cheaper than a branch that
	// nothing predicts.
	const opened = auctions - 1 // all of the cycle's auctions are open before its bids
	last := cycle*auctions + opened
	auction := randomAuction(last, uint32(keys))
	if choices&1 != 0 {
		auction = firstAuctionID + last/hotEvery*hotEvery
	}
	bidder := randomPerson(cycle, uint32(keys>>32))
	if choices>>1&3 != 0 {
		// The second of the hundred: the first is the hot seller.
		bidder = firstPersonID + cycle/hotEvery*hotEvery + 1
	}
	number := hotChannels + below(uint32(choices>>32), coldChannels)
	if hot := int64(choices >> 4 & (hotChannels - 1)); choices>>3&1 != 0 {
		number = hot
	}
	c := g.tables.channels[number]
	text := g.tables.channelText[c.start:]
	b.Auction, b.Bidder = auction, bidder
	b.Channel, b.URL = text[:c.nameLen], text[c.nameLen:int(c.nameLen)+int(c.urlLen)]
	b.Price = g.tables.prices.price(uint32(rest))
	b.DateTime = at
	// The length comes from the upper of these bits, the choices above from the lowest six.
	b.Extra = g.extra(bidSize, bidTarget, rest>>32, uint32(choices))
}
