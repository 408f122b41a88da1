package readers

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/runhook/runhook/summary/eventpb"
)

// The tags that the hparams plugin looks for.
const (
	hparamsExperiment = "_hparams_/experiment"
	hparamsSession    = "_hparams_/session_start_info"
	hparamsSessionEnd = "_hparams_/session_end_info" // of runs that are sessions
)

// An hparamsPage is what the plugin finds of its own before it looks for metrics:
// plugins/hparams/backend_context.py and list_session_groups.py.
type hparamsPage struct {
	sessions   []string            // the runs that are one
	experiment *eventpb.Experiment // the first; nil if there is none
	typed      bool                // a session has a value of a type that is shown
}

// readHParams reads the metadata of the plugin's tags in all runs. Where it fails,
// so does the page.
func readHParams(runs []Run) (hparamsPage, error) {
	var h hparamsPage
	for i := range runs {
		session := hparamsTag(&runs[i], hparamsSession)
		tags := []*Tag{session}
		if session != nil {
			tags = append(tags, hparamsTag(&runs[i], hparamsSessionEnd))
		}
		if h.experiment == nil {
			tags = append(tags, hparamsTag(&runs[i], hparamsExperiment))
		}
		for _, t := range tags {
			if t == nil {
				continue
			}
			if err := h.read(runs[i].Name, t); err != nil {
				return h, fmt.Errorf("run %q, tag %q: the plugin's part of the metadata: %w", runs[i].Name, t.Name, err)
			}
		}
	}
	return h, nil
}

// hparamsTag is a tag that the plugin finds in a run, or nil.
func hparamsTag(run *Run, name string) *Tag {
	if t := run.Tag(name); t != nil && t.Plugin == hparams && t.Class == eventpb.DataClass_TENSOR {
		return t
	}
	return nil
}

func (h *hparamsPage) read(run string, t *Tag) error {
	data := new(eventpb.HParamsPluginData)
	if err := proto.Unmarshal(t.Content, data); err != nil {
		return err
	}
	if data.GetVersion() != 0 {
		return fmt.Errorf("version %d", data.GetVersion())
	}
	switch t.Name {
	case hparamsExperiment:
		if h.experiment = data.GetExperiment(); h.experiment == nil {
			return fmt.Errorf("no experiment in it")
		}
		return nil
	case hparamsSessionEnd:
		if data.GetSessionEndInfo() == nil {
			return fmt.Errorf("no session_end_info in it")
		}
		return nil
	}
	start := data.GetSessionStartInfo()
	if start == nil {
		return fmt.Errorf("no session_start_info in it")
	}
	h.sessions = append(h.sessions, run)
	for _, v := range start.GetHparams() {
		switch v.GetKind().(type) {
		case *structpb.Value_BoolValue, *structpb.Value_NumberValue, *structpb.Value_StringValue:
			h.typed = true
		}
	}
	return nil
}

// A badScalar is a series of scalars that the Python server cannot list, or of
// which it cannot read the last point, or finds no number there.
type badScalar struct {
	run, tag         string
	unlisted, noItem bool
	err              error
}

// failure is why the Python server's page fails though its own tags are right: the
// metrics are scalars. Without an experiment or a session it lists all; then it
// reads the last point of each, in each run that may have one of them, and without
// a session in all runs.
func (h hparamsPage) failure(scalars []Run, bad []badScalar) error {
	for _, b := range bad {
		if b.unlisted && h.experiment == nil || (b.unlisted || b.noItem) && len(h.sessions) == 0 {
			return b.err
		}
	}
	runs, tags := h.metrics(scalars)
	for _, b := range bad {
		if slices.Contains(runs, b.run) && slices.Contains(tags, b.tag) {
			return b.err
		}
	}
	return nil
}

// metrics are the runs and the tags whose scalars are read.
func (h hparamsPage) metrics(all []Run) (runs, tags []string) {
	var groups []string
	switch {
	case h.experiment != nil:
		for _, m := range h.experiment.GetMetricInfos() {
			groups, tags = append(groups, m.GetName().GetGroup()), append(tags, m.GetName().GetTag())
		}
	case h.typed:
		for _, run := range all {
			session, ok := h.above(run.Name)
			if !ok {
				continue
			}
			group := strings.TrimPrefix(strings.TrimPrefix(run.Name, session), "/")
			if group == "" && strings.HasSuffix(run.Name, ".") {
				group = "." // Which names no run: these metrics have no values.
			}
			groups = append(groups, group)
			for _, t := range run.Tags {
				if t.Plugin == scalars {
					tags = append(tags, t.Name)
				}
			}
		}
	}
	for _, session := range h.sessions {
		for _, group := range groups {
			run := strings.TrimSuffix(session+"/"+group, "/")
			if path.IsAbs(group) {
				run = group
			}
			runs = append(runs, run)
		}
	}
	return runs, tags
}

// above is the longest session run that is run or a directory above it.
func (h hparamsPage) above(run string) (session string, ok bool) {
	for dir := run; ; dir = path.Dir(dir) {
		if slices.Contains(h.sessions, dir) {
			return dir, true
		}
		if !strings.Contains(dir, "/") {
			return "", false
		}
	}
}
