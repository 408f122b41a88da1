package tftrace

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/internal/leaktest"
)

// An upstreamTest is a line of testdata/upstream.tsv: a test method of
// TensorFlow's own that does not depend on TensorFlow's machinery, and the test
// here that pins down the same. The note begins with
//
//	not applicable   a rule that makes no sense in Go, next to the closest test
//	deviates         a mistake that is not mirrored
type upstreamTest struct {
	module, method, pkg, test, note string
}

// readUpstream reads the table. Each module has a comment line with the number of
// its methods.
func readUpstream(t *testing.T) []upstreamTest {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", "upstream.tsv"))
	require.NoError(t, err)
	head, body, _ := strings.Cut(strings.TrimSuffix(string(content), "\n"), "\n")
	require.Equal(t, "upstream\tpackage\ttest\tnote", head)
	var table []upstreamTest
	module, due := "", 0 // rows of the modules so far
	for line := range strings.SplitSeq(body, "\n") {
		if rest, ok := strings.CutPrefix(line, "# "); ok {
			require.Len(t, table, due, "methods before %s", rest)
			var count string
			module, count, _ = strings.Cut(rest, ": ")
			n, err := strconv.Atoi(count)
			require.NoError(t, err, line)
			due += n
			continue
		}
		fields := append(strings.Split(line, "\t"), "")
		require.GreaterOrEqual(t, len(fields), 4, line)
		table = append(table, upstreamTest{module, fields[0], fields[1], fields[2], fields[3]})
	}
	require.Len(t, table, due)
	return table
}

func TestEveryUpstreamTestHasACounterpart(t *testing.T) {
	leaktest.Check(t)
	documents := make(map[string]bool)
	for _, d := range readDocuments(t, "testdata") {
		documents["TestReplay/"+d.family+"/"+d.name] = true
	}
	packages := make(map[string]map[string]map[string]bool)
	listed := make(map[[2]string]bool)
	for _, u := range readUpstream(t) {
		t.Run(u.method, func(t *testing.T) {
			id := [2]string{u.module, u.method}
			require.False(t, listed[id], "listed twice")
			listed[id] = true
			if packages[u.pkg] == nil {
				packages[u.pkg] = testsOf(t, u.pkg)
			}
			name, subtests, _ := strings.Cut(u.test, "/")
			literals, ok := packages[u.pkg][name]
			require.True(t, ok, "%s has no %s", u.pkg, name)
			if name == "TestReplay" {
				require.True(t, documents[u.test], "there is no document %s", subtests)
				return
			}
			for subtest := range strings.SplitSeq(subtests, "/") {
				require.True(t, subtest == "" || literals[subtest], "%s has no subtest %s", name, subtest)
			}
		})
	}
}

// testsOf returns the test functions of a package, with the strings in each as
// they would look in the name of a subtest.
func testsOf(t *testing.T, pkg string) map[string]map[string]bool {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(pkg), "*_test.go"))
	require.NoError(t, err)
	require.NotEmpty(t, paths, "package %s", pkg)
	tests := make(map[string]map[string]bool)
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, declaration := range file.Decls {
			f, ok := declaration.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Test") {
				continue
			}
			literals := make(map[string]bool)
			ast.Inspect(f, func(n ast.Node) bool {
				if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
					text, err := strconv.Unquote(literal.Value)
					require.NoError(t, err)
					literals[strings.ReplaceAll(text, " ", "_")] = true
				}
				return true
			})
			tests[f.Name.Name] = literals
		}
	}
	return tests
}
