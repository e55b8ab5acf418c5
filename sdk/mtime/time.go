// Package mtime is event time: milliseconds since the Unix epoch.
//
// The range is Beam's: microseconds since the epoch in an int64, divided by 1000, so that every
// time of ours has an encoding in Beam's protocols (org.apache.beam.sdk.transforms.windowing.BoundedWindow).
package mtime

import (
	"fmt"
	"math"
	"time"
)

// Time is an event timestamp in milliseconds since the Unix epoch. The zero value is the epoch.
type Time int64

const (
	// Min is the least event time, "before everything": the timestamp of elements from a source that has none.
	Min Time = math.MinInt64 / 1000
	// Max is the greatest event time, "after everything": the watermark of an input that has ended.
	Max Time = math.MaxInt64 / 1000
	// EndOfGlobalWindow is the last timestamp inside the global window: one day before [Max], so that a
	// watermark can pass it (Beam's GlobalWindow.maxTimestamp).
	EndOfGlobalWindow Time = Max - 24*60*60*1000
)

// FromTime converts t, rounding down to the millisecond and clamping to [Min, Max].
func FromTime(t time.Time) Time {
	s := t.Unix()
	if s <= int64(Min)/1000 {
		return Min
	}
	if s >= int64(Max)/1000 {
		return Max
	}
	return Time(t.UnixMilli())
}

// Time converts to a [time.Time] in UTC.
func (t Time) Time() time.Time { return time.UnixMilli(int64(t)).UTC() }

// Add returns t+d, d rounded down to the millisecond, clamped to [Min, Max].
func (t Time) Add(d time.Duration) Time {
	ms := Time(d / time.Millisecond)
	if d%time.Millisecond < 0 {
		ms--
	}
	switch {
	case ms > 0 && t > Max-ms:
		return Max
	case ms < 0 && t < Min-ms:
		return Min
	}
	return t + ms
}

// Sub returns t-u, saturating at the limits of [time.Duration].
func (t Time) Sub(u Time) time.Duration {
	const limit = Time(math.MaxInt64 / int64(time.Millisecond))
	d := t - u // cannot overflow: both are within int64/1000
	switch {
	case d > limit:
		return math.MaxInt64
	case d < -limit:
		return math.MinInt64
	}
	return time.Duration(d) * time.Millisecond
}

// Clamp returns t limited to [Min, Max].
func (t Time) Clamp() Time { return min(max(t, Min), Max) }

// String formats t in RFC 3339 with milliseconds, or as "-inf", "+inf" or "end-of-global-window".
func (t Time) String() string {
	switch {
	case t <= Min:
		return "-inf"
	case t >= Max:
		return "+inf"
	case t == EndOfGlobalWindow:
		return "end-of-global-window"
	}
	if y := t.Time().Year(); y < 0 || y > 9999 {
		return fmt.Sprintf("%dms", int64(t))
	}
	return t.Time().Format("2006-01-02T15:04:05.000Z07:00")
}
