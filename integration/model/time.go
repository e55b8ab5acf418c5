package model

import (
	"math"
	"strconv"
)

// The range of event time, in milliseconds since the epoch, as in Beam (BoundedWindow.TIMESTAMP_MIN_VALUE and
// TIMESTAMP_MAX_VALUE: microseconds of an int64, divided by 1000).
const (
	MinTime int64 = math.MinInt64 / 1000 // the watermark of a source of which nothing is known yet
	MaxTime int64 = math.MaxInt64 / 1000 // the watermark of a source that has ended
	// GlobalMax is the last timestamp of the global window, a day before MaxTime (GlobalWindow.maxTimestamp). No window
	// expires later, so that an end of input expires them all.
	GlobalMax int64 = MaxTime - 24*60*60*1000
)

func timeString(t int64) string {
	switch t {
	case MinTime:
		return "min"
	case MaxTime:
		return "max"
	case GlobalMax:
		return "globalmax"
	}
	return strconv.FormatInt(t, 10)
}
