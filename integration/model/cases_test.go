package model

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write what the model says into testdata/*.txt")

// TestCases plays testdata/*.txt. A file is blocks between blank lines. A block whose first line has " = " is a pipeline and
// starts a new case; another is steps. Below "----" stands what a block makes: the elements of groupings, stateful DoFns, joins
// and of collections nobody reads, in order, then what was dropped, then the counters if they changed. The command
// "watermarks" adds the output watermarks; "rules" with the name of one sets it for the case. Lines with # are comments, and
// name the test or the sentence of Beam that demands the case.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no testdata/*.txt", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var c transcriptCase
			var out []string
			for i, block := range strings.Split(strings.TrimRight(string(text), "\n"), "\n\n") {
				input, want, hasWant := strings.Cut(block+"\n", "----\n")
				got := c.block(input)
				switch {
				case *rewrite && (hasWant || got != ""):
					block = strings.TrimRight(input, "\n") + "\n----\n" + got
				case got != want:
					t.Errorf("block %d:\n%s---- got\n%s---- want\n%s", i+1, input, got, want)
				}
				out = append(out, strings.TrimRight(block, "\n"))
			}
			if *rewrite {
				if err := os.WriteFile(file, []byte(strings.Join(out, "\n\n")+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

type transcriptCase struct {
	pipeline Pipeline
	model    *Model
	rules    Rules
	outputs  int
	dropped  int
	counters Counters
}

// block plays a block and returns what it made.
func (c *transcriptCase) block(input string) string {
	var lines []string
	for line := range strings.Lines(input) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return ""
	}
	if strings.Contains(lines[0], " = ") || strings.HasPrefix(lines[0], "rules ") {
		return c.start(lines)
	}
	var b strings.Builder
	for _, line := range lines {
		if line == "watermarks" {
			b.WriteString(c.made())
			b.WriteString(c.watermarks())
			continue
		}
		s, err := ParseStep(line)
		if err == nil {
			err = c.model.Step(s)
		}
		b.WriteString(c.made())
		if err != nil {
			fmt.Fprintf(&b, "error: %v\n", err)
		}
	}
	return b.String()
}

func (c *transcriptCase) start(lines []string) string {
	*c = transcriptCase{}
	for _, line := range lines {
		if name, ok := strings.CutPrefix(line, "rules "); ok {
			switch name {
			case "TimersAfter":
				c.rules.TimersAfter = true
			case "DropBeforeMerge":
				c.rules.DropBeforeMerge = true
			case "OnlyWhenDue":
				c.rules.OnlyWhenDue = true
			case "OwnOutput":
				c.rules.OwnOutput = true
			case "NoExpirationHold":
				c.rules.NoExpirationHold = true
			default:
				return fmt.Sprintf("error: no rule %q\n", name)
			}
			continue
		}
		t, err := ParseTransform(line)
		if err != nil {
			return fmt.Sprintf("error: %v\n", err)
		}
		c.pipeline = append(c.pipeline, t)
	}
	var err error
	if c.model, err = New(c.pipeline, c.rules); err != nil {
		return fmt.Sprintf("error: %v\n", err)
	}
	return ""
}

func (c *transcriptCase) made() string {
	var b strings.Builder
	r := c.model.Result()
	for _, o := range r.Outputs[c.outputs:] {
		if n := c.model.byName[o.Collection]; n.Kind >= GroupByKey || len(n.consumers) == 0 {
			fmt.Fprintln(&b, o)
		}
	}
	for _, d := range r.Dropped[c.dropped:] {
		fmt.Fprintln(&b, d)
	}
	if r.Counters != c.counters {
		b.WriteString(r.Counters.String())
	}
	c.outputs, c.dropped, c.counters = len(r.Outputs), len(r.Dropped), r.Counters
	return b.String()
}

func (c *transcriptCase) watermarks() string {
	var parts []string
	for _, n := range c.model.nodes {
		parts = append(parts, fmt.Sprintf("%s=%s", n.Name, timeString(n.output)))
	}
	return "watermarks " + strings.Join(parts, " ") + "\n"
}
