package oracle

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/millrace-go/millrace/examples/nexmark/event"
)

// each returns one row for each bid that f returns one for.
func each(bids []*event.Bid, f func(*event.Bid) row) []row {
	var rows []row
	for _, b := range bids {
		if r := f(b); r != nil {
			rows = append(rows, r)
		}
	}
	return rows
}

// passThrough is query 0.
func passThrough(l log) []row {
	return each(l.bids, func(b *event.Bid) row {
		return row{"auction": b.Auction, "bidder": b.Bidder, "price": b.Price, "dateTime": b.DateTime, "extra": b.Extra}
	})
}

// currency is query 1.
func currency(l log) []row {
	return each(l.bids, func(b *event.Bid) row {
		return row{
			"auction": b.Auction, "bidder": b.Bidder, "price": decimal(thousandths(b.Price)),
			"dateTime": b.DateTime, "extra": b.Extra,
		}
	})
}

// selection is query 2.
func selection(l log) []row {
	return each(l.bids, func(b *event.Bid) row {
		if b.Auction%123 != 0 {
			return nil
		}
		return row{"auction": b.Auction, "price": b.Price}
	})
}

// partitioned is query 10.
func partitioned(l log) []row {
	return each(l.bids, func(b *event.Bid) row {
		return row{
			"auction": b.Auction, "bidder": b.Bidder, "price": b.Price, "dateTime": b.DateTime, "extra": b.Extra,
			"day": day(b.DateTime), "minute": minute(b.DateTime),
		}
	})
}

// sideInput is query 13.
func sideInput(l log) []row {
	side := map[int64]string{}
	for i := range int64(10_000) {
		side[i] = strconv.FormatInt(i, 10)
	}
	return each(l.bids, func(b *event.Bid) row {
		return row{
			"auction": b.Auction, "bidder": b.Bidder, "price": b.Price, "dateTime": b.DateTime,
			"value": side[b.Auction%10_000],
		}
	})
}

// calculation is query 14.
func calculation(l log) []row {
	return each(l.bids, func(b *event.Bid) row {
		price := thousandths(b.Price)
		if price <= 1_000_000_000 || price >= 50_000_000_000 {
			return nil
		}
		kind := "otherTime"
		if h := hour(b.DateTime); h >= 8 && h <= 18 {
			kind = "dayTime"
		} else if h <= 6 || h >= 20 {
			kind = "nightTime"
		}
		return row{
			"auction": b.Auction, "bidder": b.Bidder, "price": decimal(price), "bidTimeType": kind,
			"dateTime": b.DateTime, "extra": b.Extra, "cCounts": int64(strings.Count(b.Extra, "c")),
		}
	})
}

var channelIDForm = regexp.MustCompile(`(&|^)channel_id=([^&]*)`)

// channelIDs is query 21.
func channelIDs(l log) []row {
	known := map[string]string{"apple": "0", "google": "1", "facebook": "2", "baidu": "3"}
	return each(l.bids, func(b *event.Bid) row {
		id, ok := known[strings.ToLower(b.Channel)]
		if !ok {
			groups := channelIDForm.FindStringSubmatch(b.URL)
			if groups == nil {
				return nil
			}
			id = groups[2]
		}
		return row{"auction": b.Auction, "bidder": b.Bidder, "price": b.Price, "channel": b.Channel, "channelId": id}
	})
}

// directories is query 22. A part that the URL does not have is empty.
func directories(l log) []row {
	return each(l.bids, func(b *event.Bid) row {
		parts := append(strings.Split(b.URL, "/"), "", "", "", "", "")
		return row{
			"auction": b.Auction, "bidder": b.Bidder, "price": b.Price, "channel": b.Channel,
			"dir1": parts[3], "dir2": parts[4], "dir3": parts[5],
		}
	})
}
