package timer_test

import (
	"slices"
	"testing"

	"github.com/millrace-go/millrace/sdk/mtime"
	"github.com/millrace-go/millrace/sdk/timer"
)

type call struct {
	verb   string
	family int
	tag    string
	s      timer.Setting
}

// log is a Service that keeps what it is told.
type log struct{ calls []call }

func (l *log) Now() mtime.Time { return 0 }

func (l *log) Set(family int, tag string, s timer.Setting) {
	l.calls = append(l.calls, call{"set", family, tag, s})
}

func (l *log) Clear(family int, tag string) {
	l.calls = append(l.calls, call{"clear", family, tag, timer.Setting{}})
}

// The methods of a field tell the runner its family, the tag and the times, and whether an output time was given: one of
// 0 is a time.
func TestFields(t *testing.T) {
	var l log
	var e timer.EventTime
	var p timer.ProcessingTime
	e.Bind(&l, 3)
	p.Bind(&l, 4)
	if e.Domain() != timer.Event || p.Domain() != timer.Processing {
		t.Errorf("domains %v and %v", e.Domain(), p.Domain())
	}
	e.Set(5)
	e.SetTag("x", 6)
	e.SetOutput("x", 7, 0)
	p.SetOutput("", 8, 2)
	p.SetTag("", 9)
	e.Clear()
	p.ClearTag("y")
	want := []call{
		{"set", 3, "", timer.Setting{At: 5}},
		{"set", 3, "x", timer.Setting{At: 6}},
		{"set", 3, "x", timer.Setting{At: 7, HasOutput: true}},
		{"set", 4, "", timer.Setting{At: 8, Output: 2, HasOutput: true}},
		{"set", 4, "", timer.Setting{At: 9}},
		{"clear", 3, "", timer.Setting{}},
		{"clear", 4, "y", timer.Setting{}},
	}
	if !slices.Equal(l.calls, want) {
		t.Errorf("the runner is told\n%v, want\n%v", l.calls, want)
	}
	for _, f := range []timer.Field{&e, &p} {
		f.Bind(nil, 0) // both are fields for a runner
	}
}
