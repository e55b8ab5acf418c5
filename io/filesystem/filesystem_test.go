package filesystem_test

import (
	"testing"

	"github.com/millrace-go/millrace/io/filesystem"
)

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"*.txt", "a.txt", true},
		{"*.txt", "d/a.txt", false},
		{"d/*.txt", "d/a.txt", true},
		{"**/*.txt", "a.txt", true},
		{"**/*.txt", "d/e/a.txt", true},
		{"d/**", "d/e/f", true},
		{"d/**/f", "d/f", true},
		{"d/**/f", "e/f", false},
		{"[ab].?", "a.c", true},
		{"[ab].?", "c.c", false},
	} {
		if got, err := filesystem.Match(tt.pattern, tt.name); err != nil || got != tt.want {
			t.Errorf("Match(%q, %q) = %v, %v", tt.pattern, tt.name, got, err)
		}
	}
	if _, err := filesystem.Match("[", "x"); err == nil {
		t.Error("a bad pattern is accepted")
	}
}
