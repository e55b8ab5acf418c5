// Package byhand runs the Nexmark queries as hand-written loops on one goroutine, without a pipeline: the speed limit
// against which the pipelines are measured.
//
// The loops know what a query needs and no more: no encoding between steps, no checkpoints, no parallelism. They keep to
// what a pipeline could know too. Keys are looked up in maps, although the ids are dense; windows, sessions and auctions
// close when the watermark passes them; a join keeps whatever may still meet its match.
package byhand

import (
	"fmt"
	"math"

	"github.com/zeebo/xxh3"

	"github.com/millrace-go/millrace/examples/nexmark/event"
	"github.com/millrace-go/millrace/examples/nexmark/generator"
)

var queries = [...]func(*input, *output){
	passThrough, currency, selection, localItems, categoryPrices, hotItems, sellerPrices, highestBids,
	newSellers, winningBids, partitioned, sessions, liveCounts, sideInput, calculation, dayStatistics,
	channelStatistics, auctionStatistics, lastBids, topBids, bidsWithAuction, channelIDs, directories, bidsOfSellers,
}

// Run runs a query, 0 to 23, over the first events that cfg generates. It encodes each row of the result as a JSON
// object and drops it, and returns how many there were and the sum of their XXH3 hashes, which is the same in any order.
// A query whose rows replace each other encodes the last of each key only. Query 10 writes no files. Query 12 takes as
// processing time the time at which events are emitted live, so its rows follow from cfg too.
//
// Run does not say how much memory it takes: the queries without windows keep up to all of the bids.
func Run(query int, cfg generator.Config, events int64) (rows int64, checksum uint64, err error) {
	out := &output{}
	if err := run(query, cfg, events, out); err != nil {
		return 0, 0, err
	}
	return out.rows, out.checksum, nil
}

func run(query int, cfg generator.Config, events int64, out *output) error {
	if query < 0 || query >= len(queries) {
		return fmt.Errorf("byhand: there is no query %d", query)
	}
	if events < 0 {
		return fmt.Errorf("byhand: query %d over %d events", query, events)
	}
	queries[query](&input{generator: generator.New(cfg), end: events}, out)
	return nil
}

// input is the events of a run.
type input struct {
	generator *generator.Generator
	next, end int64
	events    [256]event.Event
}

// read returns the next events, which stay until the next call, or none at the end. What comes after them is no earlier
// than the watermark, in ms since the epoch; at the end that is the greatest time there is.
func (in *input) read() (batch []event.Event, watermark int64) {
	batch = in.events[:min(int64(len(in.events)), in.end-in.next)]
	in.generator.Fill(in.next, batch)
	in.next += int64(len(batch))
	return batch, in.watermark()
}

func (in *input) watermark() int64 {
	if in.next == in.end {
		return math.MaxInt64
	}
	return in.generator.Watermark(in.next)
}

// bids calls f with every bid. A function that keeps one copies it.
func (in *input) bids(f func(*event.Bid)) {
	for {
		batch, _ := in.read()
		if len(batch) == 0 {
			return
		}
		for i := range batch {
			if batch[i].Kind == event.KindBid {
				f(&batch[i].Bid)
			}
		}
	}
}

// output is where the rows go.
type output struct {
	buf      []byte
	rows     int64
	checksum uint64
	tap      func(row []byte) // for tests
}

// row returns an empty row to append to.
func (o *output) row() []byte { return o.buf[:0] }

// write takes the row back and counts it.
func (o *output) write(row []byte) {
	o.buf = row
	o.rows++
	o.checksum += xxh3.Hash(row)
	if o.tap != nil {
		o.tap(row)
	}
}
