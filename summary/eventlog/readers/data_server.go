package readers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/runhook/runhook/internal/tfrecord"
	"github.com/runhook/runhook/summary/eventpb"
)

// DataServer is rustboard, the data server that tensorboard starts by default,
// with the Python pages in front of it: run.rs, data_compat.rs, reservoir.rs and
// server.rs.
type DataServer struct {
	// Checksum is --checksum: a record with a wrong payload checksum is the last
	// of its file. By default only records that are no Event are checked.
	Checksum bool

	// Sampled leaves out what the server does without --samples_per_plugin.
	Sampled bool
}

var _ View = DataServer{}

// Name returns "rustboard".
func (DataServer) Name() string { return "rustboard" }

// Load is described at View. The real server orders runs of the same start at
// random, Load by name.
func (s DataServer) Load(ctx context.Context, fsys fs.FS) (*Shown, error) {
	losses := newLedger()
	found, err := walk(ctx, fsys, losses)
	if err != nil {
		return nil, err
	}
	shown := &Shown{}
	page := newPage(losses)
	for _, dir := range found.dirs {
		r := &rustRun{name: dir.name, config: s, losses: losses, series: make(map[string]*rustSeries)}
		err := r.loadAll(ctx, fsys, dir.entries)
		var memory *memoryError
		switch {
		case errors.As(err, &memory) && memory.length <= maxCapacity:
			// The process ends, and the pages have nobody to ask.
			return &Shown{Err: err, Losses: losses.losses}, nil
		case errors.As(err, &memory):
			// The thread panics before it commits the run. Others get through.
			if shown.Err == nil {
				shown.Err = err
			}
			continue
		case err != nil:
			return nil, err
		}
		if run, ok := r.commit(page); ok {
			shown.Runs = append(shown.Runs, run)
		}
	}
	page.finish(shown)
	slices.SortStableFunc(shown.Runs, byStart)
	return shown, nil
}

// A rustRun is a RunLoader.
type rustRun struct {
	name   string
	config DataServer
	losses *ledger

	start   float64 // the least
	started bool
	series  map[string]*rustSeries
}

// A rustSeries is a StageTimeSeries.
type rustSeries struct {
	md   *eventpb.SummaryMetadata
	late bool // a value names a plugin, where md names none
	rustReservoir
}

// errDead ends the reading of a file.
var errDead = errors.New("dead")

// maxCapacity is the longest record that a Rust vector could have room for.
// Asking for more is a panic, for memory that is not there the process's end.
const maxCapacity = math.MaxInt64 - tfrecord.FooterSize

// loadAll reads the files in order. A *memoryError is not survived.
func (r *rustRun) loadAll(ctx context.Context, fsys fs.FS, entries []entry) error {
	for _, e := range entries {
		if !e.file {
			continue
		}
		if err := r.load(ctx, fsys, e.path); err != nil {
			return err
		}
	}
	return nil
}

// load reads one file.
func (r *rustRun) load(ctx context.Context, fsys fs.FS, file string) error {
	end, err := readRecords(ctx, fsys, file, !r.config.Checksum, func(rec record) error {
		at := Place{File: file, Offset: rec.offset}
		e, err := decodeStrictly(rec.payload)
		if err != nil {
			detail := "a record that is no Event: " + err.Error()
			if !rec.intact {
				detail = "payload checksum is wrong, and " + detail
			}
			r.losses.file(Damaged, r.name, at, detail)
			return errDead
		}
		if math.IsNaN(e.GetWallTime()) {
			r.losses.file(Damaged, r.name, at, fmt.Sprintf("the wall time at step %d is NaN", e.GetStep()))
			return errDead
		}
		r.read(e, at)
		return nil
	})
	if err == errDead {
		return nil
	}
	if err != nil {
		return err
	}
	if err := end.tooLong(); err != nil {
		return fmt.Errorf("run %q: %s, offset %d: %w", r.name, file, end.offset, err)
	}
	end.note(r.losses, r.name, file)
	return nil
}

// read is RunLoaderData.read_event.
func (r *rustRun) read(e *eventpb.Event, at Place) {
	p := stored{step: e.GetStep(), wall: e.GetWallTime(), place: at}
	if !math.IsInf(p.wall, 0) && (!r.started || p.wall < r.start) {
		r.started, r.start = true, p.wall
	}
	switch what := e.GetWhat().(type) {
	case *eventpb.Event_GraphDef:
		p.value = datum{kind: blobDatum, blob: what.GraphDef}
		r.offer(runGraph, p, "", func() *eventpb.SummaryMetadata { return known(graphs, eventpb.DataClass_BLOB_SEQUENCE, nil) })
	case *eventpb.Event_TaggedRunMetadata:
		p.value = datum{kind: blobDatum, blob: what.TaggedRunMetadata.GetRunMetadata()}
		r.offer(what.TaggedRunMetadata.GetTag(), p, "", func() *eventpb.SummaryMetadata {
			return known(graphTaggedRun, eventpb.DataClass_BLOB_SEQUENCE, nil)
		})
	case *eventpb.Event_Summary:
		for _, v := range what.Summary.GetValue() {
			if p.value = datumOf(v); p.value.kind == noDatum {
				p.value = datum{kind: tensorDatum, tensor: nullTensor()}
			}
			plugin := v.GetMetadata().GetPluginData().GetPluginName()
			r.offer(v.GetTag(), p, plugin, func() *eventpb.SummaryMetadata { return initialMetadata(v) })
		}
	}
}

// offer adds a point to its series, for which begin makes the metadata if it is
// the first. plugin is the one that the value names, if any.
func (r *rustRun) offer(tag string, p stored, plugin string, begin func() *eventpb.SummaryMetadata) {
	if math.IsInf(p.wall, 0) {
		r.losses.point(WallTimeInfinite, r.name, tag, &p, Place{}, "")
		return
	}
	s, ok := r.series[tag]
	if !ok {
		s = &rustSeries{md: begin()}
		if r.config.Sampled {
			s.size = rustSize[s.md.GetDataClass()]
		}
		r.series[tag] = s
	}
	s.late = s.late || plugin != ""
	s.offer(p, func(old *stored) {
		if old.obsolete() {
			r.losses.point(Obsolete, r.name, tag, old, Place{}, "")
			return
		}
		r.losses.point(NotRising, r.name, tag, old, p.place, "")
	}, func(old *stored) {
		r.losses.point(Sampled, r.name, tag, old, Place{}, "")
	})
}

// initialMetadata is SummaryValue.initial_metadata: what a series is goes by its
// first value.
func initialMetadata(v *eventpb.Summary_Value) *eventpb.SummaryMetadata {
	md := v.GetMetadata()
	if md.GetDataClass() != eventpb.DataClass_UNKNOWN {
		return md
	}
	switch v.GetValue().(type) {
	case *eventpb.Summary_Value_SimpleValue:
		return known(scalars, eventpb.DataClass_SCALAR, nil)
	case *eventpb.Summary_Value_Image:
		return known(images, eventpb.DataClass_BLOB_SEQUENCE, convertedImage)
	case *eventpb.Summary_Value_Audio:
		return known(audio, eventpb.DataClass_BLOB_SEQUENCE, convertedAudio)
	case *eventpb.Summary_Value_Histo:
		return known(histograms, eventpb.DataClass_TENSOR, nil)
	}
	if class, ok := classOf[md.GetPluginData().GetPluginName()]; ok {
		md = proto.CloneOf(md)
		md.DataClass = class
	}
	return md
}

func known(plugin string, class eventpb.DataClass, content []byte) *eventpb.SummaryMetadata {
	return &eventpb.SummaryMetadata{
		PluginData: &eventpb.SummaryMetadata_PluginData{PluginName: plugin, Content: content},
		DataClass:  class,
	}
}

// commit is the run as the data server serves it; a run without an event is
// none.
func (r *rustRun) commit(page *page) (Run, bool) {
	run := Run{Name: r.name, Start: r.start, Started: r.started}
	noKey := blobKeyFault(r.name)
	for _, tag := range slices.Sorted(maps.Keys(r.series)) {
		s := r.series[tag]
		l := listing{run: r.name, tag: tag, md: s.md}
		if class := s.md.GetDataClass(); class >= eventpb.DataClass_SCALAR && class <= eventpb.DataClass_BLOB_SEQUENCE {
			page.plugins[l.plugin()] = true
		}
		if why, detail := l.unlisted(); why != 0 {
			if why == NoPlugin && s.late {
				detail = "the series begins without metadata"
			}
			r.losses.points(why, r.name, tag, s.points, detail)
			continue
		}
		t := l.shown()
		noBlob := cmp.Or(noKey, blobKeyFault(tag))
		for i := range s.points {
			p := &s.points[i]
			if p.obsolete() {
				r.losses.point(Obsolete, r.name, tag, p, Place{}, "")
				continue
			}
			value, err := enrich(p.value, s.md)
			if err != nil {
				r.losses.point(WrongForm, r.name, tag, p, Place{}, err.Error())
				continue
			}
			point := p.shown(value)
			if blobs, ok := value.([]Blob); ok {
				for i := range blobs {
					blobs[i].Err = noBlob
				}
				point.claimed = len(blobs)
				t.Samples = max(t.Samples, len(blobs))
			}
			t.Points = append(t.Points, point)
		}
		if len(t.Points) == 0 {
			continue
		}
		arrays(&t)
		run.Tags = append(run.Tags, t)
	}
	return run, r.started
}

// blobKeyFault is why the server does not find the blobs of a run or a tag again.
// Their keys have the names in JSON, and blob_key.rs reads no string back that was
// escaped.
func blobKeyFault(name string) error {
	if strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c == '"' || c == '\\' }) {
		return fmt.Errorf("the key of a blob of %q cannot be read", name)
	}
	return nil
}

// arrays makes arrays of tensors, as the Python side of the connection does for
// all points of an answer.
func arrays(t *Tag) {
	for i := range t.Points {
		p := &t.Points[i]
		d, ok := p.Value.(datum)
		if !ok {
			return
		}
		a, err := d.array()
		if err != nil {
			t.Err = fmt.Errorf("step %d (%s, offset %d): %w", p.Step, p.File, p.Offset, err)
			t.Points = nil
			return
		}
		p.Value = a
	}
}
