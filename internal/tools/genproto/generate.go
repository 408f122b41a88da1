package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/protoutil"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/pluginpb"
)

// plugin is the tool that the module of the .proto files must name in its
// go.mod.
const plugin = "github.com/golang/protobuf/protoc-gen-go"

// generate returns the Go code of dir's .proto files by file name.
func generate(ctx context.Context, dir, importPath string) (map[string][]byte, error) {
	req, err := compile(ctx, dir, importPath)
	if err != nil {
		return nil, err
	}
	resp, err := runPlugin(ctx, dir, req)
	if err != nil {
		return nil, err
	}
	files := make(map[string][]byte, len(resp.GetFile()))
	for _, f := range resp.GetFile() {
		if path.Dir(f.GetName()) != importPath {
			return nil, fmt.Errorf("plugin wrote %q, outside of %q", f.GetName(), importPath)
		}
		files[path.Base(f.GetName())] = []byte(f.GetContent())
	}
	return files, nil
}

// compile builds the plugin's request: the files to generate and, imported
// before importing, everything they need. The compiler version is left unset,
// so that the headers of generated files do not depend on it.
func compile(ctx context.Context, dir, importPath string) (*pluginpb.CodeGeneratorRequest, error) {
	names, err := list(dir, ".proto")
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s: no .proto files", dir)
	}
	for i, name := range names {
		names[i] = path.Join(importPath, name)
	}
	compiler := protocompile.Compiler{
		Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{
			Accessor: func(name string) (io.ReadCloser, error) {
				if path.Dir(name) != importPath {
					return nil, fs.ErrNotExist
				}
				return os.Open(filepath.Join(dir, path.Base(name)))
			},
		}),
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	compiled, err := compiler.Compile(ctx, names...)
	if err != nil {
		return nil, err
	}
	req := &pluginpb.CodeGeneratorRequest{
		FileToGenerate: names,
		Parameter:      proto.String("paths=source_relative"),
	}
	seen := make(map[string]bool)
	var add func(protoreflect.FileDescriptor)
	add = func(fd protoreflect.FileDescriptor) {
		if seen[fd.Path()] {
			return
		}
		seen[fd.Path()] = true
		for i := range fd.Imports().Len() {
			add(fd.Imports().Get(i).FileDescriptor)
		}
		req.ProtoFile = append(req.ProtoFile, protoutil.ProtoFromFileDescriptor(fd))
	}
	for _, fd := range compiled {
		add(fd)
	}
	return req, nil
}

// runPlugin hands req to the plugin that the module around dir pins.
func runPlugin(ctx context.Context, dir string, req *pluginpb.CodeGeneratorRequest) (*pluginpb.CodeGeneratorResponse, error) {
	in, err := proto.Marshal(req)
	if err != nil {
		return nil, err
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", "tool", plugin)
	cmd.Dir = dir
	cmd.Stdin = bytes.NewReader(in)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go tool %s: %w\n%s", plugin, err, stderr.Bytes())
	}
	resp := new(pluginpb.CodeGeneratorResponse)
	if err := proto.Unmarshal(out, resp); err != nil {
		return nil, fmt.Errorf("go tool %s: response: %w", plugin, err)
	}
	if resp.Error != nil {
		return nil, fmt.Errorf("go tool %s: %w", plugin, errors.New(resp.GetError()))
	}
	return resp, nil
}

// list returns the sorted names of the files in dir that end in suffix.
func list(dir, suffix string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() && strings.HasSuffix(e.Name(), suffix) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}
