package byhand

import (
	"slices"

	"github.com/millrace-go/millrace/examples/nexmark/event"
)

// lastBids is query 18. The map holds places in a list of bids, so that it stays small while it grows.
func lastBids(in *input, out *output) {
	type key struct{ bidder, auction int64 }
	places := make(map[key]int)
	var bids []event.Bid
	in.bids(func(b *event.Bid) {
		k := key{b.Bidder, b.Auction}
		if i, ok := places[k]; !ok {
			places[k] = len(bids)
			bids = append(bids, *b)
		} else if event.Later(b, &bids[i]) {
			bids[i] = *b
		}
	})
	for i := range bids {
		out.write(append(event.AppendWholeBid(out.row(), &bids[i]), '}'))
	}
}

// topBids is query 19.
func topBids(in *input, out *output) {
	const kept = 10
	type top struct{ bids []event.Bid } // the best, in order
	auctions := make(map[int64]*top)
	in.bids(func(b *event.Bid) {
		t := auctions[b.Auction]
		if t == nil {
			t = new(top)
			auctions[b.Auction] = t
		}
		n := len(t.bids)
		if n == kept && !event.Better(b, &t.bids[n-1]) {
			return
		}
		i := n
		for i > 0 && event.Better(b, &t.bids[i-1]) {
			i--
		}
		if n == kept {
			t.bids = t.bids[:n-1]
		}
		t.bids = slices.Insert(t.bids, i, *b)
	})
	for _, t := range auctions {
		for i := range t.bids {
			row := event.AppendWholeBid(out.row(), &t.bids[i])
			row = event.AppendInt(row, `,"rank":`, int64(i+1))
			out.write(append(row, '}'))
		}
	}
}
