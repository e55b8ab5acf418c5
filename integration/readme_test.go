package integration

import (
	"os"
	"strings"
	"testing"
)

// TestReadmeCode says that the pipeline in README.md is the one that is tested.
func TestReadmeCode(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile("../examples/wordcount/main.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(readme), "```go\n")
	code, _, ok2 := strings.Cut(rest, "```")
	if !ok || !ok2 || !strings.Contains(string(program), strings.TrimSpace(code)) {
		t.Errorf("README.md's code is not in examples/wordcount/main.go:\n%s", code)
	}
}
