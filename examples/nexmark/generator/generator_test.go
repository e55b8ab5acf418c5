package generator_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/millrace-go/millrace/examples/nexmark/event"
	"github.com/millrace-go/millrace/examples/nexmark/generator"
)

// take returns the first n events.
func take(cfg generator.Config, n int64) []event.Event {
	dst := make([]event.Event, n)
	generator.New(cfg).Fill(0, dst)
	return dst
}

func TestEventsAreAFunctionOfSeedRateAndNumber(t *testing.T) {
	t.Parallel()
	for _, cfg := range []generator.Config{
		{},
		{Seed: 7, Rate: 1},
		{Seed: -1, Rate: 3_000_000, OutOfOrder: 7},
	} {
		t.Run(fmt.Sprintf("%+v", cfg), func(t *testing.T) {
			t.Parallel()
			const n = 5000
			want := take(cfg, n)
			if diff := cmp.Diff(want, take(cfg, n)); diff != "" {
				t.Errorf("the second time (-first +second):\n%s", diff)
			}
			if diff := cmp.Diff(want[:1234], take(cfg, 1234)); diff != "" {
				t.Errorf("fewer events are no prefix (-more +fewer):\n%s", diff)
			}
			g := generator.New(cfg)
			for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(n) {
				if diff := cmp.Diff(want[i], g.At(int64(i))); diff != "" {
					t.Fatalf("At(%d) alone (-in sequence +alone):\n%s", i, diff)
				}
			}
			dst := slices.Clone(want[:64]) // events of other kinds stand in the way
			for from := int64(0); from+64 <= n; from += 61 {
				g.Fill(from, dst)
				if diff := cmp.Diff(want[from:from+64], dst); diff != "" {
					t.Fatalf("Fill(%d) over other events (-sequence +got):\n%s", from, diff)
				}
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	got := take(generator.Config{Rate: -1, OutOfOrder: -1}, 100)
	if diff := cmp.Diff(take(generator.Config{Rate: 10000, OutOfOrder: 1}, 100), got); diff != "" {
		t.Errorf("the defaults (-explicit +default):\n%s", diff)
	}
}

func TestSeedChangesChoicesAndNotIDsAndTimes(t *testing.T) {
	t.Parallel()
	same := 0
	a, b := take(generator.Config{Seed: 1}, 1000), take(generator.Config{Seed: 2}, 1000)
	for i := range a {
		if a[i].Kind != b[i].Kind || a[i].Time() != b[i].Time() {
			t.Fatalf("event %d is %+v or %+v", i, a[i], b[i])
		}
		if a[i].Kind == event.KindBid && a[i].Bid.Extra == b[i].Bid.Extra {
			same++
		}
	}
	if same > 0 {
		t.Errorf("%d bids have the same extra under both seeds", same)
	}
}

func TestOutOfOrderPermutesTheSameEvents(t *testing.T) {
	t.Parallel()
	const n = 6000
	lines := func(group int64) []string {
		var got []string
		for _, e := range take(generator.Config{OutOfOrder: group}, n) {
			got = append(got, string(e.AppendJSON(nil)))
		}
		return got
	}
	want := lines(1)
	slices.Sort(want)
	for _, group := range []int64{2, 3, 50, 1000, n} {
		got := lines(group)
		inOrder := slices.Equal(got, lines(1))
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("group size %d has other events (-1 +%d):\n%s", group, group, diff)
		}
		if ordered := group == 2; inOrder != ordered { // 953 mod 2 is 1
			t.Errorf("group size %d: in order is %t, want %t", group, inOrder, ordered)
		}
	}
}

func TestWatermarkIsNotAheadOfWhatIsToCome(t *testing.T) {
	t.Parallel()
	const n = 5000
	for _, rate := range []int64{1, 100, 10000, 7_000_000} {
		for _, group := range []int64{1, 7, 100, 1000} {
			g := generator.New(generator.Config{Rate: rate, OutOfOrder: group})
			least := int64(math.MaxInt64)
			for i := int64(n) - 1; i >= 0; i-- {
				e := g.At(i)
				if e.Time() != g.Time(i) {
					t.Fatalf("rate %d, group %d: Time(%d) = %d, the event's is %d", rate, group, i, g.Time(i), e.Time())
				}
				least = min(least, e.Time())
				if wm := g.Watermark(i); wm > least {
					t.Fatalf("rate %d, group %d: Watermark(%d) = %d, but an event of %d is to come", rate, group, i, wm, least)
				} else if i%group == 0 && wm != least {
					t.Fatalf("rate %d, group %d: Watermark(%d) = %d, want the least time to come, %d", rate, group, i, wm, least)
				}
			}
		}
	}
}

// slowID and what follows are Nexmark's formulas, written as they are published.
func slowID(n, g int64) int64 { return n/g*g + 953*n%g }

func slowTime(id, rate int64) int64 { return 1436918400000 + 1000*id/rate }

func slowLastAuction(id int64) int64 {
	e, r := id/50, id%50
	switch {
	case r == 0:
		return 3*(e-1) + 2
	case r <= 3:
		return 3*e + (r - 1)
	}
	return 3*e + 2
}

func TestIDsAndTimes(t *testing.T) {
	t.Parallel()
	between := func(t *testing.T, what string, got, lo, hi int64) {
		t.Helper()
		if got < lo || got > hi {
			t.Errorf("%s is %d, want %d to %d", what, got, lo, hi)
		}
	}
	for _, cfg := range []generator.Config{{Rate: 1, OutOfOrder: 1}, {Rate: 10000, OutOfOrder: 100}, {Rate: 999983, OutOfOrder: 3}} {
		t.Run(fmt.Sprintf("%+v", cfg), func(t *testing.T) {
			t.Parallel()
			for n, e := range take(cfg, 200_000) {
				id := slowID(int64(n), cfg.OutOfOrder)
				at := slowTime(id, cfg.Rate)
				lastPerson, lastAuction := id/50, slowLastAuction(id)
				if e.Time() != at {
					t.Fatalf("event %d is at %d, want %d", n, e.Time(), at)
				}
				person := func(what string, got, hot int64) {
					if got != hot {
						active := min(lastPerson+1, 1000)
						between(t, fmt.Sprintf("event %d: %s", n, what), got,
							1000+lastPerson+1-active, 1000+lastPerson+10)
					}
				}
				want := event.KindBid
				switch {
				case id%50 == 0:
					want = event.KindPerson
				case id%50 < 4:
					want = event.KindAuction
				}
				if e.Kind != want || (e.Person != nil) != (want == event.KindPerson) ||
					(e.Auction != nil) != (want == event.KindAuction) || (e.Bid != event.Bid{}) != (want == event.KindBid) {
					t.Fatalf("event %d is %+v, want a %s", n, e, want)
				}
				switch want {
				case event.KindPerson:
					if e.Person.ID != 1000+lastPerson {
						t.Errorf("event %d: person %d, want %d", n, e.Person.ID, 1000+lastPerson)
					}
				case event.KindAuction:
					if e.Auction.ID != 1000+lastAuction {
						t.Errorf("event %d: auction %d, want %d", n, e.Auction.ID, 1000+lastAuction)
					}
					h := slowTime(id+1666, cfg.Rate) - slowTime(id, cfg.Rate)
					between(t, fmt.Sprintf("event %d: expires", n), e.Auction.Expires, at+1, at+1+max(2*h, 1)-1)
					between(t, fmt.Sprintf("event %d: category", n), e.Auction.Category, 10, 14)
					between(t, fmt.Sprintf("event %d: reserve", n), e.Auction.Reserve, e.Auction.InitialBid+100, e.Auction.InitialBid+100_000_000)
					person("seller", e.Auction.Seller, 1000+lastPerson/100*100)
				case event.KindBid:
					if hot := 1000 + lastAuction/100*100; e.Bid.Auction != hot {
						lo := max(lastAuction-100, 0)
						between(t, fmt.Sprintf("event %d: auction", n), e.Bid.Auction, 1000+lo, 1000+lastAuction+10)
					}
					person("bidder", e.Bid.Bidder, 1000+lastPerson/100*100+1)
				}
			}
		})
	}
}
