package oracle_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-go/millrace/examples/nexmark/event"
	"github.com/millrace-go/millrace/examples/nexmark/oracle"
)

func person(id, at int64, name, state string) event.Event {
	return event.Event{Kind: event.KindPerson, Person: &event.Person{
		ID: id, Name: name, EmailAddress: "e", CreditCard: "c", City: "Kent", State: state, DateTime: at, Extra: "pe",
	}}
}

func auction(id, seller, category, at, expires int64) event.Event {
	return event.Event{Kind: event.KindAuction, Auction: &event.Auction{
		ID: id, ItemName: "i", Description: "d", InitialBid: 1, Reserve: 1 << 40, DateTime: at, Expires: expires,
		Seller: seller, Category: category, Extra: "ae",
	}}
}

func bid(auction, bidder, price, at int64, extra string) event.Event {
	return event.Event{Kind: event.KindBid, Bid: event.Bid{
		Auction: auction, Bidder: bidder, Price: price, Channel: "ch", URL: "u", DateTime: at, Extra: extra,
	}}
}

func bidFrom(channel, url string) event.Event {
	e := bid(1, 2, 3, 4, "")
	e.Bid.Channel, e.Bid.URL = channel, url
	return e
}

const (
	hour      = 3600_000
	dayMillis = 24 * hour
)

// rows are written one line each, as JSON with the fields in any order.
func TestRows(t *testing.T) {
	t.Parallel()
	others := []event.Event{person(1, 0, "P", "OR"), auction(1, 1, 10, 0, 1)}
	for _, tc := range []struct {
		query  int
		name   string
		events []event.Event
		want   string
	}{
		{0, "bids only", append(others, bid(5, 6, 7, 8, `\"`), bid(5, 6, 7, 8, `\"`)), `
			{"auction":5,"bidder":6,"price":7,"dateTime":8,"extra":"\\\""}
			{"auction":5,"bidder":6,"price":7,"dateTime":8,"extra":"\\\""}`},
		{0, "no bids", others, ``},
		{1, "three digits, none lost", []event.Event{bid(1, 2, 123, 4, ""), bid(1, 2, 100, 4, ""), bid(1, 2, 100_000_000, 4, "")}, `
			{"auction":1,"bidder":2,"price":"111.684","dateTime":4,"extra":""}
			{"auction":1,"bidder":2,"price":"90.800","dateTime":4,"extra":""}
			{"auction":1,"bidder":2,"price":"90800000.000","dateTime":4,"extra":""}`},
		{2, "multiples of 123", []event.Event{bid(1107, 2, 3, 4, ""), bid(1108, 2, 3, 4, "")}, `{"auction":1107,"price":3}`},
		{3, "either order, category 10 and three states only", []event.Event{
			auction(10, 1, 10, 0, 1), auction(11, 1, 11, 0, 1), person(1, 5, "P", "OR"), auction(12, 1, 10, 9, 10),
			person(2, 5, "Q", "WA"), auction(13, 2, 10, 9, 10), person(3, 5, "R", "ID"), auction(14, 3, 10, 9, 10),
			person(4, 5, "S", "CA"), auction(15, 4, 10, 9, 10), auction(16, 5, 10, 9, 10),
		}, `
			{"name":"P","city":"Kent","state":"OR","id":10}
			{"name":"P","city":"Kent","state":"OR","id":12}
			{"name":"R","city":"Kent","state":"ID","id":14}
			{"name":"S","city":"Kent","state":"CA","id":15}`},
		{4, "the mean of the winners is cut; a category without one has no row", []event.Event{
			auction(10, 1, 10, 0, 100), auction(11, 1, 10, 0, 100), auction(12, 1, 11, 0, 100), auction(13, 1, 10, 0, 100),
			bid(10, 1, 4, 50, ""), bid(10, 1, 3, 51, ""), bid(11, 1, 9, 50, ""), bid(12, 1, 9, 101, ""),
		}, `{"category":10,"avgPrice":6}`},
		{5, "windows start before the first bid; ties are all kept", []event.Event{
			bid(1, 0, 0, 9999, ""), bid(2, 0, 0, 10_000, ""), bid(2, 0, 0, 12_500, ""),
		}, `
			{"windowStart":0,"windowEnd":10000,"auction":1,"count":1}
			{"windowStart":2000,"windowEnd":12000,"auction":1,"count":1}
			{"windowStart":2000,"windowEnd":12000,"auction":2,"count":1}
			{"windowStart":4000,"windowEnd":14000,"auction":2,"count":2}
			{"windowStart":6000,"windowEnd":16000,"auction":2,"count":2}
			{"windowStart":8000,"windowEnd":18000,"auction":2,"count":2}
			{"windowStart":10000,"windowEnd":20000,"auction":2,"count":2}
			{"windowStart":12000,"windowEnd":22000,"auction":2,"count":1}`},
		{5, "a bid at the epoch is in windows that start before it", []event.Event{bid(1, 0, 0, 0, "")}, `
			{"windowStart":-8000,"windowEnd":2000,"auction":1,"count":1}
			{"windowStart":-6000,"windowEnd":4000,"auction":1,"count":1}
			{"windowStart":-4000,"windowEnd":6000,"auction":1,"count":1}
			{"windowStart":-2000,"windowEnd":8000,"auction":1,"count":1}
			{"windowStart":0,"windowEnd":10000,"auction":1,"count":1}`},
		{7, "the window's end is the next window's; ties are all kept", []event.Event{
			bid(1, 2, 9, 0, "a"), bid(3, 4, 9, 9999, "b"), bid(5, 6, 8, 9999, "c"), bid(7, 8, 10, 10_000, "d"),
		}, `
			{"windowStart":0,"windowEnd":10000,"auction":1,"bidder":2,"price":9,"dateTime":0,"extra":"a"}
			{"windowStart":0,"windowEnd":10000,"auction":3,"bidder":4,"price":9,"dateTime":9999,"extra":"b"}
			{"windowStart":10000,"windowEnd":20000,"auction":7,"bidder":8,"price":10,"dateTime":10000,"extra":"d"}`},
		{8, "once, either order, same window only", []event.Event{
			auction(10, 1, 10, 10_000, 1), person(1, 19_999, "P", "WA"), auction(11, 1, 10, 19_999, 1),
			person(2, 19_999, "Q", "WA"), auction(12, 2, 10, 20_000, 1), person(3, 19_999, "R", "WA"),
		}, `{"windowStart":10000,"windowEnd":20000,"id":1,"name":"P"}`},
		{10, "days and minutes", []event.Event{bid(1, 2, 3, dayMillis-1, "x"), bid(1, 2, 3, dayMillis+hour, "y")}, `
			{"auction":1,"bidder":2,"price":3,"dateTime":86399999,"extra":"x","day":"1970-01-01","minute":"23:59"}
			{"auction":1,"bidder":2,"price":3,"dateTime":90000000,"extra":"y","day":"1970-01-02","minute":"01:00"}`},
		{11, "exactly 10 s apart are two sessions", []event.Event{
			bid(1, 5, 1, 20_000, ""), bid(1, 5, 1, 0, ""), bid(2, 5, 1, 9999, ""), bid(2, 5, 1, 9999, ""),
			bid(2, 5, 1, 19_998, ""), bid(2, 5, 1, 29_999, ""), bid(2, 5, 1, 39_999, ""), bid(2, 6, 1, 3, ""),
		}, `
			{"bidder":5,"count":6,"windowStart":0,"windowEnd":39999}
			{"bidder":5,"count":1,"windowStart":39999,"windowEnd":49999}
			{"bidder":6,"count":1,"windowStart":3,"windowEnd":10003}`},
		{13, "key is auction mod 10000", []event.Event{bid(9999, 2, 3, 4, ""), bid(20_007, 2, 3, 4, "")}, `
			{"auction":9999,"bidder":2,"price":3,"dateTime":4,"value":"9999"}
			{"auction":20007,"bidder":2,"price":3,"dateTime":4,"value":"7"}`},
		// 0.908 · 1101321 = 999999.468 and 0.908 · 1101322 = 1000000.376; 0.908 · 55066079 = 49999999.732 and one more is
		// 50000000.640. No integer price gives either bound itself.
		{14, "the bounds", []event.Event{
			bid(1, 2, 1101321, 0, "no"), bid(1, 2, 1101322, 0, "cC c"), bid(1, 2, 55066079, 0, ""), bid(1, 2, 55066080, 0, "no"),
		}, `
			{"auction":1,"bidder":2,"price":"1000000.376","bidTimeType":"nightTime","dateTime":0,"extra":"cC c","cCounts":2}
			{"auction":1,"bidder":2,"price":"49999999.732","bidTimeType":"nightTime","dateTime":0,"extra":"","cCounts":0}`},
		{14, "the hours", []event.Event{
			bid(6, 2, 2_000_000, 7*hour-1, ""), bid(7, 2, 2_000_000, 7*hour, ""), bid(8, 2, 2_000_000, 8*hour, ""),
			bid(18, 2, 2_000_000, 19*hour-1, ""), bid(19, 2, 2_000_000, 19*hour, ""), bid(20, 2, 2_000_000, 20*hour, ""),
		}, `
			{"auction":6,"bidder":2,"price":"1816000.000","bidTimeType":"nightTime","dateTime":25199999,"extra":"","cCounts":0}
			{"auction":7,"bidder":2,"price":"1816000.000","bidTimeType":"otherTime","dateTime":25200000,"extra":"","cCounts":0}
			{"auction":8,"bidder":2,"price":"1816000.000","bidTimeType":"dayTime","dateTime":28800000,"extra":"","cCounts":0}
			{"auction":18,"bidder":2,"price":"1816000.000","bidTimeType":"dayTime","dateTime":68399999,"extra":"","cCounts":0}
			{"auction":19,"bidder":2,"price":"1816000.000","bidTimeType":"otherTime","dateTime":68400000,"extra":"","cCounts":0}
			{"auction":20,"bidder":2,"price":"1816000.000","bidTimeType":"nightTime","dateTime":72000000,"extra":"","cCounts":0}`},
		{15, "distinct by rank and by day; zeros are written", []event.Event{
			bid(1, 1, 9999, 0, ""), bid(1, 1, 10_000, 0, ""), bid(2, 1, 999_999, 0, ""), bid(2, 2, 1_000_000, 0, ""),
			bid(2, 2, 1_000_000, dayMillis-1, ""), bid(1, 1, 1, dayMillis, ""),
		}, `
			{"day":"1970-01-01","totalBids":5,"rank1Bids":1,"rank2Bids":2,"rank3Bids":2,
			 "totalBidders":2,"rank1Bidders":1,"rank2Bidders":1,"rank3Bidders":1,
			 "totalAuctions":2,"rank1Auctions":1,"rank2Auctions":2,"rank3Auctions":1}
			{"day":"1970-01-02","totalBids":1,"rank1Bids":1,"rank2Bids":0,"rank3Bids":0,
			 "totalBidders":1,"rank1Bidders":1,"rank2Bidders":0,"rank3Bidders":0,
			 "totalAuctions":1,"rank1Auctions":1,"rank2Auctions":0,"rank3Auctions":0}`},
		{16, "by channel; the greatest minute, in any order", []event.Event{
			bid(1, 1, 1, 2*hour, ""), bid(1, 2, 1, hour+60_000, ""), bid(2, 2, 1, 0, ""), bidFrom("other", "u"),
		}, `
			{"channel":"ch","day":"1970-01-01","minute":"02:00","totalBids":3,"rank1Bids":3,"rank2Bids":0,"rank3Bids":0,
			 "totalBidders":2,"rank1Bidders":2,"rank2Bidders":0,"rank3Bidders":0,
			 "totalAuctions":2,"rank1Auctions":2,"rank2Auctions":0,"rank3Auctions":0}
			{"channel":"other","day":"1970-01-01","minute":"00:00","totalBids":1,"rank1Bids":1,"rank2Bids":0,"rank3Bids":0,
			 "totalBidders":1,"rank1Bidders":1,"rank2Bidders":0,"rank3Bidders":0,
			 "totalAuctions":1,"rank1Auctions":1,"rank2Auctions":0,"rank3Auctions":0}`},
		{17, "the mean is cut; a day apart", []event.Event{
			bid(1, 1, 2, 0, ""), bid(1, 2, 10_001, 5, ""), bid(1, 2, 1_000_000, 6, ""), bid(1, 2, 7, dayMillis, ""), bid(2, 2, 8, 0, ""),
		}, `
			{"auction":1,"day":"1970-01-01","totalBids":3,"rank1Bids":1,"rank2Bids":1,"rank3Bids":1,"minPrice":2,"maxPrice":1000000,"avgPrice":336667,"sumPrice":1010003}
			{"auction":1,"day":"1970-01-02","totalBids":1,"rank1Bids":1,"rank2Bids":0,"rank3Bids":0,"minPrice":7,"maxPrice":7,"avgPrice":7,"sumPrice":7}
			{"auction":2,"day":"1970-01-01","totalBids":1,"rank1Bids":1,"rank2Bids":0,"rank3Bids":0,"minPrice":8,"maxPrice":8,"avgPrice":8,"sumPrice":8}`},
		{18, "the last by time, then price, then extra", []event.Event{
			bid(1, 1, 9, 5, "z"), bid(1, 1, 7, 6, "b"), bid(1, 1, 7, 6, "a"), bid(1, 1, 6, 6, "z"), bid(1, 2, 1, 0, ""), bid(2, 1, 1, 0, ""),
		}, `
			{"auction":1,"bidder":1,"price":7,"channel":"ch","url":"u","dateTime":6,"extra":"b"}
			{"auction":1,"bidder":2,"price":1,"channel":"ch","url":"u","dateTime":0,"extra":""}
			{"auction":2,"bidder":1,"price":1,"channel":"ch","url":"u","dateTime":0,"extra":""}`},
		{19, "equal prices rank by time, then bidder, then extra", []event.Event{
			bid(1, 4, 5, 8, "b"), bid(1, 4, 5, 8, "a"), bid(1, 3, 5, 8, "z"), bid(1, 9, 5, 7, "z"), bid(1, 1, 6, 9, ""),
		}, `
			{"rank":1,"auction":1,"bidder":1,"price":6,"channel":"ch","url":"u","dateTime":9,"extra":""}
			{"rank":2,"auction":1,"bidder":9,"price":5,"channel":"ch","url":"u","dateTime":7,"extra":"z"}
			{"rank":3,"auction":1,"bidder":3,"price":5,"channel":"ch","url":"u","dateTime":8,"extra":"z"}
			{"rank":4,"auction":1,"bidder":4,"price":5,"channel":"ch","url":"u","dateTime":8,"extra":"a"}
			{"rank":5,"auction":1,"bidder":4,"price":5,"channel":"ch","url":"u","dateTime":8,"extra":"b"}`},
		{20, "either order, before and after the auction, category 10 only", []event.Event{
			bid(10, 1, 2, 3, "x"), auction(10, 7, 10, 5, 6), bid(10, 1, 2, 9, "y"), auction(11, 7, 11, 5, 6), bid(11, 1, 2, 5, "no"), bid(12, 1, 2, 5, "no"),
		}, `
			{"auction":10,"bidder":1,"price":2,"channel":"ch","url":"u","bidDateTime":3,"bidExtra":"x","itemName":"i","description":"d",
			 "initialBid":1,"reserve":1099511627776,"auctionDateTime":5,"expires":6,"seller":7,"category":10,"auctionExtra":"ae"}
			{"auction":10,"bidder":1,"price":2,"channel":"ch","url":"u","bidDateTime":9,"bidExtra":"y","itemName":"i","description":"d",
			 "initialBid":1,"reserve":1099511627776,"auctionDateTime":5,"expires":6,"seller":7,"category":10,"auctionExtra":"ae"}`},
		{21, "by name in any case, else by URL, else dropped", []event.Event{
			bidFrom("Apple", "u"), bidFrom("GOOGLE", "u&channel_id=9"), bidFrom("facebook", ""), bidFrom("Baidu", ""),
			bidFrom("channel-1", "https://h/a/b/c/item.htm?query=1&channel_id=-2147483648"), bidFrom("channel-2", "channel_id=7&x=1"),
			bidFrom("channel-3", "https://h/?query=1"), bidFrom("channel-4", "https://h/?channel_id=1"),
		}, `
			{"auction":1,"bidder":2,"price":3,"channel":"Apple","channelId":"0"}
			{"auction":1,"bidder":2,"price":3,"channel":"GOOGLE","channelId":"1"}
			{"auction":1,"bidder":2,"price":3,"channel":"facebook","channelId":"2"}
			{"auction":1,"bidder":2,"price":3,"channel":"Baidu","channelId":"3"}
			{"auction":1,"bidder":2,"price":3,"channel":"channel-1","channelId":"-2147483648"}
			{"auction":1,"bidder":2,"price":3,"channel":"channel-2","channelId":"7"}`},
		{22, "the published example", []event.Event{bidFrom("c", "https://www.nexmark.com/abc/d_f/ghi/item.htm?query=1")}, `
			{"auction":1,"bidder":2,"price":3,"channel":"c","dir1":"abc","dir2":"d_f","dir3":"ghi"}`},
		{23, "one row per bid and auction of the bidder, in any order", []event.Event{
			bid(99, 1, 2, 3, "x"), auction(10, 1, 10, 5, 6), person(1, 9, "P", "WA"), auction(11, 1, 11, 5, 6), auction(99, 8, 11, 5, 6),
			person(2, 9, "Q", "WA"), bid(10, 2, 2, 3, "no auction"), auction(12, 3, 10, 5, 6), bid(10, 3, 2, 3, "no person"),
		}, `
			{"bidder":1,"price":2,"channel":"ch","url":"u","bidExtra":"x","personId":1,"name":"P","emailAddress":"e","creditCard":"c","city":"Kent",
			 "state":"WA","personExtra":"pe","itemName":"i","description":"d","initialBid":1,"reserve":1099511627776,"auctionDateTime":5,"expires":6,
			 "seller":1,"category":10,"auctionExtra":"ae"}
			{"bidder":1,"price":2,"channel":"ch","url":"u","bidExtra":"x","personId":1,"name":"P","emailAddress":"e","creditCard":"c","city":"Kent",
			 "state":"WA","personExtra":"pe","itemName":"i","description":"d","initialBid":1,"reserve":1099511627776,"auctionDateTime":5,"expires":6,
			 "seller":1,"category":11,"auctionExtra":"ae"}`},
	} {
		t.Run(fmt.Sprintf("q%d %s", tc.query, tc.name), func(t *testing.T) {
			t.Parallel()
			check(t, tc.query, tc.events, tc.want)
		})
	}
}

// check compares the rows with those wanted, whatever the order of the events.
func check(t *testing.T, query int, events []event.Event, want string) {
	t.Helper()
	var wantRows []string
	dec := json.NewDecoder(strings.NewReader(want))
	dec.UseNumber()
	for dec.More() {
		var fields map[string]any
		if err := dec.Decode(&fields); err != nil {
			t.Fatal(err)
		}
		line, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		wantRows = append(wantRows, string(line))
	}
	slices.Sort(wantRows)
	backwards := slices.Clone(events)
	slices.Reverse(backwards)
	for name, order := range map[string][]event.Event{"in order": events, "backwards": backwards} {
		got, err := oracle.Rows(query, order)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(wantRows, got); diff != "" {
			t.Errorf("events %s (-want +got):\n%s", name, diff)
		}
	}
}

// TestWinningBid goes through the rules of the winning bid one by one.
func TestWinningBid(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		bids []event.Event
		want string // extra of the winner
	}{
		{"none", nil, ""},
		{"both ends are in", []event.Event{bid(10, 1, 5, 100, "first"), bid(10, 1, 6, 200, "last")}, "last"},
		{"the opening instant is in", []event.Event{bid(10, 1, 5, 100, "first"), bid(10, 1, 4, 200, "last")}, "first"},
		{"outside is not", []event.Event{bid(10, 1, 5, 99, "before"), bid(10, 1, 6, 201, "after"), bid(10, 1, 1, 150, "within")}, "within"},
		{"only outside", []event.Event{bid(10, 1, 5, 99, "before"), bid(10, 1, 6, 201, "after")}, ""},
		{"equal prices: the earlier", []event.Event{bid(10, 1, 5, 150, "late"), bid(10, 2, 5, 149, "early")}, "early"},
		{"equal times too: the lesser bidder", []event.Event{bid(10, 2, 5, 150, "a"), bid(10, 1, 5, 150, "b")}, "b"},
		{"equal bidders too: the lesser extra", []event.Event{bid(10, 1, 5, 150, "b"), bid(10, 1, 5, 150, "a"), bid(10, 1, 5, 150, "c")}, "a"},
		{"below the reserve", []event.Event{bid(10, 1, 1, 150, "cheap")}, "cheap"},
		{"of another auction", []event.Event{bid(11, 1, 1, 150, "other")}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := oracle.Rows(9, append(tc.bids, auction(10, 7, 12, 100, 200)))
			if err != nil {
				t.Fatal(err)
			}
			var extras []string
			for _, line := range got {
				var r struct{ BidExtra string }
				if err := json.Unmarshal([]byte(line), &r); err != nil {
					t.Fatal(err)
				}
				extras = append(extras, r.BidExtra)
			}
			var want []string
			if tc.want != "" {
				want = []string{tc.want}
			}
			if diff := cmp.Diff(want, extras); diff != "" {
				t.Errorf("winners (-want +got):\n%s", diff)
			}
		})
	}
	check(t, 9, []event.Event{auction(10, 7, 12, 100, 200), bid(10, 3, 4, 150, "be")}, `
		{"id":10,"itemName":"i","description":"d","initialBid":1,"reserve":1099511627776,"dateTime":100,"expires":200,
		 "seller":7,"category":12,"extra":"ae","auction":10,"bidder":3,"price":4,"bidDateTime":150,"bidExtra":"be"}`)
}

// TestLastTenSales has a seller of twelve auctions; the ten latest winning bids count.
func TestLastTenSales(t *testing.T) {
	t.Parallel()
	var events []event.Event
	for i := range int64(12) {
		events = append(events, auction(i, 7, 10, 0, 1000), bid(i, 1, 1<<i, 100+i, ""))
	}
	// The sum of 4, 8, …, 2048 is 4092.
	check(t, 6, events, `{"seller":7,"avgPrice":409}`)

	// Of four sales at once, the ten take first the dearer, then that of the greater auction id.
	events = events[:2*8]                                                                                          // 1, 2, …, 128 at 100..107
	events = append(events, auction(20, 7, 10, 0, 1000), auction(21, 7, 10, 0, 1000), auction(22, 7, 10, 0, 1000), // at 99
		bid(20, 1, 6, 99, ""), bid(21, 1, 5, 99, ""), bid(22, 1, 5, 99, ""), auction(30, 8, 10, 0, 1000), bid(30, 1, 3, 0, ""))
	check(t, 6, events, `{"seller":7,"avgPrice":26} {"seller":8,"avgPrice":3}`) // ⌊(255 + 6 + 5) / 10⌋
}

func TestTopBidsAreTen(t *testing.T) {
	t.Parallel()
	var events []event.Event
	var want strings.Builder
	for i := range int64(12) {
		events = append(events, bid(1, 2, 100+i, i, ""))
	}
	for rank := int64(1); rank <= 10; rank++ {
		fmt.Fprintf(&want, `{"rank":%d,"auction":1,"bidder":2,"price":%d,"channel":"ch","url":"u","dateTime":%d,"extra":""}`,
			rank, 112-rank, 12-rank)
	}
	check(t, 19, events, want.String())
}

func TestRowsOfNoQuery(t *testing.T) {
	t.Parallel()
	for _, query := range []int{-1, 12, 24} {
		if _, err := oracle.Rows(query, nil); err == nil {
			t.Errorf("query %d has rows", query)
		}
	}
}
