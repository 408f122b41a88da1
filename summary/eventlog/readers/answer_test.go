package readers_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/runhook/runhook/summary/eventlog/readers"
	"github.com/runhook/runhook/summary/eventpb"
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
	// The page draws the last graph.
	blob := t.Points[len(t.Points)-1].Value.([]readers.Blob)[0]
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

// valueDifference compares one value with its recorded form.
func valueDifference(plugin string, have, want any) string {
	if want == nil {
		return ""
	}
	switch v := have.(type) {
	case string:
		if _, ok := want.(string); !ok {
			return fmt.Sprintf("%q, recorded %v", v, want)
		}
		return ""
	case float64:
		if list, ok := want.(map[string]any); ok { // as EventAccumulator's tensor
			return numbersDiffer([]float64{v}, list["data"])
		}
		return numberDiffers(v, want)
	case *eventpb.HistogramProto:
		w := want.(map[string]any)
		return first(numberDiffers(v.GetNum(), w["total"]), numberDiffers(v.GetMin(), w["min"]), numberDiffers(v.GetMax(), w["max"]),
			numberDiffers(float64(len(v.GetBucket())), w["buckets"]))
	case *eventpb.Summary_Image:
		return blobsDiffer([]readers.Blob{{Data: v.GetEncodedImageString()}}, want)
	case *eventpb.Summary_Audio:
		return blobsDiffer([]readers.Blob{{Data: v.GetEncodedAudioString()}}, want)
	case []readers.Blob:
		return blobsDiffer(v, want)
	case error:
		if w, ok := want.(map[string]any); !ok || w["error"] == nil {
			return fmt.Sprintf("value is %v, recorded %v", v, want)
		}
		return ""
	case *readers.Tensor:
		return tensorDiffers(plugin, v, want)
	}
	return fmt.Sprintf("value of type %T", have)
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// numberDiffers compares with a number of the recording, whose sums are made in
// another order.
func numberDiffers(have float64, want any) string {
	same := false
	switch w := want.(type) {
	case json.Number:
		f, err := w.Float64()
		same = err == nil && (have == f || math.Abs(have-f) <= 1e-6*math.Abs(f))
	case string:
		same = w == map[bool]string{true: "NaN"}[math.IsNaN(have)] || w == map[bool]string{true: "Infinity"}[math.IsInf(have, 1)] ||
			w == map[bool]string{true: "-Infinity"}[math.IsInf(have, -1)]
	}
	if same {
		return ""
	}
	return fmt.Sprintf("%v, recorded %v", have, want)
}

func numbersDiffer(have []float64, want any) string {
	list, ok := want.([]any)
	if !ok || len(list) != len(have) {
		return fmt.Sprintf("%v, recorded %v", have, want)
	}
	for i, f := range have {
		if d := numberDiffers(f, list[i]); d != "" {
			return d
		}
	}
	return ""
}

func blobsDiffer(have []readers.Blob, want any) string {
	list, ok := want.([]any)
	if !ok || len(list) != len(have) {
		return fmt.Sprintf("%d blobs, recorded %v", len(have), want)
	}
	for i, b := range have {
		w := list[i].(map[string]any)
		if b.Err != nil {
			// Some answers are no error, but nothing of the file either.
			if w["http"] == nil && !strings.Contains(b.Err.Error(), "want rank 1") {
				return fmt.Sprintf("blob %d: %v, recorded %v", i, b.Err, w)
			}
			continue
		}
		sum := fmt.Sprintf("%x", sha256.Sum256(b.Data))[:16]
		if fmt.Sprint(w["bytes"]) != fmt.Sprint(len(b.Data)) || w["sha"] != sum {
			return fmt.Sprintf("blob %d of %d bytes, recorded %v", i, len(b.Data), w)
		}
	}
	return ""
}

func tensorDiffers(plugin string, a *readers.Tensor, want any) string {
	if html, ok := want.(string); ok && plugin == "text" && html != "other" {
		return textDiffers(a, html)
	}
	if plugin == "scalars" && a.Len() == 1 {
		for f := range a.Floats() {
			return numberDiffers(f, want)
		}
		return ""
	}
	if list, ok := want.([]any); ok { // images and clips, which a script finds in a tensor
		var blobs []readers.Blob
		all := slices.Collect(a.Strings())
		switch shape := a.Shape(); {
		case plugin == "images":
			all = all[min(2, len(all)):]
		case len(shape) == 2 && shape[1] == 2:
			for i := range len(all) / 2 {
				all[i] = all[2*i]
			}
			all = all[:(len(all)+1)/2]
		}
		for _, b := range all {
			blobs = append(blobs, readers.Blob{Data: b})
		}
		return blobsDiffer(blobs, list)
	}
	if want == "other" { // what the recording had no form for
		return ""
	}
	w, ok := want.(map[string]any)
	if !ok {
		return fmt.Sprintf("a tensor, recorded %v", want)
	}
	if rows, ok := w["rows"]; ok {
		return rowsDiffer(a, rows, w["total"])
	}
	if s, ok := w["shape"]; ok && fmt.Sprint(s) != fmt.Sprint(a.Shape()) {
		return fmt.Sprintf("shape is %v, recorded %v", a.Shape(), s)
	}
	if data, ok := w["data"]; ok && a.Numeric() {
		return numbersDiffer(slices.Collect(a.Floats()), data)
	}
	if sum, ok := w["sha"]; ok && a.DType() == eventpb.DataType_STRING {
		var all []string
		for s := range a.Strings() {
			all = append(all, string(s))
		}
		if have := fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(all, "\x00"))))[:16]; have != sum {
			return fmt.Sprintf("strings %q, recorded %v", all, w)
		}
	}
	return ""
}

func rowsDiffer(a *readers.Tensor, rows, total any) string {
	list, ok := rows.([]any)
	if !ok {
		return "" // shortened
	}
	var want []any
	for _, row := range list {
		want = append(want, row.([]any)...)
	}
	have := slices.Collect(a.Floats())
	sum := 0.0
	if shape := a.Shape(); len(shape) == 2 {
		for i := 2; i < len(have); i += int(shape[1]) {
			sum += have[i]
		}
	}
	if len(want) == 0 && len(have) == 0 {
		return ""
	}
	return first(numbersDiffer(have, want), numberDiffers(sum, total))
}

// textDiffers compares text of one paragraph with its HTML. Tables are compared
// by the number of their cells.
func textDiffers(a *readers.Tensor, html string) string {
	if len(a.Shape()) > 0 {
		if n := int64(strings.Count(html, "<td>")); len(a.Shape()) < 3 && n != a.Len() {
			return fmt.Sprintf("%d cells, recorded %d", a.Len(), n)
		}
		return ""
	}
	for s := range a.Strings() {
		text := strings.ReplaceAll(string(s), "*hi*", "<em>hi</em>")
		if text != "" {
			text = "<p>" + text + "</p>"
		}
		if text != html {
			return fmt.Sprintf("text %q, recorded %q", s, html)
		}
	}
	return ""
}
