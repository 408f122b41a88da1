// Package e2e has TensorBoard itself read what this module wrote. A log
// directory is right when its three readers, which take different views of a
// file in dozens of cases, show the same, and just what was recorded:
//
//   - EventAccumulator, the class that scripts use,
//   - the Python server, tensorboard --load_fast=false,
//   - the Rust data server, tensorboard --load_fast=true, the default.
//
// testdata/tbcheck.py asks them. It needs a Python with the packages of
// .ci/requirements.txt, which the environment variable RUNHOOK_PYTHON names;
// without it these tests are skipped. To check one more log directory, add an
// entry to the table in logdirs_test.go.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The readers, as in an answer.
const (
	eventAccumulator = "ea"
	pythonServer     = "py"
	rustServer       = "rb"
)

// readersAnswer is what the readers show of one log directory.
type readersAnswer struct {
	// TensorBoard is the version asked.
	TensorBoard string            `json:"tensorboard"`
	Readers     map[string]reader `json:"readers"`
	// Disagreements say in words where the readers differ.
	Disagreements []string `json:"disagreements"`
}

// reader is what one of them shows.
type reader struct {
	// Runs holds the series by run and tag. The log directory itself is the run
	// ".", a run's graph has the tag "__run_graph__".
	Runs     map[string]map[string]series `json:"runs"`
	Warnings []string                     `json:"warnings"`
	// Other holds, of EventAccumulator, the series that the pages of plugins put
	// together.
	Other map[string]map[string]series `json:"other"`
	// Errors are those that left the rest readable.
	Errors []string `json:"errors"`
	// Failed is why the reader shows nothing at all.
	Failed string `json:"failed"`

	// What only the servers show: the runs in the page's order, the plugins that
	// have something to draw, and the answers of single plugins as they came.
	RunOrder      []string        `json:"run_order"`
	Active        []string        `json:"active"`
	HParams       json.RawMessage `json:"hparams"`
	CustomScalars json.RawMessage `json:"custom_scalars"`
	Projector     json.RawMessage `json:"projector"`
	OtherPlugins  json.RawMessage `json:"other_plugins"`
}

// series is what a reader shows under one tag of one run.
type series struct {
	Plugin string  `json:"plugin"`
	Steps  []int64 `json:"steps"`
	// WallTimes are seconds: numbers, or "NaN", "Infinity", "-Infinity".
	WallTimes []any `json:"wall_times"`
	// Values has one value a step, in the plugin's form (see tbcheck.py).
	Values []any `json:"values"`
	// Nodes counts those of a graph.
	Nodes int `json:"nodes"`

	// DisplayName is the tag in the Python server where the file has none.
	DisplayName string `json:"display_name"`
	// Description is Markdown in EventAccumulator, HTML in the servers.
	Description string `json:"description"`
	// Samples is the largest number of pictures or clips of a step, Types are
	// their content types. Only the servers have them.
	Samples int      `json:"samples"`
	Types   []string `json:"types"`

	// Error is why the reader has the tag and cannot show it.
	Error json.RawMessage `json:"error"`
}

// pythonOf returns the Python that has TensorBoard, or skips the test. A
// relative path is one from the module's root, where go test is usually called.
func pythonOf(t *testing.T) string {
	t.Helper()
	python := os.Getenv("RUNHOOK_PYTHON")
	if python == "" {
		t.Skip("set RUNHOOK_PYTHON to a Python with the packages of .ci/requirements.txt to have TensorBoard read the files")
	}
	if filepath.Base(python) != python && !filepath.IsAbs(python) {
		return filepath.Join("..", "..", python)
	}
	return python
}

// askReaders returns what the readers show of the log directory dir. It skips
// the test where there is no TensorBoard to ask, and fails it if one of the
// readers gives up.
func askReaders(t *testing.T, dir string) readersAnswer {
	t.Helper()
	python := pythonOf(t)
	ctx := t.Context()
	if deadline, ok := t.Deadline(); ok {
		// Early enough to end the servers and to say what happened.
		early, cancel := context.WithDeadline(ctx, deadline.Add(-2*endGrace))
		defer cancel()
		ctx = early
	}
	answer, err := ask(ctx, python, dir)
	require.NoError(t, err)
	return answer
}

// requireAgreement fails the test unless the readers show the same of the log
// directory dir, and returns what they show.
func requireAgreement(t *testing.T, dir string) readersAnswer {
	t.Helper()
	answer := askReaders(t, dir)
	require.Empty(t, answer.Disagreements, "the readers disagree")
	return answer
}

// endGrace is what tbcheck.py has to end its servers.
const endGrace = 15 * time.Second

// ask runs tbcheck.py. A reader that failed is an error.
func ask(ctx context.Context, python, dir string) (readersAnswer, error) {
	// Its exit code says only what the answer says, too.
	out, complaints, err := runPython(ctx, python, "testdata/tbcheck.py", "--stop-at-eof", dir)
	var answer readersAnswer
	if jsonErr := json.Unmarshal(out, &answer); jsonErr != nil {
		return readersAnswer{}, fmt.Errorf("tbcheck.py: %w\n%s", errors.Join(ctx.Err(), err, jsonErr), complaints)
	}
	var failed []error
	for _, name := range slices.Sorted(maps.Keys(answer.Readers)) {
		if why := answer.Readers[name].Failed; why != "" {
			failed = append(failed, fmt.Errorf("%s failed: %s", name, why))
		}
	}
	return answer, errors.Join(failed...)
}

// runPython runs a program of Python that ends its servers when its input ends:
// here, when ctx is done, and whatever becomes of this process.
func runPython(ctx context.Context, python string, args ...string) (out, complaints []byte, err error) {
	cmd := exec.CommandContext(ctx, python, args...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	cmd.Cancel = stdin.Close
	cmd.WaitDelay = endGrace
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err = cmd.Output()
	return out, stderr.Bytes(), err
}
