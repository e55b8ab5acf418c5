package textio

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/sdf"
)

// WatchOption is an option of [Watch].
type WatchOption func(*watchOptions)

type watchOptions struct {
	poll    time.Duration
	quiet   time.Duration // 0: no end
	maxLine int
	time    func(line string) (sdk.Time, bool)
	behind  time.Duration
}

// Poll sets how often [Watch] looks for new files and new lines. By default that is every 250 ms.
func Poll(every time.Duration) WatchOption { return func(o *watchOptions) { o.poll = every } }

// UntilQuiet ends the source when all has been read and no line and no file has come for d. By default it does not end.
func UntilQuiet(d time.Duration) WatchOption { return func(o *watchOptions) { o.quiet = d } }

// WatchMaxLine sets the longest line, in bytes; a longer one fails the job with [ErrLineTooLong], naming file and offset.
// By default it is 1 MiB, as a line has to be kept until it has its end.
func WatchMaxLine(bytes int) WatchOption { return func(o *watchOptions) { o.maxLine = bytes } }

// LineTime sets the event time of lines: what f finds in a line, or, if it finds nothing, that of the line before in
// the file, as of the second line of a message. Without it event time is when a line is read.
//
// A line may be up to outOfOrder before the latest one that has been read, of whatever file; the watermark stays so far
// behind that, and where files are that have not been read to their end. What is earlier is late. f is called from
// several goroutines at once.
func LineTime(f func(line string) (t sdk.Time, ok bool), outOfOrder time.Duration) WatchOption {
	return func(o *watchOptions) { o.time, o.behind = f, outOfOrder }
}

// Watch reads the lines of the files that a path or pattern of local files stands for, those that are there and those
// that come, and goes on reading as they grow. It needs no matching file to begin with.
//
// A line is read when its end has been written; a last line without one when the source ends by [UntilQuiet], or its file
// does, but not when the job is drained: the rest of it may still be written. Each
// file is a split of its own, whose lines come in their order. Each is kept open, so that:
//
//   - a file that is renamed is read on, once, whether its new name matches the pattern or not, and one under its old name
//     is a new file: rotation loses nothing and gives nothing twice. Two names of one file are one file;
//   - a file that is removed, replaced, or renamed to what does not match, is read on until nothing has been written to
//     it for five polls. What is written to it later is not seen, and neither is a file that comes and goes between
//     two polls;
//   - a file that is cut short, or whose content is replaced in place, is read from its beginning again, as what is there is
//     new. It is noticed by a size below, or other bytes (64 of them are compared) before, where reading has come to. What
//     was in it and had not been read is lost: unread lines, and a line without its end. If it is cut short and written
//     anew just while it is read, lines of both contents may come, but no line that was in neither.
//
// Each of these is logged. Compressed files are left out, and logged: a rotation that compresses its old files should
// let them go by a name that does not match. A file that cannot be opened is logged, and tried again at each poll.
//
// What has been read is known to the running job only: a job that is started again reads all files from their beginning.
func Watch(p *sdk.Pipeline, pattern string, opts ...WatchOption) sdk.PCollection[string] {
	return sdk.Map(watch(p, "textio.Watch", pattern, opts), func(l Line) string { return l.Text })
}

// WatchLines is [Watch] with the file, by the name under which it was found, and the offset of each line.
func WatchLines(p *sdk.Pipeline, pattern string, opts ...WatchOption) sdk.PCollection[Line] {
	return watch(p, "textio.WatchLines", pattern, opts)
}

func watch(p *sdk.Pipeline, scope, pattern string, opts []WatchOption) sdk.PCollection[Line] {
	o := &watchOptions{poll: 250 * time.Millisecond, maxLine: 1 << 20}
	for _, f := range opts {
		f(o)
	}
	return sdk.Scope(p, scope, func() sdk.PCollection[Line] {
		if err := o.check(pattern); err != nil {
			// The pipeline takes errors of what is decided once.
			sdk.Once(p, "options", func() (bool, error) { return false, err })
		}
		dirs := &directories{of: map[string]*directory{}}
		sdk.Cleanup(p, func(job string, _ bool) error { return dirs.end(job) })
		files := sdk.ParDoSplittable(sdk.Create(p, []string{pattern}), &discoverFn{Pattern: pattern, o: o, dirs: dirs})
		return sdk.ParDoSplittable(files, &tailFn{o: o, dirs: dirs})
	})
}

func (o *watchOptions) check(pattern string) error {
	switch {
	case o.poll < time.Millisecond:
		return fmt.Errorf("textio: watching %s every %v: it must be at least 1ms", pattern, o.poll)
	case o.quiet < 0 || o.behind < 0:
		return fmt.Errorf("textio: watching %s: a duration is negative", pattern)
	case o.maxLine < 1:
		return fmt.Errorf("textio: watching %s for lines of at most %d bytes: it must be at least 1", pattern, o.maxLine)
	case strings.Contains(pattern, "://") && !strings.HasPrefix(pattern, "file://"):
		return fmt.Errorf("textio: watching %s: only local files can be watched", pattern)
	}
	return nil
}

// endless is the restriction of what may go on for ever.
var endless = sdf.OffsetRange{Hi: math.MaxInt64}

// found is a file that has been found, or found to be new from its beginning.
type found struct {
	ID   int64
	Path string
}

// discoverFn finds files. Its restriction counts its looks at the directory.
type discoverFn struct {
	Pattern string

	o    *watchOptions
	dirs *directories
}

func (*discoverFn) Unbounded() bool                                 { return true }
func (*discoverFn) InitialRestriction(string) sdf.OffsetRange       { return endless }
func (*discoverFn) RestrictionSize(string, sdf.OffsetRange) float64 { return 0 }
func (*discoverFn) NewTracker(r sdf.OffsetRange) *sdf.OffsetTracker { return sdf.NewOffsetTracker(r) }

func (*discoverFn) NewWatermarkEstimator(_ string, _ sdf.OffsetRange, start sdk.Time) sdf.WatermarkEstimator {
	return sdf.NewManual(start)
}

func (f *discoverFn) ProcessElement(c *sdk.Context, pattern string, t *sdf.OffsetTracker, out sdk.Emitter[found]) (sdk.Continuation, error) {
	d := f.dirs.get(c.JobID())
	if !t.TryClaim(t.Restriction().Lo) {
		return sdf.Stop(), nil
	}
	names, err := list(c, pattern)
	switch {
	case c.Err() != nil:
		return sdf.Stop(), c.Err()
	case err != nil:
		d.warn(c.Log(), pattern, "looking for files", err)
	default:
		for _, file := range d.look(c.Log(), names) {
			out.Emit(file)
		}
	}
	est := c.WatermarkEstimator().(*sdf.Manual)
	if f.o.time == nil {
		est.Set(mtime.FromTime(c.Now()))
	} else if latest := d.latest.Load(); latest > int64(mtime.Min) {
		// Lines of files that are still to come are as late as others, at most.
		est.Set(mtime.Time(latest).Add(-f.o.behind))
	}
	if f.o.quiet > 0 && err == nil && d.quietFor(f.o.quiet) {
		t.TryClaim(math.MaxInt64) // there will be no more
		return sdf.Stop(), nil
	}
	return sdf.Resume(f.o.poll), nil
}
