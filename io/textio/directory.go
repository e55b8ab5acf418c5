package textio

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/millrace-go/millrace/sdk/mtime"
)

// directories are what the running jobs of a Watch have open, by job: both of its DoFns have a pointer to it.
type directories struct {
	mu sync.Mutex
	of map[string]*directory
}

func (x *directories) get(job string) *directory {
	x.mu.Lock()
	defer x.mu.Unlock()
	d := x.of[job]
	if d == nil {
		d = &directory{files: map[int64]*tailed{}, warned: map[string]string{}}
		d.changed()
		d.latest.Store(int64(mtime.Min))
		x.of[job] = d
	}
	return d
}

// end closes the files of a job.
func (x *directories) end(job string) error {
	x.mu.Lock()
	d := x.of[job]
	delete(x.of, job)
	x.mu.Unlock()
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var errs []error
	for _, f := range d.files {
		errs = append(errs, f.f.Close())
	}
	return errors.Join(errs...)
}

// directory is the files that one job watches.
type directory struct {
	latest atomic.Int64 // the latest event time that has been read
	change atomic.Int64 // when something new came, in ns since the epoch
	ended  atomic.Bool  // nothing new has come for so long that the source is at its end

	warned map[string]string // by path: what has been logged of it; for discoverFn only

	mu    sync.Mutex
	files map[int64]*tailed
	next  int64
}

// tailed is an open file. What is not atomic belongs to discoverFn (path, info), or to the split that reads it.
type tailed struct {
	id   int64
	path string
	info fs.FileInfo
	f    *os.File

	gone   atomic.Int64 // since when it matches the pattern under no name, in ns since the epoch; 0: it does under one
	caught atomic.Bool  // all of it has been read, but for a line without its end
	cut    atomic.Bool  // it has been cut short: what is in it is new

	before []byte     // the bytes before where reading has come to
	last   mtime.Time // the time of the last line
	grown  time.Time  // when it was last seen to have something new
}

func (d *directory) changed() { d.change.Store(time.Now().UnixNano()) }

// warn logs what stays wrong once.
func (d *directory) warn(log *slog.Logger, path, doing string, err error) {
	if d.warned[path] != err.Error() {
		d.warned[path] = err.Error()
		log.Warn("watching files: "+doing, "path", path, "error", err)
	}
}

// look opens the files that are new, and sees which of the known ones have gone, or have been renamed.
func (d *directory) look(log *slog.Logger, names []string) (news []found) {
	d.mu.Lock()
	defer d.mu.Unlock()
	slices.Sort(names)
	there := map[int64]bool{}
	byPath := map[string]*tailed{}
	for _, f := range d.files {
		byPath[f.path] = f
	}
	for _, name := range names {
		if c := Auto.of(name); c != None {
			d.warn(log, name, "leaving a file out", errCompressed)
			continue
		}
		path := filepath.FromSlash(name)
		info, err := os.Stat(path)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) { // else it has just gone, or is a link to nothing
				d.warn(log, name, "looking at a file", err)
			}
			continue
		}
		if !info.Mode().IsRegular() { // to open a pipe would wait for its other end
			d.warn(log, name, "leaving a file out", errIrregular)
			continue
		}
		known := byPath[name]
		if known == nil || !os.SameFile(known.info, info) {
			known = nil
			for _, f := range d.files {
				if os.SameFile(f.info, info) {
					known = f
				}
			}
		}
		if known == nil {
			f, err := os.Open(path)
			if err == nil {
				if info, err = f.Stat(); err != nil {
					_ = f.Close()
				}
			}
			if err != nil {
				if !errors.Is(err, fs.ErrNotExist) {
					d.warn(log, name, "opening a file", err)
				}
				continue
			}
			delete(d.warned, name)
			known = d.add(name, info, f)
			news = append(news, found{known.id, name})
		} else if known.cut.Load() {
			delete(d.files, known.id)
			known = d.add(name, known.info, known.f)
			news = append(news, found{known.id, name})
		}
		if known.path != name && !there[known.id] {
			log.Info("watching files: a file has been renamed, and is read on", "from", known.path, "to", name)
			known.path = name
		}
		there[known.id] = true
	}
	for name := range d.warned { // what has gone may be warned of again
		if _, ok := slices.BinarySearch(names, name); !ok {
			delete(d.warned, name)
		}
	}
	for id, f := range d.files {
		switch {
		case there[id]:
			f.gone.Store(0)
		case f.cut.Load(): // nobody reads it
			delete(d.files, id)
			_ = f.f.Close()
		case f.gone.Load() == 0:
			f.gone.Store(time.Now().UnixNano())
			log.Info("watching files: a file has been removed or renamed away, and is read to its end", "path", f.path)
		}
	}
	return news
}

var (
	errCompressed = errors.New("it is compressed, so it cannot be followed")
	errIrregular  = errors.New("it is not a regular file")
)

func (d *directory) add(path string, info fs.FileInfo, f *os.File) *tailed {
	d.next++
	t := &tailed{id: d.next, path: path, info: info, f: f, last: mtime.Min, grown: time.Now()}
	d.files[t.id] = t
	d.changed()
	return t
}

func (d *directory) file(id int64) *tailed {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.files[id]
}

// drop forgets a file that has been read to its end.
func (d *directory) drop(t *tailed) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.files[t.id] == t {
		delete(d.files, t.id)
		_ = t.f.Close()
	}
}

// quietFor reports whether all has been read and nothing has come for so long; if so, the source is at its end.
func (d *directory) quietFor(long time.Duration) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range d.files {
		if !f.caught.Load() {
			return false
		}
	}
	if time.Since(time.Unix(0, d.change.Load())) >= long {
		d.ended.Store(true)
	}
	return d.ended.Load()
}
