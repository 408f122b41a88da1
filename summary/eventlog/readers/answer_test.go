package readers_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/runhook/runhook/summary/eventlog/readers"
)

// An answer is what a real reader showed of a run, by tag, as it was recorded:
// each entry has the plugin, the steps and the values in a form of the plugin's
// own. The keys in brackets are no tags.
type answer map[string]any

const (
	readerFailed   = "(reader failed)"   // the Python server, with the exception
	readerErrors   = "(errors)"          // EventAccumulator, with the exceptions
	hparamsSession = "(hparams session)" // a server that has a session to show
)

// sessionStart is the tag that the hparams page looks for.
const sessionStart = "_hparams_/session_start_info"

// differences lists where a view and a recorded answer of the same run differ.
// shown may be of more runs.
func differences(view readers.View, shown *readers.Shown, runName string, want answer) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if _, failed := want[readerFailed]; failed || shown.Err != nil {
		if !failed || shown.Err == nil {
			say("reader: %v, recorded %v", shown.Err, want[readerFailed])
		}
		return out
	}
	run := shown.Run(runName)
	if run == nil {
		run = &readers.Run{}
	}
	if _, failed := want[readerErrors]; failed || run.Err != nil {
		if !failed || run.Err == nil {
			say("run: %v, recorded %v", run.Err, want[readerErrors])
		}
		return out
	}
	_, script := view.(readers.EventAccumulator)
	have := make(map[string]*readers.Tag)
	session := false
	for i := range run.Tags {
		t := &run.Tags[i]
		name := t.Name
		switch {
		case t.List == readers.ListMetaGraph:
			name = "__meta_graph__"
		case t.List == readers.ListRunMetadata && have[name] != nil:
			continue
		case t.Plugin == "hparams" && !script:
			session = session || t.Name == sessionStart && isSession(t.Content)
			continue
		case t.Plugin == "custom_scalars" && !script:
			continue
		}
		if old := have[name]; old == nil || listRank(old.List) < listRank(t.List) {
			have[name] = t
		}
	}
	if _, ok := want[hparamsSession]; ok != session {
		say("hparams session %v, recorded %v", session, ok)
	}
	for name, t := range have {
		w, ok := want[name].(map[string]any)
		if !ok {
			say("tag %q is shown, recorded is not", name)
			continue
		}
		for _, d := range tagDifferences(t, w, script) {
			say("tag %q: %s", name, d)
		}
	}
	for name := range want {
		if have[name] == nil && name != hparamsSession {
			say("tag %q is not shown, recorded is", name)
		}
	}
	slices.Sort(out)
	return out
}

// listRank is the order in which the recording let one list of EventAccumulator
// stand for a tag that several hold.
func listRank(list string) int {
	return slices.Index([]string{readers.ListScalars, readers.ListHistograms, readers.ListImages, readers.ListAudio, readers.ListTensors, readers.ListGraph}, list)
}

// isSession reports whether an HParamsPluginData holds a session_start_info.
func isSession(content []byte) bool {
	for len(content) > 0 {
		num, typ, n := protowire.ConsumeTag(content)
		if n < 0 {
			return false
		}
		if num == 3 {
			return true
		}
		size := protowire.ConsumeFieldValue(num, typ, content[n:])
		if size < 0 {
			return false
		}
		content = content[n+size:]
	}
	return false
}

func tagDifferences(t *readers.Tag, want map[string]any, script bool) []string {
	var out []string
	compare := func(key string, have any) {
		if w, h := fmt.Sprint(want[key]), fmt.Sprint(have); w != h {
			out = append(out, fmt.Sprintf("%s is %s, recorded %s", key, h, w))
		}
	}
	plugin := t.Plugin
	switch {
	case t.List == readers.ListMetaGraph:
		plugin = "(meta_graph)"
	case plugin == "":
		plugin = "(none)"
	case !script && strings.HasPrefix(plugin, "graph_"):
		plugin = "graph tag"
	}
	compare("plugin", plugin)
	if t.Plugin == "graphs" && t.List != readers.ListTensors {
		return append(out, graphDifferences(t, want, script)...)
	}
	if plugin == "graph tag" || t.List == readers.ListRunMetadata || t.List == readers.ListMetaGraph {
		return out
	}
	_, failed := want["error"]
	if failed != (t.Err != nil) {
		out = append(out, fmt.Sprintf("error is %v, recorded %v", t.Err, want["error"]))
	}
	if t.Plugin != "text" || script { // its page has no place for them
		description := t.Description
		if !script && description != "" {
			description = "<p>" + description + "</p>"
		}
		for key, have := range map[string]string{"display_name": t.DisplayName, "description": description} {
			if w, _ := want[key].(string); w != have && (script || isPage(t.Plugin) || key == "display_name") {
				out = append(out, fmt.Sprintf("%s is %q, recorded %q", key, have, w))
			}
		}
	}
	if _, recorded := want["count"]; !recorded {
		return out
	}
	steps := []any{}
	for _, p := range t.Points {
		steps = append(steps, p.Step)
	}
	compare("count", len(t.Points))
	if fmt.Sprint(steps) != fmt.Sprint(want["steps"]) {
		out = append(out, fmt.Sprintf("steps are %v, recorded %v", steps, want["steps"]))
		return out
	}
	if !script && (t.Plugin == "images" || t.Plugin == "audio") {
		compare("samples", t.Samples)
		if types, whole := mimes(t); whole {
			compare("types", types)
		}
	}
	if class := want["class"]; class != nil {
		compare("class", strings.ToLower(t.Class.String()))
		compare("content", base64.StdEncoding.EncodeToString(t.Content))
	}
	if script && t.Class != 0 {
		compare("data_class", int32(t.Class))
	}
	recorded, ok := want["values"].([]any)
	if !ok { // blobs of plugins without a page are only counted
		recorded = make([]any, len(t.Points))
	}
	for i, p := range t.Points {
		if i >= len(recorded) {
			break
		}
		if d := valueDifference(t.Plugin, p.Value, recorded[i]); d != "" {
			out = append(out, fmt.Sprintf("step %d: %s", p.Step, d))
		}
	}
	return out
}

// isPage reports whether the plugin has a page that hands descriptions out.
func isPage(plugin string) bool {
	return slices.Contains([]string{"scalars", "histograms", "images", "audio", "pr_curves"}, plugin)
}

// mimes are the types of what a page fetches, sorted. Errors have other types,
// which are nobody's business.
func mimes(t *readers.Tag) (types []string, whole bool) {
	whole = true
	for _, p := range t.Points {
		for _, b := range p.Value.([]readers.Blob) {
			switch {
			case b.Err != nil:
				whole = false
			case t.Plugin == "audio":
				types = append(types, t.MIME)
			default:
				types = append(types, b.MIME)
			}
		}
	}
	slices.Sort(types)
	return slices.Compact(types), whole
}

func graphDifferences(t *readers.Tag, want map[string]any, script bool) []string {
	var blob readers.Blob
	if len(t.Points) > 0 { // The page draws the last.
		blob = t.Points[len(t.Points)-1].Value.([]readers.Blob)[0]
	}
	failed := want["error"] != nil || want["http"] != nil && want["http"] != json.Number("200")
	var nodes int
	var first string
	if !failed {
		nodes, first = graphNodes(blob.Data)
	}
	switch {
	case failed != (t.Err != nil || blob.Err != nil):
		return []string{fmt.Sprintf("error is %v %v, recorded %v", t.Err, blob.Err, want)}
	case failed:
		return nil
	case fmt.Sprint(want["nodes"]) != fmt.Sprint(nodes):
		return []string{fmt.Sprintf("%d nodes, recorded %v", nodes, want["nodes"])}
	case !script && want["first_node"] != first:
		return []string{fmt.Sprintf("first node %q, recorded %v", first, want["first_node"])}
	}
	return nil
}

// graphNodes counts the nodes of a GraphDef, and names the first.
func graphNodes(graph []byte) (n int, first string) {
	for len(graph) > 0 {
		num, _, size := protowire.ConsumeTag(graph)
		value, rest := protowire.ConsumeBytes(graph[size:])
		if rest < 0 {
			return n, first
		}
		if num == 1 {
			if _, _, size := protowire.ConsumeTag(value); n == 0 && size > 0 {
				name, _ := protowire.ConsumeBytes(value[size:])
				first = string(name)
			}
			n++
		}
		graph = graph[size+rest:]
	}
	return n, first
}
