package readers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/summary/eventpb"
)

// EventAccumulator is event_accumulator.EventAccumulator, the class that scripts
// and converters use, one for each run directory and with sizes that keep all.
// It shows values in the form they have in the file and asks no data class.
type EventAccumulator struct {
	// KeepOrphans is purge_orphaned_data=False: no START and no lower step drops
	// points.
	KeepOrphans bool

	// Sampled leaves out what the class does with its DEFAULT_SIZE_GUIDANCE.
	Sampled bool
}

var _ View = EventAccumulator{}

// Name returns "EventAccumulator".
func (EventAccumulator) Name() string { return "EventAccumulator" }

// Load is described at View.
func (a EventAccumulator) Load(ctx context.Context, fsys fs.FS) (*Shown, error) {
	losses := newLedger()
	found, err := walk(ctx, fsys, losses)
	if err != nil {
		return nil, err
	}
	shown := &Shown{}
	for _, dir := range found.dirs {
		r := &accumulator{name: dir.name, config: a, losses: losses, lastStep: -1, metadata: make(map[string]*eventpb.SummaryMetadata)}
		for i := range r.lists {
			r.lists[i] = make(map[string]*pythonReservoir)
		}
		run := Run{Name: dir.name}
		run.Err = r.load(ctx, fsys, dir.watched())
		if run.Err != nil && ctx.Err() != nil {
			return nil, run.Err
		}
		run.Start, run.Started = r.start, r.started
		if run.Err == nil {
			run.Tags = r.tags()
		}
		shown.Runs = append(shown.Runs, run)
	}
	slices.SortStableFunc(shown.Runs, byStart)
	shown.Losses = losses.losses
	return shown, nil
}

// The lists that an accumulator keeps points in, in the order of the names in
// listNames. A purge leaves out the last.
const (
	listScalars = iota
	listHistograms
	listImages
	listAudio
	listTensors
	lists
)

var listNames = [lists]string{ListScalars, ListHistograms, ListImages, ListAudio, ListTensors}

// listPlugin names the page that shows what the first lists hold. Tensors have
// metadata that does.
var listPlugin = [listTensors]string{scalars, histograms, images, audio}

// An accumulator is an EventAccumulator of one directory.
type accumulator struct {
	name   string
	config EventAccumulator
	losses *ledger

	start    float64
	started  bool
	version  float64 // of the file; 0 is none
	lastStep int64   // of the last event that was in order, before there is a version

	metadata map[string]*eventpb.SummaryMetadata // by tag, the first
	lists    [lists]map[string]*pythonReservoir

	graph, metaGraph *stored // the last
	fromMeta         bool    // graph is part of metaGraph
	runMetadata      map[string]*stored
}

// load reads the files in order. An error is what Reload raises, or ctx's.
func (r *accumulator) load(ctx context.Context, fsys fs.FS, files []string) error {
	for _, file := range files {
		end, err := readRecords(ctx, fsys, file, false, func(rec record) error {
			e := &eventpb.Event{}
			if err := proto.Unmarshal(rec.payload, e); err != nil {
				return fmt.Errorf("%s, offset %d: a record that is no Event: %w", file, rec.offset, err)
			}
			if err := r.process(e, Place{File: file, Offset: rec.offset}); err != nil {
				return fmt.Errorf("%s, offset %d: %w", file, rec.offset, err)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if end.missing() {
			end.note(r.losses, r.name, file)
			return nil
		}
		err = end.tooLong()
		if end.failed() {
			err = end.cause
		}
		if err != nil {
			return fmt.Errorf("%s, offset %d: %w", file, end.offset, err)
		}
		end.note(r.losses, r.name, file)
	}
	return nil
}

// process is EventAccumulator._ProcessEvent.
func (r *accumulator) process(e *eventpb.Event, at Place) error {
	if !r.started {
		r.started, r.start = true, e.GetWallTime()
	}
	if v, ok := e.GetWhat().(*eventpb.Event_FileVersion); ok {
		r.version = fileVersion(v.FileVersion)
	}
	if !r.config.KeepOrphans {
		r.purge(e, at)
	}
	p := stored{step: e.GetStep(), wall: e.GetWallTime(), place: at}
	switch what := e.GetWhat().(type) {
	case *eventpb.Event_GraphDef:
		p.value = datum{kind: blobDatum, blob: what.GraphDef}
		if !r.fromMeta {
			r.replaced(runGraph, r.graph)
		}
		r.graph, r.fromMeta = &p, false
	case *eventpb.Event_MetaGraphDef:
		p.value = datum{kind: blobDatum, blob: what.MetaGraphDef}
		r.replaced("", r.metaGraph)
		r.metaGraph = &p
		if r.graph == nil || r.fromMeta {
			if err := checkMetaGraph(what.MetaGraphDef); err != nil {
				return fmt.Errorf("meta graph: %w", err)
			}
			graph := p
			graph.value.blob = graphOf(what.MetaGraphDef)
			r.graph, r.fromMeta = &graph, true
		}
	case *eventpb.Event_TaggedRunMetadata:
		p.value = datum{kind: blobDatum, blob: what.TaggedRunMetadata.GetRunMetadata()}
		if r.runMetadata == nil {
			r.runMetadata = make(map[string]*stored)
		}
		tag := what.TaggedRunMetadata.GetTag()
		r.replaced(tag, r.runMetadata[tag])
		r.runMetadata[tag] = &p
	case *eventpb.Event_Summary:
		for _, v := range what.Summary.GetValue() {
			if err := r.add(v, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// replaced notes what a later graph or run metadata takes the place of, if
// anything.
func (r *accumulator) replaced(tag string, old *stored) {
	if old != nil {
		r.losses.point(Replaced, r.name, tag, old, Place{}, "")
	}
}

// add keeps a value.
func (r *accumulator) add(v *eventpb.Summary_Value, p stored) error {
	tag := v.GetTag()
	if md := v.GetMetadata(); md != nil {
		if _, ok := r.metadata[tag]; !ok {
			r.metadata[tag] = md
		}
	}
	list := listScalars
	switch old := v.GetValue().(type) {
	case *eventpb.Summary_Value_SimpleValue:
	case *eventpb.Summary_Value_Histo:
		list = listHistograms
		if err := compress(old.Histo); err != nil {
			return fmt.Errorf("tag %q: %w", tag, err)
		}
	case *eventpb.Summary_Value_Image:
		list = listImages
	case *eventpb.Summary_Value_Audio:
		list = listAudio
	case *eventpb.Summary_Value_Tensor:
		list = listTensors
		if tag == "" {
			tag = v.GetNodeName()
		}
	default:
		r.losses.point(noValue(v), r.name, tag, &p, Place{}, "")
		return nil
	}
	p.value = datumOf(v)
	series, ok := r.lists[list][tag]
	if !ok {
		series = &pythonReservoir{}
		if r.config.Sampled {
			series.size = accumulatorSize[list]
		}
		r.lists[list][tag] = series
	}
	series.add(p, func(p *stored) { r.losses.point(Sampled, r.name, tag, p, Place{}, "") })
	return nil
}

// purge is _MaybePurgeOrphanedData.
func (r *accumulator) purge(e *eventpb.Event, at Place) {
	summary, isSummary := e.GetWhat().(*eventpb.Event_Summary)
	switch {
	case r.version >= 2:
		if e.GetSessionLog().GetStatus() == eventpb.SessionLog_START {
			r.purgeAll(Restarted, e.GetStep(), at)
		}
	case isSummary && e.GetStep() < r.lastStep:
		for _, v := range summary.Summary.GetValue() {
			if v.GetTag() == "" { // no key is all keys to Reservoir.FilterItems
				r.purgeAll(OutOfOrder, e.GetStep(), at)
				continue
			}
			for list := range listTensors {
				r.purgeTag(OutOfOrder, list, v.GetTag(), e.GetStep(), at)
			}
		}
	default:
		r.lastStep = e.GetStep()
	}
}

func (r *accumulator) purgeAll(why Reason, step int64, by Place) {
	for list := range listTensors {
		for tag := range r.lists[list] {
			r.purgeTag(why, list, tag, step, by)
		}
	}
}

func (r *accumulator) purgeTag(why Reason, list int, tag string, step int64, by Place) {
	if series, ok := r.lists[list][tag]; ok {
		series.purge(step, func(p *stored) { r.losses.point(why, r.name, tag, p, by, "") })
	}
}

// tags is what Tags() lists.
func (r *accumulator) tags() []Tag {
	var out []Tag
	for list, series := range r.lists {
		for _, tag := range slices.Sorted(maps.Keys(series)) {
			md := r.metadata[tag]
			t := Tag{
				Name: tag, List: listNames[list], Plugin: md.GetPluginData().GetPluginName(), Content: md.GetPluginData().GetContent(),
				DisplayName: md.GetDisplayName(), Description: md.GetSummaryDescription(), Class: md.GetDataClass(),
			}
			if list < listTensors {
				t.Plugin = listPlugin[list]
			}
			for _, p := range series[tag].points {
				t.Points = append(t.Points, p.shown(accumulated(p.value)))
			}
			out = append(out, t)
		}
	}
	if r.graph != nil {
		out = append(out, r.single(runGraph, ListGraph, graphs, r.graph))
	}
	if r.metaGraph != nil {
		out = append(out, r.single("", ListMetaGraph, "", r.metaGraph))
	}
	for _, tag := range slices.Sorted(maps.Keys(r.runMetadata)) {
		out = append(out, r.single(tag, ListRunMetadata, graphTaggedRun, r.runMetadata[tag]))
	}
	slices.SortStableFunc(out, func(a, b Tag) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// single is a tag of which only the last value is kept.
func (r *accumulator) single(tag, list, plugin string, p *stored) Tag {
	t := Tag{Name: tag, List: list, Plugin: plugin, Points: []Point{p.shown(blobs(p.value.blob))}}
	if list == ListGraph {
		t.Err = checkGraph(p.value.blob)
	}
	return t
}

// accumulated is a value as the accumulator's methods return it.
func accumulated(d datum) any {
	switch d.kind {
	case simpleDatum:
		return float64(d.scalar)
	case floatDatum, tensorDatum:
		a, err := d.array()
		if err != nil {
			return err
		}
		return a
	}
	switch old := d.old.GetValue().(type) {
	case *eventpb.Summary_Value_Histo:
		return old.Histo
	case *eventpb.Summary_Value_Image:
		return old.Image
	case *eventpb.Summary_Value_Audio:
		return old.Audio
	}
	return nil
}

// compress looks whether compressor.compress_histogram_proto, which runs over
// every histogram that comes, gets through. It raises where it needs a limit of
// a bucket that has none.
func compress(h *eventpb.HistogramProto) error {
	counts, limits := h.GetBucket(), h.GetBucketLimit()
	if h.GetNum() == 0 || len(limits) >= len(counts) {
		return nil
	}
	points := []float64{0, 668, 1587, 3085, 5000, 6915, 8413, 9332, 10000}
	sum := 0.0
	for _, c := range counts {
		sum += c
	}
	if sum == 0 {
		sum = 1
	}
	weights, running := make([]float64, len(counts)), 0.0
	for i, c := range counts {
		running += c * points[len(points)-1] / sum
		weights[i] = running
	}
	for _, x := range points {
		// As numpy's searchsorted with side="right", for which NaN is the greatest.
		i, _ := slices.BinarySearchFunc(weights, x, func(w, x float64) int {
			if w <= x {
				return -1
			}
			return 1
		})
		previous := func() float64 {
			if i == 0 {
				return 0
			}
			return weights[i-1]
		}
		for i < len(weights) && weights[i] == previous() {
			i++
		}
		if i >= len(weights) {
			return nil
		}
		if i >= len(limits) || i > 0 && previous() != 0 && i-1 >= len(limits) {
			return errors.New("a histogram with fewer limits than counts: list index out of range")
		}
	}
	return nil
}
