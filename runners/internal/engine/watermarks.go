package engine

import "github.com/millrace-go/millrace/sdk/mtime"

// Watermarks is what the channels of an input have said of event time. The input's watermark is the least of them; it
// does not fall.
type Watermarks struct {
	at  []mtime.Time
	min mtime.Time
}

// NewWatermarks returns the watermarks of a number of channels, all at [mtime.Min]. Without channels the input has
// ended.
func NewWatermarks(channels int) *Watermarks {
	w := &Watermarks{at: make([]mtime.Time, channels), min: mtime.Min}
	for i := range w.at {
		w.at[i] = mtime.Min
	}
	if channels == 0 {
		w.min = mtime.Max
	}
	return w
}

// Set says that channel i has come to t. A t behind what it has said before is ignored.
func (w *Watermarks) Set(i int, t mtime.Time) {
	was := w.at[i]
	if t <= was {
		return
	}
	w.at[i] = t
	if was > w.min {
		return
	}
	least := mtime.Max
	for _, x := range w.at {
		least = min(least, x)
	}
	w.min = max(w.min, least)
}

// Min is the watermark of the input.
func (w *Watermarks) Min() mtime.Time { return w.min }

// Slowest returns the channel that keeps the watermark where it is.
func (w *Watermarks) Slowest() (channel int) {
	for i, x := range w.at {
		if x < w.at[channel] {
			channel = i
		}
	}
	return channel
}
