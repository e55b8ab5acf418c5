// Package deadletter turns failed elements into what can be kept: a record of what failed, where and why.
package deadletter

import (
	"fmt"

	"github.com/millrace-go/millrace/sdk"
)

// Record is a failed element in a form that every sink can write.
type Record struct {
	Transform string // path of the transform that failed
	Error     string
	Attempts  int64
	Element   string // as format prints it
}

// Records formats failed elements. A nil format prints them with %+v.
func Records[T any](in sdk.PCollection[sdk.Failed[T]], format func(T) string, opts ...sdk.Option) sdk.PCollection[Record] {
	if format == nil {
		format = func(v T) string { return fmt.Sprintf("%+v", v) }
	}
	return sdk.Map(in, func(f sdk.Failed[T]) Record {
		return Record{Transform: f.Transform, Error: f.Error, Attempts: f.Attempts, Element: format(f.Element)}
	}, opts...)
}

// Map is sdk.TryMap with what fails as a second collection instead of an error.
func Map[I, O any](in sdk.PCollection[I], f func(I) (O, error), opts ...sdk.Option) (sdk.PCollection[O], sdk.PCollection[sdk.Failed[I]]) {
	var failed sdk.Output[sdk.Failed[I]]
	out := sdk.TryMap(in, f, append(opts, sdk.OnError(sdk.DeadLetter(&failed)))...)
	return out, failed.PCollection()
}
