package generator_test

import (
	"bytes"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/millrace-go/millrace/examples/nexmark/event"
	"github.com/millrace-go/millrace/examples/nexmark/generator"
)

// near fails the test unless got is want, 2% more or less.
func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 0.02*want {
		t.Errorf("%s is %.4g, want about %.4g", what, got, want)
	}
}

// mean of a function over records.
type mean struct{ sum, n float64 }

func (m *mean) add(v float64) { m.sum, m.n = m.sum+v, m.n+1 }

func (m *mean) yes(is bool) {
	if is {
		m.sum++
	}
	m.n++
}

func (m *mean) value() float64 { return m.sum / m.n }

func TestDistributions(t *testing.T) {
	t.Parallel()
	const n = 1_000_000
	var kinds [4]float64
	var hotSeller, hotAuction, hotBidder, hotChannel, channelID mean
	var personBytes, auctionBytes, bidBytes, logPrice, expires, category, spaces, description mean
	lastAuction := int64(-1)
	for i, e := range take(generator.Config{Seed: 3}, n) {
		kinds[e.Kind]++
		hundred := 1000 + int64(i)/50/100*100
		switch e.Kind {
		case event.KindPerson:
			p := e.Person
			personBytes.add(float64(8 + len(p.Name+p.EmailAddress+p.CreditCard+p.City+p.State+p.Extra)))
		case event.KindAuction:
			a := e.Auction
			lastAuction = a.ID - 1000
			hotSeller.yes(a.Seller == hundred)
			auctionBytes.add(float64(48 + len(a.ItemName+a.Description+a.Extra)))
			expires.add(float64(a.Expires - a.DateTime))
			category.add(float64(a.Category))
			description.add(float64(len(a.Description)))
			inner := strings.Trim(a.Description, " ")
			if inner != a.Description {
				t.Fatalf("description %q has spaces around it", a.Description)
			}
			if len(inner) > 2 {
				inner = inner[1 : len(inner)-1]
				for _, c := range inner {
					spaces.yes(c == ' ')
				}
			}
		case event.KindBid:
			b := &e.Bid
			hotAuction.yes(b.Auction == 1000+lastAuction/100*100)
			hotBidder.yes(b.Bidder == hundred+1)
			hot := !strings.HasPrefix(b.Channel, "channel-")
			hotChannel.yes(hot)
			if !hot {
				channelID.yes(strings.Contains(b.URL, "&channel_id="))
			}
			bidBytes.add(float64(32 + len(b.Extra)))
			logPrice.add(math.Log10(float64(b.Price) / 100))
		}
	}
	near(t, "share of persons", kinds[event.KindPerson]/n, 1.0/50)
	near(t, "share of auctions", kinds[event.KindAuction]/n, 3.0/50)
	near(t, "share of bids", kinds[event.KindBid]/n, 46.0/50)
	// The hot ones can also be drawn at random, with a chance of about one in a thousand persons, a hundred auctions.
	near(t, "share of hot sellers", hotSeller.value(), 0.75)
	near(t, "share of hot bidders", hotBidder.value(), 0.75)
	near(t, "share of hot auctions", hotAuction.value(), 0.5+0.5/111)
	near(t, "share of hot channels", hotChannel.value(), 0.5)
	near(t, "share of URLs with channel_id", channelID.value(), 0.9)
	near(t, "size of a person", personBytes.value(), 200)
	near(t, "size of an auction", auctionBytes.value(), 500)
	near(t, "size of a bid", bidBytes.value(), 100)
	near(t, "logarithm of a price", logPrice.value(), 3)
	near(t, "length of an auction in ms", expires.value(), 166.6)
	near(t, "category", category.value(), 12)
	near(t, "share of spaces", spaces.value(), 1.0/13)
	near(t, "length of a description", description.value(), 51)
}

func TestTexts(t *testing.T) {
	t.Parallel()
	forms := map[string]*regexp.Regexp{
		"name":    regexp.MustCompile(`^[A-Z][a-z]+ [A-Z][a-z]+$`),
		"email":   regexp.MustCompile(`^([a-z]([a-z ]{0,4}[a-z])?)?@([a-z]([a-z ]{0,2}[a-z])?)?\.com$`),
		"card":    regexp.MustCompile(`^\d{4} \d{4} \d{4} \d{4}$`),
		"city":    regexp.MustCompile(`^(Phoenix|Los Angeles|San Francisco|Boise|Portland|Bend|Redmond|Seattle|Kent|Cheyenne)$`),
		"state":   regexp.MustCompile(`^(AZ|CA|ID|OR|WA|WY)$`),
		"item":    regexp.MustCompile(`^[a-z ]{0,19}$`),
		"about":   regexp.MustCompile(`^[a-z ]{0,99}$`),
		"extra":   regexp.MustCompile(`^[H-z]*$`),
		"channel": regexp.MustCompile(`^(Google|Facebook|Baidu|Apple|channel-\d{1,4})$`),
		"url":     regexp.MustCompile(`^https://www\.nexmark\.com/[a-z_]{3,4}/[a-z_]{3,4}/[a-z_]{3,4}/item\.htm\?query=1(&channel_id=-?\d+)?$`),
	}
	check := func(i int, form, text string) {
		if !forms[form].MatchString(text) {
			t.Errorf("event %d: %s %q", i, form, text)
		}
	}
	urls := map[string]string{}
	letters := map[byte]int{}
	for i, e := range take(generator.Config{Rate: 1}, 500_000) {
		switch e.Kind {
		case event.KindPerson:
			p := e.Person
			check(i, "name", p.Name)
			check(i, "email", p.EmailAddress)
			check(i, "card", p.CreditCard)
			check(i, "city", p.City)
			check(i, "state", p.State)
			check(i, "extra", p.Extra)
		case event.KindAuction:
			check(i, "item", e.Auction.ItemName)
			check(i, "about", e.Auction.Description)
			check(i, "extra", e.Auction.Extra)
		case event.KindBid:
			b := e.Bid
			check(i, "channel", b.Channel)
			check(i, "url", b.URL)
			check(i, "extra", b.Extra)
			if n := len(b.Extra); n < 54 || n > 81 {
				t.Errorf("event %d: extra of %d bytes, want 54 to 81", i, n)
			}
			if b.Price < 100 || b.Price > 100_000_000 {
				t.Errorf("event %d: price %d", i, b.Price)
			}
			if url, ok := urls[b.Channel]; ok && url != b.URL {
				t.Errorf("channel %s has the URLs %s and %s", b.Channel, url, b.URL)
			}
			urls[b.Channel] = b.URL
			for _, c := range []byte(b.Extra) {
				letters[c]++
			}
		}
	}
	// The sign of the remainder: 26 letters each way from 'a', which is in both.
	if len(letters) != 51 {
		t.Errorf("%d different characters in extra, want 51", len(letters))
	}
	near(t, "ratio of the characters before 'a' to those after", func() float64 {
		var before, after float64
		for c, n := range letters {
			if c < 'a' {
				before += float64(n)
			} else if c > 'a' {
				after += float64(n)
			}
		}
		return before / after
	}(), 1)
	if len(urls) != 10004 {
		t.Errorf("%d channels, want 10004", len(urls))
	}
	for channel, id := range map[string]string{"channel-1": "-2147483648", "channel-2": "1073741824", "channel-3": "1073741824"} {
		if _, got, ok := strings.Cut(urls[channel], "&channel_id="); ok && got != id {
			t.Errorf("%s has channel_id %s, want %s", channel, got, id)
		}
	}
	if !strings.Contains(urls["channel-1"], "channel_id") {
		t.Error("channel-1, whose id overflows, has none")
	}
}

// TestTraps holds the traps that the notes on Nexmark list, as far as they are the generator's.
func TestTraps(t *testing.T) {
	t.Parallel()
	events := take(generator.Config{}, 100_000)
	t.Run("the first event is person 1000 at the base time", func(t *testing.T) {
		if e := events[0]; e.Kind != event.KindPerson || e.Person.ID != 1000 || e.Time() != 1436918400000 {
			t.Errorf("event 0 is %s at %d", e.Kind, e.Time())
		}
		if e := events[1]; e.Kind != event.KindAuction || e.Auction.ID != 1000 {
			t.Errorf("event 1 is %s", e.Kind)
		}
	})
	born := map[int64]int64{}
	opened := map[int64]int64{}
	for i, e := range events {
		switch e.Kind {
		case event.KindPerson:
			born[e.Person.ID] = int64(i)
		case event.KindAuction:
			opened[e.Auction.ID] = int64(i)
		}
	}
	var known, early, earlyAuction mean
	for i, e := range events[:90_000] {
		if e.Kind == event.KindBid {
			at, ok := born[e.Bid.Bidder]
			known.yes(ok)
			early.yes(at > int64(i))
			at, ok = opened[e.Bid.Auction]
			known.yes(ok)
			earlyAuction.yes(at > int64(i))
		}
	}
	if known.value() < 1 {
		t.Errorf("only %.3f of the bidders and auctions are created: 1000 is added twice to some id", known.value())
	}
	if early.value() == 0 || earlyAuction.value() == 0 {
		t.Error("no bid is for an auction, or by a person, yet to be created")
	}
}

// TestStringsStayAsTheyAre makes more events while the strings of earlier ones are held.
func TestStringsStayAsTheyAre(t *testing.T) {
	t.Parallel()
	g := generator.New(generator.Config{})
	held := make([]event.Event, 2000)
	g.Fill(0, held)
	var before bytes.Buffer
	for i := range held {
		before.Write(held[i].AppendJSON(nil))
	}
	g.Fill(2000, make([]event.Event, 20000))
	var after bytes.Buffer
	for i := range held {
		after.Write(held[i].AppendJSON(nil))
	}
	if !slices.Equal(before.Bytes(), after.Bytes()) {
		t.Error("the strings of earlier events have changed")
	}
}
