package integration

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files with what is now")

// TestExportedAPI holds the exported API against testdata/api.txt: a change to it is seen in review. Run with
// -rewrite to accept one.
func TestExportedAPI(t *testing.T) {
	var lines []string
	walkGo(t, func(file string, _ []string) {
		pkg := path.Dir(file)
		if strings.HasPrefix(pkg, "examples") || strings.HasPrefix(pkg, "integration") || strings.Contains(pkg, "internal") {
			return
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, filepath.Join("..", filepath.FromSlash(file)), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			for _, s := range exported(fset, d) {
				lines = append(lines, pkg+": "+s)
			}
		}
	})
	slices.Sort(lines)
	lines = slices.Compact(lines) // files for several systems declare the same
	got := strings.Join(lines, "\n") + "\n"
	const golden = "testdata/api.txt"
	if *rewrite {
		if err := os.WriteFile(golden, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	b, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSpace(strings.ReplaceAll(string(b), "\r\n", "\n")), "\n")
	for _, l := range lines {
		if !slices.Contains(want, l) {
			t.Errorf("new: %s", l)
		}
	}
	for _, l := range want {
		if !slices.Contains(lines, l) {
			t.Errorf("gone: %s", l)
		}
	}
	if t.Failed() {
		t.Log("if that is meant: go test ./integration -run API -rewrite")
	}
}

// exported prints what a declaration exports, a line each.
func exported(fset *token.FileSet, d ast.Decl) []string {
	text := func(n any) string {
		var b bytes.Buffer
		if err := printer.Fprint(&b, fset, n); err != nil {
			return err.Error()
		}
		return strings.Join(strings.Fields(b.String()), " ")
	}
	switch d := d.(type) {
	case *ast.FuncDecl:
		recv := ""
		if d.Recv != nil {
			recv = text(d.Recv.List[0].Type)
			if !ast.IsExported(strings.TrimLeft(strings.SplitN(recv, "[", 2)[0], "*")) {
				return nil
			}
			recv = "(" + recv + ") "
		}
		if !d.Name.IsExported() {
			return nil
		}
		f := *d
		f.Doc, f.Body, f.Recv = nil, nil, nil
		return []string{strings.Replace(text(&f), "func ", "func "+recv, 1)}
	case *ast.GenDecl:
		var out []string
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				if !s.Name.IsExported() {
					continue
				}
				if st, ok := s.Type.(*ast.StructType); ok {
					out = append(out, fmt.Sprintf("type %s struct", s.Name))
					for _, f := range st.Fields.List {
						for _, n := range f.Names {
							if n.IsExported() {
								out = append(out, fmt.Sprintf("type %s struct, %s %s", s.Name, n, text(f.Type)))
							}
						}
						if id, ok := f.Type.(*ast.Ident); len(f.Names) == 0 && (!ok || id.IsExported()) {
							out = append(out, fmt.Sprintf("type %s struct, embedded %s", s.Name, text(f.Type)))
						}
					}
					continue
				}
				c := *s
				c.Doc, c.Comment = nil, nil
				out = append(out, "type "+text(&c))
			case *ast.ValueSpec:
				for _, n := range s.Names {
					if n.IsExported() {
						out = append(out, fmt.Sprintf("%s %s", d.Tok, n))
					}
				}
			}
		}
		return out
	}
	return nil
}
