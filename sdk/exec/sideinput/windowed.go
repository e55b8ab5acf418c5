// Package sideinput stores the contents of views: collections that user code reads as a whole, per window.
//
// A store is written by the instances of the stage that makes the view, sealed, and then read by everybody.
package sideinput

import (
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/window"
)

// Mapper finds the window of a view that belongs to a window of the main input: the one that the view's window
// function assigns to the main window's last instant (Beam programming guide, "Side inputs and windowing").
type Mapper struct {
	global bool
	fn     window.Fn
}

// NewMapper returns the mapping onto windows of fn.
func NewMapper(fn window.Fn) Mapper { return Mapper{global: window.IsGlobalFn(fn), fn: fn} }

// Side returns the view's window for the main window w.
func (m Mapper) Side(w window.Window) window.Window {
	if m.global {
		return window.Global
	}
	var buf [4]window.Window
	ws := m.fn.AssignWindows(buf[:0], w.MaxTimestamp())
	if len(ws) == 0 {
		return window.Global
	}
	// Of several, as with sliding windows, the first to end (Beam: SlidingWindows.getDefaultWindowMappingFn).
	first := ws[0]
	for _, x := range ws[1:] {
		if x.End < first.End {
			first = x
		}
	}
	return first
}

// of returns the main window that c's element is in.
func of(c *exec.Context, m Mapper) window.Window {
	if m.global {
		return window.Global
	}
	return m.Side(c.Windows()[0])
}
