package readers

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/runhook/runhook/summary/eventpb"
)

// A listing is a series that a server holds, before a page shows it.
type listing struct {
	run, tag string
	md       *eventpb.SummaryMetadata // may be nil
}

func (s listing) plugin() string { return s.md.GetPluginData().GetPluginName() }

// unlisted tells why no page asks for the series, or 0.
func (s listing) unlisted() (Reason, string) {
	plugin, class := s.plugin(), s.md.GetDataClass()
	if plugin == "" {
		return NoPlugin, ""
	}
	switch class {
	case eventpb.DataClass_SCALAR, eventpb.DataClass_TENSOR, eventpb.DataClass_BLOB_SEQUENCE:
	default:
		if _, ok := classOf[plugin]; ok {
			return NoClass, fmt.Sprintf("plugin %q, and a file where the series begins without metadata", plugin)
		}
		return NoClass, fmt.Sprintf("plugin %q", plugin)
	}
	switch plugin {
	case distributions:
		return NotOnPage, "the page shows histograms"
	case graphs:
		if class == eventpb.DataClass_BLOB_SEQUENCE && s.tag != runGraph {
			return NotOnPage, fmt.Sprintf("of plugin %q only the tag %q", graphs, runGraph)
		}
	case graphRun, graphRunOps, graphKeras:
		if class == eventpb.DataClass_BLOB_SEQUENCE && string(s.md.GetPluginData().GetContent()) != graphSubVersion {
			return NewVersion, fmt.Sprintf("content %q, want %q", s.md.GetPluginData().GetContent(), graphSubVersion)
		}
	}
	want, known := classOf[plugin]
	if plugin == graphs || plugin == graphTaggedRun {
		want, known = eventpb.DataClass_BLOB_SEQUENCE, true
	}
	if known && class != want {
		return WrongClass, fmt.Sprintf("%v, plugin %q asks for %v", class, plugin, want)
	}
	return 0, ""
}

// shown is the tag without its points.
func (s listing) shown() Tag {
	return Tag{
		Name:        s.tag,
		Plugin:      s.plugin(),
		Content:     bytes.Clone(s.md.GetPluginData().GetContent()),
		DisplayName: s.md.GetDisplayName(),
		Description: s.md.GetSummaryDescription(),
		Class:       s.md.GetDataClass(),
	}
}

// shown is a point with the value as it is served.
func (p stored) shown(value any) Point {
	return Point{Step: p.step, WallTime: p.wall, Value: value, Place: p.place}
}

// A page gathers what the plugins of a server have to say about all runs.
type page struct {
	losses  *ledger
	plugins map[string]bool
	errs    map[string]error
}

func newPage(losses *ledger) *page {
	return &page{losses: losses, plugins: make(map[string]bool), errs: make(map[string]error)}
}

// plugin notes that there is data of a plugin.
func (p *page) plugin(name string) {
	if name != "" {
		p.plugins[name] = true
	}
}

// runList is the list of runs among the pages that can fail. It is no plugin's.
const runList = "runs"

// pageOf is the plugin whose page shows another's data.
func pageOf(plugin string) string {
	switch plugin {
	case graphRun, graphRunOps, graphKeras, graphTaggedRun:
		return graphs
	}
	return plugin
}

// fail notes that a plugin's page answers with errors. The first counts.
func (p *page) fail(plugin string, err error) {
	if name := pageOf(plugin); p.errs[name] == nil {
		p.errs[name] = err
	}
}

// finish applies what each plugin's page does to its tags.
func (p *page) finish(shown *Shown) {
	if _, err := readHParams(shown.Runs); err != nil {
		p.fail(hparams, err)
	}
	for i := range shown.Runs {
		run := &shown.Runs[i]
		run.Tags = slices.DeleteFunc(run.Tags, func(t Tag) bool { return !p.accepts(run.Name, &t) })
	}
	for i := range shown.Runs {
		run := &shown.Runs[i]
		run.Tags = slices.DeleteFunc(run.Tags, func(t Tag) bool { return p.errs[pageOf(t.Plugin)] != nil })
		for k := range run.Tags {
			p.dress(run.Name, &run.Tags[k])
		}
	}
	for name := range p.plugins {
		shown.Plugins = append(shown.Plugins, name)
	}
	slices.Sort(shown.Plugins)
	if len(p.errs) > 0 {
		shown.PluginErrs = p.errs
	}
	shown.Losses = p.losses.losses
}

// accepts reads the plugin's part of the metadata, as the page does for all its
// tags before it shows any.
func (p *page) accepts(run string, t *Tag) bool {
	switch t.Plugin {
	case graphRun, graphRunOps, graphKeras, graphTaggedRun:
		if t.Name == "" {
			p.fail(graphs, fmt.Errorf("run %q: a tag without name, of plugin %q (TypeError)", run, t.Plugin))
		}
		return true
	case scalars, histograms, images, audio, text, prCurves, mesh:
	default:
		return true
	}
	if t.Plugin == mesh {
		if err := meshFault(t.Content); err != nil {
			p.fail(mesh, fmt.Errorf("run %q, tag %q: the plugin's part of the metadata: %w", run, t.Name, err))
			return true
		}
	}
	if (t.Plugin == histograms || t.Plugin == text) && string(t.Content) == "{}" {
		return true
	}
	data, err := parsePluginData(t.Content)
	if err != nil {
		p.fail(t.Plugin, fmt.Errorf("run %q, tag %q: the plugin's part of the metadata: %w", run, t.Name, err))
		return true
	}
	if data.version != 0 {
		for _, point := range t.Points {
			lost := stored{step: point.Step, place: point.Place}
			p.losses.point(NewVersion, run, t.Name, &lost, Place{}, fmt.Sprintf("version %d", data.version))
		}
		return false
	}
	return true
}

// dress is what a page does to one tag.
func (p *page) dress(run string, t *Tag) {
	if t.Err != nil {
		return
	}
	switch t.Plugin {
	case histograms:
		p.check(t, histogramFault)
	case text:
		p.check(t, textFault)
	case prCurves:
		if t.Name == "" {
			t.Err, t.Points = errors.New("no tag provided"), nil
			break
		}
		p.check(t, curveFault)
	case images:
		p.images(run, t)
	case audio:
		p.audio(run, t)
	case graphs:
		if len(t.Points) == 0 {
			t.Err = errors.New("all graphs purged: not found")
		}
		for _, point := range t.Points {
			blobs := point.Value.([]Blob)
			for i := range blobs {
				if blobs[i].Err == nil {
					blobs[i].Err = checkGraph(blobs[i].Data)
				}
			}
		}
	}
}

// check lets one bad tensor spoil a tag.
func (p *page) check(t *Tag, fault func(*Tensor) error) {
	for _, point := range t.Points {
		if err := fault(point.Value.(*Tensor)); err != nil {
			t.Err = fmt.Errorf("step %d (%s, offset %d): %w", point.Step, point.File, point.Offset, err)
			t.Points = nil
			return
		}
	}
}

// images leaves out width and height, and steps without a picture.
func (p *page) images(run string, t *Tag) {
	t.Samples -= 2
	t.Points = slices.DeleteFunc(t.Points, func(point Point) bool {
		if len(point.Value.([]Blob)) > 2 {
			return false
		}
		p.lose(run, t.Name, point)
		return true
	})
	for i := range t.Points {
		blobs := t.Points[i].Value.([]Blob)[2:]
		for k := range blobs {
			if blobs[k].Err == nil {
				blobs[k].MIME = imageType(blobs[k].Data)
			}
		}
		t.Points[i].Value = blobs
	}
}

// audio leaves out clips: the page asks for the k-th clip of all steps at once,
// and that answer fails where a step has just k.
func (p *page) audio(run string, t *Tag) {
	t.MIME = "application/octet-stream"
	if data, err := parsePluginData(t.Content); err == nil && data.second == wavEncoding {
		t.MIME = "audio/wav"
	}
	failing := make(map[int]bool)
	least := t.Samples
	for _, point := range t.Points {
		if n := point.claimed; n < t.Samples {
			failing[n] = true
			least = min(least, n)
		}
	}
	if len(failing) > 0 {
		t.Err = fmt.Errorf("clip %d: a step has just %d clips (IndexError)", least, least)
	}
	kept := t.Points[:0]
	for _, point := range t.Points {
		var blobs []Blob
		for k, b := range point.Value.([]Blob) {
			if !failing[k] {
				blobs = append(blobs, b)
			}
		}
		if len(blobs) == 0 {
			p.lose(run, t.Name, point)
			continue
		}
		point.Value = blobs
		kept = append(kept, point)
	}
	t.Points = kept
}

func (p *page) lose(run, tag string, point Point) {
	lost := stored{step: point.Step, place: point.Place}
	p.losses.point(NoSample, run, tag, &lost, Place{}, "")
}

// item is numpy's item() as the scalars page needs it: a number, or a string,
// which it passes on.
func item(a *Tensor) (any, error) {
	if a.Len() != 1 {
		return nil, fmt.Errorf("a tensor of shape %v, want one element", a.shape)
	}
	for s := range a.Strings() {
		if !utf8.Valid(s) {
			return nil, errors.New("text that is no UTF-8")
		}
		return string(s), nil
	}
	if !a.Numeric() {
		return nil, fmt.Errorf("a tensor of type %v, want a number", a.DType())
	}
	return a.float(0), nil
}

// histogramFault tells why the page can draw no histogram.
func histogramFault(a *Tensor) error {
	switch {
	case len(a.shape) > 0 && a.shape[0] == 0:
		return nil
	case len(a.shape) != 2 || a.shape[1] < 3:
		return fmt.Errorf("a tensor of shape %v, want [k,3]", a.shape)
	case !a.Numeric():
		return fmt.Errorf("a tensor of type %v, want numbers", a.DType())
	}
	return nil
}

// textFault tells why the server can render no text. Of more than two dimensions
// it takes the first matrix.
func textFault(a *Tensor) error {
	n := a.Len()
	if len(a.shape) > 2 {
		outer := a.shape[:len(a.shape)-2]
		if slices.Contains(outer, 0) {
			return fmt.Errorf("a tensor of shape %v has no first matrix", a.shape)
		}
		n = a.shape[len(a.shape)-2] * a.shape[len(a.shape)-1]
	}
	if n == 0 {
		return nil
	}
	if a.DType() != eventpb.DataType_STRING {
		return fmt.Errorf("a tensor of type %v, want STRING", a.DType())
	}
	for s := range a.Strings() {
		if n == 0 {
			break
		}
		if n--; !utf8.Valid(s) {
			return errors.New("text that is no UTF-8")
		}
		if a.stored == 1 {
			break
		}
	}
	return nil
}

// curveFault tells why the server can make no curve.
func curveFault(a *Tensor) error {
	const rows, counts = 6, 4
	if len(a.shape) != 2 || a.shape[0] < rows {
		return fmt.Errorf("a tensor of shape %v, want [6,n]", a.shape)
	}
	if a.Len() > 0 && !a.Numeric() {
		return fmt.Errorf("a tensor of type %v, want numbers", a.DType())
	}
	n := a.shape[1] * counts
	for f := range a.Floats() {
		if n == 0 {
			break
		}
		if n--; math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("a count of %v", f)
		}
		if a.stored == 1 {
			break
		}
	}
	return nil
}

// byStart orders runs by start, those without last, and by name.
func byStart(a, b Run) int {
	switch {
	case a.Started != b.Started:
		if a.Started {
			return -1
		}
		return 1
	case a.Start < b.Start:
		return -1
	case a.Start > b.Start:
		return 1
	}
	return cmp.Compare(a.Name, b.Name)
}

func clampInt(n int64) int { return int(min(max(n, math.MinInt32), math.MaxInt32)) }
