package arch

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

const module = "github.com/runhook/runhook"

// rooms are the top folders that hold packages, each of which may import those
// before it and itself.
var rooms = []string{"internal", "session", "summary", "hooks", "examples", theRoot}

// theRoot is the room of the module's own folder.
const theRoot = "the root"

// outside are the packages whose tests stand outside the order of the rooms.
var outside = []string{"internal/tftrace", "internal/e2e"}

// neutral are the rooms that must not depend on protobuf, or on a package that
// does.
var neutral = []string{"session"}

var protobuf = []string{"google.golang.org/protobuf", "github.com/golang/protobuf"}

// testOnly are the imports, with all below them, that belong into tests and the
// packages made for tests.
var testOnly = []string{"testing", "github.com/stretchr/testify"}

// The modules that go.mod requires: those that the packages and their tests
// import, and what these need in turn.
var (
	required = []string{"github.com/golang/protobuf", "github.com/stretchr/testify", "google.golang.org/protobuf"}
	indirect = []string{"github.com/davecgh/go-spew", "github.com/pmezard/go-difflib", "gopkg.in/yaml.v3"}
)

// goFile is what the rules need to know of a file.
type goFile struct {
	name    string   // from the root
	dir     string   // the package's folder, "" for the root
	test    bool     // a _test.go file
	pkg     string   // the name in its package clause
	imports []string // the paths
}

// forTests reports whether only tests link the file.
func (f goFile) forTests() bool { return f.test || strings.HasSuffix(f.pkg, "test") }

// faults says where the module at the root of tree breaks a rule.
func faults(tree fs.FS) ([]string, error) {
	files, err := parse(tree)
	if err != nil {
		return nil, err
	}
	var out []string
	say := func(f goFile, path, rule string, args ...any) {
		out = append(out, fmt.Sprintf("%s imports %q: %s", f.name, path, fmt.Sprintf(rule, args...)))
	}
	protobufVia := reaching(files, protobuf)
	for _, f := range files {
		if !slices.Contains(rooms, room(f.dir)) {
			out = append(out, fmt.Sprintf("%s: the folder %q is no room (internal/arch names them)", f.name, room(f.dir)))
			continue
		}
		free := f.test && slices.Contains(outside, f.dir)
		for _, imported := range f.imports {
			if dir, ok := inModule(imported); ok && !free {
				from, to := room(f.dir), room(dir)
				if !slices.Contains(rooms, to) {
					say(f, imported, "%q is no room", to)
				} else if slices.Index(rooms, to) > slices.Index(rooms, from) {
					say(f, imported, "%s may not know %s (internal ← session ← summary ← hooks ← examples)", from, to)
				}
				if slices.Contains(outside, dir) && dir != f.dir {
					say(f, imported, "%s is there for its own tests", dir)
				}
			}
			if !f.forTests() && belowAny(imported, testOnly) {
				say(f, imported, "only _test.go files and packages named …test may")
			}
			if slices.Contains(neutral, room(f.dir)) {
				dir, _ := inModule(imported)
				if belowAny(imported, protobuf) {
					say(f, imported, "%s knows nothing of protobuf", room(f.dir))
				} else if via, ok := protobufVia[dir]; ok && room(dir) != room(f.dir) {
					say(f, imported, "%s knows nothing of protobuf, which %s imports", room(f.dir), via)
				}
			}
		}
	}
	more, err := requirementFaults(tree)
	return append(out, more...), err
}

// reaching returns the packages of the module, by folder, that depend on one of
// roots or something below it, each with the package that imports it.
func reaching(files []goFile, roots []string) map[string]string {
	via := make(map[string]string)
	for changed := true; changed; {
		changed = false
		for _, f := range files {
			if _, known := via[f.dir]; known || f.test {
				continue
			}
			for _, imported := range f.imports {
				dir, ok := inModule(imported)
				next, known := via[dir]
				if belowAny(imported, roots) {
					via[f.dir], changed = f.dir, true
				} else if ok && known {
					via[f.dir], changed = next, true
				}
			}
		}
	}
	return via
}

// parse reads the imports of the module's own files: not those of test data,
// hidden folders and modules inside.
func parse(tree fs.FS) ([]goFile, error) {
	var files []goFile
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			base := path.Base(name)
			if name != "." && (base == "testdata" || base == "vendor" || base[0] == '.' || base[0] == '_' || hasModule(tree, name)) {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly)
		if err != nil {
			return err
		}
		f := goFile{name: name, dir: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), pkg: parsed.Name.Name}
		if f.dir == "." {
			f.dir = ""
		}
		for _, spec := range parsed.Imports {
			f.imports = append(f.imports, importPath(spec))
		}
		files = append(files, f)
		return nil
	})
	return files, err
}

func hasModule(tree fs.FS, dir string) bool {
	_, err := fs.Stat(tree, path.Join(dir, "go.mod"))
	return err == nil
}

func importPath(spec *ast.ImportSpec) string {
	p, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		return spec.Path.Value
	}
	return p
}

// inModule returns the folder of a package of the module.
func inModule(imported string) (dir string, ok bool) {
	if !below(imported, module) {
		return "", false
	}
	return strings.TrimPrefix(strings.TrimPrefix(imported, module), "/"), true
}

// below reports whether the import path p is root or below it.
func below(p, root string) bool { return p == root || strings.HasPrefix(p, root+"/") }

func belowAny(p string, roots []string) bool {
	return slices.ContainsFunc(roots, func(root string) bool { return below(p, root) })
}

// room returns the room of a package's folder.
func room(dir string) string {
	top, _, _ := strings.Cut(dir, "/")
	return cmp.Or(top, theRoot)
}

// requirementFaults says where go.mod requires other modules than it should.
func requirementFaults(tree fs.FS) ([]string, error) {
	text, err := fs.ReadFile(tree, "go.mod")
	if err != nil {
		return nil, err
	}
	var out []string
	missing := make(map[string]bool)
	for _, m := range required {
		missing[m] = true
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for block := false; lines.Scan(); {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) == 0:
			continue
		case slices.Equal(fields, []string{"require", "("}):
			block = true
			continue
		case fields[0] == ")":
			block = false
			continue
		case fields[0] == "require":
			fields = fields[1:]
		case !block:
			continue
		}
		m := fields[0]
		if !slices.Contains(required, m) && !slices.Contains(indirect, m) && m != "//" {
			out = append(out, fmt.Sprintf("go.mod requires %s: a dependency of one adapter lives in that adapter's module", m))
		}
		delete(missing, m)
	}
	for _, m := range slices.Sorted(maps.Keys(missing)) {
		out = append(out, fmt.Sprintf("go.mod does not require %s", m))
	}
	return out, lines.Err()
}
