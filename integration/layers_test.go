package integration

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/millrace-go/millrace/"

// mayImport says, for each room, which rooms of ours it may import, tests aside. The longest prefix of a
// package's path decides. Loosening a line is a design change.
var mayImport = map[string][]string{
	"sdk":                     {"sdk/"},
	"sdk/mtime":               {},
	"sdk/trigger":             {"sdk/mtime"},
	"sdk/window":              {"sdk/mtime", "sdk/trigger"},
	"sdk/state":               {"sdk/mtime", "sdk/coder"},
	"sdk/timer":               {"sdk/mtime"},
	"sdk/coder":               {"sdk/mtime"},
	"sdk/sdf":                 {"sdk/mtime"},
	"sdk/metrics":             {"sdk/exec"},
	"sdk/exec":                {"sdk/mtime", "sdk/window", "sdk/coder", "sdk/sdf", "sdk/exec/"},
	"sdk/exec/keys":           {"sdk/coder"},
	"sdk/exec/group":          {"sdk/exec", "sdk/exec/", "sdk/coder", "sdk/mtime", "sdk/window"},
	"sdk/exec/keyed":          {"sdk/exec", "sdk/exec/", "sdk/coder", "sdk/mtime", "sdk/window", "sdk/trigger", "sdk/state", "sdk/timer"},
	"sdk/exec/sideinput":      {"sdk/exec", "sdk/exec/", "sdk/coder", "sdk/mtime", "sdk/window"},
	"sdk/exec/spool":          {"sdk/exec", "sdk/exec/", "sdk/coder", "sdk/mtime", "sdk/window"},
	"sdk/exec/spill":          {},
	"sdk/exec/budget":         {"sdk/exec/spill"},
	"sdk/graph":               {"sdk/exec", "sdk/window"},
	"sdk/passert":             {"sdk", "sdk/trigger", "sdk/window"},
	"sdk/teststream":          {"sdk", "sdk/exec", "sdk/mtime"},
	"runners/internal/stage":  {"sdk/graph"},
	"runners/internal/engine": {"runners/internal/stage", "sdk/graph", "sdk/exec", "sdk/window", "sdk/mtime", "sdk/coder"},
	"runners/internal/drive":  {"runners/internal/", "sdk", "sdk/"},
	"runners/direct":          {"runners/internal/", "sdk", "sdk/"},
	"runners/ptest":           {"runners/direct", "sdk", "sdk/"},
	"runners/launch":          {"runners/", "sdk", "sdk/"},
	"io":                      {"io/", "sdk", "sdk/"},
	"io/iotest":               {"io/filesystem", "io/filesystem/", "runners/direct", "sdk", "sdk/coder", "sdk/exec", "sdk/graph"},
	"transforms":              {"transforms/", "sdk", "sdk/"},
	"examples":                {""},
	"integration":             {""},
}

// noStandard says which packages of the standard library a room may not use.
var noStandard = map[string][]string{
	"runners/internal/engine": {"time", "net", "net/http", "os", "sync"},
}

func rule(pkg string) (allowed []string, room string) {
	for room = pkg; room != "."; room = path.Dir(room) {
		if r, ok := mayImport[room]; ok {
			return r, room
		}
	}
	return nil, ""
}

func TestLayers(t *testing.T) {
	files := 0
	walkGo(t, func(file string, imports []string) {
		files++
		pkg := path.Dir(file)
		allowed, room := rule(pkg)
		if room == "" {
			t.Errorf("%s: no line of the table says what %s may import", file, pkg)
			return
		}
		for _, imp := range imports {
			for _, no := range noStandard[room] {
				if imp == no {
					t.Errorf("%s imports %s, which %s may not", file, imp, room)
				}
			}
			ours, ok := strings.CutPrefix(imp+"/", module)
			if !ok {
				continue
			}
			ours = strings.TrimSuffix(ours, "/")
			fine := strings.HasPrefix(ours+"/", pkg+"/")
			for _, a := range allowed {
				if ours == a || strings.HasSuffix(a, "/") && strings.HasPrefix(ours, a) || a == "" {
					fine = true
				}
			}
			if !fine {
				t.Errorf("%s imports %s; %s may import only %q", file, ours, room, allowed)
			}
		}
	})
	if files < 50 {
		t.Errorf("looked at %d files only", files)
	}
}

// TestCoreStaysSmall says that the core links no cloud SDK, nothing for metrics over HTTP, no RPC.
func TestCoreStaysSmall(t *testing.T) {
	imports := map[string][]string{}
	walkGo(t, func(file string, imps []string) {
		pkg := path.Dir(file)
		imports[pkg] = append(imports[pkg], imps...)
	})
	seen := map[string]bool{}
	var visit func(pkg, via string)
	visit = func(pkg, via string) {
		if seen[pkg] {
			return
		}
		seen[pkg] = true
		for _, imp := range imports[pkg] {
			if ours, ok := strings.CutPrefix(imp, module); ok {
				visit(ours, via+" -> "+ours)
				continue
			}
			for _, no := range []string{"github.com/aws/", "cloud.google.com/", "google.golang.org/grpc", "github.com/prometheus/", "net/http", "github.com/parquet-go/"} {
				if strings.HasPrefix(imp, no) {
					t.Errorf("%s -> %s: the core must not link it", via, imp)
				}
			}
		}
	}
	for _, root := range []string{"sdk", "runners/direct"} {
		visit(root, root)
	}
	if len(seen) < 10 {
		t.Errorf("the core has %d packages only: the walk is wrong", len(seen))
	}
}

// walkGo calls f for each Go file of the module that is no test, with its imports.
func walkGo(t *testing.T, f func(file string, imports []string)) {
	t.Helper()
	root := os.DirFS("..")
	err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if p != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
				return fs.SkipDir
			}
			if _, err := fs.Stat(root, path.Join(p, "go.mod")); err == nil && p != "." {
				return fs.SkipDir // a module of its own
			}
			return nil
		}
		if !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", filepath.FromSlash(p)), nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		var imps []string
		for _, s := range file.Imports {
			imp, err := strconv.Unquote(s.Path.Value)
			if err != nil {
				return err
			}
			imps = append(imps, imp)
		}
		f(p, imps)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
