package direct_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// offer is an auction, or a bid for one.
type offer struct {
	Auction bool
	ID      int64 // of the auction
	Time    mtime.Time
	Expires mtime.Time // of an auction
	Price   int64      // of a bid
}

// auctions is Nexmark's window function for winning bids: an auction is in the window of its own life, a bid in one
// that is wide enough to meet it, and bids made while the auction lives merge into the auction's window.
type auctions struct{ Horizon time.Duration }

const auctionTag = 1

func (f auctions) AssignWindows(dst []window.Window, t mtime.Time, o offer) []window.Window {
	if o.Auction {
		return append(dst, window.Window{Start: t, End: o.Expires, Tag: auctionTag})
	}
	return append(dst, window.Window{Start: t, End: t.Add(f.Horizon)})
}

func (f auctions) MergeWindows(ws []window.Window) []window.Merge {
	var ms []window.Merge
	for _, a := range ws {
		if a.Tag != auctionTag {
			continue
		}
		m := window.Merge{From: []window.Window{a}, To: a}
		for _, b := range ws {
			if b.Tag != auctionTag && b.Start < a.End {
				m.From = append(m.From, b)
			}
		}
		if len(m.From) > 1 {
			ms = append(ms, m)
		}
	}
	return ms
}

func (f auctions) String() string { return fmt.Sprintf("auctions(%v)", f.Horizon) }

func TestWinningBids(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var rows []sdk.Timestamped[offer]
	best := map[int64]offer{}
	for id := range int64(300) {
		a := offer{Auction: true, ID: id, Time: mtime.Time(rng.IntN(100_000))}
		a.Expires = a.Time + mtime.Time(1+rng.IntN(5000))
		rows = append(rows, sdk.Timestamped[offer]{Time: a.Time, Value: a})
		for range rng.IntN(8) {
			b := offer{ID: id, Time: a.Time + mtime.Time(rng.IntN(8000)), Price: int64(rng.IntN(1000))}
			rows = append(rows, sdk.Timestamped[offer]{Time: b.Time, Value: b})
			if w, ok := best[id]; b.Time < a.Expires && (!ok || b.Price > w.Price) {
				best[id] = b
			}
		}
	}
	rng.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	var want []string
	for id, b := range best {
		want = append(want, fmt.Sprint(id, ":", b.Price))
	}
	slices.Sort(want)
	for _, r := range []*direct.Runner{{Workers: 1}, {Workers: 3}, {Workers: 2, Budget: 1}} {
		got := collect(t, r, func(p *sdk.Pipeline) sdk.PCollection[string] {
			in := sdk.WindowIntoFunc(sdk.CreateTimestamped(p, rows), auctions{Horizon: 10 * time.Second})
			byAuction := sdk.WithKeys(in, func(o offer) int64 { return o.ID })
			winners := sdk.FlatMap(sdk.GroupByKey(byAuction), func(g sdk.KV[int64, iter.Seq[offer]]) iter.Seq[string] {
				return func(yield func(string) bool) {
					auction, price := false, int64(-1)
					for o := range g.Value {
						auction = auction || o.Auction
						if !o.Auction {
							price = max(price, o.Price)
						}
					}
					if auction && price >= 0 {
						yield(fmt.Sprint(g.Key, ":", price))
					}
				}
			})
			return winners
		})
		if !slices.Equal(got, want) {
			t.Errorf("workers %d, budget %d: %d winners, want %d:\n%v\n%v", r.Workers, r.Budget, len(got), len(want), got, want)
		}
	}
}

// noWindow assigns nothing, or an empty window.
type noWindow struct{ Empty bool }

func (f noWindow) AssignWindows(dst []window.Window, t mtime.Time) []window.Window {
	if f.Empty {
		return append(dst, window.Window{Start: t, End: t})
	}
	return dst
}
func (f noWindow) String() string { return "none" }

func TestWindowErrors(t *testing.T) {
	rows := []sdk.Timestamped[int]{{Time: 1000, Value: 1}}
	for name, c := range map[string]struct {
		build func(in sdk.PCollection[int])
		want  []string
	}{
		"no window":    {func(in sdk.PCollection[int]) { sdk.WindowInto(in, noWindow{}) }, []string{"assigned no window", "WindowInto", "window_test.go"}},
		"empty window": {func(in sdk.PCollection[int]) { sdk.WindowInto(in, noWindow{Empty: true}) }, []string{"which is empty"}},
		"earlier timestamp": {
			func(in sdk.PCollection[int]) { sdk.WithTimestamps(in, func(int) sdk.Time { return 999 }) },
			[]string{"before the element's own", "skew"},
		},
		"earlier than the skew allows": {
			func(in sdk.PCollection[int]) {
				sdk.WithTimestamps(in, func(int) sdk.Time { return 899 }, sdk.AllowedSkew(100*time.Millisecond))
			},
			[]string{"allowed skew of 100ms"},
		},
	} {
		_, err := sdk.Run(context.Background(), &direct.Runner{}, func(p *sdk.Pipeline) error {
			c.build(sdk.CreateTimestamped(p, rows))
			return nil
		})
		if err == nil || !errors.As(err, new(*exec.ElementError)) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: the error does not say %q: %v", name, w, err)
			}
		}
	}
}

func TestAllowedSkew(t *testing.T) {
	rows := []sdk.Timestamped[int]{{Time: 1000, Value: 1}}
	got := collect(t, &direct.Runner{}, func(p *sdk.Pipeline) sdk.PCollection[sdk.Time] {
		in := sdk.WithTimestamps(sdk.CreateTimestamped(p, rows), func(int) sdk.Time { return 900 }, sdk.AllowedSkew(100*time.Millisecond))
		return sdk.Map(sdk.Reify(in), func(e sdk.Element[int]) sdk.Time { return e.Time })
	})
	if want := []string{fmt.Sprint(mtime.Time(900))}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Rows that a filter holds back for a fuller batch keep their windows, although the batch they came in is used
// again for the next rows: here each sum is a batch of its own, of one timestamp.
func TestWindowsOfRowsThatWait(t *testing.T) {
	var rows []sdk.Timestamped[int]
	for i := range 10 {
		rows = append(rows, sdk.Timestamped[int]{Time: mtime.Time(i) * 1000, Value: i})
	}
	got := collect(t, &direct.Runner{Workers: 1}, func(p *sdk.Pipeline) sdk.PCollection[string] {
		sums := sdk.CombineGlobally(sdk.WindowInto(sdk.CreateTimestamped(p, rows), window.Fixed(time.Second)), intSum{})
		again := sdk.WindowInto(sums, window.Fixed(500*time.Millisecond))
		odd := sdk.Filter(again, func(v int) bool { return v%2 == 1 })
		return sdk.Map(sdk.Reify(odd), func(e sdk.Element[int]) string { return fmt.Sprintf("%d %d", e.Value, e.Windows[0].Start) })
	})
	if want := []string{"1 1500", "3 3500", "5 5500", "7 7500", "9 9500"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

type intSum struct{}

func (intSum) CreateAccumulator() int         { return 0 }
func (intSum) AddInput(a, v int) int          { return a + v }
func (intSum) MergeAccumulators(a, b int) int { return a + b }
func (intSum) ExtractOutput(a int) int        { return a }
