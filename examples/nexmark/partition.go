package main

import (
	"bufio"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/zeebo/xxh3"

	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/window"
)

// partitions is the directory that query 10 writes: a folder for each minute of event time. Rows go to temporary files;
// when the watermark has passed a minute, its files get their names and it is marked complete.
type partitions struct {
	Dir string

	mu   sync.Mutex
	open int // temporary files that have not got their names
	next int // number of the next file
}

const (
	successName = "_SUCCESS"
	// maxOpen is how many files an instance keeps open.
	maxOpen = 64
)

// newPartitions removes what an earlier run has left in dir, and nothing else.
func newPartitions(dir string) (*partitions, error) {
	old, err := filepath.Glob(filepath.Join(dir, "day=*"))
	if err != nil {
		return nil, fmt.Errorf("looking for an earlier result: %w", err)
	}
	for _, path := range old {
		if err := os.RemoveAll(path); err != nil {
			return nil, fmt.Errorf("removing an earlier result: %w", err)
		}
	}
	return &partitions{Dir: dir}, os.MkdirAll(dir, 0o755)
}

// folder returns the folder of a minute, counted from the epoch.
func (p *partitions) folder(minutes int64) string {
	at := time.UnixMilli(minutes * minuteMillis).UTC()
	return filepath.Join(p.Dir, at.Format("day=2006-01-02"), at.Format("minute=15-04"))
}

func (p *partitions) create(minutes int64) (*os.File, error) {
	dir := p.folder(minutes)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	p.mu.Lock()
	p.open++
	p.next++
	n := p.next
	p.mu.Unlock()
	return os.Create(filepath.Join(dir, fmt.Sprintf("part-%05d.tmp", n)))
}

// commit gives the files of a minute their names and marks it complete.
func (p *partitions) commit(minutes int64, files []string) error {
	for _, name := range files {
		if err := os.Rename(name, name[:len(name)-len(".tmp")]+".jsonl"); err != nil {
			return fmt.Errorf("committing a partition: %w", err)
		}
	}
	p.mu.Lock()
	p.open -= len(files)
	p.mu.Unlock()
	return os.WriteFile(filepath.Join(p.folder(minutes), successName), nil, 0o644)
}

// check says whether every partition is complete.
func (p *partitions) check() error {
	if p.open != 0 {
		return fmt.Errorf("%d files are in no complete partition", p.open)
	}
	return nil
}

// abort removes the temporary files of a run that has failed.
func (p *partitions) abort() error {
	files, err := filepath.Glob(filepath.Join(p.Dir, "day=*", "minute=*", "*.tmp"))
	for _, name := range files {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}

// writePartitions writes the rows of query 10 below out's path.
func writePartitions(rows sdk.PCollection[loggedBid], out *results) {
	files := sdk.ParDo(rows, &partitionFn{Out: out}, sdk.Name("WritePartitions"))
	windowed := sdk.WindowInto(files, window.Fixed(time.Minute))
	sdk.ParDo(sdk.GroupByKey(windowed), &commitFn{To: out.partition}, sdk.Name("CommitPartitions"))
}

// partitionFn appends rows to a file for each minute and, at the end of the bundle, tells of those that are new. Their
// rows are in the files by then, so whoever hears of a minute's end finds all of it.
type partitionFn struct {
	Out *results

	files map[int64]*partFile
	fresh []sdk.KV[int64, string] // files that nobody has been told of
	last  *partFile
	buf   []byte
}

type partFile struct {
	minutes int64
	name    string
	f       *os.File
	w       *bufio.Writer
	used    bool // in this bundle
}

func (f *partitionFn) Setup(*sdk.Context) error {
	f.files = map[int64]*partFile{}
	return nil
}

func (f *partitionFn) ProcessElement(_ *sdk.Context, row loggedBid, _ sdk.Emitter[sdk.KV[int64, string]]) error {
	minutes := row.Bid.DateTime / minuteMillis
	p := f.last
	if p == nil || p.minutes != minutes {
		var err error
		if p, err = f.file(minutes); err != nil {
			return fmt.Errorf("writing a partition: %w", err)
		}
		f.last = p
	}
	f.buf = row.AppendJSON(f.buf[:0])
	f.Out.rows.Add(1)
	f.Out.bytes.Add(int64(len(f.buf)) + 1)
	f.Out.checksum.Add(xxh3.Hash(f.buf))
	_, err := p.w.Write(append(f.buf, '\n'))
	return err
}

func (f *partitionFn) file(minutes int64) (*partFile, error) {
	p := f.files[minutes]
	if p == nil {
		for _, old := range f.files {
			if len(f.files) < maxOpen {
				break
			}
			if err := f.close(old); err != nil {
				return nil, err
			}
		}
		file, err := f.Out.partition.create(minutes)
		if err != nil {
			return nil, err
		}
		p = &partFile{minutes: minutes, name: file.Name(), f: file, w: bufio.NewWriterSize(file, 64<<10)}
		f.files[minutes] = p
		f.fresh = append(f.fresh, sdk.MakeKV(minutes, p.name))
	}
	p.used = true
	return p, nil
}

// FinishBundle implements the end of a bundle. A file that the bundle has not used is closed; if its minute comes again
// after all it has a second one.
func (f *partitionFn) FinishBundle(_ *sdk.Context, out sdk.Emitter[sdk.KV[int64, string]]) error {
	for _, p := range f.files {
		if !p.used {
			if err := f.close(p); err != nil {
				return err
			}
			continue
		}
		p.used = false
		if err := p.w.Flush(); err != nil {
			return fmt.Errorf("writing a partition: %w", err)
		}
	}
	for _, file := range f.fresh {
		out.EmitAt(sdk.Time((file.Key+1)*minuteMillis-1), file)
	}
	f.fresh = f.fresh[:0]
	return nil
}

// Teardown closes the files.
func (f *partitionFn) Teardown() error {
	var err error
	for _, p := range f.files {
		err = errors.Join(err, f.close(p))
	}
	return err
}

func (f *partitionFn) close(p *partFile) error {
	delete(f.files, p.minutes)
	if f.last == p {
		f.last = nil
	}
	return errors.Join(p.w.Flush(), p.f.Close())
}

// commitFn completes the partition of a minute that has ended.
type commitFn struct{ To *partitions }

func (f *commitFn) ProcessElement(_ *sdk.Context, minute sdk.KV[int64, iter.Seq[string]], _ sdk.Emitter[written]) error {
	return f.To.commit(minute.Key, slices.Collect(minute.Value))
}
