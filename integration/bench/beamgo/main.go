// Beamgo runs cases of integration/bench with Apache Beam's Go SDK, as one would write them there, and prints what
// it measured. Command bench builds it and runs it:
//
//	go run ./integration/bench --peers
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners/direct"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/runners/prism"
)

func main() {
	name := flag.String("case", "", "wordcount, group or combine")
	runner := flag.String("runner", "direct", "direct or prism, in this process")
	input := flag.String("input", "", "file of wordcount")
	rows := flag.Int64("rows", 0, "rows of group and combine")
	keys := flag.Int64("keys", 1, "keys of group and combine, one at least")
	flag.Parse()
	beam.Init()
	if err := run(context.Background(), *name, *runner, *input, *rows, *keys); err != nil {
		fmt.Fprintln(os.Stderr, "beamgo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, name, runner, input string, rows, keys int64) error {
	execute, ok := map[string]func(context.Context, *beam.Pipeline) (beam.PipelineResult, error){
		"direct": direct.Execute, "prism": prism.Execute,
	}[runner]
	if !ok {
		return fmt.Errorf("there is no runner %q here", runner)
	}
	p, s := beam.NewPipelineWithRoot()
	var checks beam.PCollection
	switch name {
	case "wordcount":
		checks = wordCount(s, input)
	case "group":
		checks = group(s, rows, keys)
	case "combine":
		checks = combine(s, rows, keys)
	default:
		return fmt.Errorf("there is no case %q here", name)
	}
	total(s, checks)
	start := time.Now()
	if _, err := execute(ctx, p); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(struct {
		Wall  float64
		Check int64
	}{time.Since(start).Seconds(), result.Load()})
}
