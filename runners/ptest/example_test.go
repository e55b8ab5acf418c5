package ptest_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace-go/millrace/runners/ptest"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/passert"
)

// In a test it is
//
//	func TestWords(t *testing.T) { ... }
func Example() {
	t := newT()
	words := func(lines sdk.PCollection[string]) sdk.PCollection[string] {
		return sdk.FlatMap(lines, strings.FieldsSeq)
	}

	// Assertions that are part of the pipeline:
	ptest.Run(t, func(p *sdk.Pipeline) {
		passert.Equals(words(sdk.Of(p, "to be", "or")), "to", "be", "or")
	})

	// Elements to look at afterwards:
	got := ptest.Collect(t, func(p *sdk.Pipeline) sdk.PCollection[string] {
		return words(sdk.Of(p, "b a", ""))
	})
	slices.Sort(got)
	fmt.Println(got)

	// What is meant to fail:
	_, err := ptest.RunErr(t, func(p *sdk.Pipeline) error {
		passert.Empty(words(sdk.Of(p, "x")))
		return nil
	})
	fmt.Println(err != nil)
	// Output:
	// [a b]
	// true
}

// A DoFn can be tested without a pipeline.
func ExampleDoFn() {
	t := newT()
	fmt.Println(ptest.DoFn(t, stampFn{}).At(1000).Process("a b"))
	// Output: [a@1970-01-01T00:00:01.000Z b@1970-01-01T00:00:01.000Z]
}
