package byhand

import "github.com/millrace-go/millrace/examples/nexmark/event"

// localItems is query 3.
func localItems(in *input, out *output) {
	type seller struct {
		known   bool    // the person has come
		suffix  []byte  // what their rows end with, if they live in one of the states
		waiting []int64 // auctions that came before the person
	}
	sellers := make(map[int64]*seller)
	get := func(id int64) *seller {
		s := sellers[id]
		if s == nil {
			s = new(seller)
			sellers[id] = s
		}
		return s
	}
	write := func(auction int64, s *seller) {
		out.write(append(event.AppendInt(out.row(), `{"id":`, auction), s.suffix...))
	}
	for {
		batch, _ := in.read()
		for i := range batch {
			switch e := &batch[i]; e.Kind {
			case event.KindPerson:
				p, s := e.Person, get(e.Person.ID)
				s.known = true
				if p.State == "OR" || p.State == "ID" || p.State == "CA" {
					s.suffix = event.AppendText(s.suffix, `,"name":`, p.Name)
					s.suffix = event.AppendText(s.suffix, `,"city":`, p.City)
					s.suffix = event.AppendText(s.suffix, `,"state":`, p.State)
					s.suffix = append(s.suffix, '}')
					for _, auction := range s.waiting {
						write(auction, s)
					}
				}
				s.waiting = nil
			case event.KindAuction:
				if e.Auction.Category != 10 {
					continue
				}
				switch s := get(e.Auction.Seller); {
				case !s.known:
					s.waiting = append(s.waiting, e.Auction.ID)
				case s.suffix != nil:
					write(e.Auction.ID, s)
				}
			}
		}
		if len(batch) == 0 {
			return
		}
	}
}

// bidsWithAuction is query 20.
func bidsWithAuction(in *input, out *output) {
	type item struct {
		known   bool        // the auction has come
		suffix  []byte      // what its rows end with, if it is of the category
		waiting []event.Bid // bids that came before the auction
	}
	items := make(map[int64]*item)
	get := func(id int64) *item {
		it := items[id]
		if it == nil {
			it = new(item)
			items[id] = it
		}
		return it
	}
	write := func(b *event.Bid, it *item) {
		row := event.AppendBidKeys(out.row(), b)
		row = event.AppendText(row, `,"channel":`, b.Channel)
		row = event.AppendText(row, `,"url":`, b.URL)
		row = event.AppendInt(row, `,"bidDateTime":`, b.DateTime)
		row = event.AppendText(row, `,"bidExtra":`, b.Extra)
		out.write(append(row, it.suffix...))
	}
	for {
		batch, _ := in.read()
		for i := range batch {
			switch e := &batch[i]; e.Kind {
			case event.KindAuction:
				it := get(e.Auction.ID)
				it.known = true
				if e.Auction.Category == 10 {
					it.suffix = event.AppendJoinedAuction(nil, e.Auction)
					for j := range it.waiting {
						write(&it.waiting[j], it)
					}
				}
				it.waiting = nil
			case event.KindBid:
				switch it := get(e.Bid.Auction); {
				case !it.known:
					it.waiting = append(it.waiting, e.Bid)
				case it.suffix != nil:
					write(&e.Bid, it)
				}
			}
		}
		if len(batch) == 0 {
			return
		}
	}
}

// member is a person in query 23, who bids and sells.
type member struct {
	person   *event.Person
	auctions []*event.Auction
	suffixes [][]byte // one for each auction, when the person has come
	bids     []event.Bid
}

// bidsOfSellers is query 23.
func bidsOfSellers(in *input, out *output) {
	members := make(map[int64]*member)
	get := func(id int64) *member {
		m := members[id]
		if m == nil {
			m = new(member)
			members[id] = m
		}
		return m
	}
	write := func(b *event.Bid, suffix []byte) {
		row := event.AppendInt(out.row(), `{"bidder":`, b.Bidder)
		row = event.AppendInt(row, `,"price":`, b.Price)
		row = event.AppendText(row, `,"channel":`, b.Channel)
		row = event.AppendText(row, `,"url":`, b.URL)
		row = event.AppendText(row, `,"bidExtra":`, b.Extra)
		out.write(append(row, suffix...))
	}
	// sell adds a row for every bid of a member and one of their auctions.
	sell := func(m *member, a *event.Auction) {
		suffix := event.AppendJoinedAuction(joinedPerson(nil, m.person), a)
		m.suffixes = append(m.suffixes, suffix)
		for i := range m.bids {
			write(&m.bids[i], suffix)
		}
	}
	for {
		batch, _ := in.read()
		for i := range batch {
			switch e := &batch[i]; e.Kind {
			case event.KindPerson:
				m := get(e.Person.ID)
				m.person = e.Person
				for _, a := range m.auctions {
					sell(m, a)
				}
				m.auctions = nil
			case event.KindAuction:
				if m := get(e.Auction.Seller); m.person != nil {
					sell(m, e.Auction)
				} else {
					m.auctions = append(m.auctions, e.Auction)
				}
			case event.KindBid:
				m := get(e.Bid.Bidder)
				m.bids = append(m.bids, e.Bid)
				for _, suffix := range m.suffixes {
					write(&e.Bid, suffix)
				}
			}
		}
		if len(batch) == 0 {
			return
		}
	}
}

// joinedPerson appends what query 23 takes from a person.
func joinedPerson(row []byte, p *event.Person) []byte {
	row = event.AppendInt(row, `,"personId":`, p.ID)
	row = event.AppendText(row, `,"name":`, p.Name)
	row = event.AppendText(row, `,"emailAddress":`, p.EmailAddress)
	row = event.AppendText(row, `,"creditCard":`, p.CreditCard)
	row = event.AppendText(row, `,"city":`, p.City)
	row = event.AppendText(row, `,"state":`, p.State)
	return event.AppendText(row, `,"personExtra":`, p.Extra)
}
