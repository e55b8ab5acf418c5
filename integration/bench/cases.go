package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"

	"github.com/millrace-go/millrace/examples/brc/measurements"
	"github.com/millrace-go/millrace/integration/bench/data"
	"github.com/millrace-go/millrace/integration/bench/limit"
)

// sizes are those of the inputs: bytes of text, rows, bytes of values to spill and the budget for that.
type sizes struct {
	text, bigText, rows, bigRows, brc, spill, budget int64
}

func sizesOf(quick bool, scale float64) sizes {
	if quick {
		return sizes{text: 2e6, bigText: 20e6, rows: 200e3, bigRows: 400e3, brc: 200e3, spill: 128 << 20, budget: 16 << 20}
	}
	of := func(n float64) int64 { return int64(n * scale) }
	return sizes{text: of(100e6), bigText: of(1e9), rows: of(5e6), bigRows: of(10e6), brc: of(100e6), spill: of(4 << 30), budget: of(512 << 20)}
}

const (
	keys      = 100_000
	valueSize = 400
)

func (s sizes) bigKeys() int64   { return s.bigRows * 4 / 10 }
func (s sizes) values() int64    { return s.spill / valueSize }
func (s sizes) spillKeys() int64 { return min(10_000_000, s.values()) }

// input is what a case works on.
type input struct {
	sizes
	file string // made by the case's file function
	dir  string // for temporary files
}

// benchCase is a line of the table. Each side is run in a process of its own and returns the case's check.
type benchCase struct {
	name   string
	target string
	procs  int // GOMAXPROCS, if not 0
	file   func(dir string, s sizes) (string, error)
	limit  func(in input) (check int64, err error)
	ours   func(ctx context.Context, in input) (check int64, err error)
	peer   func(in input) []string // arguments of beamgo, if the case has such a side
	met    func(s sizes, ours, limit figures) bool
	note   func(s sizes, ours, limit figures) string // what else is to be said
}

// caseNamed finds a case.
func caseNamed(name string) (benchCase, error) {
	if i := slices.IndexFunc(cases, func(c benchCase) bool { return c.name == name }); i >= 0 {
		return cases[i], nil
	}
	return benchCase{}, fmt.Errorf("there is no case %q", name)
}

var cases = []benchCase{
	{
		name: "word count", target: "wall <= 2.75x, RSS <= 100 MB", file: textFile,
		limit: func(in input) (int64, error) { return limit.WordCount(in.file) },
		ours:  func(ctx context.Context, in input) (int64, error) { return oursWordCount(ctx, in.file) },
		peer:  func(in input) []string { return []string{"--case", "wordcount", "--input", in.file} },
		met:   func(_ sizes, o, l figures) bool { return o.Wall <= 2.75*l.Wall && o.RSS <= 100e6 },
	},
	{
		name: "3 maps and sum", target: "CPU <= 8 ns an element, on one core", procs: 1,
		limit: func(in input) (int64, error) { return limit.Maps(in.rows, mapC, mapB, mapA), nil },
		ours:  func(ctx context.Context, in input) (int64, error) { return oursMaps(ctx, in.rows) },
		met:   func(s sizes, o, _ figures) bool { return perElement(s.rows, o) <= 8 },
		note:  func(s sizes, o, _ figures) string { return fmt.Sprintf("%.1f ns", perElement(s.rows, o)) },
	},
	{
		name: "GroupByKey 5M/100k", target: "wall <= 2x, RSS <= 2x",
		limit: func(in input) (int64, error) { return limit.Group(in.rows, keys), nil },
		ours:  func(ctx context.Context, in input) (int64, error) { return oursGroup(ctx, in.rows, keys) },
		peer:  func(in input) []string { return rowArgs("group", in.rows) },
		met:   func(_ sizes, o, l figures) bool { return o.Wall <= 2*l.Wall && o.RSS <= 2*l.RSS },
	},
	{
		name: "CombinePerKey 5M/100k", target: "wall <= 2x",
		limit: func(in input) (int64, error) { return limit.Combine(in.rows, keys), nil },
		ours:  func(ctx context.Context, in input) (int64, error) { return oursCombine(ctx, in.rows, keys) },
		peer:  func(in input) []string { return rowArgs("combine", in.rows) },
		met:   func(_ sizes, o, l figures) bool { return o.Wall <= 2*l.Wall },
	},
	{
		name: "GroupByKey 10M/4M", target: "wall <= 2x",
		limit: func(in input) (int64, error) { return limit.Group(in.bigRows, in.bigKeys()), nil },
		ours:  func(ctx context.Context, in input) (int64, error) { return oursGroup(ctx, in.bigRows, in.bigKeys()) },
		met:   func(_ sizes, o, l figures) bool { return o.Wall <= 2*l.Wall },
	},
	{
		name: "brc 100M rows", target: "CPU <= 8 s", file: brcFile,
		limit: func(in input) (int64, error) { return limit.BRC(in.file) },
		ours:  func(ctx context.Context, in input) (int64, error) { return oursBRC(ctx, in.file) },
		met:   func(_ sizes, o, _ figures) bool { return o.CPU <= 8 },
	},
	{
		name: "one file of 1 GB, beside one core", target: "wall <= 0.6x, the second core busy within 100 ms", file: bigFile,
		limit: func(in input) (int64, error) {
			runtime.GOMAXPROCS(1)
			return oursLines(context.Background(), in.file)
		},
		ours: func(ctx context.Context, in input) (int64, error) { return oursLines(ctx, in.file) },
		met:  func(_ sizes, o, l figures) bool { return o.Wall <= 0.6*l.Wall && o.Second <= 0.1 },
		note: func(_ sizes, o, _ figures) string { return fmt.Sprintf("the second after %.1f ms", o.Second*1e3) },
	},
	spillCase("4 GB in 512 MB, 10M keys", sizes.spillKeys),
	spillCase("4 GB in 512 MB, one key", func(sizes) int64 { return 1 }),
}

// spillCase is a GroupByKey of more than its budget. Its limit is the disk: writing, syncing and reading back as
// many bytes as there are in the values.
func spillCase(name string, keys func(sizes) int64) benchCase {
	share := func(o, l figures) float64 { return float64(o.Disk) / o.Wall / (float64(l.Disk) / l.Wall) }
	return benchCase{
		name: name, target: "RSS <= 700 MB, disk <= 2.5x the input at >= 60% of its speed",
		limit: func(in input) (int64, error) {
			disk = 2 * in.spill
			return spilled(in.values(), keys(in.sizes)), limit.Disk(in.dir, in.spill)
		},
		ours: func(ctx context.Context, in input) (int64, error) {
			return oursSpill(ctx, in.dir, in.budget, in.values(), keys(in.sizes))
		},
		met: func(s sizes, o, l figures) bool {
			return o.RSS <= 700e6 && float64(o.Disk) <= 2.5*float64(s.spill) && share(o, l) >= 0.6
		},
		note: func(_ sizes, o, l figures) string {
			return fmt.Sprintf("disk %.1f GB, at %.0f%%", float64(o.Disk)/1e9, 100*share(o, l))
		},
	}
}

// spilled is the check of a spill case, see oursSpill.
func spilled(n, keys int64) int64 { return n*(n-1)/2 + 3*n + 7*keys }

func perElement(n int64, f figures) float64 { return f.CPU * 1e9 / float64(n) }

func rowArgs(name string, n int64) []string {
	return []string{"--case", name, "--rows", strconv.FormatInt(n, 10), "--keys", strconv.Itoa(keys)}
}

// The files' names change when what is in them does.

func textFile(dir string, s sizes) (string, error) {
	return data.File(dir, fmt.Sprintf("text-1-%d.txt", s.text), func(w io.Writer) error { return data.Text(w, s.text, 1) })
}

func bigFile(dir string, s sizes) (string, error) {
	return textFile(dir, sizes{text: s.bigText})
}

func brcFile(dir string, s sizes) (string, error) {
	return data.File(dir, fmt.Sprintf("brc-1-%d.txt", s.brc), func(w io.Writer) error { return measurements.Write(w, s.brc, 1) })
}
