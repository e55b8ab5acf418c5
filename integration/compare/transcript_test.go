package compare_test

import (
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/millrace-go/millrace/integration/compare"
	"github.com/millrace-go/millrace/integration/model"
	"github.com/millrace-go/millrace/runners/direct"
)

var rewrite = flag.Bool("rewrite", false, "write what the engine says into testdata/*.txt")

// notCompared says why the engine need not say what a block of the model's testdata does, by its file and some of its text.
var notCompared = map[[2]string]string{
	{"sessions.txt", "elements in k=1@1 k=2@2 k=8@8"}: "the engine merges the elements of a bundle one after the other: the first opens a session beside the closed one, which then grows to its bounds and opens them again",
	{"continuation.txt", "elements in b=2@3 b=3@4"}:   "what key a holds does not change what the pane of key b says; the case after it has the engine's rule",
	{"sideinputs.txt", "elements in a=2@5\n"}:         "the window has expired, and the engine has let go of its view",
	{"sideinputs.txt", "elements in a=3@3 b=20@2"}:    "a bundle of both inputs has no order",
}

// TestTranscripts plays the transcripts of the model, which are judged by hand, and those of testdata on the engine. Files are as
// in model's TestCases; the lines of a block are compared in any order, and those that tell of watermarks, of counters, and of why
// an element was dropped are left out.
func TestTranscripts(t *testing.T) {
	theirs, _ := filepath.Glob("../model/testdata/*.txt")
	ours, _ := filepath.Glob("testdata/*.txt")
	if len(theirs) == 0 || len(ours) == 0 {
		t.Fatal("no transcripts")
	}
	left := 0
	for _, file := range append(theirs, ours...) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		cases := parseCases(t, filepath.Base(file), string(text))
		for i, c := range cases {
			c.ours = slices.Contains(ours, file)
			t.Run(fmt.Sprintf("%s/%d", strings.TrimPrefix(file, "../"), i+1), func(t *testing.T) {
				if c.why != "" {
					left++
					t.Skip(c.why)
				}
				c.play(t, 1, *rewrite && c.ours)
				if !c.invalid && !dependsOnWorkers(t, c.Case) {
					c.play(t, 3, false)
				}
			})
		}
		if *rewrite && slices.Contains(ours, file) {
			var blocks []string
			for _, c := range cases {
				for _, b := range c.blocks {
					blocks = append(blocks, b.String())
				}
			}
			if err := os.WriteFile(file, []byte(strings.Join(blocks, "\n\n")+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("%d cases left out", left)
}

func dependsOnWorkers(t *testing.T, c model.Case) bool {
	t.Helper()
	for _, x := range c.Pipeline {
		switch {
		case x.Map.Name == "onekey": // the panes of several tasks are several bundles
			return true
		case x.Kind == model.SideInput: // of which the rule below knows those of random cases
			return false
		}
	}
	depends, err := compare.DependsOnWorkers(c)
	if err != nil {
		t.Fatal(err)
	}
	return depends
}

// transcript is a case of a file.
type transcript struct {
	model.Case
	blocks  []*block
	ours    bool   // the case is in testdata, not the model's
	invalid bool   // the pipeline is wrong
	why     string // it is not played
}

// block is what stands between two blank lines.
type block struct {
	input string
	want  []string
	from  int // its first step
	to    int
	skip  bool // see notCompared
}

func (b *block) String() string {
	s := strings.TrimRight(b.input, "\n")
	if len(b.want) > 0 {
		s += "\n----\n" + strings.Join(b.want, "\n")
	}
	return s
}

func parseCases(t *testing.T, file, text string) (cases []*transcript) {
	t.Helper()
	for part := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n\n") {
		input, want, _ := strings.Cut(part+"\n", "----\n")
		b := &block{input: input}
		for line := range strings.Lines(want) {
			if line = told(strings.TrimSpace(line)); line != "" {
				b.want = append(b.want, line)
			}
		}
		first := true
		for line := range strings.Lines(input) {
			line = strings.TrimSpace(line)
			if line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			if first && (strings.Contains(line, " = ") || strings.HasPrefix(line, "rules ")) {
				cases = append(cases, &transcript{})
			}
			if len(cases) == 0 {
				t.Fatalf("%q comes before any pipeline", line)
			}
			c := cases[len(cases)-1]
			if first {
				b.from = len(c.Steps)
				c.blocks = append(c.blocks, b)
				first = false
			}
			c.line(t, line, want)
			b.to = len(c.Steps)
		}
		if first && len(cases) == 0 { // the comment of the file
			cases = append(cases, &transcript{why: "a comment", blocks: []*block{b}})
		} else if first {
			c := cases[len(cases)-1]
			c.blocks = append(c.blocks, b)
			b.from, b.to = len(c.Steps), len(c.Steps)
		}
		for at := range notCompared {
			b.skip = b.skip || at[0] == file && strings.Contains(input, at[1])
		}
	}
	return cases
}

func (c *transcript) line(t *testing.T, line, want string) {
	t.Helper()
	switch {
	case line == "rules OwnOutput": // which is the engine's
	case strings.HasPrefix(line, "rules "):
		c.why = "the engine has another " + line
	case line == "watermarks":
	case strings.Contains(line, " = "):
		x, err := model.ParseTransform(line)
		if err != nil {
			c.why = err.Error() // which is what the transcript is about
			return
		}
		c.Pipeline = append(c.Pipeline, x)
		c.invalid = strings.HasPrefix(want, "error: ")
	case strings.HasPrefix(want, "error: "): // a step that is not possible
	default:
		s, err := model.ParseStep(line)
		if err != nil {
			t.Fatal(err)
		}
		c.Steps = append(c.Steps, s)
	}
}

// told returns the line of a transcript as the engine can tell it, "" if it cannot.
func told(line string) string {
	switch {
	case strings.HasPrefix(line, "watermarks "), strings.HasPrefix(line, "error: "),
		strings.HasPrefix(line, "timers dropped while draining"), strings.HasPrefix(line, "processing-time timers that never"):
		return ""
	}
	return strings.NewReplacer(", expired: ", ": ", ", closed: ", ": ").Replace(line)
}

// play runs a case on the engine and compares each block.
func (c *transcript) play(t *testing.T, workers int, write bool) {
	t.Helper()
	r := &direct.Runner{Workers: workers, Budget: -1, TempDir: tempDir, Log: slog.New(slog.DiscardHandler)}
	got, err := compare.Run(t.Context(), r, c.Case, compare.Options{KeepDropped: true})
	switch {
	case c.invalid && err == nil:
		t.Errorf("a wrong pipeline was taken:\n%s", c.Pipeline)
		return
	case c.invalid:
		return
	case errors.Is(err, compare.ErrNotExpressible):
		t.Skip(err)
	case err != nil:
		t.Errorf("%v\n%s", err, c.Case)
		return
	}
	if c.ours {
		expect, err := compare.Expect(c.Case)
		if err != nil {
			t.Fatal(err)
		}
		if d := compare.Diff(c.Case, expect, got, true); d != "" {
			t.Errorf("%d workers: not what the model says: %s", workers, d)
		}
	}
	read := map[string]bool{}
	kinds := map[string]model.Kind{}
	for _, x := range c.Pipeline {
		kinds[x.Name] = x.Kind
		for _, in := range x.Inputs {
			read[in] = true
		}
	}
	lines := make([][]string, len(c.Steps))
	for _, o := range got.Outputs {
		if kinds[o.Collection] >= model.GroupByKey || !read[o.Collection] {
			lines[o.Step] = append(lines[o.Step], o.String())
		}
	}
	for _, d := range got.Dropped {
		lines[d.Step] = append(lines[d.Step], fmt.Sprintf("dropped by %s: %s", d.Transform, d.Element))
	}
	for _, b := range c.blocks {
		if b.skip {
			continue
		}
		var made []string
		for _, ls := range lines[b.from:b.to] {
			made = append(made, ls...)
		}
		slices.Sort(made)
		if write {
			b.want = made
		}
		want := slices.Clone(b.want)
		slices.Sort(want)
		if !slices.Equal(made, want) {
			t.Errorf("%d workers:\n%s\n%s---- got\n%s\n---- want\n%s", workers, c.Pipeline, b.input, strings.Join(made, "\n"), strings.Join(want, "\n"))
		}
	}
}
