package event

// AppendBidKeys opens a row, a JSON object, with the three integers that most begin with.
func AppendBidKeys(dst []byte, b *Bid) []byte {
	dst = AppendInt(dst, `{"auction":`, b.Auction)
	dst = AppendInt(dst, `,"bidder":`, b.Bidder)
	return AppendInt(dst, `,"price":`, b.Price)
}

// AppendWholeBid opens a row with all of a bid.
func AppendWholeBid(dst []byte, b *Bid) []byte {
	dst = AppendBidKeys(dst, b)
	dst = AppendText(dst, `,"channel":`, b.Channel)
	dst = AppendText(dst, `,"url":`, b.URL)
	dst = AppendInt(dst, `,"dateTime":`, b.DateTime)
	return AppendText(dst, `,"extra":`, b.Extra)
}

// AppendJoinedAuction closes a row with what a join takes from an auction.
func AppendJoinedAuction(dst []byte, a *Auction) []byte {
	dst = AppendText(dst, `,"itemName":`, a.ItemName)
	dst = AppendText(dst, `,"description":`, a.Description)
	dst = AppendInt(dst, `,"initialBid":`, a.InitialBid)
	dst = AppendInt(dst, `,"reserve":`, a.Reserve)
	dst = AppendInt(dst, `,"auctionDateTime":`, a.DateTime)
	dst = AppendInt(dst, `,"expires":`, a.Expires)
	dst = AppendInt(dst, `,"seller":`, a.Seller)
	dst = AppendInt(dst, `,"category":`, a.Category)
	dst = AppendText(dst, `,"auctionExtra":`, a.Extra)
	return append(dst, '}')
}
