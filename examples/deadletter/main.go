// Deadletter parses lines, of which some are wrong, without failing: those go to a file of their own.
//
//	go run ./examples/deadletter --input numbers.txt --output sums --errors bad
package main

import (
	"strconv"

	"github.com/millrace-go/millrace/io/textio"
	"github.com/millrace-go/millrace/runners/launch"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/transforms/stats"
)

type options struct {
	Input  string `help:"lines with a number each" required:"true"`
	Output string `help:"where the sum goes" required:"true"`
	Errors string `help:"where lines that are no numbers go" required:"true"`
}

func build(p *sdk.Pipeline, o options) error {
	lines := textio.Read(p, o.Input)
	var bad sdk.Output[sdk.Failed[string]]
	numbers := sdk.TryMap(lines, strconv.Atoi, sdk.OnError(sdk.DeadLetter(&bad)))
	textio.Write(sdk.Map(stats.Sum(numbers), strconv.Itoa), o.Output, textio.Shards(1))
	textio.Write(sdk.Map(bad.PCollection(), describe), o.Errors, textio.Shards(1))
	return nil
}

func describe(f sdk.Failed[string]) string { return strconv.Quote(f.Element) + ": " + f.Error }

func main() { launch.Main(build) }
