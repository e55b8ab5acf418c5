package byhand

import (
	"time"

	"github.com/millrace-go/millrace/examples/nexmark/event"
)

// plain appends a string field that needs no escapes.
func plain(row []byte, name, s string) []byte {
	row = append(row, name...)
	row = append(row, '"')
	row = append(row, s...)
	return append(row, '"')
}

// decimal appends 0.908 times the price as a string.
func decimal(row []byte, name string, price int64) []byte {
	n := 908 * price
	row = event.AppendInt(row, name, n/1000)
	f := n % 1000
	return append(row, '.', byte('0'+f/100), byte('0'+f/10%10), byte('0'+f%10), '"')
}

// bidRow opens a row with a bid, without channel and URL.
func bidRow(row []byte, b *event.Bid) []byte {
	row = event.AppendBidKeys(row, b)
	row = event.AppendInt(row, `,"dateTime":`, b.DateTime)
	return event.AppendText(row, `,"extra":`, b.Extra)
}

// windowRow opens a row with the bounds of a window.
func windowRow(row []byte, start, size int64) []byte {
	row = event.AppendInt(row, `{"windowStart":`, start)
	return event.AppendInt(row, `,"windowEnd":`, start+size)
}

const (
	second       = 1000
	minuteMillis = 60 * second
	hourMillis   = 60 * minuteMillis
	dayMillis    = 24 * hourMillis
)

// dayName returns the date of a day, counted from the epoch.
func dayName(day int64) string { return time.UnixMilli(day * dayMillis).UTC().Format("2006-01-02") }

// minuteName returns the time of day of a minute, counted from the epoch or from midnight.
func minuteName(minute int64) string {
	return time.UnixMilli(minute * minuteMillis).UTC().Format("15:04")
}
