package group

import (
	"slices"

	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// bigRange is a group that is read from its runs each time it is iterated.
type bigRange struct {
	host   *exec.Host
	marks  []mark
	same   func(*cursor) bool
	accept func(window.Window) bool // of a merged window's parts; nil: all
	ends   []mark                   // where the group ends in each run, known after the first full iteration
	err    error
}

// each calls f at each record of the group, of one input, until it returns false.
func (b *bigRange) each(input int, f func(c *cursor) bool) {
	ends := make([]mark, 0, len(b.marks))
	for _, m := range b.marks {
		if m.input != input && input >= 0 {
			continue
		}
		c, err := m.open()
		for ; err == nil && !c.done && b.same(c); err = c.next() {
			if b.err = b.host.Cancelled(); b.err != nil {
				return
			}
			if b.accept != nil && !b.accept(c.w) {
				continue
			}
			if !f(c) {
				return
			}
		}
		if err != nil {
			b.err = err
			return
		}
		end := c.mark(c.place())
		end.end = c.done
		ends = append(ends, end)
	}
	if len(ends) == len(b.marks) {
		b.ends = ends
	}
}

// pushBig pushes the group of key and window of first that begins at marks, and returns where it ends.
func (r *reader) pushBig(first *cursor, marks []mark, same func(*cursor) bool) (ends []mark, err error) {
	all := &bigRange{host: r.host, marks: marks, same: same}
	windows := []window.Window{first.w}
	into := map[window.Window]window.Window{}
	if r.mode.merger != nil {
		var ws []window.Window
		all.each(-1, func(c *cursor) bool {
			if n := len(ws); n == 0 || ws[n-1] != c.w {
				ws = append(ws, c.w)
			}
			return true
		})
		if all.err != nil {
			return nil, all.err
		}
		merged, err := mergeWindows(r.mode.merger, ws)
		if err != nil {
			return nil, err
		}
		for i, w := range ws {
			into[w] = merged[i]
		}
		windows = slices.Clone(merged)
		slices.SortFunc(windows, window.Window.Compare)
		windows = slices.Compact(windows)
	}
	if !r.mode.windowed {
		windows[0] = window.Global
	}
	for _, w := range windows {
		b := &bigRange{host: r.host, marks: marks, same: same}
		if r.mode.merger != nil {
			b.accept = func(v window.Window) bool { return into[v] == w }
		}
		ts, err := r.bigTime(b, w)
		if err != nil {
			return nil, err
		}
		for _, sd := range r.sides {
			sd.bindBig(0, b)
		}
		if err := r.key.Read(first.key, r.row(0)); err != nil {
			return nil, err
		}
		r.n = 1
		r.stamp(w, ts)
		err = r.flush()
		if b.err != nil {
			return nil, b.err // whatever the user's function made of the part that it saw
		}
		if err != nil {
			return nil, err
		}
		if b.ends != nil {
			all.ends = b.ends
		}
	}
	if all.ends == nil {
		all.each(-1, func(*cursor) bool { return true })
	}
	return all.ends, all.err
}

// bigTime is the timestamp of a big group: with a combiner that looks at the elements, a pass over them.
func (r *reader) bigTime(b *bigRange, w window.Window) (mtime.Time, error) {
	if !r.mode.timed {
		return w.MaxTimestamp(), nil
	}
	r.times.reset(1)
	var err error
	b.each(-1, func(c *cursor) bool {
		err = r.sides[c.input].(interface {
			stamps(c *cursor, ts *times) error
		}).stamps(c, &r.times)
		return err == nil
	})
	if b.err != nil {
		return 0, b.err
	}
	return r.times.ts[0], err
}
