package byhand

import (
	"cmp"
	"slices"

	"github.com/millrace-go/millrace/examples/nexmark/event"
)

// lot is an open auction and the bid that wins it so far, whose price is 0 while there is none.
type lot struct {
	auction *event.Auction
	best    event.Bid
	won     bool
}

func (l *lot) offer(b *event.Bid) {
	if b.DateTime >= l.auction.DateTime && b.DateTime <= l.auction.Expires && (!l.won || event.Better(b, &l.best)) {
		l.best, l.won = *b, true
	}
}

// winners calls f with each auction that has a winning bid, and with the bid, once the watermark has passed its expiry.
func winners(in *input, f func(*event.Auction, *event.Bid)) {
	open := make(map[int64]*lot)
	var lots []*lot
	// The bids that found no open auction, with what they are for: the auction may come yet with the same time.
	var early []event.Bid
	var earlyFor []int64
	var reached int64
	for {
		batch, watermark := in.read()
		for i := range batch {
			switch e := &batch[i]; e.Kind {
			case event.KindAuction:
				l := &lot{auction: e.Auction}
				open[e.Auction.ID] = l
				lots = append(lots, l)
				for j, id := range earlyFor {
					if id == e.Auction.ID {
						l.offer(&early[j])
					}
				}
			case event.KindBid:
				if l := open[e.Bid.Auction]; l != nil {
					l.offer(&e.Bid)
				} else {
					early, earlyFor = append(early, e.Bid), append(earlyFor, e.Bid.Auction)
				}
			}
		}
		if watermark > reached {
			reached = watermark
			n := 0
			for i := range early {
				if early[i].DateTime >= watermark {
					early[n], earlyFor[n] = early[i], earlyFor[i]
					n++
				}
			}
			early, earlyFor = early[:n], earlyFor[:n]

			lots = slices.DeleteFunc(lots, func(l *lot) bool {
				if l.auction.Expires >= watermark {
					return false
				}
				delete(open, l.auction.ID)
				if l.won {
					f(l.auction, &l.best)
				}
				return true
			})
		}
		if len(batch) == 0 {
			return
		}
	}
}

// categoryPrices is query 4.
func categoryPrices(in *input, out *output) {
	type prices struct{ sum, count int64 }
	categories := make(map[int64]prices)
	winners(in, func(a *event.Auction, b *event.Bid) {
		p := categories[a.Category]
		categories[a.Category] = prices{p.sum + b.Price, p.count + 1}
	})
	for category, p := range categories {
		row := event.AppendInt(out.row(), `{"category":`, category)
		row = event.AppendInt(row, `,"avgPrice":`, p.sum/p.count)
		out.write(append(row, '}'))
	}
}

// sale is what query 6 keeps of a winning bid.
type sale struct{ at, price, auction int64 }

func (s sale) compare(t sale) int {
	return cmp.Or(cmp.Compare(s.at, t.at), cmp.Compare(s.price, t.price), cmp.Compare(s.auction, t.auction))
}

// sellerPrices is query 6.
func sellerPrices(in *input, out *output) {
	const kept = 10
	sellers := make(map[int64][]sale) // the latest sales of each, in order
	winners(in, func(a *event.Auction, b *event.Bid) {
		sales := sellers[a.Seller]
		s := sale{b.DateTime, b.Price, a.ID}
		i := len(sales)
		for i > 0 && s.compare(sales[i-1]) < 0 {
			i--
		}
		switch {
		case len(sales) < kept:
			sellers[a.Seller] = slices.Insert(sales, i, s)
		case i > 0:
			copy(sales, sales[1:i])
			sales[i-1] = s
		}
	})
	for seller, sales := range sellers {
		var sum int64
		for _, s := range sales {
			sum += s.price
		}
		row := event.AppendInt(out.row(), `{"seller":`, seller)
		row = event.AppendInt(row, `,"avgPrice":`, sum/int64(len(sales)))
		out.write(append(row, '}'))
	}
}

// winningBids is query 9.
func winningBids(in *input, out *output) {
	winners(in, func(a *event.Auction, b *event.Bid) {
		row := event.AppendBidKeys(out.row(), b)
		row = event.AppendInt(row, `,"bidDateTime":`, b.DateTime)
		row = event.AppendText(row, `,"bidExtra":`, b.Extra)
		row = event.AppendInt(row, `,"id":`, a.ID)
		row = event.AppendText(row, `,"itemName":`, a.ItemName)
		row = event.AppendText(row, `,"description":`, a.Description)
		row = event.AppendInt(row, `,"initialBid":`, a.InitialBid)
		row = event.AppendInt(row, `,"reserve":`, a.Reserve)
		row = event.AppendInt(row, `,"dateTime":`, a.DateTime)
		row = event.AppendInt(row, `,"expires":`, a.Expires)
		row = event.AppendInt(row, `,"seller":`, a.Seller)
		row = event.AppendInt(row, `,"category":`, a.Category)
		row = event.AppendText(row, `,"extra":`, a.Extra)
		out.write(append(row, '}'))
	})
}
