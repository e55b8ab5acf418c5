package byhand

import (
	"strconv"
	"strings"

	"github.com/millrace-go/millrace/examples/nexmark/event"
)

// passThrough is query 0.
func passThrough(in *input, out *output) {
	in.bids(func(b *event.Bid) { out.write(append(bidRow(out.row(), b), '}')) })
}

// currency is query 1.
func currency(in *input, out *output) {
	in.bids(func(b *event.Bid) {
		row := event.AppendInt(out.row(), `{"auction":`, b.Auction)
		row = event.AppendInt(row, `,"bidder":`, b.Bidder)
		row = decimal(row, `,"price":"`, b.Price)
		row = event.AppendInt(row, `,"dateTime":`, b.DateTime)
		row = event.AppendText(row, `,"extra":`, b.Extra)
		out.write(append(row, '}'))
	})
}

// selection is query 2.
func selection(in *input, out *output) {
	in.bids(func(b *event.Bid) {
		if b.Auction%123 == 0 {
			row := event.AppendInt(out.row(), `{"auction":`, b.Auction)
			row = event.AppendInt(row, `,"price":`, b.Price)
			out.write(append(row, '}'))
		}
	})
}

// partitioned is query 10, without the files.
func partitioned(in *input, out *output) {
	last := int64(-1)
	var suffix string
	in.bids(func(b *event.Bid) {
		if minute := b.DateTime / minuteMillis; minute != last {
			last = minute
			suffix = `,"day":"` + dayName(b.DateTime/dayMillis) + `","minute":"` + minuteName(minute) + `"}`
		}
		out.write(append(bidRow(out.row(), b), suffix...))
	})
}

// sideInput is query 13.
func sideInput(in *input, out *output) {
	side := make(map[int64]string)
	for i := range int64(10_000) {
		side[i] = strconv.FormatInt(i, 10)
	}
	in.bids(func(b *event.Bid) {
		value, ok := side[b.Auction%10_000]
		if !ok {
			return
		}
		row := event.AppendBidKeys(out.row(), b)
		row = event.AppendInt(row, `,"dateTime":`, b.DateTime)
		row = event.AppendText(row, `,"value":`, value)
		out.write(append(row, '}'))
	})
}

// calculation is query 14.
func calculation(in *input, out *output) {
	in.bids(func(b *event.Bid) {
		if n := 908 * b.Price; n <= 1_000_000_000 || n >= 50_000_000_000 {
			return
		}
		kind := "otherTime"
		switch hour := b.DateTime / hourMillis % 24; {
		case hour >= 8 && hour <= 18:
			kind = "dayTime"
		case hour <= 6 || hour >= 20:
			kind = "nightTime"
		}
		row := event.AppendInt(out.row(), `{"auction":`, b.Auction)
		row = event.AppendInt(row, `,"bidder":`, b.Bidder)
		row = decimal(row, `,"price":"`, b.Price)
		row = plain(row, `,"bidTimeType":`, kind)
		row = event.AppendInt(row, `,"dateTime":`, b.DateTime)
		row = event.AppendText(row, `,"extra":`, b.Extra)
		row = event.AppendInt(row, `,"cCounts":`, int64(strings.Count(b.Extra, "c")))
		out.write(append(row, '}'))
	})
}

// channelIDs is query 21.
func channelIDs(in *input, out *output) {
	in.bids(func(b *event.Bid) {
		id, ok := knownChannel(b.Channel)
		if !ok {
			if id, ok = channelID(b.URL); !ok {
				return
			}
		}
		row := event.AppendBidKeys(out.row(), b)
		row = event.AppendText(row, `,"channel":`, b.Channel)
		row = event.AppendText(row, `,"channelId":`, id)
		out.write(append(row, '}'))
	})
}

func knownChannel(name string) (id string, ok bool) {
	var known string
	switch len(name) { // no two of them have the same length but Apple and Baidu
	case len("google"):
		known, id = "google", "1"
	case len("facebook"):
		known, id = "facebook", "2"
	case len("apple"):
		known, id = "apple", "0"
		if name[0]|' ' == 'b' {
			known, id = "baidu", "3"
		}
	default:
		return "", false
	}
	return id, strings.EqualFold(name, known)
}

// channelID returns what `(&|^)channel_id=([^&]*)` finds in a URL.
func channelID(url string) (id string, ok bool) {
	const name = "channel_id="
	for from := 0; ; {
		i := strings.Index(url[from:], name)
		if i < 0 {
			return "", false
		}
		from += i + len(name)
		if start := from - len(name); start == 0 || url[start-1] == '&' {
			id, _, _ = strings.Cut(url[from:], "&")
			return id, true
		}
	}
}

// directories is query 22.
func directories(in *input, out *output) {
	names := [...]string{`,"dir1":`, `,"dir2":`, `,"dir3":`}
	in.bids(func(b *event.Bid) {
		row := event.AppendBidKeys(out.row(), b)
		row = event.AppendText(row, `,"channel":`, b.Channel)
		rest := b.URL
		for range 3 {
			_, rest, _ = strings.Cut(rest, "/")
		}
		for _, name := range names {
			var dir string
			dir, rest, _ = strings.Cut(rest, "/")
			row = event.AppendText(row, name, dir)
		}
		out.write(append(row, '}'))
	})
}
