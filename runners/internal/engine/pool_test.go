package engine

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/mtime"
)

// TestTranscripts runs testdata/*.txt: commands, and what they say.
//
//	pools A B          makes pools, each with one channel that makes splits
//	align A B 10       keeps them together, before they have splits
//	input A 5          what makes the splits of A has come to 5
//	add A              a split is put in; "add A at=7" has come to 7; "add A end" can be cut off and leaves nothing
//	take A now=3       a split is taken, by default at time 0
//	give A 1 mark=5    split 1 comes back and has come to 5; "idle", "resume=9", "done" say what is left
//	drain A
//	state              how far the pools are, and their splits
//
// Times are in milliseconds; "max" is the end of time.
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		s := &script{}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			var said strings.Builder
			for line := range strings.Lines(d.Input) {
				said.WriteString(s.do(t, strings.Fields(line)))
			}
			return said.String()
		})
	})
}

type script struct {
	names []string
	pools map[string]*Pool
	taken map[string]*Split
}

// split is work of a transcript.
type split struct {
	at   mtime.Time
	ends bool // a drain leaves nothing of it
}

func (s split) Size() int64           { return 1 }
func (s split) Watermark() mtime.Time { return s.at }
func (s split) Truncate() exec.Work {
	if s.ends {
		return nil
	}
	return s
}

func timeOf(t *testing.T, s string) mtime.Time {
	if s == "max" {
		return mtime.Max
	}
	ms, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return mtime.Time(ms)
}

func told(t mtime.Time) string {
	switch t {
	case mtime.Min:
		return "min"
	case mtime.Max:
		return "max"
	}
	return fmt.Sprint(int64(t))
}

func (s *script) do(t *testing.T, args []string) string {
	verb, args := args[0], args[1:]
	arg := func(name string, otherwise mtime.Time) mtime.Time {
		for _, a := range args {
			if v, ok := strings.CutPrefix(a, name+"="); ok {
				return timeOf(t, v)
			}
		}
		return otherwise
	}
	has := func(word string) bool { return strings.Contains(" "+strings.Join(args, " ")+" ", " "+word+" ") }
	moved := func() string {
		var gone []string
		for _, n := range s.names {
			if s.pools[n].Realign() {
				gone = append(gone, n)
			}
		}
		if len(gone) > 0 {
			return fmt.Sprintf("%s: others may go on\n", strings.Join(gone, " "))
		}
		return ""
	}
	switch verb {
	case "pools":
		*s = script{names: args, pools: map[string]*Pool{}, taken: map[string]*Split{}}
		for _, n := range args {
			s.pools[n] = NewPool(1)
		}
		return ""
	case "align":
		n := len(args) - 1
		a := NewAlignment(timeOf(t, args[n]), n)
		for i, name := range args[:n] {
			s.pools[name].Align(a, i)
		}
		return moved()
	case "state":
		var b strings.Builder
		for _, n := range s.names {
			p := s.pools[n]
			made, done := p.Counts()
			fmt.Fprintf(&b, "%s at %s, %d of %d done, wakes at %s:", n, told(p.Watermark()), done, made, told(p.Wake()))
			for _, x := range p.Splits() {
				fmt.Fprintf(&b, " %d at %s", x.Number, told(x.Watermark))
				switch {
				case x.Idle:
					b.WriteString(" idle")
				case x.Running:
					b.WriteString(" running")
				case x.Watermark > p.Limit():
					b.WriteString(" paused")
				}
				b.WriteString(";")
			}
			b.WriteString("\n")
		}
		return b.String()
	}
	name := args[0]
	p := s.pools[name]
	switch verb {
	case "input":
		p.Input(0, timeOf(t, args[1]))
	case "add":
		p.Add(split{arg("at", mtime.Min), has("end")})
	case "take":
		x := p.Take(arg("now", 0))
		if x == nil {
			return "nothing of " + name + "\n" + moved()
		}
		s.taken[fmt.Sprint(name, x.Number)] = x
		return fmt.Sprintf("%s %d\n", name, x.Number) + moved()
	case "give":
		x := s.taken[name+args[1]]
		r := exec.Residual{Work: x.Work, Idle: has("idle"), Watermark: arg("mark", mtime.Min)}
		if has("done") {
			r.Work = nil
		}
		p.Give(x, r, arg("resume", 0))
	case "drain":
		p.Drain()
	default:
		t.Fatalf("no command %q", verb)
	}
	return moved()
}
