package session

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
)

// Each method that takes the turn has to be known as a holder, or waiting for
// oneself would not be noticed.
func TestEveryHolderOfTheTurnIsKnown(t *testing.T) {
	leaktest.Check(t)
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	holders := make(map[string]bool)
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.SelectorExpr)
				if !ok || call.Sel.Name != "take" && call.Sel.Name != "tryTake" {
					return true
				}
				if field, ok := call.X.(*ast.SelectorExpr); ok && field.Sel.Name == "turn" {
					holders[methodPrefix+f.Name.Name] = true
				}
				return true
			})
		}
	}
	require.Equal(t, turnHolders, holders)
}
