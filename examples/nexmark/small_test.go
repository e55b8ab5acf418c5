package main

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"
)

func TestDayAndMinute(t *testing.T) {
	t.Parallel()
	for days := int64(0); days < 60_000; days++ {
		at := time.UnixMilli(days*dayMillis + days%1440*minuteMillis).UTC()
		if got, want := string(day(nil, "", days)), at.Format(`"2006-01-02"`); got != want {
			t.Fatalf("day %d is %s, want %s", days, got, want)
		}
		if got, want := string(minute(nil, "", at.UnixMilli()/minuteMillis, ':')), at.Format(`"15:04"`); got != want {
			t.Fatalf("the minute of %v is %s, want %s", at, got, want)
		}
	}
}

func TestDecimal(t *testing.T) {
	t.Parallel()
	for price, want := range map[int64]string{1: "0.908", 100: "90.800", 123: "111.684", 100_000_000: "90800000.000", 0: "0.000"} {
		if got := string(decimal(nil, "", price)); got != want+`"` {
			t.Errorf("%d gives %s, want %s", price, got, want)
		}
	}
}

func TestChannelID(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, url, id string
		ok            bool
	}{
		{"Google", "", "1", true},
		{"aPPLE", "&channel_id=5", "0", true},
		{"baidu", "", "3", true},
		{"Facebook", "", "2", true},
		{"channel-1", "https://x/?query=1&channel_id=-2147483648", "-2147483648", true},
		{"channel-2", "channel_id=7&a=b", "7", true},
		{"channel-3", "&xchannel_id=7", "", false},
		{"channel-4", "&xchannel_id=7&channel_id=8", "8", true},
		{"channel-5", "&channel_id=", "", true},
		{"channel-6", "https://x/", "", false},
	} {
		if id, ok := channelID(tc.name, tc.url); id != tc.id || ok != tc.ok {
			t.Errorf("channelID(%q, %q) = %q, %v; want %q, %v", tc.name, tc.url, id, ok, tc.id, tc.ok)
		}
	}
}

func TestDistinctIsAMapOfSets(t *testing.T) {
	t.Parallel()
	seed := time.Now().UnixNano()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(uint64(seed), 0))
	var got, other distinct
	want := [4]map[int64]bool{{}, {}, {}, {}}
	for range 10_000 {
		id, r := rnd.Int64N(3000), 1+rnd.IntN(3)
		d := &got
		if rnd.IntN(2) == 0 {
			d = &other
		}
		d.see(id, 1<<(r-1))
		want[0][id], want[r][id] = true, true
	}
	got.merge(&other)
	for i := range want {
		if got.Counts[i] != int64(len(want[i])) {
			t.Errorf("count %d is %d, want %d", i, got.Counts[i], len(want[i]))
		}
	}
}

func TestHistogram(t *testing.T) {
	t.Parallel()
	for v := int64(0); v < 1<<20; v += 1 + v/50 {
		b := bucket(v)
		if lo, hi := least(b), least(b+1); v < lo || v >= hi || float64(hi-1) > float64(v)*1.04+1 {
			t.Fatalf("%d is in bucket %d of [%d, %d)", v, b, lo, hi)
		}
	}
	var h, sum histogram
	for i := range 1000 {
		h.add(time.Duration(i+1) * time.Millisecond)
	}
	h.add(-time.Second) // a clock may go back
	h.add(1 << 62)
	sum.merge(&h)
	if n := sum.count(); n != 1002 {
		t.Errorf("count %d, want 1002", n)
	}
	for q, want := range map[float64]time.Duration{0.5: 500 * time.Millisecond, 0.99: 990 * time.Millisecond} {
		if got := sum.quantile(q); got < want*97/100 || got > want*104/100 {
			t.Errorf("quantile %s is %v, want about %v", strconv.FormatFloat(q, 'g', -1, 64), got, want)
		}
	}
	if got := (&histogram{}).quantile(0.5); got != 0 {
		t.Errorf("the median of nothing is %v", got)
	}
}

// The stripes have each block once, the last one too, however many there are.
func TestStripesCoverTheEvents(t *testing.T) {
	for _, events := range []int64{0, 1, 255, 256, 257, 5000, math.MaxInt64 - 1, math.MaxInt64} {
		f := &eventsFn{Events: events, Block: blockSize}
		var blocks int64
		for n := range int64(3) {
			blocks += f.InitialRestriction(stripe{n, 3}).Hi
		}
		last := (blocks - 1) * blockSize // its first event
		if blocks == 0 && events > 0 || blocks > 0 && (last >= events || events-last > blockSize) {
			t.Errorf("%d events are %d blocks of %d", events, blocks, blockSize)
		}
	}
}
