package generator

// Every cycle of event ids is one person, then three auctions, then 46 bids.
const (
	persons  = 1
	auctions = 3
	cycleLen = 50
)

const (
	firstPersonID   = 1000
	firstAuctionID  = 1000
	firstCategoryID = 10
	categories      = 5

	// activePeople is how many of the latest persons bid and sell.
	activePeople = 1000
	// inFlightAuctions is how many of the latest auctions get bids, and how many open during the longest auction.
	inFlightAuctions = 100
	// lead is how many ids ahead of the latest person or auction a random reference may point.
	lead = 10
	// hotEvery is how many persons or auctions share a hot one.
	hotEvery = 100
	// shuffle is the prime by which the numbers of a group are multiplied to put them out of order.
	shuffle = 953
)

// id returns the event id of event number n: it decides the time, the type and every field of the event.
func (g *Generator) id(n int64) int64 {
	if g.group == 1 {
		return n
	}
	return n/g.group*g.group + n*shuffle%g.group
}

func (g *Generator) timeOf(id int64) int64 { return BaseTime + 1000*id/g.rate }

// Time returns the event time of event number n in milliseconds since the epoch.
func (g *Generator) Time(n int64) int64 { return g.timeOf(g.id(n)) }

// Watermark returns a time in milliseconds since the epoch that no event from number n on is before: the least time of
// the group of events that n belongs to.
func (g *Generator) Watermark(n int64) int64 { return g.timeOf(n / g.group * g.group) }

// lastAuction returns how many auctions open up to and including the event with this id, less one. It is -1 for id 0.
func lastAuction(id int64) int64 {
	return id/cycleLen*auctions + min(id%cycleLen, auctions) - 1
}

// randomPerson returns the id of one of the active people, or of the next few to come, when last is the number of the
// latest, counting from 0.
func randomPerson(last int64, draw uint32) int64 {
	active := min(last+1, activePeople)
	return firstPersonID + last + 1 - active + below(draw, active+lead)
}

// randomAuction returns the id of one of the auctions in flight, or of the next few to come.
func randomAuction(last int64, draw uint32) int64 {
	lo := max(last-inFlightAuctions, 0)
	return firstAuctionID + lo + below(draw, last-lo+1+lead)
}
