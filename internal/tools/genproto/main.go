// Command genproto generates Go code for a directory of .proto files, without
// protoc.
//
//	*.proto ──compile──▶ CodeGeneratorRequest
//	        ──protoc-gen-go──▶ CodeGeneratorResponse ──▶ *.pb.go
//
// It compiles the files itself and runs protoc-gen-go as the tool of the module
// that the directory belongs to, so that both are pinned: the compiler by this
// module's go.mod, the plugin by the other's. It writes each .pb.go file beside
// its .proto file and leaves files alone that are current.
//
// Usage:
//
//	genproto -import PATH DIR
//
// PATH is the directory under which the files import each other and under which
// Go registers them.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("genproto: ")
	importPath := flag.String("import", "", "`path` under which the files import each other")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: genproto -import PATH DIR")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 || *importPath == "" {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, flag.Arg(0), *importPath)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, dir, importPath string) error {
	files, err := generate(ctx, dir, importPath)
	if err != nil {
		return err
	}
	names, err := stale(dir, files)
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		content, ok := files[name]
		if !ok {
			errs = append(errs, fmt.Errorf("%s: no .proto file generates it, delete it", filepath.Join(dir, name)))
			continue
		}
		errs = append(errs, os.WriteFile(filepath.Join(dir, name), content, 0o666))
	}
	return errors.Join(errs...)
}

// stale returns the sorted names of the .pb.go files in dir that differ from
// files, are missing, or are not in files.
func stale(dir string, files map[string][]byte) ([]string, error) {
	var names []string
	for name, content := range files {
		have, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if err != nil || !bytes.Equal(have, content) {
			names = append(names, name)
		}
	}
	present, err := list(dir, ".pb.go")
	if err != nil {
		return nil, err
	}
	known := slices.Collect(maps.Keys(files))
	for _, name := range present {
		if !slices.Contains(known, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}
