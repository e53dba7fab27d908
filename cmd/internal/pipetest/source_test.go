package pipetest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// TestProcessState keeps the process's own streams, arguments, exit and clock
// in package cli, what Windows does otherwise to open files in posixfile, and
// init functions out of everything. Package variables are for tables that
// nothing changes.
func TestProcessState(t *testing.T) {
	owners := map[string]string{
		"os.Exit": "cli", "os.Stdin": "cli", "os.Stdout": "cli", "os.Stderr": "cli", "os.Args": "cli",
		"log.Fatal": "cli", "log.Fatalf": "cli", "time.Now": "cli",
		"os.Remove": "posixfile", "os.Rename": "posixfile",
	}
	files := 0
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			path := filepath.Join(p.Dir, name)
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, path, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			files++
			// Requests are spaced in real time, and tests run in
			// it; no result depends on it.
			clock := p.ImportPath == "cmd/internal/fetch/hostlimit" && name == "clock.go" || p.ImportPath == "cmd/internal/cmdtest"
			if !strings.HasPrefix(p.ImportPath, "cmd/internal/tools") {
				ast.Inspect(file, func(n ast.Node) bool {
					if s, ok := n.(*ast.SelectorExpr); ok {
						x, ok := s.X.(*ast.Ident)
						if !ok || x.Name == "time" && clock {
							return true
						}
						owner := owners[x.Name+"."+s.Sel.Name]
						if owner != "" && !strings.HasPrefix(p.ImportPath, "cmd/internal/"+owner) {
							t.Errorf("%s: %s.%s belongs to package %s", set.Position(n.Pos()), x.Name, s.Sel.Name, owner)
						}
					}
					return true
				})
			}
			for _, d := range file.Decls {
				if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
					t.Errorf("%s: an init function", set.Position(f.Pos()))
				}
			}
		}
	}
	if files < 50 {
		t.Fatalf("looked at %d files only", files)
	}
}
