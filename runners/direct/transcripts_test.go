package direct_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/millrace-go/millrace/runners/direct"
	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/exec"
	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/trigger"
	"github.com/millrace-go/millrace/sdk/window"
)

// transcript is one of Beam's trigger transcripts; what it leaves out is as in Beam's trigger_test.py.
type transcript struct {
	Name              string
	Error             string
	WindowFn          string  `yaml:"window_fn"`
	TriggerFn         string  `yaml:"trigger_fn"`
	TimestampCombiner string  `yaml:"timestamp_combiner"`
	AccumulationMode  string  `yaml:"accumulation_mode"`
	AllowedLateness   float64 `yaml:"allowed_lateness"`
	Transcript        []map[string]yaml.Node
}

// Beam's transcripts, run by the engine: 13 hold, and 5 have to be rejected.
func TestTriggerTranscripts(t *testing.T) {
	text, err := os.ReadFile("../../sdk/trigger/testdata/trigger_transcripts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.ReplaceAll(text, []byte("values:["), []byte("values: [")) // one line lacks a space
	held, rejected := 0, 0
	for dec := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var tr transcript
		if err := dec.Decode(&tr); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		for _, workers := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s/%d", tr.Name, workers), func(t *testing.T) {
				err := tr.check(t, workers)
				switch {
				case tr.Error == "" && err != nil:
					t.Error(err)
				case tr.Error == "":
					held++
				case err == nil:
					t.Errorf("the bad transcript was not rejected with %q", tr.Error)
				case !strings.HasPrefix(err.Error(), tr.Error):
					t.Errorf("the bad transcript was rejected with %q, want %q", err, tr.Error)
				default:
					rejected++
				}
			})
		}
	}
	if held != 26 || rejected != 10 {
		t.Errorf("%d runs hold and %d are rejected, want 26 and 10", held, rejected)
	}
}

type gotPane struct {
	window window.Window
	values []int64
	at     mtime.Time
	pane   window.Pane
}

// wanted matches a pane that agrees in what is given.
type wanted struct {
	Window             *[2]int64
	Values             *[]int64
	Timestamp          *int64
	Index              *int64
	NonSpeculative     *int64 `yaml:"nonspeculative_index"`
	Early, Late, Final *bool
}

func (w wanted) matches(p gotPane) bool {
	agrees := func(want *int64, got int64) bool { return want == nil || *want == got }
	is := func(want *bool, got bool) bool { return want == nil || *want == got }
	return (w.Window == nil || w.Window[0] == int64(p.window.Start) && w.Window[1] == int64(p.window.MaxTimestamp())) &&
		(w.Values == nil || slices.Equal(*w.Values, p.values)) &&
		agrees(w.Timestamp, int64(p.at)) && agrees(w.Index, p.pane.Index) && agrees(w.NonSpeculative, p.pane.NonSpeculativeIndex) &&
		is(w.Early, p.pane.Timing == window.Early) && is(w.Late, p.pane.Timing == window.Late) && is(w.Final, p.pane.Last)
}

// script plays a transcript; what has come out is looked at before each step.
type script struct {
	rows  *exec.Rows[int64]
	lines []map[string]yaml.Node
	seen  func() []gotPane
	left  []gotPane
	err   error
}

func (s *script) Next() (e exec.ScriptEvent, ok bool) {
	e.Watermark = mtime.Min
	s.left = append(s.left, s.seen()...)
	for len(s.lines) > 0 && s.err == nil {
		line := s.lines[0]
		s.lines = s.lines[1:]
		for action, param := range line {
			if action != "expect" && action != "state" && len(s.left) > 0 {
				s.err = fmt.Errorf("Unexpected output: %v", s.left)
				return e, false
			}
			switch action {
			case "input":
				var ts []int64
				_ = param.Decode(&ts)
				lo := len(s.rows.V)
				for _, v := range ts {
					s.rows.V, s.rows.T = append(s.rows.V, v), append(s.rows.T, mtime.Time(v))
				}
				e.Rows = s.rows.Range(lo, len(s.rows.V))
				return e, true
			case "watermark":
				var w int64
				_ = param.Decode(&w)
				e.Watermark = mtime.Time(w)
				return e, true
			case "expect":
				var want []wanted
				if s.err = param.Decode(&want); s.err != nil {
					return e, false
				}
				for _, w := range want {
					i := slices.IndexFunc(s.left, w.matches)
					if i < 0 {
						s.err = fmt.Errorf("Unmatched output: %+v in %v", w, s.left)
						return e, false
					}
					s.left = slices.Delete(s.left, i, i+1)
				}
			}
		}
	}
	if len(s.left) > 0 && s.err == nil {
		s.err = fmt.Errorf("Unexpected output: %v at the end", s.left)
	}
	return e, false
}

// shifted is fixed windows whose elements get another time in their group.
type shifted struct{ window.FixedFn }

func (shifted) OutputTime(_ window.Window, t mtime.Time) mtime.Time { return t + 100 }

func (tr *transcript) check(t *testing.T, workers int) error {
	name, arg, _ := strings.Cut(strings.TrimSuffix(tr.WindowFn, ")"), "(")
	ms, _ := strconv.Atoi(arg)
	size := time.Duration(ms) * time.Millisecond
	fn := window.GlobalWindows()
	switch name {
	case "FixedWindows":
		fn = window.Fixed(size)
	case "CustomTimestampingFixedWindowsWindowFn":
		fn = shifted{window.Fixed(size)}
	case "Sessions":
		fn = window.Sessions(size)
	}
	opts := []sdk.Option{sdk.AllowedLateness(time.Duration(tr.AllowedLateness) * time.Millisecond), sdk.MayLoseData()}
	if tr.TriggerFn != "" {
		tg, err := trigger.Parse(tr.TriggerFn)
		if err != nil {
			return err
		}
		opts = append(opts, sdk.Trigger(tg))
	} else if window.IsGlobalFn(fn) { // where the default trigger, which never fires, is refused
		opts = append(opts, sdk.Trigger(trigger.AfterWatermark()))
	}
	if tr.AccumulationMode != "discarding" {
		opts = append(opts, sdk.Accumulating())
	}
	combiners := map[string]window.TimestampCombiner{"OUTPUT_AT_EARLIEST": window.Earliest, "OUTPUT_AT_LATEST": window.Latest, "OUTPUT_AT_EARLIEST_TRANSFORMED": window.EarliestTransformed}
	opts = append(opts, sdk.WithTimestampCombiner(combiners[tr.TimestampCombiner]))

	var got collected[gotPane]
	rows := &exec.Rows[int64]{T: []mtime.Time{}}
	s := &script{rows: rows, lines: tr.Transcript}
	s.seen = func() []gotPane {
		v := got.v
		got.v = nil
		return v
	}
	_, err := sdk.Run(context.Background(), &direct.Runner{Workers: workers}, func(p *sdk.Pipeline) error {
		in := sdk.Scripted[int64](p, "Transcript", rows, func() exec.Script { return s })
		keyed := sdk.WithKeys(sdk.WindowInto(in, fn, opts...), func(int64) string { return "k" })
		sdk.ParDo(sdk.GroupByKey(keyed), &paneFn{got: &got})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s.err
}

type paneFn struct {
	Window sdk.ObservedWindow
	got    *collected[gotPane]
}

func (f *paneFn) ProcessElement(c *sdk.Context, g sdk.KV[string, iter.Seq[int64]], _ sdk.Emitter[int]) error {
	f.got.add(gotPane{f.Window.Get(c), slices.Sorted(g.Value), c.EventTime(), c.Pane()})
	return nil
}
