package sample

import (
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"math"
	"path/filepath"
	"strings"
	"testing"
)

// TestNoFusedProducts reads the package's own source: a product of floats must
// be rounded by a conversion, or be exact because one side is a power of two,
// or else a compiler may fuse it with a sum and another platform would draw
// other pictures.
func TestNoFusedProducts(t *testing.T) {
	set := token.NewFileSet()
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	info := &types.Info{Types: make(map[ast.Expr]types.TypeAndValue)}
	config := types.Config{Importer: importer.ForCompiler(set, "source", nil)}
	if _, err := config.Check("sample", set, files, info); err != nil {
		t.Fatal(err)
	}
	isFloat := func(e ast.Expr) bool {
		b, ok := info.Types[e].Type.Underlying().(*types.Basic)
		return ok && b.Info()&types.IsFloat != 0
	}
	exact := func(e ast.Expr) bool {
		v := info.Types[e].Value
		if v == nil {
			return false
		}
		f, _ := constant.Float64Val(constant.ToFloat(v))
		m, _ := math.Frexp(math.Abs(f))
		return m == 0.5
	}
	rounded := map[ast.Expr]bool{}
	products := 0
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if name, ok := n.Fun.(*ast.Ident); ok && (name.Name == "float64" || name.Name == "float32") && info.Types[n.Fun].IsType() {
					rounded[ast.Unparen(n.Args[0])] = true
				}
			case *ast.BinaryExpr:
				if n.Op != token.MUL || !isFloat(n) || info.Types[n].Value != nil {
					break
				}
				products++
				if !rounded[n] && !exact(n.X) && !exact(n.Y) {
					t.Errorf("%s: a product of floats: use mul", set.Position(n.Pos()))
				}
			case *ast.AssignStmt:
				if n.Tok == token.MUL_ASSIGN && isFloat(n.Lhs[0]) {
					t.Errorf("%s: a product of floats: use mul", set.Position(n.Pos()))
				}
			}
			return true
		})
	}
	if products == 0 {
		t.Error("found no product at all")
	}
}
