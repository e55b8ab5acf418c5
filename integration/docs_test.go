package integration

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// noExample says which rooms, with the packages below them, need no example, and why.
var noExample = map[string]string{
	"examples":         "each is one",
	"integration":      "tests and benchmarks, nothing to import",
	"io/iotest":        "its functions take a *testing.T; conformance_test.go of textio shows them",
	"runners/internal": "for this module only",
	"sdk/exec":         "for runner authors",
	"sdk/graph":        "for runner authors",
	"sdk/window":       "its functions are arguments of sdk.WindowInto, whose example shows them",
}

// noComment are the packages that still lack a comment.
var noComment = map[string]bool{}

// screen is how many lines an example may have.
const screen = 60

// TestDocs says that every package has a comment, and every public one an example that runs and fits a screen.
func TestDocs(t *testing.T) {
	var pkgs []string
	walkGo(t, func(file string, _ []string) {
		if pkg := path.Dir(file); !slices.Contains(pkgs, pkg) {
			pkgs = append(pkgs, pkg)
		}
	})
	used := map[string]bool{}
	for _, pkg := range pkgs {
		fset := token.NewFileSet()
		sources, tests := parseDir(t, fset, pkg)
		switch err := packageComment(sources); {
		case err == "" && noComment[pkg]:
			t.Errorf("%s has a comment now: remove it from noComment", pkg)
		case err != "" && !noComment[pkg]:
			t.Errorf("%s: %s", pkg, err)
		}
		if room := exception(pkg); room != "" {
			used[room] = true
			continue
		}
		running := 0
		for _, x := range doc.Examples(tests...) {
			name := "Example" + x.Name
			if x.Output == "" && !x.EmptyOutput {
				t.Errorf("%s: %s has no // Output: so that it is compiled and not run", pkg, name)
				continue
			}
			running++
			if n := fset.Position(x.Code.End()).Line - fset.Position(x.Code.Pos()).Line + 1; n > screen {
				t.Errorf("%s: %s has %d lines, at most %d fit a screen", pkg, name, n, screen)
			}
		}
		if running == 0 {
			t.Errorf("%s has no example: show in example_test.go what a user of it does, or add a line to noExample", pkg)
		}
	}
	for room := range noExample {
		if !used[room] {
			t.Errorf("noExample has a line for %s, where there is no package", room)
		}
	}
	if len(pkgs) < 30 {
		t.Errorf("looked at %d packages only", len(pkgs))
	}
}

func exception(pkg string) (room string) {
	for room = pkg; room != "."; room = path.Dir(room) {
		if noExample[room] != "" {
			return room
		}
	}
	return ""
}

func parseDir(t *testing.T, fset *token.FileSet, pkg string) (sources, tests []*ast.File) {
	t.Helper()
	dir := filepath.Join("..", filepath.FromSlash(pkg))
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() || !strings.HasSuffix(e.Name(), ".go") {
			continue
		}
		f, err := parser.ParseFile(fset, filepath.Join(dir, e.Name()), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(e.Name(), "_test.go") {
			tests = append(tests, f)
		} else {
			sources = append(sources, f)
		}
	}
	return sources, tests
}

// packageComment says what is wrong with a package's comment; "" if nothing is.
func packageComment(sources []*ast.File) string {
	var found []string
	name := ""
	for _, f := range sources {
		name = f.Name.Name
		if f.Doc != nil {
			found = append(found, f.Doc.Text())
		}
	}
	switch {
	case len(found) == 0:
		return "the package has no comment"
	case len(found) > 1:
		return "several files comment the package: go doc shows them one after the other, in no order that means anything"
	case name != "main" && !strings.HasPrefix(found[0], "Package "+name+" "):
		return "the package's comment does not begin with \"Package " + name + "\""
	}
	return ""
}

// TestReadmesListPackages says that the README of each folder lists every package in it, and none that is gone.
func TestReadmesListPackages(t *testing.T) {
	pkgs := map[string][]string{} // by folder
	walkGo(t, func(file string, _ []string) {
		if room, pkg, ok := strings.Cut(path.Dir(file), "/"); ok && !slices.Contains(pkgs[room], pkg) {
			pkgs[room] = append(pkgs[room], pkg)
		}
	})
	for room, pkgs := range pkgs {
		b, err := os.ReadFile(filepath.Join("..", room, "README.md"))
		if err != nil {
			t.Error(err)
			continue
		}
		var listed []string
		for line := range strings.Lines(string(b)) {
			if rest, ok := strings.CutPrefix(line, "| `"); ok {
				name, _, _ := strings.Cut(rest, "`")
				listed = append(listed, name)
			}
		}
		for _, pkg := range pkgs {
			if !slices.Contains(listed, pkg) {
				t.Errorf("%s/README.md does not list %s", room, pkg)
			}
		}
		for _, name := range listed {
			if _, err := os.Stat(filepath.Join("..", room, filepath.FromSlash(name))); err != nil {
				t.Errorf("%s/README.md lists %s: %v", room, name, err)
			}
		}
	}
	if len(pkgs) < 6 {
		t.Errorf("looked at %d folders only", len(pkgs))
	}
}
