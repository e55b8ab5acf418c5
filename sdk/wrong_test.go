package sdk_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the files in testdata with what is now")

const wrongProgram = `package main

import (
	"iter"
	"strings"
	"time"

	"github.com/millrace-go/millrace/sdk"
	"github.com/millrace-go/millrace/sdk/window"
)

var _ = strings.ToUpper
var _ iter.Seq[int]
var _ time.Duration
var _ window.Fn

type lengths struct{}

func (lengths) ProcessElement(c *sdk.Context, s string, out sdk.Emitter[int]) error { return nil }

type pointer struct{}

func (*pointer) ProcessElement(c *sdk.Context, s string, out sdk.Emitter[int]) error { return nil }

type noError struct{}

func (noError) ProcessElement(c *sdk.Context, s string, out sdk.Emitter[int]) {}

type nothing struct{}

type sum struct{}

func (sum) CreateAccumulator() int       { return 0 }
func (sum) AddInput(a, v int) int        { return a + v }
func (sum) MergeAccumulators(a, b int) int { return a + b }
func (sum) ExtractOutput(a int) string   { return "" }

%s
type noMerge struct{}

func (noMerge) CreateAccumulator() int { return 0 }
func (noMerge) AddInput(a, v int) int  { return a + v }
func (noMerge) ExtractOutput(a int) int { return a }

func build(p *sdk.Pipeline, ints sdk.PCollection[int], words sdk.PCollection[string], counts sdk.PCollection[sdk.KV[string, int]]) {
%s
}

func main() {}
`

// TestWrongPrograms shows what the compiler says of mistakes: testdata/wrong.txt has the program's line and the
// message.
func TestWrongPrograms(t *testing.T) {
	const file = "testdata/wrong.txt"
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var titles, bodies, wants []string
	for section := range strings.SplitSeq(strings.TrimPrefix(string(b), "# "), "\n# ") {
		title, rest, _ := strings.Cut(section, "\n")
		body, want, _ := strings.Cut(rest, "----")
		titles, bodies, wants = append(titles, title), append(bodies, body), append(wants, strings.TrimSpace(want))
	}
	dir := t.TempDir()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	args := []string{"build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", os.DevNull}
	for i, body := range bodies {
		decls, use, ok := strings.Cut(body, "==\n")
		if !ok {
			decls, use = "", body
		}
		real := filepath.Join(dir, fmt.Sprintf("p%02d.go", i))
		if err := os.WriteFile(real, fmt.Appendf(nil, wrongProgram, decls, use), 0o666); err != nil {
			t.Fatal(err)
		}
		pkg := fmt.Sprintf("wrong%02d", i)
		overlay.Replace[filepath.Join(root, "integration", pkg, "main.go")] = real
		args = append(args, "./integration/"+pkg)
	}
	j, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), j, 0o666); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) {
		t.Fatalf("the wrong programs compile, or there is no compiler: %v\n%s", err, out)
	}
	got := make([]string, len(bodies))
	where := regexp.MustCompile(`^\S*p\d\d\.go:\d+:\d+: `)
	cur := -1
	for line := range strings.SplitSeq(string(out), "\n") {
		if name, ok := strings.CutPrefix(line, "# github.com/millrace-go/millrace/integration/wrong"); ok {
			_, _ = fmt.Sscanf(name, "%02d", &cur)
			continue
		}
		if cur >= 0 && strings.TrimSpace(line) != "" {
			got[cur] += strings.TrimRight(where.ReplaceAllString(line, ""), " ") + "\n"
		}
	}
	var text strings.Builder
	for i := range titles {
		fmt.Fprintf(&text, "# %s\n%s----\n%s\n", titles[i], bodies[i], got[i])
		if *rewrite {
			continue
		}
		if strings.TrimSpace(got[i]) != wants[i] {
			t.Errorf("%s: the compiler says\n%swant\n%s", titles[i], got[i], wants[i])
		}
		if got[i] == "" {
			t.Errorf("%s: compiles", titles[i])
		}
	}
	if len(titles) < 20 {
		t.Errorf("%d wrong programs only", len(titles))
	}
	if *rewrite {
		if err := os.WriteFile(file, []byte(text.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}
