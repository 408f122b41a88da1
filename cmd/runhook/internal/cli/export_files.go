package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/runhook/runhook/cmd/runhook/internal/safe"
	"github.com/runhook/runhook/summary/eventlog"
)

// fileSink writes what a value holds to files of their own.
type fileSink struct {
	dir   string
	index *os.File
	lines *bufio.Writer
}

const indexName = "index.ndjson"

func newFileSink(dir string) (*fileSink, error) {
	f, err := os.OpenFile(filepath.Join(dir, indexName), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err
	}
	return &fileSink{dir, f, bufio.NewWriter(f)}, nil
}

type fileJSON struct {
	File        string `json:"file"` // below the directory, with slashes
	Run         string `json:"run"`
	Tag         string `json:"tag"`
	Kind        string `json:"kind"`
	Step        int64  `json:"step"`
	WallTime    number `json:"wall_time"`
	Index       int    `json:"index"` // of the picture, clip or cell within the value
	ContentType string `json:"content_type"`
	Label       string `json:"label,omitempty"`
}

// oursOnDisk reports whether an element of a path could be a file of ours, or the
// index.
func oursOnDisk(element string) bool {
	return strings.HasPrefix(element, "step-") || element == indexName
}

func (s *fileSink) add(e *eventlog.Event, v *eventlog.Value) (bool, error) {
	files, err := filesOf(v)
	if errors.Is(err, errNoFiles) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	dir := path.Join(safe.Path(e.Run, oursOnDisk), safe.Path(v.Tag, oursOnDisk))
	if e.Run == "." {
		dir = safe.Path(v.Tag, oursOnDisk)
	}
	if err := os.MkdirAll(filepath.Join(s.dir, filepath.FromSlash(dir)), 0o777); err != nil {
		return false, err
	}
	for i, f := range files {
		base := fmt.Sprintf("step-%d", e.Step)
		if len(files) > 1 {
			base += fmt.Sprintf("-%d", i)
		}
		name, err := s.write(path.Join(dir, base), f)
		if err != nil {
			return false, err
		}
		line := fileJSON{name, e.Run, v.Tag, v.Kind.String(), e.Step, number(e.WallTime), i, f.contentType, f.label}
		if err := writeLine(s.lines, line); err != nil {
			return false, err
		}
	}
	return true, nil
}

// write makes a new file. A step that occurs again gets "~2", "~3" …
func (s *fileSink) write(base string, b blob) (name string, err error) {
	for n := 1; ; n++ {
		name = base + b.extension
		if n > 1 {
			name = fmt.Sprintf("%s~%d%s", base, n, b.extension)
		}
		f, err := os.OpenFile(filepath.Join(s.dir, filepath.FromSlash(name)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		_, err = f.Write(b.data)
		return name, errors.Join(err, f.Close())
	}
}

func (s *fileSink) close() error { return errors.Join(s.lines.Flush(), s.index.Close()) }
