// Package oracle says what the results of the Nexmark queries are, and compares a run's result files with that.
//
// Every query is written the slow and plain way, over all events at once, from the definition of the rows that
// examples/nexmark documents. None of it is shared with the pipelines or with package byhand.
package oracle

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/millrace-go/millrace/examples/nexmark/event"
)

// row is one row of a result: int64 and string values by field name.
type row map[string]any

var queries = map[int]func(log) []row{
	0: passThrough, 1: currency, 2: selection, 3: localItems, 4: categoryPrices, 5: hotItems, 6: sellerPrices,
	7: highestBids, 8: newSellers, 9: winningBids, 10: partitioned, 11: sessions, 13: sideInput, 14: calculation,
	15: dayStatistics, 16: channelStatistics, 17: auctionStatistics, 18: lastBids, 19: topBids, 20: bidsWithAuction,
	21: channelIDs, 22: directories, 23: bidsOfSellers,
}

// keys are the key fields of the queries whose later rows replace earlier ones.
var keys = map[int][]string{
	4: {"category"}, 6: {"seller"}, 9: {"id"}, 15: {"day"}, 16: {"channel", "day"}, 17: {"auction", "day"},
	18: {"bidder", "auction"}, 19: {"auction", "rank"},
}

// Rows returns the rows of a query, 0 to 23 except 12, over all the events of a run, in any order. Each is a JSON object
// on one line with its fields sorted by name; the lines are sorted too. A query whose rows replace each other has the
// last of each key only. The rows of query 10 have no trace of their partition but its fields.
//
// The events are not changed. All rows are in memory at once: some 200 bytes per bid, 1 KB for queries 20 and 23.
func Rows(query int, events []event.Event) ([]string, error) {
	rows, ok := queries[query]
	if !ok {
		return nil, fmt.Errorf("oracle: query %d has no rows that follow from the events", query)
	}
	var lines []string
	for _, r := range rows(newLog(events)) {
		lines = append(lines, r.line())
	}
	slices.Sort(lines)
	return lines, nil
}

// line returns the canonical form of the row.
func (r row) line() string {
	f := make(fields, 0, len(r))
	for name, value := range r {
		switch v := value.(type) {
		case int64:
			f = append(f, field{name, strconv.FormatInt(v, 10)})
		case string:
			f = append(f, field{name, quote(v)})
		}
	}
	f.sort()
	return f.line()
}

// log is all that happened: the events by kind, in the order given.
type log struct {
	persons  []*event.Person
	auctions []*event.Auction
	bids     []*event.Bid
}

func newLog(events []event.Event) log {
	var l log
	for i := range events {
		switch e := &events[i]; e.Kind {
		case event.KindPerson:
			l.persons = append(l.persons, e.Person)
		case event.KindAuction:
			l.auctions = append(l.auctions, e.Auction)
		case event.KindBid:
			l.bids = append(l.bids, &e.Bid)
		}
	}
	return l
}
