// Package generator makes the events of the Nexmark benchmark: persons, auctions and bids in the proportions 1 : 3 : 46,
// with the entity ids, hot keys, sizes and texts of github.com/nexmark/nexmark (its default configuration).
//
// It is random access: every event is a function of the seed, the event rate and the event's number alone, so any range of
// numbers can be made anywhere, again and again. That package draws from an unseeded source; its distributions are kept,
// its values are not. Bidders get the first person id added once, so that they meet persons of their own time.
package generator

import (
	"github.com/millrace-go/millrace/examples/nexmark/event"
)

// BaseTime is the time of the first event, 2015-07-15T00:00:00Z, in milliseconds since the epoch.
const BaseTime = 1436918400000

// DefaultRate is the event rate when Config names none.
const DefaultRate = 10000

// Config chooses one sequence of events. The zero Config is valid.
type Config struct {
	// Seed is mixed into every random draw.
	Seed int64
	// Rate is the number of events per second of event time; 0 or less means DefaultRate.
	Rate int64
	// OutOfOrder is the size of the groups of consecutive events within which times are shuffled, Nexmark's
	// out-of-order group size; 1 or less means that events come in order. The first E events are the same set for
	// every size that divides E and is not a multiple of 953, in which group they would repeat.
	OutOfOrder int64
}

// A Generator makes events by number. The numbers it takes are those from 0 to about 2⁶³/1000.
//
// It is for one goroutine, since it keeps a piece of memory to cut strings from; Generators of the same Config make the
// same events. The texts they choose from are shared by all in the process.
type Generator struct {
	rate, group int64
	seed        uint64
	tables      *tables
	slab        slab
}

// New returns a Generator of the events that cfg chooses. The first call in a process takes some milliseconds, to write
// the texts that all share.
func New(cfg Config) *Generator {
	g := &Generator{rate: cfg.Rate, group: cfg.OutOfOrder, seed: mix(uint64(cfg.Seed)), tables: sharedTables()}
	if g.rate <= 0 {
		g.rate = DefaultRate
	}
	if g.group <= 0 {
		g.group = 1
	}
	return g
}

// At returns event number n, counting from 0. The caller owns the event; strings of neighbouring events share pieces of
// memory of 4 KB, which are never written again.
func (g *Generator) At(n int64) event.Event {
	var e [1]event.Event
	g.Fill(n, e[:])
	return e[0]
}

// Fill overwrites dst with the events from number from on, the same as At returns.
func (g *Generator) Fill(from int64, dst []event.Event) {
	for i := range dst {
		e := &dst[i]
		id := g.id(from + int64(i))
		at := g.timeOf(id)
		rnd := g.random(id)
		switch cycle, place := id/cycleLen, id%cycleLen; {
		case place < persons:
			*e = event.Event{Kind: event.KindPerson, Person: g.person(cycle, at, rnd)}
		case place < persons+auctions:
			*e = event.Event{Kind: event.KindAuction, Auction: g.auction(id, at, rnd)}
		default:
			e.Kind, e.Person, e.Auction = event.KindBid, nil, nil
			g.bid(&e.Bid, cycle, at, rnd)
		}
	}
}
