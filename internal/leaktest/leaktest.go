// Package leaktest finds goroutines of this module that outlive a test.
//
// [Check], in the first line of a test, is about that test; [Main], in TestMain,
// about all of a package. Every test that runs in a synctest bubble is checked by
// that, too.
package leaktest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// module is in the name of every function whose goroutines matter.
const module = "github.com/runhook/runhook/"

// Check makes the test fail if a goroutine that was started in it, and runs code
// of this module, is there at its end, after the clean-up. Tests that check do not
// run in parallel with others.
func Check(t testing.TB) {
	t.Helper()
	before := make(map[string]bool)
	for id := range goroutines() {
		before[id] = true
	}
	t.Cleanup(func() {
		if left := left(module, before); len(left) > 0 {
			t.Errorf("goroutines left after the test:\n%s", strings.Join(left, "\n\n"))
		}
	})
}

// Main runs the tests of a package, and fails it if a goroutine of this module
// outlives them.
func Main(m *testing.M) {
	code := m.Run()
	if left := Left(module); code == 0 && len(left) > 0 {
		fmt.Fprintf(os.Stderr, "goroutines left after the tests:\n%s\n", strings.Join(left, "\n\n"))
		code = 1
	}
	os.Exit(code)
}

// Left returns the stacks of other goroutines that hold a function with name in
// its own, once those that are about to end have done so.
func Left(name string) []string { return left(name, nil) }

// left is Left without the goroutines in before, by their numbers. To end they
// get a hundred turns, however long these take.
func left(name string, before map[string]bool) (left []string) {
	for range 100 {
		left = nil
		for id, stack := range goroutines() {
			if !before[id] && strings.Contains(stack, name) {
				left = append(left, stack)
			}
		}
		if len(left) == 0 {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return left
}

// goroutines returns the stacks of all goroutines but the caller's, by number.
func goroutines() map[string]string {
	buf := make([]byte, 1<<16)
	n := runtime.Stack(buf, true)
	for n == len(buf) {
		buf = make([]byte, 4*len(buf))
		n = runtime.Stack(buf, true)
	}
	stacks := make(map[string]string)
	for _, stack := range strings.Split(string(buf[:n]), "\n\n")[1:] {
		id, _, _ := strings.Cut(strings.TrimPrefix(stack, "goroutine "), " ")
		stacks[id] = stack
	}
	return stacks
}

// InEveryTest makes the test fail if one of the tests in this folder does not
// begin with [Check].
func InEveryTest(t *testing.T) {
	t.Helper()
	names, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && isTest(f) && !checks(f) {
				t.Errorf("%s: %s does not begin with leaktest.Check", name, f.Name.Name)
			}
		}
	}
}

func isTest(f *ast.FuncDecl) bool {
	return f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") && f.Name.Name != "TestMain"
}

// checks reports whether the first statement calls Check.
func checks(f *ast.FuncDecl) bool {
	if len(f.Body.List) == 0 {
		return false
	}
	statement, ok := f.Body.List[0].(*ast.ExprStmt)
	if !ok {
		return false
	}
	call, ok := statement.X.(*ast.CallExpr)
	if !ok {
		return false
	}
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	room, ok := selector.X.(*ast.Ident)
	return ok && room.Name == "leaktest" && selector.Sel.Name == "Check"
}
