package tftrace

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/internal/tfrecord"
	"github.com/runhook/runhook/summary/eventpb"
)

// filesBelow reads the event files of the folders in dir, those that a trace
// has: folder → events in order. Times are counted from start.
func filesBelow(dir string, start time.Time) (map[string][]event, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*", "events.out.tfevents.*"))
	if err != nil {
		return nil, err
	}
	files := make(map[string][]event)
	for _, path := range slices.Sorted(slices.Values(paths)) {
		events, err := eventsIn(path, dir, start)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
		folder := filepath.Base(filepath.Dir(path))
		files[folder] = append(files[folder], events...)
	}
	return files, nil
}

func eventsIn(path, dir string, start time.Time) ([]event, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var events []event
	for r := tfrecord.NewReader(f); ; {
		record, err := r.Next()
		if err == io.EOF {
			return events, nil
		}
		if err != nil {
			return nil, err
		}
		var decoded eventpb.Event
		if err := proto.Unmarshal(record, &decoded); err != nil {
			return nil, err
		}
		e, err := fileEvent(&decoded, dir, start)
		if err != nil {
			return nil, err
		}
		if e != nil {
			events = append(events, e)
		}
	}
}

// fileEvent is e as a trace shows it, paths from dir; nil for the version record.
func fileEvent(e *eventpb.Event, dir string, start time.Time) (event, error) {
	began := float64(start.Unix()) + float64(start.Nanosecond())/1e9
	shown := event{"t": e.GetWallTime() - began}
	if e.GetStep() != 0 {
		shown["step"] = asJSON(e.GetStep())
	}
	switch what := e.GetWhat().(type) {
	case *eventpb.Event_FileVersion:
		return nil, nil
	case *eventpb.Event_GraphDef:
		shown["event"] = "graph_def"
	case *eventpb.Event_MetaGraphDef:
		shown["event"] = "meta_graph_def"
	case *eventpb.Event_SessionLog:
		shown["event"] = "session_log"
		shown["status"] = what.SessionLog.GetStatus().String()
		if path := what.SessionLog.GetCheckpointPath(); path != "" {
			// The right path has the step at its end, TensorFlow's has not (D-21).
			prefix, ok := strings.CutSuffix(path, fmt.Sprintf("-%d", e.GetStep()))
			if !ok {
				return nil, fmt.Errorf("session log: checkpoint path %q at step %d", path, e.GetStep())
			}
			relative, err := filepath.Rel(dir, prefix)
			if err != nil {
				return nil, err
			}
			shown["checkpoint_prefix"] = relative
		}
	case *eventpb.Event_Summary:
		shown["event"] = "summary"
		var values []any
		for _, v := range what.Summary.GetValue() {
			value := map[string]any{"tag": v.GetTag()}
			if _, shown := v.GetValue().(*eventpb.Summary_Value_SimpleValue); shown {
				value["simple_value"] = asJSON(v.GetSimpleValue())
			}
			values = append(values, value)
		}
		shown["values"] = values
	case *eventpb.Event_TaggedRunMetadata:
		shown["event"] = "tagged_run_metadata"
		shown["tag"] = what.TaggedRunMetadata.GetTag()
	default:
		return nil, errors.New("an event of an unknown kind")
	}
	return shown, nil
}
