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
// in package cli, and init functions out of everything. Package variables are
// for tables that nothing changes.
func TestProcessState(t *testing.T) {
	forbidden := map[string]bool{
		"os.Exit": true, "os.Stdin": true, "os.Stdout": true, "os.Stderr": true, "os.Args": true,
		"log.Fatal": true, "log.Fatalf": true, "time.Now": true,
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
			if !strings.HasPrefix(p.ImportPath, "cmd/internal/cli") && !strings.HasPrefix(p.ImportPath, "cmd/internal/tools") {
				ast.Inspect(file, func(n ast.Node) bool {
					if s, ok := n.(*ast.SelectorExpr); ok {
						if x, ok := s.X.(*ast.Ident); ok && forbidden[x.Name+"."+s.Sel.Name] && !(x.Name == "time" && clock) {
							t.Errorf("%s: %s.%s belongs to package cli", set.Position(n.Pos()), x.Name, s.Sel.Name)
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
