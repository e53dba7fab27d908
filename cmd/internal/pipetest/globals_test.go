package pipetest

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestPackageVariables keeps mutable state out of packages: a package-level
// variable is an error that others compare with, or an unexported table that
// nothing changes. A package can then have its tables as variables.
func TestPackageVariables(t *testing.T) {
	variables := 0
	for _, p := range packages(t) {
		if strings.HasPrefix(p.ImportPath, "cmd/internal/tools") {
			continue
		}
		set := token.NewFileSet()
		var files []*ast.File
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(set, filepath.Join(p.Dir, name), nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, file)
		}
		found, problems := packageVariables(set, files)
		variables += found
		for _, problem := range problems {
			t.Error(problem)
		}
	}
	if variables < 40 {
		t.Errorf("found %d variables only", variables)
	}
}

// packageVariables returns the number of package-level variables and what is
// wrong with them.
func packageVariables(set *token.FileSet, files []*ast.File) (found int, problems []string) {
	problem := func(at ast.Node, text string) {
		problems = append(problems, set.Position(at.Pos()).String()+": "+text)
	}
	info := types.Info{Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}}
	// Names are resolved without the imported packages; what is wrong about
	// their types does not matter here.
	config := types.Config{Importer: noImporter{}, Error: func(error) {}, FakeImportC: true}
	checked, _ := config.Check("p", set, files, &info)

	// of returns the package-level variable that an expression is a part
	// of.
	of := func(e ast.Expr) string {
		for {
			switch x := e.(type) {
			case *ast.IndexExpr:
				e = x.X
			case *ast.SelectorExpr:
				e = x.X
			case *ast.SliceExpr:
				e = x.X
			case *ast.StarExpr:
				e = x.X
			case *ast.ParenExpr:
				e = x.X
			case *ast.Ident:
				if v, ok := info.Uses[x].(*types.Var); ok && v.Parent() == checked.Scope() {
					return x.Name
				}
				return ""
			default:
				return ""
			}
		}
	}
	for _, file := range files {
		for _, d := range file.Decls {
			decl, ok := d.(*ast.GenDecl)
			if !ok || decl.Tok != token.VAR {
				continue
			}
			for _, s := range decl.Specs {
				spec := s.(*ast.ValueSpec)
				for _, name := range spec.Names {
					found++
					switch {
					case name.Name == "_":
					case name.IsExported() && !strings.HasPrefix(name.Name, "Err"):
						problem(name, name.Name+" is exported, so that anybody can change it")
					case len(spec.Values) == 0 && !embedded(decl, spec):
						problem(name, name.Name+" begins without a value, so it is state")
					case slices.ContainsFunc(spec.Values, holdsState):
						problem(name, name.Name+" holds a lock, a channel or another thing that changes")
					}
				}
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			var changed []ast.Expr
			switch n := n.(type) {
			case *ast.AssignStmt:
				if n.Tok != token.DEFINE {
					changed = n.Lhs
				}
			case *ast.IncDecStmt:
				changed = []ast.Expr{n.X}
			case *ast.RangeStmt:
				if n.Tok == token.ASSIGN {
					changed = []ast.Expr{n.Key, n.Value}
				}
			case *ast.UnaryExpr:
				if n.Op == token.AND {
					changed = []ast.Expr{n.X}
				}
			case *ast.CallExpr:
				if f, ok := n.Fun.(*ast.Ident); ok && slices.Contains([]string{"clear", "delete", "copy", "append"}, f.Name) && len(n.Args) > 0 {
					changed = n.Args[:1]
				}
			}
			for _, e := range changed {
				if name := of(e); name != "" {
					problem(n, name+" is a variable of the package and may be changed here")
				}
			}
			return true
		})
	}
	return found, problems
}

// embedded reports whether go:embed gives the variable its value.
func embedded(decl *ast.GenDecl, spec *ast.ValueSpec) bool {
	for _, doc := range []*ast.CommentGroup{decl.Doc, spec.Doc} {
		if doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") }) {
			return true
		}
	}
	return false
}

// holdsState reports whether a value is made of package sync's types or of
// channels. A table that is computed when it is first asked for does not
// change.
func holdsState(value ast.Expr) bool {
	found := false
	ast.Inspect(value, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ChanType:
			found = true
		case *ast.SelectorExpr:
			x, ok := n.X.(*ast.Ident)
			found = found || ok && (x.Name == "atomic" || x.Name == "sync" && !strings.HasPrefix(n.Sel.Name, "OnceValue"))
		}
		return true
	})
	return found
}

type noImporter struct{}

func (noImporter) Import(string) (*types.Package, error) { return nil, errors.New("not imported") }

// TestPackageVariablesFinds shows the rule what it must find.
func TestPackageVariablesFinds(t *testing.T) {
	const before = `package p
import "errors"
var ErrBad = errors.New("bad")
var table = map[string][]int{"a": {1}}
var point = struct{ x int }{1}
`
	for source, want := range map[string]int{
		`func f() int { return table["a"][0] + point.x }`:                      0,
		`func f() { table := map[string]int{}; table["a"] = 1; clear(table) }`: 0,
		`func f() { table["a"] = nil }`:                                        1,
		`func f() { table["a"][0]++ }`:                                         1,
		`func f() { point.x += unknown.Call() }`:                               1,
		`func f() *int { return &point.x }`:                                    1,
		`func f() { clear(table); delete(table, "a") }`:                        2,
		`func f() { for _, point.x = range []int{1} {} }`:                      1,
		`func f() []int { return append(table["a"], 2) }`:                      1,
		`func f() { (table) = nil }`:                                           1,
		`var count int`:                                                        1,
		`var Table = []int{1}`:                                                 1,
		`var lock = &sync.Mutex{}`:                                             1,
		`var done = make(chan int)`:                                            1,
		`var big = sync.OnceValue(func() int { return 1 })`:                    0,
		"//go:embed a.txt\nvar text string":                                    0,
		`func f(table []int) { table[0] = 1; point := 2; point++ }`:            0,
		`type s struct{ table []int }; func (s *s) f() { s.table = nil }`:      0,
		`func f() { ErrBad = nil }`:                                            1,
		`func f() { g := func() { table["b"] = nil }; g(); for table := range table { table = "" } }`: 1,
	} {
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, "p.go", before+source, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if _, problems := packageVariables(set, []*ast.File{file}); len(problems) != want {
			t.Errorf("%s\nfound %q, want %d problems", source, problems, want)
		}
	}
}
