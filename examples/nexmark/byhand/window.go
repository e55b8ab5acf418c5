package byhand

import (
	"maps"
	"math"
	"slices"

	"github.com/millrace-go/millrace/examples/nexmark/event"
	"github.com/millrace-go/millrace/examples/nexmark/generator"
)

const (
	windowSize = 10 * second
	slide      = 2 * second
)

// windows are the open windows of one size, aligned to the epoch. Most of what comes belongs to the same one.
type windows[W any] struct {
	size    int64
	current int64 // the window's time divided by the size
	window  *W
	open    map[int64]*W
}

func newWindows[W any](size int64) *windows[W] {
	return &windows[W]{size: size, open: make(map[int64]*W)}
}

// at returns the window of time t; it is new, a zero W, if nothing was there.
func (ws *windows[W]) at(t int64) *W {
	n := t / ws.size
	if ws.window != nil && n == ws.current {
		return ws.window
	}
	w := ws.open[n]
	if w == nil {
		w = new(W)
		ws.open[n] = w
	}
	ws.current, ws.window = n, w
	return w
}

// closed removes the windows that end by the watermark and calls f with the start of each, the earliest first.
func (ws *windows[W]) closed(watermark int64, f func(start int64, w *W)) {
	for len(ws.open) > 0 {
		n := slices.Min(slices.Collect(maps.Keys(ws.open)))
		if (n+1)*ws.size > watermark {
			return
		}
		f(n*ws.size, ws.open[n])
		delete(ws.open, n)
		if ws.current == n {
			ws.window = nil
		}
	}
}

// hotItems is query 5. It counts in panes of one slide; a window is the sum of five.
func hotItems(in *input, out *output) {
	const length = windowSize / slide
	type pane struct{ counts map[int64]int64 }
	panes := newWindows[pane](slide)
	var kept [length]map[int64]int64 // the panes in the window, by number mod length
	total := make(map[int64]int64)   // their sum
	next := int64(generator.BaseTime / slide)

	// advance brings the window on to the pane with this number, which holds counts, and writes it out.
	advance := func(number int64, counts map[int64]int64) {
		slot := &kept[number%length]
		for auction, n := range *slot {
			if left := total[auction] - n; left > 0 {
				total[auction] = left
			} else {
				delete(total, auction)
			}
		}
		*slot = counts
		for auction, n := range counts {
			total[auction] += n
		}
		var most int64
		for _, n := range total {
			most = max(most, n)
		}
		for auction, n := range total {
			if n == most {
				row := windowRow(out.row(), (number+1-length)*slide, windowSize)
				row = event.AppendInt(row, `,"auction":`, auction)
				row = event.AppendInt(row, `,"count":`, n)
				out.write(append(row, '}'))
			}
		}
	}
	for {
		batch, watermark := in.read()
		for i := range batch {
			if e := &batch[i]; e.Kind == event.KindBid {
				p := panes.at(e.Bid.DateTime)
				if p.counts == nil {
					p.counts = make(map[int64]int64)
				}
				p.counts[e.Bid.Auction]++
			}
		}
		panes.closed(watermark, func(start int64, p *pane) {
			for ; next < start/slide; next++ {
				if len(total) == 0 {
					next = start / slide
					break
				}
				advance(next, nil)
			}
			advance(next, p.counts)
			next++
		})
		if len(batch) == 0 {
			break
		}
	}
	for ; len(total) > 0; next++ {
		advance(next, nil)
	}
}

// highestBids is query 7.
func highestBids(in *input, out *output) {
	type window struct {
		price int64
		bids  []event.Bid
	}
	open := newWindows[window](windowSize)
	for {
		batch, watermark := in.read()
		for i := range batch {
			e := &batch[i]
			if e.Kind != event.KindBid {
				continue
			}
			w := open.at(e.Bid.DateTime)
			if e.Bid.Price > w.price {
				w.price, w.bids = e.Bid.Price, w.bids[:0]
			}
			if e.Bid.Price == w.price {
				w.bids = append(w.bids, e.Bid)
			}
		}
		open.closed(watermark, func(start int64, w *window) {
			for i := range w.bids {
				b := &w.bids[i]
				row := windowRow(out.row(), start, windowSize)
				row = event.AppendInt(row, `,"auction":`, b.Auction)
				row = event.AppendInt(row, `,"bidder":`, b.Bidder)
				row = event.AppendInt(row, `,"price":`, b.Price)
				row = event.AppendInt(row, `,"dateTime":`, b.DateTime)
				row = event.AppendText(row, `,"extra":`, b.Extra)
				out.write(append(row, '}'))
			}
		})
		if len(batch) == 0 {
			return
		}
	}
}

// newSellers is query 8.
func newSellers(in *input, out *output) {
	type window struct {
		persons []*event.Person
		sellers map[int64]struct{}
	}
	open := newWindows[window](windowSize)
	for {
		batch, watermark := in.read()
		for i := range batch {
			switch e := &batch[i]; e.Kind {
			case event.KindPerson:
				w := open.at(e.Person.DateTime)
				w.persons = append(w.persons, e.Person)
			case event.KindAuction:
				w := open.at(e.Auction.DateTime)
				if w.sellers == nil {
					w.sellers = make(map[int64]struct{})
				}
				w.sellers[e.Auction.Seller] = struct{}{}
			}
		}
		open.closed(watermark, func(start int64, w *window) {
			for _, p := range w.persons {
				if _, ok := w.sellers[p.ID]; ok {
					row := windowRow(out.row(), start, windowSize)
					row = event.AppendInt(row, `,"id":`, p.ID)
					row = event.AppendText(row, `,"name":`, p.Name)
					out.write(append(row, '}'))
				}
			}
		})
		if len(batch) == 0 {
			return
		}
	}
}

// liveCounts is query 12. Its clock is read once for each batch: the time at which the batch's first event is due.
func liveCounts(in *input, out *output) {
	counts := make(map[int64]int64)
	window := int64(math.MinInt64)
	flush := func() {
		for bidder, n := range counts {
			row := windowRow(out.row(), window*windowSize, windowSize)
			row = event.AppendInt(row, `,"bidder":`, bidder)
			row = event.AppendInt(row, `,"count":`, n)
			out.write(append(row, '}'))
		}
		clear(counts)
	}
	for {
		now := in.watermark() / windowSize
		batch, _ := in.read()
		if now != window || len(batch) == 0 {
			flush()
			window = now
		}
		for i := range batch {
			if e := &batch[i]; e.Kind == event.KindBid {
				counts[e.Bid.Bidder]++
			}
		}
		if len(batch) == 0 {
			return
		}
	}
}
