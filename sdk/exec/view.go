package exec

import (
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// ViewStore collects a view's contents, for one run: all writers finish, it is sealed, and then it is read by
// any number of goroutines.
type ViewStore interface {
	// NewWriter adds to b what collects the view's input, and returns its Sink.
	NewWriter(b *Build, step *Step) (sink Sink, err error)
	// Seal ends writing, after every writer has been closed. It reports contents that do not fit the view (a
	// singleton of two elements, a map with a key twice).
	Seal() error
	// Data is what the typed view handle reads. It is safe for concurrent use, after Seal.
	Data() any
	// Close releases memory and files. It is safe at any time and more than once.
	Close() error
}

// LiveView is a view in a streaming job: per window, the first pane opens it and later panes replace it (invariant I9).
type LiveView interface {
	StreamExchange // of the view's input; its tasks have no output
	// Data is what the typed view handle reads, as it is now. What it returned before stays as it is.
	Data() any
	// Ready reports whether the view has something to say for an element in w: a pane, or that there will be none.
	Ready(w window.Window) bool
	// Watch sets what is called when the answers of Data or Ready may have changed.
	Watch(changed func())
	// Expire forgets what no element still to come can ask for: all readers' watermarks have passed t.
	Expire(t mtime.Time)
}
