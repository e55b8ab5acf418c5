package window

import (
	"bytes"
	"testing"
	"time"

	"github.com/millrace-go/millrace/sdk/mtime"
)

func TestAssign(t *testing.T) {
	tests := []struct {
		fn   Fn
		at   mtime.Time
		want []Window
	}{
		{Fixed(10 * time.Second), 0, []Window{{0, 10000, 0}}},
		{Fixed(10 * time.Second), 9999, []Window{{0, 10000, 0}}},
		{Fixed(10 * time.Second), -1, []Window{{-10000, 0, 0}}},
		{FixedOffset(10*time.Second, 3*time.Second), 2999, []Window{{-7000, 3000, 0}}},
		{Sliding(10*time.Second, 4*time.Second), 9000, []Window{{8000, 18000, 0}, {4000, 14000, 0}, {0, 10000, 0}}},
		{Sessions(time.Second), 5, []Window{{5, 1005, 0}}},
		{GlobalWindows(), mtime.Min, []Window{Global}},
	}
	for _, tt := range tests {
		got := tt.fn.AssignWindows(nil, tt.at)
		if len(got) != len(tt.want) {
			t.Errorf("%v at %d: %v, want %v", tt.fn, tt.at, got, tt.want)
			continue
		}
		for i := range got {
			if got[i] != tt.want[i] {
				t.Errorf("%v at %d: %v, want %v", tt.fn, tt.at, got, tt.want)
			}
		}
	}
}

func TestMergeOverlapping(t *testing.T) {
	ms := MergeOverlapping([]Window{{0, 10, 0}, {5, 15, 0}, {15, 20, 0}, {30, 40, 0}, {31, 33, 0}, {32, 50, 0}})
	if len(ms) != 2 || ms[0].To != (Window{0, 15, 0}) || len(ms[0].From) != 2 || ms[1].To != (Window{30, 50, 0}) || len(ms[1].From) != 3 {
		t.Errorf("got %v", ms)
	}
}

// The bytes are those of standard_coders.yaml of Beam 2.77.
func TestIntervalVectors(t *testing.T) {
	for want, w := range map[string]Window{
		"\x80\x00\x01\x52\x9a\xa4\x9b\x68\x80\xdd\xdb\x01": {1454293425000 - 3600000, 1454293425000, 0},
		"\x7f\xdf\x3b\x64\x5a\x1c\xad\x76\xed\x02":         {-9223372036854410 - 365, -9223372036854410, 0},
	} {
		if got := AppendInterval(nil, w); string(got) != want {
			t.Errorf("%v: %x, want %x", w, got, want)
		}
		if got, rest, err := DecodeInterval([]byte(want)); err != nil || got != w || len(rest) > 0 {
			t.Errorf("%x: %v, %v", want, got, err)
		}
	}
}

func TestPanes(t *testing.T) {
	for want, p := range map[string]Pane{
		"\x0f":         NoFiring,
		"\x26\x1e\x28": {Timing: OnTime, Last: true, Index: 30, NonSpeculativeIndex: 40},
	} {
		if got := AppendPane(nil, p); !bytes.Equal(got, []byte(want)) {
			t.Errorf("%v: %x, want %x", p, got, want)
		}
		if got, _, err := DecodePane([]byte(want)); err != nil || got != p {
			t.Errorf("%x: %v, %v; want %v", want, got, err, p)
		}
	}
	for _, p := range []Pane{OnlyFiring, {Timing: Early, First: true, NonSpeculativeIndex: -1}, {Timing: Late, Index: 3, NonSpeculativeIndex: 3}, {Timing: Early, Index: 300, NonSpeculativeIndex: -1}} {
		got, rest, err := DecodePane(AppendPane(nil, p))
		if err != nil || got != p || len(rest) > 0 {
			t.Errorf("%v came back as %v, %v", p, got, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("\x26\x1e\x28"))
	f.Fuzz(func(_ *testing.T, b []byte) {
		_, _, _ = DecodePane(b)
		_, _, _ = DecodeInterval(b)
	})
}
