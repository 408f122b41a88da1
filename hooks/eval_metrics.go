package hooks

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/internal/tfrecord"
	"github.com/runhook/runhook/summary/eventpb"
)

// EvalMetrics are the scalars that evaluations have written for a step.
type EvalMetrics struct {
	Step   int64
	Values map[string]float64 // by tag
}

// A DamagedEvalError says that an event file cannot be read to its end. What
// comes behind is not known; other files are.
type DamagedEvalError struct {
	Path string
	Err  error
}

// Error implements error.
func (e *DamagedEvalError) Error() string {
	return fmt.Sprintf("hooks: evaluations in %s: %v", e.Path, e.Err)
}

// Unwrap returns Err.
func (e *DamagedEvalError) Unwrap() error { return e.Err }

// ReadEvalMetrics returns the scalars of all event files in dir, by step:
// tf.estimator.experimental.read_eval_metrics. Where a step has a tag twice, the
// later value counts, files being read in the order of their names. Without the
// folder there are none. An event that is not written to its end yet is left out.
//
// If files are damaged, the error is made of a [DamagedEvalError] for each, and
// comes with what could be read.
func ReadEvalMetrics(dir string) ([]EvalMetrics, error) {
	entries, err := os.ReadDir(dir) // sorted by name
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("hooks: evaluations: %w", err)
	}
	steps := make(map[int64]map[string]float64)
	var errs []error
	for _, entry := range entries {
		if entry.IsDir() || !strings.Contains(entry.Name(), "tfevents") {
			continue
		}
		path := filepath.Join(dir, entry.Name())
		if err := addEvalMetrics(steps, path); err != nil {
			errs = append(errs, &DamagedEvalError{path, err})
		}
	}
	metrics := make([]EvalMetrics, 0, len(steps))
	for step, values := range steps {
		metrics = append(metrics, EvalMetrics{step, values})
	}
	slices.SortFunc(metrics, func(a, b EvalMetrics) int { return cmp.Compare(a.Step, b.Step) })
	return metrics, errors.Join(errs...)
}

// addEvalMetrics adds what is in one file.
func addEvalMetrics(steps map[int64]map[string]float64, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	records := tfrecord.NewReader(bufio.NewReader(f))
	for {
		payload, err := records.Next()
		switch {
		case err == io.EOF, errors.Is(err, tfrecord.ErrTruncated):
			return nil
		case err != nil:
			return err
		}
		var event eventpb.Event
		if err := proto.Unmarshal(payload, &event); err != nil {
			return fmt.Errorf("record before offset %d is no event: %w", records.Offset(), err)
		}
		for _, v := range event.GetSummary().GetValue() {
			if _, scalar := v.GetValue().(*eventpb.Summary_Value_SimpleValue); !scalar {
				continue
			}
			if steps[event.GetStep()] == nil {
				steps[event.GetStep()] = make(map[string]float64)
			}
			steps[event.GetStep()][v.GetTag()] = float64(v.GetSimpleValue())
		}
	}
}
