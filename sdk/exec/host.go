package exec

import (
	"context"
	"log/slog"

	"github.com/millrace-go/millrace/sdk/exec/budget"
)

// Host is what a running stage needs from whoever runs it: the engine, or a Fn API worker. One Host serves one
// instance of a stage, on one goroutine at a time.
type Host struct {
	Ctx     context.Context // ends when the job is cancelled
	Log     *slog.Logger
	JobID   string
	Worker  int // which instance of the stage this is, from 0
	Workers int // how many there may be

	Budget  *budget.Budget // memory of the job
	TempDir string         // where spill files go; exists; removed by the host at the end of the job

	BatchSize int  // rows per batch; BatchSize if 0
	Strict    bool // check mutation and encoding on every edge (runners/ptest)
}
