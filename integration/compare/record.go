package compare

import (
	"sync"

	"github.com/millrace-go/millrace/integration/model"
	"github.com/millrace-go/millrace/sdk"
)

// pair is what collections hold that nobody has grouped.
type pair = sdk.KV[string, int64]

// record is what a run has made. Workers write to it.
type record struct {
	mu      sync.Mutex
	step    func() int
	outputs []model.Output
	dropped []Drop
}

func (r *record) add(collection string, e model.Element) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.outputs = append(r.outputs, model.Output{Collection: collection, Step: r.step(), Element: e})
}

func (r *record) drop(transform string, e model.Element) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dropped = append(r.dropped, Drop{Transform: transform, Step: r.step(), Element: e})
}

// tapFn tells what comes by.
type tapFn[T any] struct {
	Window sdk.ObservedWindow
	of     func(v T) model.Element // key and value
	tell   func(e model.Element)
}

// ProcessElement implements sdk.DoFn.
func (f *tapFn[T]) ProcessElement(c *sdk.Context, v T, _ sdk.Emitter[int]) error {
	e := f.of(v)
	e.Time, e.Window, e.Pane = int64(c.EventTime()), modelWindow(f.Window.Get(c)), modelPane(c.Pane())
	f.tell(e)
	return nil
}

func tap[T any](in sdk.PCollection[T], name string, of func(T) model.Element, tell func(model.Element)) {
	sdk.ParDo(in, &tapFn[T]{of: of, tell: tell}, sdk.Name(name))
}

func plainElement(v pair) model.Element { return model.Element{Key: v.Key, Value: v.Value} }
