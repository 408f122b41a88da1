package summary_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/runhook/runhook/session"
	"github.com/runhook/runhook/summary"
	"github.com/runhook/runhook/summary/eventpb"
)

// callTF1 makes a call of TensorFlow's v1 API or of TensorBoard's old ops.
func (p *goldenPlayer) callTF1(c goldenCall) error {
	p.Helper()
	w, step := p.writer(c), c.int("step")
	switch call := c.str("call"); call {
	case "summary":
		return p.summaryTF1(w, step, c)
	case "raw_scalar_summary":
		var values []summary.Value
		for i, x := range numbers[float64](c.array("values")) {
			values = append(values, summary.ScalarValue(decodeInto[[]string](c["tags"])[i], x))
		}
		return w.Add(step, values...)
	case "summary_proto":
		return w.AddSummary(c.summary(), step)
	case "add_graph":
		return w.AddEvent(&eventpb.Event{Step: step, What: &eventpb.Event_GraphDef{GraphDef: c.bytes("graph_def")}})
	case "run_metadata":
		return w.AddEvent(&eventpb.Event{Step: step, What: &eventpb.Event_TaggedRunMetadata{TaggedRunMetadata: &eventpb.TaggedRunMetadata{
			Tag: c.str("tag"), RunMetadata: c.bytes("run_metadata"),
		}}})
	case "session_log":
		return w.AddSessionLog(&eventpb.SessionLog{
			Status: eventpb.SessionLog_Status(eventpb.SessionLog_Status_value[c.str("status")]), CheckpointPath: c.str("checkpoint_path"), Msg: c.str("msg"),
		}, step)
	case "log_message":
		return w.AddLogMessage(&eventpb.LogMessage{Level: eventpb.LogMessage_Level(eventpb.LogMessage_Level_value[c.str("level")]), Message: c.str("message")}, step)
	case "event_raw":
		e := &eventpb.Event{WallTime: c.float("wall_time"), Step: step}
		if s := c.summary(); len(s.Value) > 0 {
			e.What = &eventpb.Event_Summary{Summary: s}
		}
		return w.AddEvent(e)
	case "close_reopen":
		require.NoError(p, p.run(".").Close())
		return p.run(".").Reopen()
	case "tb_pb":
		return p.callTB(c)
	case "monitored", "run_metadata_real":
		return p.replay(p.golden)
	default:
		p.Fatalf("no call %q", call)
		return nil
	}
}

// A goldenOp is a summary op of TensorFlow's v1 API.
type goldenOp struct {
	Op, Name, Family string
	Scopes           []string
	Tensor           json.RawMessage
	MaxOutputs       *int     `json:"max_outputs"`
	BadColor         []uint16 `json:"bad_color"`
	SampleRate       float64  `json:"sample_rate"`
	DisplayName      string   `json:"display_name"`
	Description      string
	SummaryText      string                  `json:"summary_description"`
	PluginName       string                  `json:"plugin_name"`
	PluginContent    struct{ Base64 []byte } `json:"plugin_content"`
	BucketCount      *int                    `json:"bucket_count"`
	NumThresholds    int                     `json:"num_thresholds"`
}

// summaryTF1 makes the values of ops, each in an event of its own unless merged.
func (p *goldenPlayer) summaryTF1(w *summary.Writer, step int64, c goldenCall) error {
	p.Helper()
	var root summary.NameScope
	var merged []summary.Value
	for _, op := range decodeInto[[]goldenOp](c["ops"]) {
		values, err := p.valuesTF1(&root, op)
		if err != nil {
			p.Logf("%s: %v", op.Name, err)
			continue
		}
		for i := range values {
			values[i] = values[i].Described(op.DisplayName, op.Description+op.SummaryText)
		}
		if merged = append(merged, values...); c.has("merge") {
			continue
		}
		if err := w.Add(step, merged...); err != nil {
			return err
		}
		merged = nil
	}
	return w.Add(step, merged...)
}

func (p *goldenPlayer) valuesTF1(root *summary.NameScope, op goldenOp) ([]summary.Value, error) {
	p.Helper()
	scope := root
	for _, name := range op.Scopes {
		scope = scope.Scope(name)
	}
	if tb, ok := strings.CutPrefix(op.Op, "tb_"); ok {
		return p.valuesTB1(tb, op)
	}
	tag, a := scope.FamilyTag(op.Family, op.Name), arrayOf(op.Tensor)
	most := 3
	if op.MaxOutputs != nil {
		most = *op.MaxOutputs
	}
	var made summary.Op
	switch op.Op {
	case "scalar":
		made = summary.Scalar(tag, "x")
	case "histogram":
		made = summary.HistogramV1(tag, "x")
	case "image":
		if op.BadColor != nil {
			images, err := summary.Pictures(a.tensor(), summary.PictureOptions{BadColor: []uint8{uint8(op.BadColor[0])}})
			require.NoError(p, err)
			return one(summary.ImageValue(tag+"/image/0", images[0]))
		}
		if a.DType == "float16" {
			images, err := summary.Pictures(a.tensor(), summary.PictureOptions{Half: true})
			require.NoError(p, err)
			return one(summary.ImageValue(tag+"/image/0", images[0]))
		}
		made = summary.Image(tag, "x", most)
	case "audio":
		made = summary.AudioV1(tag, "x", op.SampleRate, most)
	case "text":
		made = summary.Text(tag, "x")
	case "tensor_summary":
		plugin := summary.Plugin{Name: op.PluginName, Content: op.PluginContent.Base64}
		if plugin.Name == "" {
			plugin.Name = "none"
		}
		made = summary.Tensor(tag, "x", plugin)
		if len(a.Shape) == 0 && a.DType == "string" {
			v, err := summary.TensorValue(tag, plugin, a.tensor())
			return one(v, err)
		}
	default:
		p.Fatalf("no op %q", op.Op)
	}
	return made.AppendValues(nil, fetchedX(p.T, a.value()))
}

// valuesTB1 makes the values of an op of TensorBoard's old plugin APIs.
func (p *goldenPlayer) valuesTB1(kind string, op goldenOp) ([]summary.Value, error) {
	p.Helper()
	a := arrayOf(op.Tensor)
	parts := decodeInto[goldenCall](op.Tensor)
	switch kind {
	case "scalar":
		return fine(summary.ScalarValue(op.Name+"/scalar_summary", numbers[float64](a)[0]))
	case "histogram":
		return one(summary.HistogramBucketsValue(op.Name+"/histogram_summary", numbers[float32](a), buckets(op.BucketCount)))
	case "image":
		images, err := p.pictures(a, summary.ScaleEach, *op.MaxOutputs)
		require.NoError(p, err)
		return one(summary.ImagesValue(op.Name+"/image_summary", images...))
	case "audio":
		return one(summary.AudioValue(op.Name+"/audio_summary", clips(a, op.SampleRate, 3)...))
	case "text":
		return one(summary.TextValue(op.Name+"/text_summary", texts(a)[0]))
	case "pr_curve":
		return one(summary.PRCurveValue(op.Name+"/pr_curves", bools(parts.array("labels")), numbers[float32](parts.array("predictions")),
			summary.PRCurveOptions{NumThresholds: op.NumThresholds}))
	case "mesh":
		return summary.MeshValues(op.Name, meshOf(parts))
	case "custom_scalar":
		return one(summary.CustomScalarsValue(layoutOf(op.Tensor)))
	}
	p.Fatalf("no op %q", kind)
	return nil, nil
}

func buckets(n *int) int {
	if n == nil {
		return summary.DefaultBuckets
	}
	return *n
}

func meshOf(c goldenCall) summary.MeshData {
	mesh := summary.MeshData{Vertices: triples[float32](c.array("vertices")), Faces: triples[int32](c.array("faces")), Colors: triples[uint8](c.array("colors"))}
	if c.has("config_dict") {
		mesh.Config = strings.NewReplacer(`":`, `": `, `,`, `, `).Replace(string(c.arg("config_dict"))) // as Python's json.dumps
	}
	return mesh
}

func layoutOf(raw json.RawMessage) (ours summary.Layout) {
	layout := decodeInto[struct {
		Category []struct {
			Title  string
			Closed bool
			Chart  []struct {
				Title     string
				Multiline struct{ Tag []string }
				Margin    struct{ Series []summary.LayoutBand }
			}
		}
	}](raw)
	for _, c := range layout.Category {
		category := summary.LayoutCategory{Title: c.Title, Closed: c.Closed}
		for _, chart := range c.Chart {
			category.Charts = append(category.Charts, summary.LayoutChart{Title: chart.Title, Tags: chart.Multiline.Tag, Bands: chart.Margin.Series})
		}
		ours.Categories = append(ours.Categories, category)
	}
	return ours
}

// callTF2 makes a call of TensorFlow's second API or of TensorBoard's functions.
func (p *goldenPlayer) callTF2(c goldenCall) error {
	p.Helper()
	w, step, name := p.writer(c), c.int("step"), c.str("name")+c.str("tag")
	if c["args"] != nil && !c.has("step") {
		step = summary.CurrentStep
	}
	data := c.array("data")
	most := 3
	if c.has("max_outputs") {
		most = int(c.int("max_outputs"))
	}
	add := func(v summary.Value, err error) error {
		if err != nil {
			return err
		}
		return w.Add(step, v.Described(c.str("display_name"), c.str("description")))
	}
	switch call := c.str("call"); call {
	case "set_step":
		w.SetStep(c.int("step")) // there is no way back to none
	case "record_if":
		if string(c["on"]) == "true" {
			return p.each(c)
		}
	case "scope":
		scoped := goldenPlayer{T: p.T, files: map[string]*summary.FileWriter{".": {Writer: *w.Scope(c.str("scope"))}}}
		return scoped.each(c)
	case "scalar", "writer_add_scalar":
		return add(summary.ScalarValue(name, c.float("data")), nil)
	case "histogram":
		var n *int
		if c.has("buckets") {
			b := int(c.int("buckets"))
			n = &b
		}
		if data.DType == "float32" || data.DType == "float16" {
			return add(summary.HistogramBucketsValue(name, numbers[float32](data), buckets(n)))
		}
		return add(summary.HistogramBucketsValue(name, numbers[float64](data), buckets(n)))
	case "image":
		images, err := p.pictures(data, summary.ScaleUnit, most)
		if err != nil {
			return err
		}
		return add(summary.ImagesValue(name, images...))
	case "audio":
		return add(summary.AudioValue(name, clips(data, c.float("sample_rate"), most)...))
	case "text":
		values, err := summary.Text("x", "x").AppendValues(nil, fetchedX(p.T, data.value()))
		if err != nil {
			return err
		}
		return add(summary.Retagged(values[0], name), nil)
	case "write":
		return p.writeTF2(c, add)
	case "raw_pb":
		return w.AddSummary(c.summary(), step)
	case "graph":
		return w.AddEvent(&eventpb.Event{What: &eventpb.Event_GraphDef{GraphDef: c.bytes("graph_def")}})
	case "run_metadata":
		encoded := c.bytes("data")
		plugin := summary.Plugin{Name: "graph_run_metadata", Content: []byte("1"), Class: summary.ClassBlobSequence}
		if c.str("fn") == "run_metadata_graphs" {
			plugin.Name, encoded = "graph_run_metadata_graph", nil // which are none
		}
		return w.Tensor(name, plugin, session.Tensor{Shape: []int{1}, Data: []string{string(encoded)}}, step)
	case "trace", "keras_callback":
		return p.replay(p.golden)
	default:
		return p.callTB(c)
	}
	return nil
}

// each makes the calls that are in another one.
func (p *goldenPlayer) each(c goldenCall) error {
	p.Helper()
	for _, inner := range decodeInto[[]goldenCall](c["calls"]) {
		if err := p.callTF2(inner); err != nil {
			return err
		}
	}
	return nil
}

func (p *goldenPlayer) writeTF2(c goldenCall, add func(summary.Value, error) error) error {
	p.Helper()
	plugin := summary.Plugin{Name: "none"}
	if c.has("metadata") {
		m := decodeInto[goldenCall](c["metadata"])
		plugin = summary.Plugin{Name: m.str("plugin_name"), Content: m.bytes("content")}
		plugin.Class = map[string]summary.DataClass{"DATA_CLASS_SCALAR": summary.ClassScalar, "DATA_CLASS_BLOB_SEQUENCE": summary.ClassBlobSequence}[m.str("data_class")]
		v, err := summary.TensorValue(c.str("tag"), plugin, c.array("tensor").tensor())
		return add(v.Described(m.str("display_name"), m.str("description")), err)
	}
	return add(summary.TensorValue(c.str("tag"), plugin, c.array("tensor").tensor()))
}

// callTB makes a call of one of TensorBoard's functions.
func (p *goldenPlayer) callTB(c goldenCall) error {
	p.Helper()
	w, step, name := p.writer(c), c.int("step"), c.str("name")+c.str("tag")
	add := func(values ...summary.Value) error {
		for i, v := range values {
			values[i] = v.Described(c.str("display_name"), c.str("description"))
		}
		return w.Add(step, values...)
	}
	one := func(v summary.Value, err error) error {
		if err != nil {
			return err
		}
		return add(v)
	}
	call := c.str("call")
	if c.has("fn") {
		call = c.str("fn")
	}
	suffix := map[bool]string{true: strings.TrimSuffix(call, "_pb") + "_summary"}[c.str("call") == "tb_pb"]
	if suffix != "" {
		name += "/"
	}
	switch call {
	case "event_file_writer":
		e := &eventpb.Event{WallTime: c.float("wall_time"), Step: step, What: &eventpb.Event_Summary{Summary: c.summary()}}
		return w.AddEvent(e)
	case "scalar_pb":
		return add(summary.ScalarValue(name+suffix, c.float("data")))
	case "histogram_pb":
		n := int(c.int("buckets") + c.int("bucket_count"))
		if n == 0 {
			n = summary.DefaultBuckets
		}
		return one(summary.HistogramBucketsValue(name+suffix, numbers[float32](c.array("data")), n))
	case "image_pb":
		images, err := p.pictures(c.array("images"), summary.ScaleEach, 3)
		require.NoError(p, err)
		return one(summary.ImagesValue(name+suffix, images...))
	case "audio_pb":
		return one(summary.AudioValue(name+suffix, clips(c.array("audio"), c.float("sample_rate"), 3)...))
	case "text_pb":
		if rows, ok := decodeInto[any](c.arg("data")).([]any); ok {
			var table [][]string
			for _, row := range rows {
				var cells []string
				for _, cell := range row.([]any) {
					cells = append(cells, cell.(string))
				}
				table = append(table, cells)
			}
			return one(summary.TextTableValue(name+suffix, table))
		}
		values, err := summary.Text("x", "x").AppendValues(nil, fetchedX(p.T, c.array("data").value()))
		require.NoError(p, err)
		return add(summary.Retagged(values[0], name+suffix))
	case "pr_curve_pb":
		if suffix != "" {
			name += "pr_curves"
		} else {
			name += "/pr_curves"
		}
		options := summary.PRCurveOptions{NumThresholds: int(c.int("num_thresholds"))}
		if c.has("weights") {
			options.Weights = numbers[float64](c.array("weights"))
		}
		return one(summary.PRCurveValue(name, bools(c.array("labels")), numbers[float32](c.array("predictions")), options))
	case "pr_curve_raw_data_pb":
		return one(summary.PRCurveRawValue(name+"/pr_curves", curveOf(c)))
	case "mesh", "mesh_pb":
		values, err := summary.MeshValues(name, meshOf(goldenCall{
			"vertices": c.arg("vertices"), "faces": c.arg("faces"), "colors": c.arg("colors"), "config_dict": c.arg("config_dict"),
		}))
		require.NoError(p, err)
		return add(values...)
	case "custom_scalar_pb":
		return w.CustomScalars(layoutOf(c["layout"]), step)
	case "hparams_config", "experiment_pb":
		return w.HParamsExperiment(experimentOf(c))
	case "hparams", "session_start_pb":
		group := c.str("group_name")
		if trial := c.str("trial_id"); trial != "" {
			group = trial
		}
		return w.HParamsStart(summary.HParamsStart{
			HParams: hparamsOf(c.arg("hparams")), GroupName: group, ModelURI: c.str("model_uri"), MonitorURL: c.str("monitor_url"), Started: unix(c.float("start_time_secs")),
		})
	case "session_end_pb":
		status := map[string]summary.HParamsStatus{
			"STATUS_SUCCESS": summary.StatusSuccess, "STATUS_FAILURE": summary.StatusFailure, "STATUS_RUNNING": summary.StatusRunning,
		}[c.str("status")]
		v, err := summary.HParamsEndValue(status, unix(c.float("end_time_secs")))
		require.NoError(p, err)
		return w.Add(0, v)
	}
	p.Fatalf("no call %q", call)
	return nil
}

func curveOf(c goldenCall) summary.PRCurvePoints {
	row := func(name string) []float64 { return numbers[float64](c.array(name)) }
	return summary.PRCurvePoints{
		TruePositives: row("true_positive_counts"), FalsePositives: row("false_positive_counts"),
		TrueNegatives: row("true_negative_counts"), FalseNegatives: row("false_negative_counts"), Precision: row("precision"), Recall: row("recall"),
	}
}

// hparamsOf are hyperparameters as Python has them, but lists, which ours refuses,
// and those that are none.
func hparamsOf(raw json.RawMessage) summary.HParams {
	h := make(summary.HParams)
	for name, x := range decodeInto[map[string]any](raw) {
		switch x := x.(type) {
		case json.Number:
			if i, err := x.Int64(); err == nil {
				h[name] = i
				continue
			}
			h[name] = floatOf(x)
		case map[string]any:
			h[name] = floatOf(x)
		case string, bool:
			h[name] = x
		}
	}
	return h
}

func experimentOf(c goldenCall) summary.HParamsExperiment {
	e := summary.HParamsExperiment{Name: c.str("name"), User: c.str("user"), Description: c.str("description"), Created: unix(c.float("time_created_secs"))}
	type info struct {
		Name, Description, Type string
		DisplayName             string `json:"display_name"`
		Domain                  struct {
			Type     string
			Min, Max float64
			Values   []any
		}
		Interval struct {
			Min float64 `json:"min_value"`
			Max float64 `json:"max_value"`
		} `json:"domain_interval"`
	}
	for _, h := range append(decodeInto[[]info](c["hparams"]), decodeInto[[]info](c["hparam_infos"])...) {
		values := h.Domain.Values
		for i, x := range values {
			if n, ok := x.(json.Number); ok {
				values[i] = floatOf(n)
			}
		}
		e.HParams = append(e.HParams, summary.HParamInfo{
			Name: h.Name, DisplayName: h.DisplayName, Description: h.Description, Values: values, Min: h.Domain.Min + h.Interval.Min, Max: h.Domain.Max + h.Interval.Max,
		})
	}
	type metric struct {
		Tag, Group, Description string
		Name                    struct{ Tag, Group string }
		DisplayName             string `json:"display_name"`
		DatasetType             string `json:"dataset_type"`
	}
	for _, m := range append(decodeInto[[]metric](c["metrics"]), decodeInto[[]metric](c["metric_infos"])...) {
		e.Metrics = append(e.Metrics, summary.HParamMetric{
			Tag: m.Tag + m.Name.Tag, Group: m.Group + m.Name.Group, DisplayName: m.DisplayName, Description: m.Description,
			Dataset: map[string]summary.HParamDataset{"TRAINING": summary.DatasetTraining, "VALIDATION": summary.DatasetValidation}[m.DatasetType],
		})
	}
	return e
}

// callCLU makes a call of CLU's writer.
func (p *goldenPlayer) callCLU(c goldenCall) error {
	p.Helper()
	w, step := p.writer(c), c.int("step")
	each := func(name string, f func(tag string, raw json.RawMessage) error) error {
		all := decodeInto[map[string]json.RawMessage](c.arg(name))
		for _, tag := range slices.Sorted(maps.Keys(all)) {
			if err := f(tag, all[tag]); err != nil {
				return err
			}
		}
		return nil
	}
	switch call := c.str("call"); call {
	case "write_hparams":
		flat := make(summary.HParams)
		for name, x := range decodeInto[map[string]any](c.arg("hparams")) {
			if nested, ok := x.(map[string]any); ok {
				for inner, x := range nested {
					flat[name+"."+inner] = x
				}
				continue
			}
			flat[name] = floatOf(x)
		}
		return w.HParamsStart(summary.HParamsStart{HParams: flat})
	case "write_scalars":
		scalars := make(map[string]float64)
		require.NoError(p, each("scalars", func(tag string, raw json.RawMessage) error {
			scalars[tag] = floatOf(decodeInto[any](raw))
			return nil
		}))
		return w.Scalars(scalars, step)
	case "write_images":
		return each("images", func(tag string, raw json.RawMessage) error {
			a := arrayOf(raw)
			if len(a.Shape) == 3 {
				a.Shape = append([]int{1}, a.Shape...)
			}
			images, err := p.pictures(a, summary.ScaleUnit, math.MaxInt)
			require.NoError(p, err)
			return w.Images(tag, images, step)
		})
	case "write_audios":
		return each("audios", func(tag string, raw json.RawMessage) error {
			return w.Audios(tag, clips(arrayOf(raw), c.float("sample_rate"), math.MaxInt), step)
		})
	case "write_texts":
		return each("texts", func(tag string, raw json.RawMessage) error { return w.Text(tag, decodeInto[string](raw), step) })
	case "write_histograms":
		return each("arrays", func(tag string, raw json.RawMessage) error {
			n := summary.DefaultBuckets
			if b, ok := decodeInto[map[string]int](c.arg("num_buckets"))[tag]; ok {
				n = b
			}
			return w.HistogramBuckets(tag, numbers[float32](arrayOf(raw)), n, step)
		})
	case "write_summaries":
		return each("values", func(tag string, raw json.RawMessage) error {
			return w.Tensor(tag, summary.Plugin{Name: c.str("plugin_name")}, arrayOf(raw).tensor(), step)
		})
	default:
		return fmt.Errorf("no call %q", call)
	}
}
