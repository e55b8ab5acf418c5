package main

import (
	"github.com/millrace-go/millrace/examples/nexmark/event"
)

// Rows write themselves as JSON objects. name is what stands before a field's value: a brace or comma, the quoted name
// and a colon.

// decimal appends 0.908 times the price, exactly, with three digits after the point; name ends with the quote.
func decimal(dst []byte, name string, price int64) []byte {
	n := thousandths(price)
	dst = append(event.AppendInt(dst, name, n/1000), '.')
	n %= 1000
	return append(dst, byte('0'+n/100), byte('0'+n/10%10), byte('0'+n%10), '"')
}

// thousandths returns 0.908 times the price in thousandths.
func thousandths(price int64) int64 { return 908 * price }

const (
	minuteMillis = 60_000
	hourMillis   = 60 * minuteMillis
	dayMillis    = 24 * hourMillis
)

// day appends the date of a day, counted from the epoch. The conversion is that of proleptic Gregorian years which begin
// in March, so that the leap day is their last.
func day(dst []byte, name string, days int64) []byte {
	days += 719_468 // from 1 March of year 0
	era := days / 146_097
	ofEra := days - era*146_097
	year := (ofEra - ofEra/1460 + ofEra/36_524 - ofEra/146_096) / 365
	ofYear := ofEra - (365*year + year/4 - year/100)
	m := (5*ofYear + 2) / 153 // months since March
	year += 400 * era
	if m >= 10 {
		year++
	}
	dst = append(append(dst, name...), '"')
	dst = twoDigits(twoDigits(dst, year/100), year%100)
	dst = twoDigits(append(dst, '-'), (m+2)%12+1)
	dst = twoDigits(append(dst, '-'), ofYear-(153*m+2)/5+1)
	return append(dst, '"')
}

// minute appends the time of day, between as many minutes since the epoch or midnight.
func minute(dst []byte, name string, minutes int64, colon byte) []byte {
	dst = append(append(dst, name...), '"')
	dst = append(twoDigits(dst, minutes/60%24), colon)
	return append(twoDigits(dst, minutes%60), '"')
}

func twoDigits(dst []byte, v int64) []byte { return append(dst, byte('0'+v/10), byte('0'+v%10)) }
