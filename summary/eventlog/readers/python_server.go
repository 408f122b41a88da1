package readers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/summary/eventpb"
)

// PythonServer is tensorboard --load_fast=false, which also serves where there
// is no data server for the machine or the file system:
// plugin_event_multiplexer, one plugin_event_accumulator a run, and
// data_provider. It reads the runs one after the other.
type PythonServer struct {
	// KeepOrphans is --purge_orphaned_data=false: no START and no lower step
	// drops points.
	KeepOrphans bool

	// Sampled leaves out what the server does without --samples_per_plugin. A
	// series that begins without metadata is sampled always.
	Sampled bool
}

var _ View = PythonServer{}

// Name returns "Python server".
func (PythonServer) Name() string { return "Python server" }

// Load is described at View. Where the real server visits directories in the
// order of the file system, and that matters because it stops in one, Load does
// so by name.
func (s PythonServer) Load(ctx context.Context, fsys fs.FS) (*Shown, error) {
	losses := newLedger()
	found, err := walk(ctx, fsys, losses)
	if err != nil {
		return nil, err
	}
	if found.notUTF8 != "" {
		err := fmt.Errorf("name %q is no UTF-8 (UnicodeEncodeError)", found.notUTF8)
		return &Shown{Err: err, Losses: losses.losses}, nil
	}
	shown := &Shown{}
	var runs []*pythonRun
	for _, dir := range found.dirs {
		run := &pythonRun{
			name: dir.name, config: s, losses: losses, lastStep: -1,
			metadata: make(map[string]*eventpb.SummaryMetadata), series: make(map[string]*pythonReservoir),
		}
		runs = append(runs, run)
		if shown.Err != nil {
			// To order the runs, the server asks each for its first event.
			losses.file(Stopped, dir.name, Place{File: dir.watchedFirst()}, "")
			if err := run.load(ctx, fsys, dir.watched(), 1); err != nil && ctx.Err() != nil {
				return nil, err
			}
			continue
		}
		if err := run.load(ctx, fsys, dir.watched(), -1); err != nil {
			if ctx.Err() != nil {
				return nil, err
			}
			shown.Err = err
		}
	}
	pythonPage(shown, runs, losses)
	return shown, nil
}

// A pythonRun is a plugin_event_accumulator.EventAccumulator.
type pythonRun struct {
	name   string
	config PythonServer
	losses *ledger

	unreadable error // of the file system, where the reading ended

	start     float64
	started   bool
	version   float64 // of the file; 0 is none
	restarted bool    // a START came
	hasGraph  bool    // an event with a graph came
	lastStep  int64   // of the last summary

	metadata map[string]*eventpb.SummaryMetadata // by tag, the first
	series   map[string]*pythonReservoir
}

var errEnough = errors.New("as many events as asked for")

// load reads the files in order, at most limit events if that is not negative.
// An error is what ends the server's loading for good, or ctx's.
func (r *pythonRun) load(ctx context.Context, fsys fs.FS, files []string, limit int) error {
	for _, file := range files {
		initial := make(map[string]*eventpb.SummaryMetadata)
		end, err := readRecords(ctx, fsys, file, false, func(rec record) error {
			e := &eventpb.Event{}
			if err := proto.Unmarshal(rec.payload, e); err != nil {
				return fmt.Errorf("run %q: %s, offset %d: a record that is no Event: %w", r.name, file, rec.offset, err)
			}
			events, err := migrateEvent(e, initial)
			if err != nil {
				return fmt.Errorf("run %q: %s, offset %d: %w", r.name, file, rec.offset, err)
			}
			for _, e := range events {
				if limit == 0 {
					return errEnough
				}
				limit--
				if err := r.process(e, Place{File: file, Offset: rec.offset}); err != nil {
					return err
				}
			}
			return nil
		})
		if err == errEnough {
			return nil
		}
		if err != nil {
			return err
		}
		if err := end.tooLong(); err != nil {
			return fmt.Errorf("run %q: %s, offset %d: %w", r.name, file, end.offset, err)
		}
		end.note(r.losses, r.name, file)
		if end.missing() {
			return nil
		}
		if end.failed() {
			r.unreadable = fmt.Errorf("run %q: %w", r.name, end.cause)
			return nil // The multiplexer logs it and goes on with the next run.
		}
	}
	return nil
}

// migrateEvent applies data_compat and dataclass_compat to an event, which is
// changed.
func migrateEvent(e *eventpb.Event, initial map[string]*eventpb.SummaryMetadata) ([]*eventpb.Event, error) {
	var made *eventpb.Summary_Value
	out := []*eventpb.Event{}
	switch what := e.GetWhat().(type) {
	case *eventpb.Event_Summary:
		for _, v := range what.Summary.GetValue() {
			if err := migrateValue(v, initial); err != nil {
				return nil, fmt.Errorf("tag %q: %w", v.GetTag(), err)
			}
		}
		return append(out, e), nil
	case *eventpb.Event_GraphDef:
		// The old event stays, too. The server keeps its graph, and nothing asks
		// for it.
		out = append(out, e)
		made = blobValue(runGraph, graphs, what.GraphDef)
	case *eventpb.Event_TaggedRunMetadata:
		made = blobValue(what.TaggedRunMetadata.GetTag(), graphTaggedRun, what.TaggedRunMetadata.GetRunMetadata())
	default:
		return append(out, e), nil
	}
	return append(out, &eventpb.Event{
		WallTime: e.GetWallTime(),
		Step:     e.GetStep(),
		What:     &eventpb.Event_Summary{Summary: &eventpb.Summary{Value: []*eventpb.Summary_Value{made}}},
	}), nil
}

func blobValue(tag, plugin string, blob []byte) *eventpb.Summary_Value {
	return &eventpb.Summary_Value{
		Tag:   tag,
		Value: &eventpb.Summary_Value_Tensor{Tensor: stringTensor(blob)},
		Metadata: &eventpb.SummaryMetadata{
			PluginData: &eventpb.SummaryMetadata_PluginData{PluginName: plugin},
			DataClass:  eventpb.DataClass_BLOB_SEQUENCE,
		},
	}
}

// process is EventAccumulator._ProcessEvent.
func (r *pythonRun) process(e *eventpb.Event, at Place) error {
	if !r.started {
		r.started, r.start = true, e.GetWallTime()
	}
	if v, ok := e.GetWhat().(*eventpb.Event_FileVersion); ok {
		r.version = fileVersion(v.FileVersion)
	}
	if !r.config.KeepOrphans {
		r.purge(e, at)
	}
	switch what := e.GetWhat().(type) {
	case *eventpb.Event_GraphDef:
		r.hasGraph = true
	case *eventpb.Event_MetaGraphDef:
		if r.hasGraph {
			break // Nobody parses it, then.
		}
		if err := checkMetaGraph(what.MetaGraphDef); err != nil {
			return fmt.Errorf("run %q: %s, offset %d: meta graph: %w", r.name, at.File, at.Offset, err)
		}
	case *eventpb.Event_Summary:
		for _, v := range what.Summary.GetValue() {
			r.add(e, v, at)
		}
	}
	return nil
}

// add keeps a value, which has the new form unless no reader knows its old one.
func (r *pythonRun) add(e *eventpb.Event, v *eventpb.Summary_Value, at Place) {
	tag := v.GetTag()
	if md := v.GetMetadata(); md != nil {
		if _, ok := r.metadata[tag]; !ok {
			r.metadata[tag] = md
		}
	}
	p := stored{step: e.GetStep(), wall: e.GetWallTime(), place: at}
	t, ok := v.GetValue().(*eventpb.Summary_Value_Tensor)
	if !ok {
		r.losses.point(noValue(v), r.name, tag, &p, Place{}, "")
		return
	}
	if tag == "" {
		tag = v.GetNodeName()
	}
	p.value = tensorOf(t.Tensor)
	series, ok := r.series[tag]
	if !ok {
		series = &pythonReservoir{size: r.size(tag)}
		r.series[tag] = series
	}
	series.add(p, func(p *stored) { r.losses.point(Sampled, r.name, tag, p, Place{}, "") })
}

// size is how many points of a tag are kept, 0 for all. It depends on the
// metadata that came before the tag's first point, or with it: where that names
// no plugin, --samples_per_plugin cannot raise it.
func (r *pythonRun) size(tag string) int {
	plugin := r.metadata[tag].GetPluginData().GetPluginName()
	if plugin != "" && !r.config.Sampled {
		return 0
	}
	if size, ok := pythonSize[plugin]; ok {
		return size
	}
	return pythonOtherSize
}

// purge is _MaybePurgeOrphanedData.
func (r *pythonRun) purge(e *eventpb.Event, at Place) {
	summary, isSummary := e.GetWhat().(*eventpb.Event_Summary)
	switch {
	case r.version >= 2:
		if e.GetSessionLog().GetStatus() != eventpb.SessionLog_START {
			break
		}
		if !r.restarted {
			r.restarted = true
			break
		}
		for tag := range r.series {
			r.purgeTag(Restarted, tag, e.GetStep(), at)
		}
	case isSummary && e.GetStep() < r.lastStep:
		for _, v := range summary.Summary.GetValue() {
			r.purgeTag(OutOfOrder, v.GetTag(), e.GetStep(), at)
		}
	}
	if isSummary {
		r.lastStep = e.GetStep()
	}
}

func (r *pythonRun) purgeTag(why Reason, tag string, step int64, by Place) {
	if series, ok := r.series[tag]; ok {
		series.purge(step, func(p *stored) { r.losses.point(why, r.name, tag, p, by, "") })
	}
}

// fileVersion is event_util.ParseFileVersion.
func fileVersion(s string) float64 {
	const mark = "brain.Event:"
	if i := strings.LastIndex(s, mark); i >= 0 {
		s = s[i+len(mark):]
	}
	s = strings.TrimSpace(s)
	if strings.ContainsAny(s, "xXpP_") {
		return -1
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return -1
	}
	return f
}
