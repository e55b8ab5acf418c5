package main

import (
	"io"
	"strings"
	"testing"
)

// A short soak has its figures, and says what grows.
func TestSoak(t *testing.T) {
	var out strings.Builder
	if code := run(t.Context(), []string{"--soak", "300ms", "--query", "11", "--event-rate", "100000"}, &out, io.Discard); code != 0 {
		t.Fatalf("exit code %d: %s", code, out.String())
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, "| q11 | ") || !strings.HasSuffix(last, "| flat |") || strings.HasPrefix(last, "| q11 | 0 | 0.00 |") {
		t.Errorf("the table ends in %q", last)
	}
}

func TestFlat(t *testing.T) {
	var parts [soakParts]used
	for i := range parts {
		parts[i] = used{live: 100 << 20, process: 200 << 20}
	}
	parts[0], parts[5] = used{}, used{live: 1 << 40} // the start, and a moment
	if !flat(parts) {
		t.Error("what is flat is said to grow")
	}
	for i := range parts {
		parts[i].live = int64(i) << 24
	}
	if flat(parts) {
		t.Error("16 MB more in each tenth are said to be flat")
	}
}
