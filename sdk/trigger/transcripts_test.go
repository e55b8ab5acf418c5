package trigger_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/trigger"
	"github.com/millrace-go/millrace/sdk/window"
	"gopkg.in/yaml.v3"
)

// A transcript of testdata/trigger_transcripts.yaml, a copy of Beam 2.77's. What it leaves out is as in trigger_test.py.
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

// The errors that the bad transcripts expect, but for the capital.
var errUnmatched, errUnexpected = errors.New("unmatched output"), errors.New("unexpected output")

func TestBeamTranscripts(t *testing.T) {
	text, err := os.ReadFile("testdata/trigger_transcripts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	// One line lacks a space that PyYAML does not miss.
	text = bytes.ReplaceAll(text, []byte("values:["), []byte("values: ["))
	held, rejected := 0, 0
	for dec := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var tr transcript
		if err := dec.Decode(&tr); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		t.Run(tr.Name, func(t *testing.T) {
			err := tr.run(t)
			tr.Error = strings.ToLower(tr.Error)
			switch {
			case tr.Error == "" && err != nil:
				t.Error(err)
			case tr.Error == "":
				held++
			case err == nil:
				t.Errorf("the bad transcript was not rejected with %q", tr.Error)
			case err.Error() != tr.Error && !strings.HasPrefix(err.Error(), tr.Error+": "):
				t.Errorf("the bad transcript was rejected with %q, want %q", err, tr.Error)
			default:
				rejected++
			}
		})
	}
	if held != 13 || rejected != 5 {
		t.Errorf("%d transcripts hold and %d are rejected, want 13 and 5", held, rejected)
	}
}

func (tr *transcript) sim() (*sim, error) {
	name, arg, _ := strings.Cut(strings.TrimSuffix(tr.WindowFn, ")"), "(")
	ms, _ := strconv.Atoi(arg)
	size := time.Duration(ms) * time.Millisecond
	var fn window.Fn
	switch name {
	case "", "GlobalWindows":
		fn = window.GlobalWindows()
	case "FixedWindows", "CustomTimestampingFixedWindowsWindowFn":
		fn = window.Fixed(size)
	case "Sessions":
		fn = window.Sessions(size)
	default:
		return nil, fmt.Errorf("window function %s", tr.WindowFn)
	}
	tg := trigger.Default()
	if tr.TriggerFn != "" {
		var err error
		if tg, err = trigger.Parse(tr.TriggerFn); err != nil {
			return nil, err
		}
	}
	s := newSim(fn, tg)
	s.lateness = mtime.Time(tr.AllowedLateness)
	switch tr.AccumulationMode {
	case "", "accumulating":
	case "discarding":
		s.accumulating = false
	default:
		return nil, fmt.Errorf("accumulation mode %s", tr.AccumulationMode)
	}
	switch tr.TimestampCombiner {
	case "", "OUTPUT_AT_EOW":
	case "OUTPUT_AT_EARLIEST":
		s.stamp = func(_ window.Window, t mtime.Time) mtime.Time { return t }
	case "OUTPUT_AT_EARLIEST_TRANSFORMED":
		// The window function of these transcripts adds 100.
		s.stamp = func(_ window.Window, t mtime.Time) mtime.Time { return t + 100 }
	case "OUTPUT_AT_LATEST":
		s.stamp, s.latest = func(_ window.Window, t mtime.Time) mtime.Time { return t }, true
	default:
		return nil, fmt.Errorf("timestamp combiner %s", tr.TimestampCombiner)
	}
	return s, tg.Validate()
}

func (tr *transcript) run(t *testing.T) error {
	s, err := tr.sim()
	if err != nil {
		return err
	}
	for _, line := range tr.Transcript {
		for action, param := range line {
			if action != "expect" && action != "state" && len(s.out) > 0 {
				return fmt.Errorf("%w: %v before %s", errUnexpected, s.out, action)
			}
			switch action {
			case "input":
				var ts []int64
				if err := param.Decode(&ts); err != nil {
					return err
				}
				s.elements(ts...)
			case "watermark":
				var w mtime.Time
				if err := param.Decode(&w); err != nil {
					return err
				}
				s.advanceWatermark(w)
			case "expect":
				var want []expectation
				if err := param.Decode(&want); err != nil {
					return err
				}
				for _, e := range want {
					i := slices.IndexFunc(s.out, e.matches)
					if i < 0 {
						return fmt.Errorf("%w: %+v in %v", errUnmatched, e, s.out)
					}
					s.out = slices.Delete(s.out, i, i+1)
				}
			case "state":
				var want map[string][][2]mtime.Time
				if err := param.Decode(&want); err != nil {
					return err
				}
				s.checkState(t, want)
			default:
				return fmt.Errorf("action %s", action)
			}
		}
	}
	if len(s.out) > 0 {
		return fmt.Errorf("%w: %v at the end", errUnexpected, s.out)
	}
	return nil
}

// checkState: absent windows are expected to hold no elements. That nothing at all is kept of them holds only
// where a window that has finished is forgotten before it expires; Beam's own test ignores the action.
func (s *sim) checkState(t *testing.T, want map[string][][2]mtime.Time) {
	t.Helper()
	for what, ws := range want {
		for _, w := range ws {
			sw := s.windows[window.Window{Start: w[0], End: w[1] + 1}]
			ok := false
			switch what {
			case "present":
				ok = sw != nil && len(sw.values) > 0 && !s.machine.Finished(sw.state)
			case "tombstone":
				ok = sw != nil && len(sw.values) == 0 && s.machine.Finished(sw.state)
			case "absent":
				ok = sw == nil || len(sw.values) == 0
			}
			if !ok {
				t.Errorf("state of %v: %+v, want %s", w, sw, what)
			}
		}
	}
}

// An expectation matches a pane that agrees in what is given.
type expectation struct {
	Window             *[2]mtime.Time
	Values             *[]int64
	Timestamp          *mtime.Time
	Index              *int64
	NonSpeculative     *int64 `yaml:"nonspeculative_index"`
	Early, Late, Final *bool
}

func (e expectation) matches(p pane) bool {
	return agrees(e.Window, [2]mtime.Time{p.window.Start, p.window.MaxTimestamp()}) &&
		(e.Values == nil || slices.Equal(*e.Values, p.values)) &&
		agrees(e.Timestamp, p.timestamp) && agrees(e.Index, p.index) && agrees(e.NonSpeculative, p.nonSpeculative) &&
		agrees(e.Early, p.timing == window.Early) && agrees(e.Late, p.timing == window.Late) && agrees(e.Final, p.final)
}

func agrees[T comparable](want *T, got T) bool { return want == nil || *want == got }
