package trigger

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/millrace-go/millrace/sdk/mtime"
)

// RunScripts runs the transcripts of a directory: commands, one a line, and what they print. Each file has its own
// commands.
func RunScripts(t *testing.T, dir string, start func() func(command string) (string, error)) {
	datadriven.Walk(t, dir, func(t *testing.T, path string) {
		command := start()
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var printed strings.Builder
			for line := range strings.Lines(d.Input) {
				line = strings.TrimSpace(line)
				if line == "" || line[0] == '#' {
					continue
				}
				s, err := command(line)
				if err != nil {
					t.Fatalf("%s: %s: %v", d.Pos, line, err)
				}
				printed.WriteString(s)
			}
			return printed.String()
		})
	})
}

// The commands of testdata/machine:
//
//	trigger [merging] <trigger>       compiles it and forgets all windows and times
//	window <name> end=<ms>            a new window; end is its last millisecond
//	elements <name> <n>               n elements arrive in one batch
//	watermark <ms>                    time advances: windows that wait for it are asked
//	processing <ms> [synchronized=<ms>]
//	merge <name> end=<ms> <names>     the windows become one
//
// A window that is ready fires at once. Printed is what a window keeps after that and what it waits for.
func TestMachineTranscripts(t *testing.T) {
	RunScripts(t, "testdata/machine", func() func(string) (string, error) {
		x := &scripted{}
		return x.command
	})
}

type scripted struct {
	m     *Machine
	clock Clock
	wins  map[string]*scriptedWindow
	out   strings.Builder
}

type scriptedWindow struct {
	state []int64
	end   mtime.Time
}

func (x *scripted) command(line string) (string, error) {
	x.out.Reset()
	words := strings.Fields(line)
	var ends []mtime.Time
	var sync *mtime.Time
	words = slices.DeleteFunc(words, func(w string) bool {
		key, v, _ := strings.Cut(w, "=")
		ms, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return false
		}
		switch key {
		case "end":
			ends = append(ends, mtime.Time(ms))
			return true
		case "synchronized":
			sync = new(mtime.Time(ms))
			return true
		}
		return false
	})
	switch {
	case words[0] == "trigger":
		text := strings.TrimPrefix(line, "trigger ")
		text, merging := strings.CutPrefix(text, "merging ")
		tr, err := Parse(text)
		if err == nil {
			err = tr.Validate()
		}
		if err != nil {
			return "", err
		}
		x.m = Compile(tr)
		if merging {
			x.m = CompileMerging(tr)
		}
		x.clock = Clock{Watermark: mtime.Min}
		x.wins = map[string]*scriptedWindow{}
		x.traits()
	case words[0] == "window" && len(words) == 2 && len(ends) == 1:
		x.wins[words[1]] = &scriptedWindow{make([]int64, x.m.StateLen()), ends[0]}
	case words[0] == "elements" && len(words) == 3 && x.wins[words[1]] != nil:
		n, err := strconv.ParseInt(words[2], 10, 64)
		if err != nil {
			return "", err
		}
		w := x.wins[words[1]]
		if x.m.Finished(w.state) {
			fmt.Fprintf(&x.out, "%s has finished, dropped\n", words[1])
			break
		}
		x.m.OnElements(w.state, n, x.at(w))
		x.ask(words[1])
	case (words[0] == "watermark" || words[0] == "processing") && len(words) == 2:
		ms, err := strconv.ParseInt(words[1], 10, 64)
		if err != nil {
			return "", err
		}
		x.advance(words[0], mtime.Time(ms), sync)
	case words[0] == "merge" && len(words) > 2 && len(ends) == 1:
		to := &scriptedWindow{make([]int64, x.m.StateLen()), ends[0]}
		var from [][]int64
		for _, name := range words[2:] {
			from = append(from, x.wins[name].state)
			delete(x.wins, name)
		}
		x.m.Merge(to.state, from, x.at(to))
		x.wins[words[1]] = to
		x.ask(words[1])
	default:
		return "", fmt.Errorf("no such command, or other arguments")
	}
	return x.out.String(), nil
}

func (x *scripted) traits() {
	fmt.Fprintf(&x.out, "words=%d", x.m.StateLen())
	for _, tr := range []struct {
		name string
		is   bool
	}{
		{"early", x.m.Early()},
		{"elements-may-fire", x.m.ElementsMayFire()},
		{"processing-time", x.m.UsesProcessingTime()},
		{"per-window", x.m.PerWindow()},
		{"can-finish", x.m.CanFinish()},
	} {
		if tr.is {
			x.out.WriteString(" " + tr.name)
		}
	}
	x.out.WriteString("\n")
}

func (x *scripted) at(w *scriptedWindow) Clock {
	c := x.clock
	c.EndOfWindow = w.end
	return c
}

func (x *scripted) advance(what string, t mtime.Time, sync *mtime.Time) {
	names := []string{}
	due := map[string]bool{}
	for name, w := range x.wins {
		names = append(names, name)
		event, processing := x.m.NextTimes(w.state, x.at(w))
		due[name] = what == "watermark" && event <= t || what == "processing" && processing <= t
	}
	slices.Sort(names)
	if what == "watermark" {
		x.clock.Watermark = t
	} else {
		x.clock.Processing, x.clock.Synchronized = t, t
		if sync != nil {
			x.clock.Synchronized = *sync
		}
	}
	for _, name := range names {
		if due[name] {
			x.ask(name)
		}
	}
}

func (x *scripted) ask(name string) {
	w := x.wins[name]
	c := x.at(w)
	if x.m.ShouldFire(w.state, c) {
		x.m.OnFire(w.state, c)
		fmt.Fprintf(&x.out, "%s fires\n", name)
	}
	if x.m.Finished(w.state) {
		fmt.Fprintf(&x.out, "%s finished\n", name)
		return
	}
	fmt.Fprintf(&x.out, "%s: %s", name, describe(x.m.root, w.state))
	event, processing := x.m.NextTimes(w.state, c)
	if event < mtime.Max {
		fmt.Fprintf(&x.out, ", waits for watermark %d", event)
	}
	if processing < mtime.Max {
		fmt.Fprintf(&x.out, ", waits for processing time %d", processing)
	}
	x.out.WriteString("\n")
}
