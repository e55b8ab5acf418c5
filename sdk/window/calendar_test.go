package window

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/millrace-go/millrace/sdk/mtime"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	if name == "" {
		return nil
	}
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Skipf("the machine has no time zone %s: %v", name, err)
	}
	return z
}

func instant(t testing.TB, s string) mtime.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return mtime.FromTime(at)
}

func TestCalendar(t *testing.T) {
	tests := []struct {
		name       string
		fn         func(z *time.Location) CalendarFn
		zone       string
		at         string
		start, end string
	}{
		{"a day in UTC", days(1), "", "2024-02-29T23:59:59Z", "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z"},
		{"the first instant of a day", days(1), "", "2024-03-01T00:00:00Z", "2024-03-01T00:00:00Z", "2024-03-02T00:00:00Z"},
		{"before the epoch", days(1), "", "1969-12-31T12:00:00Z", "1969-12-31T00:00:00Z", "1970-01-01T00:00:00Z"},
		{"days before the epoch, which Beam rounds towards it", days(10), "", "1969-12-31T12:00:00Z", "1969-12-22T00:00:00Z", "1970-01-01T00:00:00Z"},
		{"clocks forward: 23 hours", days(1), "Europe/Berlin", "2024-03-31T12:00:00Z", "2024-03-30T23:00:00Z", "2024-03-31T22:00:00Z"},
		{"clocks back: 25 hours", days(1), "Europe/Berlin", "2024-10-27T12:00:00Z", "2024-10-26T22:00:00Z", "2024-10-27T23:00:00Z"},
		{"half an hour of daylight saving", days(1), "Australia/Lord_Howe", "2024-10-05T20:00:00Z", "2024-10-05T13:30:00Z", "2024-10-06T13:00:00Z"},
		{"midnight skipped: the day begins at one", days(1), "America/Sao_Paulo", "2018-11-04T12:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"},
		{"clocks back at midnight, to the day before", days(1), "America/Sao_Paulo", "2018-02-18T02:30:00Z", "2018-02-17T02:00:00Z", "2018-02-18T03:00:00Z"},
		{"midnight skipped in Asia", days(1), "Asia/Beirut", "2024-03-31T10:00:00Z", "2024-03-30T22:00:00Z", "2024-03-31T21:00:00Z"},
		{"midnight twice: the day begins with the first", days(1), "America/Havana", "2024-11-03T04:30:00Z", "2024-11-03T04:00:00Z", "2024-11-04T05:00:00Z"},
		{"back over midnight by an hour, at 00:01: the date has begun already", days(1), "America/St_Johns", "2006-10-29T02:45:00Z", "2006-10-29T02:30:00Z", "2006-10-30T03:30:00Z"},
		{"the day before the lost one", days(1), "Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"},
		{"the day after the lost one", days(1), "Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"},
		{"a week without its Friday", weeks(time.Monday), "Pacific/Apia", "2011-12-31T00:00:00Z", "2011-12-26T10:00:00Z", "2012-01-01T10:00:00Z"},
		{"a date twice", days(1), "Pacific/Kwajalein", "1969-10-01T00:00:00Z", "1969-09-29T13:00:00Z", "1969-10-01T12:00:00Z"},
		{"a week from Monday", weeks(time.Monday), "", "2024-03-03T23:00:00Z", "2024-02-26T00:00:00Z", "2024-03-04T00:00:00Z"},
		{"a week from Sunday", weeks(time.Sunday), "", "2024-03-03T23:00:00Z", "2024-03-03T00:00:00Z", "2024-03-10T00:00:00Z"},
		{"a week from Saturday", weeks(time.Saturday), "Asia/Beirut", "2024-03-30T12:00:00Z", "2024-03-29T22:00:00Z", "2024-04-05T21:00:00Z"},
		{"a month with a change of clocks", months(1), "Europe/Berlin", "2024-03-10T00:00:00Z", "2024-02-29T23:00:00Z", "2024-03-31T22:00:00Z"},
		{"a quarter", months(3), "", "2024-06-30T23:59:59Z", "2024-04-01T00:00:00Z", "2024-07-01T00:00:00Z"},
		{"quarters that change on the 15th", from(months(3), 2014, time.January, 15), "", "2024-04-14T00:00:00Z", "2024-01-15T00:00:00Z", "2024-04-15T00:00:00Z"},
		{"from the 31st: the last day of shorter months", from(months(1), 2024, time.January, 31), "", "2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z", "2024-03-31T00:00:00Z"},
		{"a year", years(1), "America/Los_Angeles", "2025-01-01T07:59:59Z", "2024-01-01T08:00:00Z", "2025-01-01T08:00:00Z"},
		{"a fiscal year", from(years(1), 2000, time.April, 6), "Europe/London", "2024-04-05T22:59:59Z", "2023-04-05T23:00:00Z", "2024-04-05T23:00:00Z"},
		{"two weeks from a date, before it", from(days(14), 2024, time.January, 1), "", "2023-12-31T00:00:00Z", "2023-12-18T00:00:00Z", "2024-01-01T00:00:00Z"},
		{"decades", years(10), "", "1969-01-01T00:00:00Z", "1960-01-01T00:00:00Z", "1970-01-01T00:00:00Z"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := tt.fn(zone(t, tt.zone))
			if err := f.Validate(); err != nil {
				t.Fatal(err)
			}
			want := Window{Start: instant(t, tt.start), End: instant(t, tt.end)}
			if got := f.AssignWindows(nil, instant(t, tt.at)); len(got) != 1 || got[0] != want {
				t.Errorf("%v at %s: %v, want %v", f, tt.at, got, want)
			}
		})
	}
}

func days(n int) func(*time.Location) CalendarFn {
	return func(z *time.Location) CalendarFn { return Days(n, z) }
}

func weeks(first time.Weekday) func(*time.Location) CalendarFn {
	return func(z *time.Location) CalendarFn { return Weeks(first, z) }
}

func months(n int) func(*time.Location) CalendarFn {
	return func(z *time.Location) CalendarFn { return Months(n, z) }
}

func years(n int) func(*time.Location) CalendarFn {
	return func(z *time.Location) CalendarFn { return Years(n, z) }
}

func from(f func(*time.Location) CalendarFn, y int, m time.Month, d int) func(*time.Location) CalendarFn {
	return func(z *time.Location) CalendarFn { return f(z).StartingOn(y, m, d) }
}

// Zones with changes of many kinds: at midnight, over midnight, of half an hour, of a day.
var zones = []string{
	"UTC", "Europe/Berlin", "Europe/Dublin", "Europe/Moscow", "America/New_York", "America/Sao_Paulo", "America/Havana", "America/St_Johns",
	"America/Juneau", "America/Caracas", "Asia/Beirut", "Asia/Kathmandu", "Asia/Manila", "Asia/Pyongyang", "Asia/Gaza", "Asia/Tehran",
	"Africa/Cairo", "Africa/Casablanca", "Africa/Monrovia", "Antarctica/Troll", "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Kwajalein", "Pacific/Chatham",
}

// Windows of neighbouring instants tile time: each instant is in its window, the window's last instant is in the same
// one, and the next window begins where it ends. Their beginnings are beginnings of dates: the clocks show no later
// date before, and it or a later one from then on.
func TestCalendarTiles(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	lo, hi := instant(t, "1840-01-01T00:00:00Z"), instant(t, "2100-01-01T00:00:00Z")
	checked := 0
	for _, name := range zones {
		z, err := time.LoadLocation(name)
		if err != nil {
			t.Logf("the machine has no time zone %s", name)
			continue
		}
		fns := []CalendarFn{
			Days(1, z), Days(1+r.IntN(40), z), Weeks(time.Weekday(r.IntN(7)), z), Months(1, z), Months(1+r.IntN(30), z), Years(1, z), Years(1+r.IntN(5), z),
			Months(1+r.IntN(4), z).StartingOn(1900+r.IntN(200), time.Month(1+r.IntN(12)), 1+r.IntN(31)), Days(1+r.IntN(9), z).StartingOn(1900+r.IntN(200), 5, 5),
		}
		for range 60 {
			at := lo + mtime.Time(r.Int64N(int64(hi-lo)))
			if _, next := at.Time().In(z).ZoneBounds(); !next.IsZero() && r.IntN(2) == 0 {
				// Near a change of the clocks.
				at = mtime.FromTime(next) + mtime.Time(r.Int64N(4*secondsOfDay*1000)) - 2*secondsOfDay*1000
			}
			for _, f := range fns {
				w := f.assign(at)
				if !w.Contains(at) {
					t.Fatalf("%v: the window of %v is %v", f, at, w)
				}
				for _, u := range []mtime.Time{w.Start, w.End - 1, w.Start + mtime.Time(r.Int64N(int64(w.End-w.Start)))} {
					if got := f.assign(u); got != w {
						t.Fatalf("%v: %v and %v are in one window, but the windows are %v and %v", f, at, u, w, got)
					}
				}
				if next := f.assign(w.End); next.Start != w.End {
					t.Fatalf("%v: the window after %v is %v", f, w, next)
				}
				if before := f.assign(w.Start - 1); before.End != w.Start {
					t.Fatalf("%v: the window before %v is %v", f, w, before)
				}
				if date(w.Start, z) <= date(w.Start-1, z) {
					t.Fatalf("%v: %v begins within %s", f, w, w.Start.Time().In(z).Format(time.DateOnly))
				}
				if span := w.End - w.Start; f.days > 0 && (span > mtime.Time(f.days*secondsOfDay*1000+25*3600_000) || span < mtime.Time(f.days*secondsOfDay*1000-25*3600_000)) {
					t.Fatalf("%v: %v is %v long", f, w, w.End.Sub(w.Start))
				}
				if got := f.AssignWindows(nil, at); len(got) != 1 || got[0] != w {
					t.Fatalf("%v: %v, but %v without the last one kept", f, got, w)
				}
				checked++
			}
		}
	}
	if checked < 1000 {
		t.Errorf("only %d windows were checked", checked)
	}
}

func date(at mtime.Time, z *time.Location) string { return at.Time().In(z).Format("20060102") }

// At the ends of time windows are cut to what has an encoding, and contain their instants.
func TestCalendarEnds(t *testing.T) {
	for _, at := range []mtime.Time{mtime.Min, mtime.Min + 1, mtime.EndOfGlobalWindow - 1, mtime.EndOfGlobalWindow} {
		for _, f := range []CalendarFn{Days(1, nil), Weeks(time.Monday, zone(t, "Europe/Berlin")), Months(7, zone(t, "Pacific/Apia")), Years(1000, nil), Days(maxCalendar, nil), Months(maxCalendar, nil)} {
			w := f.AssignWindows(nil, at)[0]
			if !w.Contains(at) || w.Start < mtime.Min || w.End > mtime.EndOfGlobalWindow+1 {
				t.Errorf("%v at %d: %v", f, int64(at), w)
			}
		}
	}
}

func TestCalendarNames(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	for want, f := range map[string]CalendarFn{
		"days(1,UTC)":                             Days(1, nil),
		"days(1,Europe/Berlin)":                   Days(1, berlin),
		"days(7,from 1969-12-29,UTC)":             Weeks(time.Monday, nil),
		"days(7,from 1970-01-04,UTC)":             Weeks(time.Sunday, nil),
		"months(3,from 2014-01-15,Europe/Berlin)": Months(3, berlin).StartingOn(2014, 1, 15),
		"years(2,Europe/Berlin)":                  Years(2, berlin),
		"years(1,UTC)":                            Months(12, nil),
		"days(1,here+19800s)":                     Days(1, time.FixedZone("here", 19800)),
		"days(1,here-1s)":                         Days(1, time.FixedZone("here", -1)),
	} {
		if got := f.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	for says, f := range map[string]CalendarFn{
		"at least 1":      Days(0, nil),
		"days(-1,UTC)":    Days(-1, nil),
		"months(-3,UTC)":  Months(-3, nil),
		"years(0,UTC)":    Years(0, nil),
		"time.LoadLocat":  Days(1, time.Local),
		"window.Days":     {},
		"at most 1048576": Days(1<<21, nil),
	} {
		if err := f.Validate(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: error %v, want one that says %q", f, err, says)
		}
	}
}

// One value serves all workers.
func TestCalendarConcurrently(t *testing.T) {
	f := Days(1, zone(t, "Europe/Berlin"))
	done := make(chan bool)
	for w := range 4 {
		go func() {
			ok := true
			for i := range 2000 {
				at := mtime.Time((i*4 + w) * 3600_000)
				ok = ok && f.AssignWindows(nil, at)[0] == f.assign(at)
			}
			done <- ok
		}()
	}
	for range 4 {
		if !<-done {
			t.Error("a worker was given another's window")
		}
	}
}

func BenchmarkCalendar(b *testing.B) {
	f := Days(1, zone(b, "Europe/Berlin"))
	at := instant(b, "2024-03-31T00:00:00Z")
	var buf [1]Window
	b.Run("same", func(b *testing.B) {
		for b.Loop() {
			at++
			f.AssignWindows(buf[:0], at)
		}
	})
	b.Run("other", func(b *testing.B) {
		for b.Loop() {
			at += 86_400_000
			f.AssignWindows(buf[:0], at)
		}
	})
	b.Run("other/UTC", func(b *testing.B) {
		f := Days(1, nil)
		for b.Loop() {
			at += 86_400_000
			f.AssignWindows(buf[:0], at)
		}
	})
}
