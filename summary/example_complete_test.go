package summary_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whoever looks for how to write a kind finds an example that runs, of the op, of
// the value and of the method.
func TestEveryWayToWriteAKindHasAnExample(t *testing.T) {
	files := parseAll(t)
	has := make(map[string]bool)
	for _, e := range doc.Examples(files...) {
		has[e.Name] = e.Output != ""
	}
	makesValues := regexp.MustCompile(`^(Op|Value|\[\]Value)$`)
	count := 0
	for _, f := range files {
		for _, decl := range f.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || !fn.Name.IsExported() || f.Name.Name != "summary" || fn.Type.Results == nil {
				continue
			}
			name := fn.Name.Name
			switch {
			case fn.Recv == nil && makesValues.MatchString(typeName(fn.Type.Results.List[0].Type)):
			case fn.Recv != nil && typeName(fn.Recv.List[0].Type) == "*Writer" && lastParameter(fn) == "step":
				name = "Writer_" + name
			default:
				continue
			}
			count++
			require.True(t, has[name], "Example%s with output", name)
		}
	}
	require.Greater(t, count, 75)
}

func parseAll(t *testing.T) (files []*ast.File) {
	t.Helper()
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	set := token.NewFileSet()
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") && !strings.HasPrefix(name, "example_") {
			continue
		}
		source, err := os.ReadFile(name)
		require.NoError(t, err)
		f, err := parser.ParseFile(set, name, source, parser.ParseComments)
		require.NoError(t, err)
		files = append(files, f)
	}
	return files
}

func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return "*" + typeName(e.X)
	case *ast.ArrayType:
		return "[]" + typeName(e.Elt)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

func lastParameter(fn *ast.FuncDecl) string {
	list := fn.Type.Params.List
	if len(list) == 0 || len(list[len(list)-1].Names) == 0 {
		return ""
	}
	return list[len(list)-1].Names[0].Name
}
