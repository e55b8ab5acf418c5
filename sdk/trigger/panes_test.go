package trigger_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/trigger"
	"github.com/millrace-go/millrace/sdk/window"
)

// The commands of testdata/panes:
//
//	panes fixed|sessions|global=<ms> [discarding] [lateness=<ms>] [empty] <trigger>   starts anew
//	elements <ms>...     one batch of elements with these timestamps
//	watermark <ms>
//	processing <ms>
//
// Printed are the panes that come out.
func TestPaneTranscripts(t *testing.T) {
	trigger.RunScripts(t, "testdata/panes", func() func(string) (string, error) {
		var s *sim
		return func(line string) (string, error) {
			words := strings.Fields(line)
			if words[0] == "panes" {
				var err error
				s, err = paneSim(words[1:])
				return "", err
			}
			var ts []int64
			for _, w := range words[1:] {
				ms, err := strconv.ParseInt(w, 10, 64)
				if err != nil {
					return "", err
				}
				ts = append(ts, ms)
			}
			switch {
			case words[0] == "elements":
				s.elements(ts...)
			case words[0] == "watermark" && len(ts) == 1:
				s.advanceWatermark(mtime.Time(ts[0]))
			case words[0] == "processing" && len(ts) == 1:
				s.advanceProcessing(mtime.Time(ts[0]))
			default:
				return "", fmt.Errorf("no such command, or other arguments")
			}
			var out strings.Builder
			for _, p := range s.out {
				fmt.Fprintln(&out, p)
			}
			s.out = nil
			return out.String(), nil
		}
	})
}

func paneSim(words []string) (*sim, error) {
	var fn window.Fn
	discarding, empty, lateness := false, false, mtime.Time(0)
	for i, w := range words {
		key, v, _ := strings.Cut(w, "=")
		ms, _ := strconv.ParseInt(v, 10, 64)
		size := time.Duration(ms) * time.Millisecond
		switch key {
		case "fixed":
			fn = window.Fixed(size)
		case "sessions":
			fn = window.Sessions(size)
		case "global":
			fn = window.GlobalWindows()
		case "discarding":
			discarding = true
		case "empty":
			empty = true
		case "lateness":
			lateness = mtime.Time(ms)
		default:
			tr, err := trigger.Parse(strings.Join(words[i:], " "))
			if err == nil {
				err = tr.Validate()
			}
			if err != nil {
				return nil, err
			}
			s := newSim(fn, tr)
			s.accumulating, s.emitEmpty, s.lateness = !discarding, empty, lateness
			return s, nil
		}
	}
	return nil, fmt.Errorf("no trigger")
}
