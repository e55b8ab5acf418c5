// Package group is every grouping, GroupByKey, CoGroupByKey and the combines, as exchanges between two stages.
//
// Writers, one per worker and input, cut rows into partitions by the top bits of a hash of the key. Readers take
// one partition at a time: keys are numbered in order of appearance, values are counted and laid out group by
// group in one array, and the groups are pushed on.
//
// When the job is over its budget a writer writes its partitions to disk as runs sorted by (hash, key, window),
// once. A partition of which a part is on disk is read as a merge of its runs, so that neither a partition nor
// a group has to fit into memory.
//
// Nothing here but CombineGlobally knows the type of a row: its size, and where its value is, are enough. Values are copied by
// the loop that exec.Element has for their type, iterated by coder.Sequence's, and combined by those of a Combiner. Keys are
// numbers, strings or encodings (package keys).
package group

import (
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/window"
)

// partitions is the number of partitions of an exchange: fine enough that one fits into a CPU's cache with a
// million keys, and into memory with a hundred times the budget of rows.
const (
	partitions    = 256
	partitionBits = 8
)

// Config is what all exchanges need to know.
type Config struct {
	Name      string          // path of the transform, for errors
	Windowing window.Strategy // of the input
}

// mode is what a Config means for rows.
type mode struct {
	windowed bool          // rows carry a window
	timed    bool          // rows carry a timestamp: the combiner looks at it
	merger   window.Merger // or nil
	combiner window.TimestampCombiner
	assign   func(w window.Window, t mtime.Time) mtime.Time // what an element contributes to the time of its group
}

func (c Config) mode() mode {
	return mode{
		windowed: !window.IsGlobalFn(c.Windowing.Fn),
		timed:    c.Windowing.Combiner != window.EndOfWindow,
		merger:   c.Windowing.Merger(),
		combiner: c.Windowing.Combiner,
		assign:   c.Windowing.OutputTime,
	}
}

// times collects the timestamp of each group.
type times struct {
	m  mode
	ts []mtime.Time
}

func (t *times) reset(groups int) {
	t.ts = t.ts[:0]
	if !t.m.timed {
		return
	}
	start := mtime.Max
	if t.m.combiner == window.Latest {
		start = mtime.Min
	}
	for range groups {
		t.ts = append(t.ts, start)
	}
}

func (t *times) add(g uint32, ts mtime.Time) { t.ts[g] = t.m.combiner.Combine(t.ts[g], ts) }

// of is the timestamp of group g, which is in w. A merged window may end before its elements' timestamps do not.
func (t *times) of(g int, w window.Window) mtime.Time {
	if !t.m.timed {
		return w.MaxTimestamp()
	}
	return t.ts[g]
}
