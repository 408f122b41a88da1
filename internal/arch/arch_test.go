// Package arch holds the module to its order: which package may import which,
// and what the module may require.
//
//	internal ← session ← summary ← hooks ← examples
//
// A room may import those left of it; session stays free of protobuf; what is
// made for tests is linked by tests only.
package arch

import (
	"maps"
	"os"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

func TestModuleKeepsItsOrder(t *testing.T) {
	tree := os.DirFS("../..")
	found, err := faults(tree)
	require.NoError(t, err)
	require.Empty(t, found)

	files, err := parse(tree)
	require.NoError(t, err)
	seen := make(map[string]bool)
	for _, f := range files {
		seen[room(f.dir)] = true
	}
	for _, name := range []string{"internal", "session", "summary"} {
		require.True(t, seen[name], "no file of %s was read", name)
	}
}

const goMod = `module github.com/runhook/runhook

go 1.26

require (
	github.com/golang/protobuf v1.5.4
	github.com/stretchr/testify v1.11.1
	google.golang.org/protobuf v1.36.11
)

require gopkg.in/yaml.v3 v3.0.1 // indirect

tool github.com/golang/protobuf/protoc-gen-go
`

// orderly is a module without fault.
var orderly = map[string]string{
	"go.mod":                            goMod,
	"internal/wire/wire.go":             `package wire; import "google.golang.org/protobuf/encoding/protowire"`,
	"internal/frame/frame.go":           `package frame; import "hash/crc32"`,
	"internal/frame/frame_test.go":      `package frame_test; import ("testing"; "github.com/runhook/runhook/internal/wire"; "github.com/stretchr/testify/require")`,
	"internal/tftrace/replay_test.go":   `package tftrace; import ("github.com/runhook/runhook/hooks"; "github.com/runhook/runhook/session")`,
	"internal/tools/gen/go.mod":         `module github.com/runhook/runhook/internal/tools/gen`,
	"internal/tools/gen/main.go":        `package main; import "github.com/runhook/runhook/hooks"`,
	"internal/frame/testdata/sample.go": `package sample; import "github.com/runhook/runhook/hooks"`,
	"session/session.go":                `package session; import ("context"; "github.com/runhook/runhook/internal/frame")`,
	"session/graph/graph.go":            `package graph; import "github.com/runhook/runhook/session"`,
	"session/sessiontest/suite.go":      `package sessiontest; import ("testing"; "testing/synctest"; "github.com/runhook/runhook/session")`,
	"summary/eventpb/event.pb.go":       `package eventpb; import "google.golang.org/protobuf/proto"`,
	"summary/writer.go":                 `package summary; import ("github.com/runhook/runhook/session"; "github.com/runhook/runhook/summary/eventpb"; "github.com/runhook/runhook/internal/wire")`,
	"hooks/hooks.go":                    `package hooks; import ("github.com/runhook/runhook/summary"; "github.com/runhook/runhook/session/graph")`,
	"examples/digits/main.go":           `package main; import "github.com/runhook/runhook/hooks"`,
	"cmd/runhook/go.mod":                `module github.com/runhook/runhook/cmd/runhook`,
	"cmd/runhook/main.go":               `package main; import "golang.org/x/term"`,
	"readme_test.go":                    `package runhook_test; import "github.com/runhook/runhook/hooks"`,
	".ci/tool.go":                       `package main; import "testing"`,
}

func TestOrderlyModuleHasNoFault(t *testing.T) {
	found, err := faults(treeOf(orderly))
	require.NoError(t, err)
	require.Empty(t, found)
}

func TestFaultsAreFound(t *testing.T) {
	const arrow = " (internal ← session ← summary ← hooks ← examples)"
	for _, test := range []struct {
		name, file, text string
		want             []string
	}{
		{
			"internal imports a room", "internal/frame/name.go", `package frame; import "github.com/runhook/runhook/session/graph"`,
			[]string{`internal/frame/name.go imports "github.com/runhook/runhook/session/graph": internal may not know session` + arrow},
		},
		{
			"a test imports a room to its right", "session/run_test.go", `package session_test; import "github.com/runhook/runhook/hooks"`,
			[]string{
				`session/run_test.go imports "github.com/runhook/runhook/hooks": session may not know hooks` + arrow,
				`session/run_test.go imports "github.com/runhook/runhook/hooks": session knows nothing of protobuf, which internal/wire imports`,
			},
		},
		{
			"summary imports hooks", "summary/saver.go", `package summary; import "github.com/runhook/runhook/hooks"`,
			[]string{`summary/saver.go imports "github.com/runhook/runhook/hooks": summary may not know hooks` + arrow},
		},
		{
			"hooks import an example", "hooks/data.go", `package hooks; import "github.com/runhook/runhook/examples/digits"`,
			[]string{`hooks/data.go imports "github.com/runhook/runhook/examples/digits": hooks may not know examples` + arrow},
		},
		{
			"a room imports the root", "examples/closure/main.go", `package main; import "github.com/runhook/runhook"`,
			[]string{`examples/closure/main.go imports "github.com/runhook/runhook": examples may not know the root` + arrow},
		},
		{
			"a program imports a nested module", "examples/closure/main.go", `package main; import "github.com/runhook/runhook/cmd/runhook"`,
			[]string{`examples/closure/main.go imports "github.com/runhook/runhook/cmd/runhook": "cmd" is no room`},
		},
		{
			"a folder that is no room", "util/util.go", `package util`,
			[]string{`util/util.go: the folder "util" is no room (internal/arch names them)`},
		},
		{
			"code of a package outside the arrow", "internal/tftrace/trace.go", `package tftrace; import "github.com/runhook/runhook/session"`,
			[]string{`internal/tftrace/trace.go imports "github.com/runhook/runhook/session": internal may not know session` + arrow},
		},
		{
			"a package outside the arrow is imported", "hooks/trace_test.go", `package hooks_test; import "github.com/runhook/runhook/internal/tftrace"`,
			[]string{`hooks/trace_test.go imports "github.com/runhook/runhook/internal/tftrace": internal/tftrace is there for its own tests`},
		},
		{
			"session imports protobuf", "session/graph/proto.go", `package graph; import "google.golang.org/protobuf/proto"`,
			[]string{`session/graph/proto.go imports "google.golang.org/protobuf/proto": session knows nothing of protobuf`},
		},
		{
			"session imports what imports protobuf", "session/wire.go", `package session; import "github.com/runhook/runhook/internal/wire"`,
			[]string{`session/wire.go imports "github.com/runhook/runhook/internal/wire": session knows nothing of protobuf, which internal/wire imports`},
		},
		{
			"session imports what leads to protobuf", "internal/frame/wire.go", `package frame; import "github.com/runhook/runhook/internal/wire"`,
			[]string{`session/session.go imports "github.com/runhook/runhook/internal/frame": session knows nothing of protobuf, which internal/wire imports`},
		},
		{
			"testing outside of tests", "summary/fake.go", `package summary; import "testing/fstest"`,
			[]string{`summary/fake.go imports "testing/fstest": only _test.go files and packages named …test may`},
		},
		{
			"testify outside of tests", "hooks/fake.go", `package hooks; import "github.com/stretchr/testify/require"`,
			[]string{`hooks/fake.go imports "github.com/stretchr/testify/require": only _test.go files and packages named …test may`},
		},
		{
			"one more requirement", "go.mod", goMod + "require golang.org/x/exp v0.1.0\n",
			[]string{"go.mod requires golang.org/x/exp: a dependency of one adapter lives in that adapter's module"},
		},
		{
			"one more requirement in a block", "go.mod", goMod + "require (\n\tgolang.org/x/exp v0.1.0 // indirect\n)\n",
			[]string{"go.mod requires golang.org/x/exp: a dependency of one adapter lives in that adapter's module"},
		},
		{
			"requirements that are gone", "go.mod", "module github.com/runhook/runhook\n",
			[]string{
				"go.mod does not require github.com/golang/protobuf", "go.mod does not require github.com/stretchr/testify",
				"go.mod does not require google.golang.org/protobuf",
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			files := maps.Clone(orderly)
			files[test.file] = test.text
			found, err := faults(treeOf(files))
			require.NoError(t, err)
			require.Equal(t, test.want, found)
		})
	}
}

func TestFileThatDoesNotParseIsAnError(t *testing.T) {
	files := maps.Clone(orderly)
	files["hooks/broken.go"] = "pack hooks"
	_, err := faults(treeOf(files))
	require.ErrorContains(t, err, "hooks/broken.go")
}

func treeOf(files map[string]string) fstest.MapFS {
	tree := make(fstest.MapFS)
	for name, text := range files {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return tree
}
