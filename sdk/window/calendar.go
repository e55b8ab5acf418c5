package window

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/millrace-go/millrace/sdk/mtime"
)

// CalendarFn is the window function of [Days], [Weeks], [Months] and [Years]: a window begins where a date begins on
// the clocks of a time zone (Beam: CalendarWindows). It is made by these functions; the zero value is refused.
//
// A date begins at the first instant at which the clocks show it or a later one. That is midnight, but for zones that
// skip midnight when their clocks go forward, where it is the hour after. So each instant is in exactly one window,
// that begins where the one before ends: also where clocks are put back over midnight, so that two stretches of time
// have the same date, or where a date is missing. A day with a change of clocks is 23 or 25 hours long, mostly.
//
// Zones are those of the machine, or of the program if it imports time/tzdata. All workers of a job should have the
// same ones: a government that changes its mind changes where windows begin.
type CalendarFn struct {
	days, months int   // of a window: one of them is 0
	start        int64 // the date on which a window begins, in days since 1970-01-01
	zone         *time.Location

	// last is the window of the last call, as most elements are in the one that the element before was in: to find it
	// costs some ns, to make it up to some us. It is no state: what is assigned does not depend on it.
	last *atomic.Pointer[Window]
}

// Days assigns each element to a window of n days of the time zone, nil for UTC. Of several days, windows are counted
// from 1970-01-01, unless [CalendarFn.StartingOn] says another date.
func Days(n int, zone *time.Location) CalendarFn { return calendar(n, 0, 0, zone) }

// Weeks assigns each element to a week of the time zone, nil for UTC, that begins on the given day. Windows of several
// weeks are [Days] with a date:
//
//	window.Days(14, zone).StartingOn(2024, time.January, 1) // two weeks, from a Monday
func Weeks(first time.Weekday, zone *time.Location) CalendarFn {
	// Beam begins in the week of 1970-01-01, a Thursday, from Monday to Sunday.
	monday := int64(-3)
	return calendar(7, 0, monday+int64(first+6)%7, zone)
}

// Months assigns each element to a window of n months of the time zone, nil for UTC. Of several months, windows are
// counted from January 1970, so 3 are quarters. With [CalendarFn.StartingOn] they begin on another day of the month.
func Months(n int, zone *time.Location) CalendarFn { return calendar(0, n, 0, zone) }

// Years assigns each element to a window of n years of the time zone, nil for UTC, counted from 1970. With
// [CalendarFn.StartingOn] they begin on another date, as fiscal years do.
func Years(n int, zone *time.Location) CalendarFn { return calendar(0, 12*n, 0, zone) }

func calendar(days, months int, start int64, zone *time.Location) CalendarFn {
	if zone == nil {
		zone = time.UTC
	}
	return CalendarFn{days: days, months: months, start: start, zone: zone, last: new(atomic.Pointer[Window])}
}

// StartingOn returns the function with a window that begins on the given date; those before and after it follow. In a
// month that lacks the day, a window begins on its last one.
func (f CalendarFn) StartingOn(year int, month time.Month, day int) CalendarFn {
	return calendar(f.days, f.months, dayOf(year, month, day), f.zone)
}

// AssignWindows implements [Fn].
func (f CalendarFn) AssignWindows(dst []Window, t mtime.Time) []Window {
	if w := f.last.Load(); w != nil && w.Contains(t) {
		return append(dst, *w)
	}
	w := f.assign(t)
	f.last.Store(&w)
	return append(dst, w)
}

func (f CalendarFn) assign(t mtime.Time) Window {
	local := t.Time().In(f.zone)
	_, offset := local.Zone()
	n := f.period(floorDiv(local.Unix()+int64(offset), secondsOfDay))
	// The clocks may show a date of the window before or after, where they have been put back or forward over its
	// beginning.
	start, end := f.begin(n), f.begin(n+1)
	for t < start {
		n--
		start, end = f.begin(n), start
	}
	for t >= end {
		n++
		start, end = end, f.begin(n+1)
	}
	return clamp(start, end)
}

// period returns the number of the window that a date, in days since 1970-01-01, belongs to.
func (f CalendarFn) period(date int64) int64 {
	if f.days > 0 {
		return floorDiv(date-f.start, int64(f.days))
	}
	n := floorDiv(monthOf(date)-monthOf(f.start), int64(f.months))
	if date < f.date(n) { // it begins later in the month
		n--
	}
	return n
}

// date returns the date on which the n-th window begins.
func (f CalendarFn) date(n int64) int64 {
	if f.days > 0 {
		return f.start + n*int64(f.days)
	}
	m := monthOf(f.start) + n*int64(f.months)
	first, next := dayOf(1970, time.Month(m+1), 1), dayOf(1970, time.Month(m+2), 1)
	_, _, day := utc(f.start).Date()
	return min(first+int64(day)-1, next-1)
}

// begin returns the first instant of the n-th window.
func (f CalendarFn) begin(n int64) mtime.Time {
	return mtime.Time(1000 * beginOf(f.date(n), f.zone))
}

const secondsOfDay = 24 * 60 * 60

// beginOf returns the first instant, in seconds since the epoch, at which the clocks of a zone show a date, in days
// since 1970-01-01, or a later one. Between two changes of the clocks the answer is arithmetic; so it goes from one
// change to the next, from where no zone can have got to the date yet.
func beginOf(date int64, zone *time.Location) int64 {
	midnight := date * secondsOfDay
	for at := midnight - 2*secondsOfDay; ; {
		t := time.Unix(at, 0).In(zone)
		_, offset := t.Zone()
		begin := max(at, midnight-int64(offset))
		_, end := t.ZoneBounds()
		// On the last day of a leap year that a zone's rule is applied to, Go 1.26 gives the day before as the end.
		next := max(end.Unix(), at+3600)
		if end.IsZero() || begin < next {
			return begin
		}
		at = next
	}
}

func utc(date int64) time.Time { return time.Unix(date*secondsOfDay, 0).UTC() }

func dayOf(year int, month time.Month, day int) int64 {
	return floorDiv(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix(), secondsOfDay)
}

// monthOf returns the month of a date, counted from January 1970.
func monthOf(date int64) int64 {
	year, month, _ := utc(date).Date()
	return 12*int64(year-1970) + int64(month-time.January)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// String names the period, the date that windows are counted from if it is not 1970-01-01, and the zone. Zones with a
// fixed offset are told apart by it, in seconds, as their names need not differ.
func (f CalendarFn) String() string {
	if f.zone == nil {
		return "calendar()"
	}
	n, unit := f.days, "days"
	switch {
	case f.days == 0 && f.months%12 == 0:
		n, unit = f.months/12, "years"
	case f.days == 0:
		n, unit = f.months, "months"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s(%d", unit, n)
	if f.start != 0 {
		b.WriteString(",from " + utc(f.start).Format(time.DateOnly))
	}
	b.WriteString("," + f.zone.String())
	epoch := utc(0).In(f.zone)
	if from, to := epoch.ZoneBounds(); from.IsZero() && to.IsZero() && f.zone != time.UTC {
		_, offset := epoch.Zone()
		fmt.Fprintf(&b, "%+ds", offset)
	}
	return b.String() + ")"
}

// Validate implements [Validator]: the number of days, months or years is at least 1, and the zone is not
// [time.Local], which is another one on another machine.
func (f CalendarFn) Validate() error {
	switch {
	case f.zone == nil:
		return errors.New("window: calendar windows are made by window.Days, Weeks, Months or Years")
	case f.zone == time.Local:
		return fmt.Errorf("window: calendar windows %v: the local zone of a machine differs between workers: give it by name, with time.LoadLocation", f)
	case f.days < 1 && f.months < 1 || f.days > maxCalendar || f.months > maxCalendar:
		return fmt.Errorf("window: calendar windows %v: the length of a window must be at least 1, and at most %d days or months", f, maxCalendar)
	}
	return nil
}

// maxCalendar bounds the length of a window, so that no arithmetic overflows.
const maxCalendar = 1 << 20
