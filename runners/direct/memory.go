package direct

import (
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"weak"
)

const (
	fallbackBudget = 1 << 30
	headroom       = 128 << 20 // for the program, the runtime and buffers that are not counted
)

// defaultBudget is half of the memory that the process may use.
func defaultBudget() int64 {
	if l := debug.SetMemoryLimit(-1); l < math.MaxInt64 {
		return l / 2
	}
	least := int64(math.MaxInt64)
	for _, f := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		if b, err := os.ReadFile(f); err == nil {
			if n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64); err == nil && n > 0 {
				least = min(least, n)
			}
		}
	}
	if b, err := os.ReadFile("/proc/meminfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
				if kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64); err == nil {
					least = min(least, kb<<10)
				}
			}
		}
	}
	if least == math.MaxInt64 {
		return fallbackBudget
	}
	return least / 2
}

// rowsOf is how much of a budget rows may take: the rest is for what the garbage collector has not freed yet.
// With less room than that it runs so often that spilling more is faster.
func rowsOf(budget int64) int64 {
	if budget <= 0 {
		return budget
	}
	return max(budget*5/8, 1)
}

// ballastSize is memory that is reserved and never touched, so that it costs address space only. To the collector
// it is live, which keeps it from running every 4 MB in a job that holds next to nothing: it then costs a fifth
// of the time of the one-billion-row case.
const ballastSize = 32 << 20

var ballast struct {
	sync.Mutex
	jobs int
	b    *[ballastSize]byte
	last weak.Pointer[[ballastSize]byte] // until the collector has taken it: new memory would have to be cleared
}

// holdBallast reserves the ballast while jobs run, and returns how to let go of it.
func holdBallast() (release func()) {
	ballast.Lock()
	defer ballast.Unlock()
	if ballast.jobs++; ballast.jobs == 1 {
		if ballast.b = ballast.last.Value(); ballast.b == nil {
			ballast.b = new([ballastSize]byte)
			ballast.last = weak.Make(ballast.b)
		}
	}
	var once sync.Once
	return func() {
		once.Do(func() {
			ballast.Lock()
			defer ballast.Unlock()
			if ballast.jobs--; ballast.jobs == 0 {
				ballast.b = nil
			}
		})
	}
}

// The memory limit is the process's: jobs that run at once share it.
var limits struct {
	sync.Mutex
	jobs   int
	before int64
	sum    int64
}

// limitMemory gives the garbage collector a limit for a job with the given budget, unless the process has one
// of its own, and returns how to take it back.
func limitMemory(budget int64) (undo func()) {
	if budget <= 0 {
		return func() {}
	}
	limits.Lock()
	defer limits.Unlock()
	if limits.jobs == 0 {
		limits.before = debug.SetMemoryLimit(-1)
		limits.sum = headroom + ballastSize
	}
	if limits.before < math.MaxInt64 {
		return func() {}
	}
	limits.jobs++
	limits.sum += budget
	debug.SetMemoryLimit(limits.sum)
	var once sync.Once
	return func() {
		once.Do(func() {
			limits.Lock()
			defer limits.Unlock()
			limits.jobs--
			limits.sum -= budget
			if limits.jobs == 0 {
				debug.SetMemoryLimit(limits.before)
				return
			}
			debug.SetMemoryLimit(limits.sum)
		})
	}
}
