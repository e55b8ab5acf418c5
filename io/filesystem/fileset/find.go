package fileset

import (
	"github.com/millrace-go/millrace/io/filesystem"
	"github.com/millrace-go/millrace/sdk"
)

// Found is a file that has been found, and its size in bytes.
type Found struct {
	Path string
	Size int64
}

// Find gives the files that each path or pattern of a collection stands for, see [Expand], on the file system of s that its
// scheme names. A pattern that stands for none fails the job with [ErrNoFiles].
func Find(patterns sdk.PCollection[string], s filesystem.Set) sdk.PCollection[Found] {
	return sdk.ParDo(patterns, &findFn{FileSystems: s}, sdk.Name("find"))
}

type findFn struct{ FileSystems filesystem.Set }

func (f *findFn) ProcessElement(c *sdk.Context, pattern string, out sdk.Emitter[Found]) error {
	in, err := f.FileSystems.For(pattern)
	if err != nil {
		return err
	}
	found, err := Expand(c, in, pattern)
	if err != nil {
		return err
	}
	for _, x := range found {
		out.Emit(Found{x.Path, x.Size})
	}
	return nil
}
