package launch

import (
	"bytes"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"time"
)

// Metrics of the process have the names that Prometheus' libraries give them, so that dashboards fit.

// fromRuntime are those that package runtime/metrics has.
var fromRuntime = []struct {
	family
	key string
}{
	{family{"go_goroutines", gauge, "Number of goroutines that currently exist.", nil}, "/sched/goroutines:goroutines"},
	{family{"go_sched_gomaxprocs_threads", gauge, "How many threads run Go code at once.", nil}, "/sched/gomaxprocs:threads"},
	{family{"go_gc_gomemlimit_bytes", gauge, "Go's memory limit.", nil}, "/gc/gomemlimit:bytes"},
	{family{"go_memstats_alloc_bytes", gauge, "Bytes of objects in the heap.", nil}, "/memory/classes/heap/objects:bytes"},
	{family{"go_memstats_alloc_bytes_total", counter, "Bytes that have been allocated in the heap.", nil}, "/gc/heap/allocs:bytes"},
	{family{"go_memstats_mallocs_total", counter, "Objects that have been allocated in the heap.", nil}, "/gc/heap/allocs:objects"},
	{family{"go_memstats_frees_total", counter, "Objects that have been freed.", nil}, "/gc/heap/frees:objects"},
	{family{"go_memstats_heap_objects", gauge, "Objects in the heap.", nil}, "/gc/heap/objects:objects"},
	{family{"go_memstats_heap_released_bytes", gauge, "Bytes of the heap that the system has got back.", nil}, "/memory/classes/heap/released:bytes"},
	{family{"go_memstats_next_gc_bytes", gauge, "Size of the heap at which it is collected next.", nil}, "/gc/heap/goal:bytes"},
	{family{"go_memstats_sys_bytes", gauge, "Bytes that Go has got from the system.", nil}, "/memory/classes/total:bytes"},
}

var (
	goInfo        = family{"go_info", gauge, "The version of Go that the program was built with.", []string{"version"}}
	gcDuration    = family{"go_gc_duration_seconds", summary, "Pauses of the garbage collector.", []string{"quantile"}}
	gcTotal       = family{"go_gc_duration_seconds", summary, "Pauses of the garbage collector.", nil}
	processCPU    = family{"process_cpu_seconds_total", counter, "CPU time that the process has used.", nil}
	processStart  = family{"process_start_time_seconds", gauge, "When the process started, in seconds since the epoch.", nil}
	processMemory = family{"process_resident_memory_bytes", gauge, "Resident memory.", nil}
	processSpace  = family{"process_virtual_memory_bytes", gauge, "Virtual memory.", nil}
	processFiles  = family{"process_open_fds", gauge, "Open file descriptors.", nil}
	processLimit  = family{"process_max_fds", gauge, "How many file descriptors may be open.", nil}
)

// collectProcess gives what is known of the process and of Go's runtime.
func (e *exposition) collectProcess() {
	samples := make([]metrics.Sample, len(fromRuntime))
	for i, m := range fromRuntime {
		samples[i].Name = m.key
	}
	metrics.Read(samples)
	for i, m := range fromRuntime {
		if samples[i].Value.Kind() == metrics.KindUint64 {
			e.put(m.family, "", float64(samples[i].Value.Uint64()), nil)
		}
	}
	e.put(goInfo, "", 1, []string{runtime.Version()})
	gc := debug.GCStats{PauseQuantiles: make([]time.Duration, 5)}
	debug.ReadGCStats(&gc)
	for i, q := range gc.PauseQuantiles {
		e.put(gcDuration, "", q.Seconds(), []string{strconv.FormatFloat(float64(i)/4, 'g', -1, 64)})
	}
	e.putBehind(gcTotal, "_sum", gc.PauseTotal.Seconds())
	e.putBehind(gcTotal, "_count", float64(gc.NumGC))
	e.collectProc()
}

// ticks is the unit of CPU time in /proc, which is the same on all of Linux' platforms that Go has.
const ticks = 100

// collectProc gives what Linux tells of a process; on other systems, and where /proc is not mounted, nothing.
func (e *exposition) collectProc() {
	stat, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return
	}
	// proc(5): the second field is the program's name in brackets, and may hold anything.
	f := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	field := func(n int) float64 { // as proc(5) counts
		if n-3 >= len(f) {
			return 0
		}
		v, _ := strconv.ParseFloat(f[n-3], 64)
		return v
	}
	e.put(processCPU, "", (field(14)+field(15))/ticks, nil)
	e.put(processSpace, "", field(23), nil)
	e.put(processMemory, "", field(24)*float64(os.Getpagesize()), nil)
	if boot, ok := valueIn("/proc/stat", "btime"); ok {
		e.put(processStart, "", boot+field(22)/ticks, nil)
	}
	if fds, err := os.ReadDir("/proc/self/fd"); err == nil {
		e.put(processFiles, "", float64(len(fds)-1), nil) // one is the directory
	}
	if most, ok := valueIn("/proc/self/limits", "Max open files"); ok {
		e.put(processLimit, "", most, nil)
	}
}

// valueIn is the number behind key at the beginning of a line of file.
func valueIn(file, key string) (float64, bool) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(b)) {
		rest, ok := strings.CutPrefix(line, key)
		if fs := strings.Fields(rest); ok && len(fs) > 0 {
			v, err := strconv.ParseFloat(fs[0], 64)
			return v, err == nil
		}
	}
	return 0, false
}
