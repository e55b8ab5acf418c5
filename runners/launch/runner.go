package launch

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/graph"
)

// runOptions are options of every program, whatever runs it.
type runOptions struct {
	Runner    string     `help:"what runs the pipeline: direct (this process)" default:"direct"`
	DryRun    bool       `help:"print the plan and exit"`
	HTTP      string     `name:"http" help:"serve /status, /plan, /metrics and pprof at this address while the job runs, as localhost:8080"`
	LogFormat string     `help:"text or json" default:"text"`
	LogLevel  slog.Level `help:"debug, info, warn or error" default:"info"`
	Quiet     bool       `help:"show no progress and no table at the end"`
	Drain     bool       `name:"drain-on-interrupt" help:"at the first interrupt cut the sources of a streaming job off and let it come to its end; cancel at the second"`
}

// planned are runners that later versions have.
var planned = []string{"cluster", "flink", "spark", "prism", "dataflow"}

func (o *runOptions) check() error {
	var errs []error
	switch {
	case o.Runner == "direct":
	case slices.Contains(planned, o.Runner):
		errs = append(errs, fmt.Errorf("--runner=%s: not in this version yet (nor is any of %s); it has direct", o.Runner, strings.Join(planned, "|")))
	default:
		errs = append(errs, fmt.Errorf("--runner=%s: there is no such runner; this version has direct", o.Runner))
	}
	if o.LogFormat != "text" && o.LogFormat != "json" {
		errs = append(errs, fmt.Errorf("--log-format=%s: want text or json", o.LogFormat))
	}
	return errors.Join(errs...)
}

func (o *runOptions) json() bool { return o.LogFormat == "json" }

func (o *runOptions) logger(w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: o.LogLevel}
	if o.json() {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// directOptions are those of the runner direct; see [direct.Runner].
type directOptions struct {
	Workers    uint16        `help:"goroutines that run stages; 0: one for each core"`
	Budget     ByteSize      `help:"memory for groups, joins and views before they go to disk; 0: half of what GOMEMLIMIT, the cgroup or the machine allow; -1: no limit"`
	TempDir    string        `help:"where spill files go; empty: the system's temporary directory"`
	StallAfter time.Duration `help:"how long user code may stay on one element before it is reported" default:"1m"`
	BatchSize  uint16        `help:"rows that operators pass on at once; 0: 256"`
}

func (o *directOptions) check() error {
	if o.StallAfter <= 0 {
		return fmt.Errorf("--stall-after=%v: want more than 0", o.StallAfter)
	}
	return nil
}

func (o *directOptions) runner(log *slog.Logger) sdk.Runner {
	return &direct.Runner{
		Workers: int(o.Workers), Budget: int64(o.Budget), TempDir: o.TempDir,
		Log: log, StallAfter: o.StallAfter, BatchSize: int(o.BatchSize),
	}
}

func plan(g *graph.Graph) string { return direct.Plan(g) }
