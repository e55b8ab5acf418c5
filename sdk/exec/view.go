package exec

// ViewStore collects a view's contents, for one run: all writers finish, it is sealed, and then it is read by
// any number of goroutines.
type ViewStore interface {
	// NewWriter adds to b what collects the view's input, and returns its Sink.
	NewWriter(b *Build, step *Step) (sink any, err error)
	// Seal ends writing, after every writer has been closed. It reports contents that do not fit the view (a
	// singleton of two elements, a map with a key twice).
	Seal() error
	// Data is what the typed view handle reads. It is safe for concurrent use, after Seal.
	Data() any
	// Close releases memory and files. It is safe at any time and more than once.
	Close() error
}
