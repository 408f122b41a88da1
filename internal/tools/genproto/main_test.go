package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const eventpbImport = "runhook/eventpb"

// inRoot returns the path of a file of the root module. Go reuses the result of
// a test until a file changes that the test has looked at, but overlooks files
// outside of the test's module unless their name starts with the module's
// directory: so the ".." stay in, and the file is looked at under this name.
func inRoot(t *testing.T, name string) string {
	t.Helper()
	wd, err := os.Getwd()
	require.NoError(t, err)
	p := wd + filepath.FromSlash("/../../../"+name)
	_, err = os.Stat(p)
	require.NoError(t, err)
	return p
}

// eventpbDir returns the directory of package eventpb, whose files the test's
// result depends on.
func eventpbDir(t *testing.T) string {
	t.Helper()
	for _, suffix := range []string{".proto", ".pb.go"} {
		names, err := list(inRoot(t, "summary/eventpb"), suffix)
		require.NoError(t, err)
		for _, name := range names {
			inRoot(t, "summary/eventpb/"+name)
		}
	}
	return inRoot(t, "summary/eventpb")
}

func TestCheckedInFilesAreCurrent(t *testing.T) {
	inRoot(t, "go.mod") // pins the plugin
	dir := eventpbDir(t)
	files, err := generate(t.Context(), dir, eventpbImport)
	require.NoError(t, err)
	require.NotEmpty(t, files)
	names, err := stale(dir, files)
	require.NoError(t, err)
	require.Empty(t, names, "stale: run go generate ./summary/eventpb in the root module")
}

func TestStaleNamesEveryFileThatIsNotAsGenerated(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "current.pb.go", "a")
	write(t, dir, "changed.pb.go", "b")
	write(t, dir, "orphaned.pb.go", "c")
	write(t, dir, "doc.go", "d")
	names, err := stale(dir, map[string][]byte{
		"current.pb.go": []byte("a"),
		"changed.pb.go": []byte("B"),
		"missing.pb.go": []byte("e"),
	})
	require.NoError(t, err)
	require.Equal(t, []string{"changed.pb.go", "missing.pb.go", "orphaned.pb.go"}, names)
}

func TestRunWritesWhatIsStale(t *testing.T) {
	src, dir := eventpbDir(t), t.TempDir()
	for from, to := range map[string]string{
		inRoot(t, "go.mod"):                 "go.mod",
		inRoot(t, "go.sum"):                 "go.sum",
		filepath.Join(src, "event.proto"):   "event.proto",
		filepath.Join(src, "plugins.proto"): "plugins.proto",
		filepath.Join(src, "summary.proto"): "summary.proto",
		filepath.Join(src, "tensor.proto"):  "tensor.proto",
	} {
		write(t, dir, to, read(t, from))
	}
	write(t, dir, "event.pb.go", "package eventpb")
	require.NoError(t, run(t.Context(), dir, eventpbImport))

	files, err := generate(t.Context(), src, eventpbImport)
	require.NoError(t, err)
	require.Len(t, files, 4)
	names, err := stale(dir, files)
	require.NoError(t, err)
	require.Empty(t, names)

	write(t, dir, "orphaned.pb.go", "package eventpb")
	require.ErrorContains(t, run(t.Context(), dir, eventpbImport), "orphaned.pb.go: no .proto file generates it")
}

func TestGenerateRefuses(t *testing.T) {
	const header = "syntax = \"proto3\";\npackage p;\n"
	for _, test := range []struct {
		name, source, want string
	}{
		{"a directory without proto files", "", "no .proto files"},
		{"a syntax error, with its place", header + "message M { int32 x }\n", "p/a.proto:3:21: syntax error"},
		{"a field number that is used twice", header + "message M { int32 x = 1; int32 y = 1; }\n", "p/a.proto:3:36"},
		{"an import that is not in the directory", header + "import \"q/b.proto\";\n", "q/b.proto"},
		{"a directory whose module does not name the plugin", header + "option go_package = \"example.com/p\";\n", "go tool " + plugin},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "go.mod", "module example.com/p\n")
			if test.source != "" {
				write(t, dir, "a.proto", test.source)
			}
			_, err := generate(t.Context(), dir, "p")
			require.ErrorContains(t, err, test.want)
		})
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(b)
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666))
}
