package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/millrace-go/millrace/examples/nexmark/generator"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/window"
)

// results is where the rows of a run go: to shards of a file, or nowhere. In both cases they are counted and summed.
type results struct {
	// Path is the file; empty: the rows are dropped.
	Path string
	// Pace and EventRate say when in wall-clock time an event time is, for the latency of a live run.
	Pace      live
	EventRate int64

	rows     atomic.Int64
	bytes    atomic.Int64
	checksum atomic.Uint64 // the sum of the rows' XXH3 hashes: the same in any order

	mu        sync.Mutex
	shards    []string // temporary names
	latencies []*histogram
	partition *partitions // of query 10
}

// jsonRow is a row that can write itself.
type jsonRow[T any] interface {
	*T
	// AppendJSON appends the row to dst as a JSON object on one line.
	AppendJSON(dst []byte) []byte
}

// write encodes the rows and gives them to out. The rows of a key come in the order of the collection, since a task
// writes to a shard of its own.
func write[T any, R jsonRow[T]](rows sdk.PCollection[T], out *results) {
	if out.Pace.Rate > 0 {
		sdk.ParDo(rows, &liveSinkFn[T, R]{sink[T, R]{Out: out}}, sdk.Name("Write"))
		return
	}
	sdk.ParDo(rows, &sinkFn[T, R]{sink[T, R]{Out: out}}, sdk.Name("Write"))
}

// written is what comes out of a sink: nothing.
type written struct{}

// sink is one instance of the writing side.
type sink[T any, R jsonRow[T]] struct {
	Out *results

	file    *os.File // nil if rows are dropped
	buf     []byte   // of rows that have not been written
	latency *histogram
}

// flushAt is how many bytes of rows are written at once.
const flushAt = 256 << 10

func (s *sink[T, R]) Setup(*sdk.Context) (err error) {
	s.file, s.latency, err = s.Out.open()
	return err
}

// add encodes a row and returns its hash.
func (s *sink[T, R]) add(row *T) uint64 {
	start := len(s.buf)
	s.buf = R(row).AppendJSON(s.buf)
	hash := xxh3.Hash(s.buf[start:])
	s.buf = append(s.buf, '\n')
	return hash
}

// added settles what n rows have added to the buffer since it had size bytes.
func (s *sink[T, R]) added(n, size int, checksum uint64) error {
	s.Out.rows.Add(int64(n))
	s.Out.bytes.Add(int64(len(s.buf) - size))
	s.Out.checksum.Add(checksum)
	if s.file == nil || len(s.buf) >= flushAt {
		return s.flush()
	}
	return nil
}

func (s *sink[T, R]) flush() error {
	if s.file != nil && len(s.buf) > 0 {
		if _, err := s.file.Write(s.buf); err != nil {
			return fmt.Errorf("writing rows: %w", err)
		}
	}
	s.buf = s.buf[:0]
	return nil
}

// FinishBundle writes what is left, so that nothing is when the job ends.
func (s *sink[T, R]) FinishBundle(*sdk.Context, sdk.Emitter[written]) error { return s.flush() }

// Teardown closes the file.
func (s *sink[T, R]) Teardown() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

type sinkFn[T any, R jsonRow[T]] struct{ sink[T, R] }

func (s *sinkFn[T, R]) ProcessElement(_ *sdk.Context, row T, _ sdk.Emitter[written]) error {
	size := len(s.buf)
	return s.added(1, size, s.add(&row))
}

// ProcessBatch is the vectorised form.
func (s *sinkFn[T, R]) ProcessBatch(_ *sdk.Context, in []T, _ *sdk.BatchEmitter[written]) error {
	size := len(s.buf)
	var checksum uint64
	for i := range in {
		checksum += s.add(&in[i])
	}
	return s.added(len(in), size, checksum)
}

// liveSinkFn notes for each row how long after its event time it came: of a windowed row, after the window's end. A row that
// comes before that, as an early pane of a day does, has no latency.
type liveSinkFn[T any, R jsonRow[T]] struct{ sink[T, R] }

func (s *liveSinkFn[T, R]) ProcessElement(c *sdk.Context, row T, _ sdk.Emitter[written]) error {
	size := len(s.buf)
	if at, ok := s.Out.wallClock(c.EventTime() + 1); ok && c.Pane().Timing != window.Early {
		s.latency.add(time.Duration(time.Now().UnixNano() - at))
	}
	return s.added(1, size, s.add(&row))
}

// wallClock returns when event time has come to t, in nanoseconds since the epoch. Rows of the global window have no
// such time.
func (r *results) wallClock(t sdk.Time) (at int64, ok bool) {
	const most = 1 << 50 // milliseconds; no run is so long
	since := int64(t) - generator.BaseTime
	if since < 0 || since > most {
		return 0, false
	}
	return r.Pace.Start + int64(float64(since)*1e6*float64(r.EventRate)/float64(r.Pace.Rate)), true
}

// open returns what an instance of the sink writes to and notes its latencies in.
func (r *results) open() (*os.File, *histogram, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := &histogram{}
	r.latencies = append(r.latencies, h)
	if r.Path == "" {
		return nil, h, nil
	}
	dir, base := filepath.Split(r.Path)
	if dir == "" {
		dir = "."
	}
	f, err := os.CreateTemp(dir, "."+base+".*.tmp")
	if err != nil {
		return nil, nil, fmt.Errorf("opening a result file: %w", err)
	}
	r.shards = append(r.shards, f.Name())
	return f, h, f.Chmod(0o644)
}

// latency returns the latencies of all instances so far.
func (r *results) latency() *histogram {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := &histogram{}
	for _, h := range r.latencies {
		all.merge(h)
	}
	return all
}

// commit gives the shards their names, once the job has ended well. What an earlier run left at the path goes.
func (r *results) commit() error {
	if r.partition != nil {
		return r.partition.check()
	}
	if r.Path == "" {
		return nil
	}
	if len(r.shards) == 0 { // no row has come to any instance
		f, _, err := r.open()
		if err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	if err := removeShards(r.Path); err != nil {
		return err
	}
	for i, name := range r.shards {
		if err := os.Rename(name, fmt.Sprintf("%s-%05d-of-%05d", r.Path, i, len(r.shards))); err != nil {
			return fmt.Errorf("committing the result: %w", err)
		}
	}
	r.shards = nil
	return nil
}

// abort removes what has been written in vain. Of query 10 the partitions that are complete stay.
func (r *results) abort() error {
	var errs []error
	if r.partition != nil {
		errs = append(errs, r.partition.abort())
	}
	for _, name := range r.shards {
		errs = append(errs, os.Remove(name))
	}
	r.shards = nil
	return errors.Join(errs...)
}

var shardForm = regexp.MustCompile(`^-\d{5}-of-\d{5}$`)

// removeShards removes the result of an earlier run: the file itself or its shards.
func removeShards(path string) error {
	dir, base := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("looking for an earlier result: %w", err)
	}
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() || len(name) < len(base) || name[:len(base)] != base {
			continue
		}
		if rest := name[len(base):]; rest == "" || shardForm.MatchString(rest) {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				return fmt.Errorf("removing an earlier result: %w", err)
			}
		}
	}
	return nil
}
