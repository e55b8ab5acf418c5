package byhand

import (
	"cmp"
	"slices"

	"github.com/millrace-go/millrace/examples/nexmark/event"
)

// session is some bids of one bidder, in query 11.
type session struct{ first, last, count int64 }

// sessions is query 11. Bids that may come out of order wait until the watermark has reached them.
func sessions(in *input, out *output) {
	type arrival struct{ at, bidder int64 }
	byTime := func(a, b arrival) int { return cmp.Compare(a.at, b.at) }
	var waiting []arrival
	open := make(map[int64]*session)
	write := func(bidder int64, s *session) {
		row := event.AppendInt(out.row(), `{"bidder":`, bidder)
		row = event.AppendInt(row, `,"count":`, s.count)
		row = event.AppendInt(row, `,"windowStart":`, s.first)
		row = event.AppendInt(row, `,"windowEnd":`, s.last+windowSize)
		out.write(append(row, '}'))
	}
	var swept int64
	for {
		batch, watermark := in.read()
		for i := range batch {
			if e := &batch[i]; e.Kind == event.KindBid {
				waiting = append(waiting, arrival{e.Bid.DateTime, e.Bid.Bidder})
			}
		}
		if !slices.IsSortedFunc(waiting, byTime) {
			slices.SortFunc(waiting, byTime)
		}
		done := 0
		for ; done < len(waiting) && waiting[done].at <= watermark; done++ {
			w := waiting[done]
			s := open[w.bidder]
			switch {
			case s == nil:
				open[w.bidder] = &session{first: w.at, last: w.at, count: 1}
			case w.at < s.last+windowSize:
				s.last = w.at
				s.count++
			default:
				write(w.bidder, s)
				*s = session{first: w.at, last: w.at, count: 1}
			}
		}
		waiting = waiting[:copy(waiting, waiting[done:])]
		// Sessions that nothing continued are looked for now and then, which bounds what is open.
		if watermark-windowSize >= swept {
			for bidder, s := range open {
				if s.last+windowSize <= watermark {
					write(bidder, s)
					delete(open, bidder)
				}
			}
			swept = watermark
		}
		if len(batch) == 0 {
			return
		}
	}
}
