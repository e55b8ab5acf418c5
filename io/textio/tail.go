package textio

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/sdf"
)

// tailFn reads a file as it grows. Its restriction is the bytes of the file, from where a line begins.
type tailFn struct {
	o    *watchOptions
	dirs *directories
	buf  []byte
}

// tailTracker gives away what comes behind the last line only, so that a split begins where a line does.
type tailTracker struct{ *sdf.OffsetTracker }

// TrySplit implements sdf.Tracker.
func (t tailTracker) TrySplit(float64) (sdf.OffsetRange, bool) { return t.OffsetTracker.TrySplit(0) }

func (*tailFn) Unbounded() bool                                { return true }
func (*tailFn) InitialRestriction(found) sdf.OffsetRange       { return endless }
func (*tailFn) RestrictionSize(found, sdf.OffsetRange) float64 { return 0 }
func (*tailFn) NewTracker(r sdf.OffsetRange) tailTracker       { return tailTracker{sdf.NewOffsetTracker(r)} }

func (*tailFn) NewWatermarkEstimator(_ found, _ sdf.OffsetRange, start sdk.Time) sdf.WatermarkEstimator {
	return sdf.NewManual(start)
}

const (
	compared = 64 // bytes before the position
	goneFor  = 5  // polls without a new byte, until a file that has gone is done
)

func (f *tailFn) ProcessElement(c *sdk.Context, in found, t tailTracker, out sdk.Emitter[Line]) (sdk.Continuation, error) {
	d := f.dirs.get(c.JobID())
	file := d.file(in.ID)
	if file == nil {
		return sdf.Stop(), fmt.Errorf("textio: watching %s: the file is not open in this process", in.Path)
	}
	est := c.WatermarkEstimator().(*sdf.Manual)
	for pos := t.Restriction().Lo; ; {
		if err := c.Err(); err != nil {
			return sdf.Stop(), err
		}
		n, size, err := f.read(file, pos)
		if err != nil {
			return sdf.Stop(), err
		}
		if n < 0 {
			if t.finish() {
				c.Log().Warn("watching files: a file has been cut short or replaced in place, and is read from its beginning", "path", in.Path, "read", pos, "size", size)
				file.caught.Store(false)
				file.cut.Store(true)
				d.changed()
			}
			return sdf.Stop(), nil
		}
		b := f.buf[:n]
		end := bytes.LastIndexByte(b, '\n') + 1
		if end > 0 {
			if t.ClaimUpTo(pos+int64(end)) <= pos {
				return sdf.Stop(), nil
			}
			f.emit(c, d, in, file, pos, b[:end], out, est)
			pos += int64(end)
			continue
		}
		if n > f.o.maxLine {
			return sdf.Stop(), fmt.Errorf("textio: %s: the line at offset %d is longer than %d bytes: %w; raise textio.WatchMaxLine", in.Path, pos, f.o.maxLine, ErrLineTooLong)
		}
		if n == len(f.buf) { // the line is longer
			f.buf = make([]byte, min(2*len(f.buf), f.o.maxLine+1))
			continue
		}
		if pos+int64(n) < size { // it has grown just now
			continue
		}
		return f.atEnd(c, d, in, file, t, pos, b, out, est)
	}
}

// read fills the buffer from pos. n is negative if the file is not the one that was read up to there.
func (f *tailFn) read(file *tailed, pos int64) (n int, size int64, err error) {
	if f.buf == nil {
		f.buf = make([]byte, min(64<<10, f.o.maxLine+1))
	}
	n, err = file.f.ReadAt(f.buf, pos)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, 0, fmt.Errorf("textio: reading %s at offset %d: %w", file.f.Name(), pos, err)
	}
	// Only now, so that what has been read is what follows these bytes.
	if k := len(file.before); k > 0 {
		now := make([]byte, k)
		if m, _ := file.f.ReadAt(now, pos-int64(k)); !bytes.Equal(now[:m], file.before) {
			n = -1
		}
	}
	info, err := file.f.Stat()
	if err != nil {
		return 0, 0, fmt.Errorf("textio: looking at %s: %w", file.f.Name(), err)
	}
	size = info.Size()
	if size < pos || size < pos+int64(n) {
		n = -1
	}
	return n, size, nil
}

// emit gives the lines of b, which is at offset pos.
func (f *tailFn) emit(c *sdk.Context, d *directory, in found, file *tailed, pos int64, b []byte, out sdk.Emitter[Line], est *sdf.Manual) {
	file.caught.Store(false)
	file.grown = time.Now()
	d.changed()
	file.before = append(file.before, b[max(0, len(b)-compared):]...)
	file.before = append(file.before[:0], file.before[max(0, len(file.before)-compared):]...)
	c.AddBytes(int64(len(b)))

	arrival := max(mtime.FromTime(c.Now()), est.Watermark())
	latest := mtime.Min
	l := lines{path: in.Path}
	l.cut(b, pos, math.MaxInt64, func(at int64, text string) {
		line := Line{in.Path, at, text}
		if f.o.time == nil {
			out.EmitAt(arrival, line)
			return
		}
		if t, ok := f.o.time(text); ok {
			file.last = t.Clamp()
		}
		latest = max(latest, file.last)
		out.EmitAt(file.last, line)
	})
	if f.o.time == nil {
		est.Set(arrival)
		return
	}
	est.Set(latest.Add(-f.o.behind))
	for {
		old := d.latest.Load()
		if old >= int64(latest) || d.latest.CompareAndSwap(old, int64(latest)) {
			return
		}
	}
}

// atEnd says what comes behind all lines that have their end; rest is that of the file which has none yet.
func (f *tailFn) atEnd(c *sdk.Context, d *directory, in found, file *tailed, t tailTracker, pos int64, rest []byte, out sdk.Emitter[Line], est *sdf.Manual) (sdk.Continuation, error) {
	gone := file.gone.Load()
	if gone > 0 && time.Since(time.Unix(0, gone)) >= goneFor*f.o.poll && time.Since(file.grown) >= goneFor*f.o.poll || d.ended.Load() {
		if len(rest) > 0 {
			if t.ClaimUpTo(pos+int64(len(rest))) <= pos {
				return sdf.Stop(), nil
			}
			f.emit(c, d, in, file, pos, rest, out, est)
		}
		if t.finish() {
			d.drop(file)
		}
		return sdf.Stop(), nil
	}
	file.caught.Store(true)
	if f.o.time == nil {
		est.Set(mtime.FromTime(c.Now()))
		return sdf.Resume(f.o.poll), nil
	}
	// What comes later in this file may be as early as in any other, so it need not be waited for; but what has just
	// been read tells how far time has come, and so it counts until discoverFn knows too.
	if time.Since(file.grown) < 3*f.o.poll {
		return sdf.Resume(f.o.poll), nil
	}
	return sdf.ResumeIdle(f.o.poll), nil
}

// finish claims all that might have come. It reports false if that is another's by now, who will find the same.
func (t tailTracker) finish() bool {
	t.TryClaim(math.MaxInt64)
	return t.Restriction().Hi == math.MaxInt64
}
